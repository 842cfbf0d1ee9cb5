"""SPADE, also called GauGAN: label maps to photos (Park et al., arXiv 1903.07291), and the style encoder of its VAE form.

`SPADEGenerator` is the plain network; `FastSPADE` gives the same picture sooner and in pieces. Spectral norms have been folded
into the weights before they come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.pieces import PIECE, conv_same
from models.networks.unfilled import Conv2d, Linear
from models.precision import Runtime
from models.steps import Steps

SLOPE = 0.2  # of every leaky ReLU
EPSILON = 1e-5  # of every norm
MOSTLY_PLAIN = 0.5  # of a map's pixels may see more than one label for a table to be quicker than a convolution
ENCODER_SIDE = 256  # the size to which the encoder brings a photo
LAYERS = {"normal": 5, "more": 6, "most": 7}  # what the authors call the numbers of doublings


@dataclass(frozen=True)
class SPADEConfig:
    """Shape of the generator.

    `channels` of the label map (edges and don't-care included), `width` of the last block but for "most" (upstream: ngf),
    `hidden` and `kernel` of the norms' own convolutions, `doublings` 5, 6 or 7, `style` numbers of a style vector (0: none) and
    with it the size `start` (h, w) at which the picture begins. `batch` says whether norms bring statistics with them.
    """

    channels: int
    width: int
    hidden: int
    kernel: int
    doublings: int
    style: int
    start: tuple[int, int]
    batch: bool

    @property
    def blocks(self) -> tuple[tuple[str, int, int, bool], ...]:
        """Name, channels in and out of each block, and whether the picture is doubled before it."""
        w = self.width
        rows = [
            ("head_0", 16 * w, 16 * w, False),
            ("G_middle_0", 16 * w, 16 * w, True),
            ("G_middle_1", 16 * w, 16 * w, self.doublings > 5),
            ("up_0", 16 * w, 8 * w, True),
            ("up_1", 8 * w, 4 * w, True),
            ("up_2", 4 * w, 2 * w, True),
            ("up_3", 2 * w, w, True),
        ]
        if self.doublings == 7:
            rows.append(("up_4", w, w // 2, True))
        return tuple(rows)


class SpatialNorm(nn.Module):
    """A norm without parameters, scaled and shifted at each pixel by what a small network reads in the label map."""

    def __init__(self, channels: int, config: SPADEConfig) -> None:
        super().__init__()
        padding = config.kernel // 2
        self.running_mean: torch.Tensor
        self.running_var: torch.Tensor
        if config.batch:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
        self.mlp_shared = Conv2d(config.channels, config.hidden, config.kernel, padding=padding)
        self.mlp_gamma = Conv2d(config.hidden, channels, config.kernel, padding=padding)
        self.mlp_beta = Conv2d(config.hidden, channels, config.kernel, padding=padding)
        self.batch = config.batch

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        plain = (
            F.batch_norm(x, self.running_mean, self.running_var, eps=EPSILON) if self.batch else F.instance_norm(x, eps=EPSILON)
        )
        seen = F.relu(self.mlp_shared(F.interpolate(labels, x.shape[-2:], mode="nearest")))
        made: torch.Tensor = plain * (1 + self.mlp_gamma(seen)) + self.mlp_beta(seen)
        return made


class SPADEBlock(nn.Module):
    """Two convolutions with a way around them, each after a norm that sees the label map."""

    def __init__(self, inputs: int, outputs: int, config: SPADEConfig) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.conv_0 = Conv2d(inputs, middle, 3, padding=1)
        self.conv_1 = Conv2d(middle, outputs, 3, padding=1)
        self.norm_0, self.norm_1 = SpatialNorm(inputs, config), SpatialNorm(middle, config)
        self.bends = inputs != outputs
        if self.bends:
            self.conv_s = Conv2d(inputs, outputs, 1, bias=False)
            self.norm_s = SpatialNorm(inputs, config)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        around = self.conv_s(self.norm_s(x, labels)) if self.bends else x
        made = self.conv_0(F.leaky_relu(self.norm_0(x, labels), SLOPE))
        made = self.conv_1(F.leaky_relu(self.norm_1(made, labels), SLOPE))
        result: torch.Tensor = around + made
        return result


class SPADEGenerator(nn.Module):
    """Label shares `[N, channels, H, W]` and a style `[N, style]` to a picture `[N, 3, H, W]`, -1..1."""

    def __init__(self, config: SPADEConfig) -> None:
        super().__init__()
        self.config = config
        first = config.blocks[0][1]
        if config.style:
            self.fc: nn.Module = Linear(config.style, first * config.start[0] * config.start[1])
        else:
            self.fc = Conv2d(config.channels, first, 3, padding=1)
        for name, inputs, outputs, _ in config.blocks:
            setattr(self, name, SPADEBlock(inputs, outputs, config))
        self.conv_img = Conv2d(config.blocks[-1][2], 3, 3, padding=1)

    def forward(self, labels: torch.Tensor, style: torch.Tensor | None) -> torch.Tensor:
        if self.config.style:
            x = self.fc(style).view(len(labels), -1, *self.config.start)
        else:
            small = (labels.shape[-2] >> self.config.doublings, labels.shape[-1] >> self.config.doublings)
            x = self.fc(F.interpolate(labels, small, mode="nearest"))
        for name, _, _, doubles in self.config.blocks:
            if doubles:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = getattr(self, name)(x, labels)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))


class SPADEEncoder(nn.Module):
    """A photo `[N, 3, h, w]`, -1..1, to the mean `[N, style]` of its style."""

    def __init__(self, widths: tuple[int, ...], style: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Conv2d(inputs, outputs, 3, 2, 1, bias=False) for inputs, outputs in zip((3, *widths[:-1]), widths, strict=True)
        )
        side = ENCODER_SIDE >> len(widths)
        self.fc_mu = Linear(widths[-1] * side * side, style)

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        x = photo
        if x.shape[-2:] != (ENCODER_SIDE, ENCODER_SIDE):
            x = F.interpolate(x, (ENCODER_SIDE, ENCODER_SIDE), mode="bilinear", align_corners=False)
        for number, layer in enumerate(self.layers):
            x = F.instance_norm(layer(F.leaky_relu(x, SLOPE) if number else x), eps=EPSILON)
        style: torch.Tensor = self.fc_mu(F.leaky_relu(x, SLOPE).flatten(1))
        return style


@dataclass(frozen=True, eq=False)
class _FastNorm:
    """A `SpatialNorm` as two convolutions: one to the hidden layer, one to factor and summand of x together.

    Statistics are folded in: factor (1 + gamma) / deviation, summand beta - mean * factor. `plain` `[channels, 2C]` has what
    comes out in the midst of a label, where nothing else is in view; `rows` is `both` as a matrix.
    """

    shared: torch.Tensor
    shared_bias: torch.Tensor
    both: torch.Tensor
    both_bias: torch.Tensor
    rows: torch.Tensor
    plain: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Local:
    """A label map at the size of a block: its shares, and which pixels see one label alone.

    `label` `[h*w]` is the channel of each pixel (of those without a label alone, whatever), `mixed` the positions of the others;
    None where these are so many that a plain convolution is as quick.
    """

    shares: torch.Tensor
    label: torch.Tensor
    mixed: torch.Tensor | None


class FastSPADE:
    """The same generator in channels_last and the runtime's number format, cut into pieces.

    Of a label map's channels only those that are there are looked at (a landscape has five or ten of 184), what a block's two
    or three norms read in the map is computed in one go, and where they see one label alone it is looked up.
    """

    def __init__(self, config: SPADEConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self._norms: dict[str, dict[str, _FastNorm]] = {}
        self._weights: dict[str, torch.Tensor] = {}
        for name, tensor in tensors.items():
            if ".norm_" not in name:
                exact = name.startswith(("fc.", "conv_img."))
                self._weights[name] = self._placed(tensor.detach().float(), torch.float32 if exact else runtime.dtype)
        for block, inputs, outputs, _ in config.blocks:
            norms = ("norm_0", "norm_1", "norm_s") if inputs != outputs else ("norm_0", "norm_1")
            self._norms[block] = {norm: self._folded(f"{block}.{norm}", tensors) for norm in norms}

    def render(self, labels: torch.Tensor, style: torch.Tensor | None) -> Steps[torch.Tensor]:
        """As `SPADEGenerator.forward` for one map, float32 in and out."""
        there = torch.nonzero(labels[0].amax((1, 2)) > 0)[:, 0]
        if self.config.style:
            assert style is not None
            flat = F.linear(style.float(), self._weights["fc.weight"], self._weights["fc.bias"])
            x = flat.view(1, -1, *self.config.start)
        else:
            small = (labels.shape[-2] >> self.config.doublings, labels.shape[-1] >> self.config.doublings)
            reduced = F.interpolate(labels.float(), small, mode="nearest")
            x = F.conv2d(reduced, self._weights["fc.weight"], self._weights["fc.bias"], padding=1)
        x = x.to(self.runtime.dtype).contiguous(memory_format=torch.channels_last)
        seen = labels[:, there].contiguous(memory_format=torch.channels_last)
        yield
        local: _Local | None = None
        for name, _, _, doubles in self.config.blocks:
            if doubles:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            if local is None or doubles:
                local = self._at(seen, (x.shape[-2], x.shape[-1]), there)
            x = yield from self._block(name, x, local, there)
        last = F.leaky_relu(x.float(), SLOPE)
        return torch.tanh((yield from conv_same(last, self._weights["conv_img.weight"], self._weights["conv_img.bias"])))

    def _at(self, labels: torch.Tensor, size: tuple[int, int], there: torch.Tensor) -> _Local:
        """The label map at a block's size, and where it is of one label as far as a norm's two convolutions see."""
        shares = F.interpolate(labels, size, mode="nearest")
        highest, number = shares[0].max(0)
        number = torch.where(highest > 1 - 1e-6, number, -1)
        reach = 2 * (self.config.kernel // 2)
        edged = F.pad(number[None].float(), (reach,) * 4, value=-1.0)
        window = 2 * reach + 1
        alone = (F.max_pool2d(edged, window, 1) == -F.max_pool2d(-edged, window, 1))[0] & (number >= 0)
        mixed = torch.nonzero(~alone.flatten())[:, 0]
        few = labels.device.type == "cpu" and len(mixed) < MOSTLY_PLAIN * alone.numel()
        return _Local(shares.to(self.runtime.dtype), there[number.clamp(min=0)].flatten(), mixed if few else None)

    def _block(self, name: str, x: torch.Tensor, local: _Local, there: torch.Tensor) -> Steps[torch.Tensor]:
        norms = self._norms[name]
        shared = torch.cat([norm.shared[:, there] for norm in norms.values()]).contiguous(memory_format=torch.channels_last)
        bias = torch.cat([norm.shared_bias for norm in norms.values()])
        read = F.relu_((yield from conv_same(local.shares, shared, bias)))
        seen = dict(zip(norms, read.chunk(len(norms), 1), strict=True))
        around = x
        if "norm_s" in norms:
            bent = yield from self._normed(norms["norm_s"], x, seen["norm_s"], local)
            around = F.conv2d(bent, self._weights[f"{name}.conv_s.weight"])
        made = F.leaky_relu_((yield from self._normed(norms["norm_0"], x, seen["norm_0"], local)), SLOPE)
        made = yield from conv_same(made, self._weights[f"{name}.conv_0.weight"], self._weights[f"{name}.conv_0.bias"])
        made = F.leaky_relu_((yield from self._normed(norms["norm_1"], made, seen["norm_1"], local)), SLOPE)
        made = yield from conv_same(made, self._weights[f"{name}.conv_1.weight"], self._weights[f"{name}.conv_1.bias"])
        return made.add_(around)

    def _normed(self, norm: _FastNorm, x: torch.Tensor, seen: torch.Tensor, local: _Local) -> Steps[torch.Tensor]:
        if not self.config.batch:
            x = F.batch_norm(x, None, None, training=True, eps=EPSILON)  # of one picture: an instance norm
        if local.mixed is None:
            both = yield from conv_same(seen.contiguous(memory_format=torch.channels_last), norm.both, norm.both_bias)
        else:
            both = yield from self._looked_up(norm, seen, local)
        factor, summand = both.chunk(2, 1)
        return torch.addcmul(summand, x, factor)

    def _looked_up(self, norm: _FastNorm, seen: torch.Tensor, local: _Local) -> Steps[torch.Tensor]:
        """`conv_same(seen, norm.both)`, computed only where more than one label is in view; elsewhere it is in a table.

        (That the norms depend on the label alone there is the idea of CLADE, Tan et al., arXiv 2012.04644, for which it is
        the network; here it is exact.)
        """
        assert local.mixed is not None
        reach = self.config.kernel // 2
        height, width = seen.shape[-2:]
        wide = width + 2 * reach
        edged = F.pad(seen, (reach,) * 4).permute(0, 2, 3, 1).reshape(-1, seen.shape[1])
        made = norm.plain[local.label]
        corner = local.mixed // width * wide + local.mixed % width
        steps = torch.arange(self.config.kernel, device=corner.device)
        window = (steps[:, None] * wide + steps).flatten()
        rows = max(1, int(PIECE / (2.0 * norm.rows.numel())))
        for first in range(0, len(corner), rows):
            around = edged[(corner[first : first + rows, None] + window).flatten()].view(-1, norm.rows.shape[1])
            made[local.mixed[first : first + rows]] = F.linear(around, norm.rows, norm.both_bias)
            yield
        return made.view(1, height, width, -1).permute(0, 3, 1, 2)

    def _folded(self, name: str, tensors: Mapping[str, torch.Tensor]) -> _FastNorm:
        part = {key: tensors[f"{name}.{key}"].detach().float() for key in _NORM_PARTS if f"{name}.{key}" in tensors}
        gamma, beta = part["mlp_gamma.weight"], part["mlp_beta.weight"]
        gamma_bias, beta_bias = 1 + part["mlp_gamma.bias"], part["mlp_beta.bias"]
        if self.config.batch:
            inverse = torch.rsqrt(part["running_var"] + EPSILON)
            mean = part["running_mean"]
            gamma, gamma_bias = gamma * inverse[:, None, None, None], gamma_bias * inverse
            beta, beta_bias = beta - gamma * mean[:, None, None, None], beta_bias - gamma_bias * mean
        both, both_bias = torch.cat([gamma, beta]), torch.cat([gamma_bias, beta_bias])
        hidden = F.relu(part["mlp_shared.weight"].sum((2, 3)).T + part["mlp_shared.bias"])
        dtype = self.runtime.dtype
        return _FastNorm(
            self._placed(part["mlp_shared.weight"], dtype),
            self._placed(part["mlp_shared.bias"], dtype),
            self._placed(both, dtype),
            self._placed(both_bias, dtype),
            self._placed(both.permute(0, 2, 3, 1).flatten(1), dtype),
            self._placed(F.linear(hidden, both.sum((2, 3)), both_bias), dtype),
        )

    def _placed(self, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        return tensor.to(self.runtime.device, dtype, memory_format=layout)


_NORM_PARTS = (
    "running_mean",
    "running_var",
    "mlp_shared.weight",
    "mlp_shared.bias",
    "mlp_gamma.weight",
    "mlp_gamma.bias",
    "mlp_beta.weight",
    "mlp_beta.bias",
)
