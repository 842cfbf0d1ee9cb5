"""StyleGAN2 for one picture at a time, several times faster than the published code on a processor, the same to rounding.

Style, demodulation and gain of a layer are multiplied into its weights, which makes it one plain convolution with a bias
(the published code needs grouped convolutions for that, or more passes); where the picture is still smaller than the weights
they are multiplied into the picture instead, and where Winograd's algorithm makes wide layers in a quarter of the
multiplications, whose weights are transformed once. Channels lie innermost, the resampling filter is a depthwise convolution, and
levels are computed in strips of rows, with two rows more on each side than are kept.

In a 16-bit format the levels up to 16 px and the sum of the pictures stay in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks import winograd
from models.networks.channels_innermost import pointwise
from models.networks.level import Level
from models.networks.mapping import SLOPE
from models.networks.pieces import LOWER
from models.networks.rows import spans
from models.networks.stylegan2 import EPSILON, SMALLEST, Layer, PictureLayer, StyleGAN2
from models.precision import Runtime
from models.steps import Steps

EXACT_UNTIL = 16  # px; levels up to this side stay in float32
HALO = 2  # rows of a level's input: the transposed convolution, its filter and a 3x3 convolution spoil three of its output
SMALLEST_PREVIEW = 64  # px
SMALL_PICTURE = 4  # pixels for each output channel of a layer; below it, its weights are the larger thing to multiply
PIECE = 5e9  # multiplications of a piece of work: below 100 ms on two older cores
FEWEST_CHANNELS = 16  # of a convolution; fewer leave vector units idle
STRIP_VALUES = 1 << 22  # larger strips than elsewhere: what the rows more cost is dense convolution here


class FastStyleGAN2:
    """What `models.latent.LatentModel` drives. With architecture skip the sums of the lower levels are previews."""

    noisy = True

    def __init__(self, network: StyleGAN2, runtime: Runtime) -> None:
        shape = network.shape
        self.z_dim, self.w_dim, self.num_ws, self.classes = shape.z_dim, shape.w_dim, shape.num_ws, shape.classes
        self.resolution, self.layer_sizes = shape.resolution, shape.layer_sizes
        self._plain = network.to(runtime.device)
        self._shape, self._dtype = shape, runtime.dtype
        self._layers = [_Prepared(layer, network.kernel) for layer in network.layers if isinstance(layer, Layer)]
        sides = [SMALLEST << level for level in range(len(shape.channels) - 1)]
        skip = shape.architecture == "skip"
        self.previews = tuple(side for side in sides if skip and side >= SMALLEST_PREVIEW)
        self.pictures = (*sides, shape.resolution) if skip else (shape.resolution,)
        self._noise: tuple[tuple[str, int], list[torch.Tensor | None]] | None = None

    def average(self) -> torch.Tensor:
        """The latent that truncation pulls towards, `[w_dim]`."""
        return self._plain.average

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`w [N, w_dim]` of `z [N, z_dim]` and a one-hot `label [N, classes]`; always in float32."""
        w: torch.Tensor = self._plain.mapping.forward(z, label)
        return w

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Pictures `[N, 3, H, W]` in float32, one after the other; see `LatentNetwork`. Grey ones come as colour."""
        planes = self._noise_planes(noise, noise_seed)
        levels = ((resolution or self.resolution) // SMALLEST).bit_length()
        pictures = []
        for one in ws:
            pictures.append((yield from self._picture(one, planes, levels)))
        return torch.stack(pictures).expand(-1, 3, -1, -1)

    def levels(self, ws: torch.Tensor, noise: str, noise_seed: int) -> Iterator[Level]:
        """The plain network's; see `DifferentiableNetwork`, and for `pictures` too."""
        return self._plain.levels(ws, self._plain.noise_planes(noise, noise_seed))

    def _picture(self, ws: torch.Tensor, noise: list[torch.Tensor | None], levels: int) -> Steps[torch.Tensor]:
        start = self._plain.start[0].permute(1, 2, 0).contiguous()
        first = self._layers[0].styled(ws[0], 1.0, torch.float32, SMALLEST)
        x = self._finish((yield from _convolved(start, first)), noise[0], 1.0)
        picture = self._shown(0, x, ws[1])
        for level in range(1, levels):
            x, picture = yield from self._level(level, x, picture, ws, noise, last=level == levels - 1)
        assert picture is not None
        return picture.permute(2, 0, 1)

    def _level(
        self,
        level: int,
        x: torch.Tensor,
        picture: torch.Tensor | None,
        ws: torch.Tensor,
        noise: list[torch.Tensor | None],
        last: bool,
    ) -> Steps[tuple[torch.Tensor, torch.Tensor | None]]:
        """Hidden state `[h, w, C]` and picture `[h, w, colours]` (or None) to those of twice the side.

        Of the last level only the picture is kept.
        """
        side, number = SMALLEST << level, 2 * level - 1
        dtype = torch.float32 if side <= EXACT_UNTIL else self._dtype
        gain = 0.5**0.5 if self._shape.architecture == "resnet" else 1.0
        styled = (
            self._layers[number].styled(ws[number], 1.0, dtype, side // 2),
            self._layers[number + 1].styled(ws[number + 1], gain, dtype, side),
        )
        planes = [plane if plane is None else plane.to(dtype) for plane in noise[number : number + 2]]
        skip = self._skip(level, gain, dtype)
        x = x.to(dtype)
        out = None if last else x.new_empty(side, side, self._shape.channels[level])
        bigger = None if picture is None else _doubled(picture, self._plain.kernel)
        if bigger is None and last:
            bigger = torch.zeros(side, side, self._shape.colours, device=x.device)
        yield
        for start, stop in spans(side // 2, 2 * side * self._shape.channels[level], x.device, 2 * HALO, STRIP_VALUES):
            top, bottom = max(0, start - HALO), min(side // 2, stop + HALO)
            beside = None if skip is None else _doubled(pointwise(x[top:bottom], skip), self._plain.kernel.to(dtype))
            y = yield from _raised(x[top:bottom], styled[0], self._layers[number].blur)
            y = self._finish(y, _rows(planes[0], top, bottom), 1.0)
            y = yield from _convolved(y, styled[1])
            y = self._finish(y, _rows(planes[1], top, bottom), gain)
            if beside is not None:
                y = y.add_(beside)
            y = y[2 * (start - top) : 2 * (stop - top)]
            shown = self._shown(level, y, ws[number + 2])
            if shown is not None and bigger is not None:
                bigger[2 * start : 2 * stop] += shown
            if out is not None:
                out[2 * start : 2 * stop] = y
            yield
        return (x if out is None else out), bigger

    def _skip(self, level: int, gain: float, dtype: torch.dtype) -> torch.Tensor | None:
        """Weight of the 1x1 convolution beside a level (architecture resnet)."""
        if not len(self._plain.skips):
            return None
        skip = self._plain.skips[level - 1]
        assert isinstance(skip, nn.Conv2d)
        return (skip.weight * gain).to(dtype)

    def _finish(self, x: torch.Tensor, noise: torch.Tensor | None, gain: float) -> torch.Tensor:
        """Noise, activation and limit. The root of two and `gain` are in the weights already, not in the noise."""
        if noise is not None:
            x = x.add_(noise, alpha=2**0.5 * gain)
        x = F.leaky_relu_(x, SLOPE)
        clamp = self._shape.clamp * gain
        return x.clamp_(-clamp, clamp) if clamp else x

    def _shown(self, level: int, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor | None:
        """The colours `[h, w, colours]` of a hidden state in float32; None where this level has no picture layer."""
        if str(level) not in self._plain.pictures:
            return None
        layer = self._plain.pictures[str(level)]
        assert isinstance(layer, PictureLayer)
        weight = layer.weight * layer.style(w)[:, None, None]
        if x.dtype is torch.float32:
            shown = pointwise(x, weight, layer.bias)
        else:  # rounded once more, by less than half a level of a picture; a hidden state in float32 takes five times as long
            shown = F.linear(x, weight.flatten(1).to(x.dtype)).float().add_(layer.bias)
        return shown.clamp_(-self._shape.clamp, self._shape.clamp) if self._shape.clamp else shown

    def _noise_planes(self, noise: str, seed: int) -> list[torch.Tensor | None]:
        """The noise `[side, side, 1]` of each layer, strength included, or None; the last asked for is kept."""
        key = (noise, seed if noise == "random" else 0)
        if self._noise is None or self._noise[0] != key:
            made = self._plain.noise_planes(noise, seed)
            planes = [None if plane is None else plane.unsqueeze(2) for plane in made]
            self._noise = (key, planes)
        return self._noise[1]


@dataclass(frozen=True, eq=False)
class _Styled:
    """A layer with one picture's style in its weights; or beside them, for what goes in and what comes out."""

    weight: torch.Tensor
    bias: torch.Tensor
    inside: torch.Tensor | None = None
    outside: torch.Tensor | None = None
    winograd: bool = False

    def before(self, x: torch.Tensor) -> torch.Tensor:
        """`[h, w, C]` as a batch of one for torch, the style in it."""
        return (x if self.inside is None else x * self.inside).unsqueeze(0).permute(0, 3, 1, 2)

    def after(self, y: torch.Tensor) -> torch.Tensor:
        """The convolution's batch of one as `[h, w, C']`, demodulated."""
        return self.demodulated(y.permute(0, 2, 3, 1).squeeze(0))

    def demodulated(self, y: torch.Tensor) -> torch.Tensor:
        """What the convolution left to do to `[h, w, C']`."""
        return y if self.outside is None else torch.addcmul(self.bias, y, self.outside)


class _Prepared:
    """A layer's weights as the fast path wants them: channels innermost, and their squares summed for demodulation."""

    def __init__(self, layer: Layer, kernel: torch.Tensor) -> None:
        self._style: nn.Linear = layer.style
        self._bias = layer.bias
        self._up = layer.up
        weight = layer.weight.transpose(0, 1) if layer.up else layer.weight
        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._plain = self._weight
        self._spread: torch.Tensor | None = None
        self._squares = layer.weight.square().sum((2, 3))
        self.blur = (4 * kernel).flip(0, 1).expand(layer.weight.shape[0], 1, -1, -1).contiguous()

    def styled(self, w: torch.Tensor, gain: float, dtype: torch.dtype, side: int) -> _Styled:
        """The layer with style, demodulation, the root of two and `gain`, for a picture of `side` pixels."""
        factor = 2**0.5 * gain
        style = self._style(w)
        out = torch.rsqrt(self._squares @ style.square() + EPSILON) * factor
        if dtype is torch.float32 and not self._up and winograd.pays(self._weight, side**2):
            if self._spread is None:
                self._spread = winograd.transformed(self._weight)
            return _Styled(self._spread, self._bias * factor, style, out, winograd=True)
        if side**2 < SMALL_PICTURE * self._squares.shape[0]:
            if self._plain.dtype != dtype:
                self._plain = self._weight.to(dtype)
            return _Styled(self._plain, (self._bias * factor).to(dtype), style.to(dtype), out.to(dtype))
        inside, outside = (0, 1) if self._up else (1, 0)
        weight = self._weight * _along(style, inside) * _along(out, outside)
        return _Styled(weight.to(dtype), (self._bias * factor).to(dtype))


def _along(x: torch.Tensor, axis: int) -> torch.Tensor:
    return x[:, None, None, None] if axis == 0 else x[None, :, None, None]


def _rows(plane: torch.Tensor | None, top: int, bottom: int) -> torch.Tensor | None:
    return None if plane is None else plane[2 * top : 2 * bottom]


def _convolved(x: torch.Tensor, layer: _Styled) -> Steps[torch.Tensor]:
    """3x3 convolution of `[h, w, C]`."""
    if layer.winograd:
        return layer.demodulated((yield from winograd.convolved(x, layer.weight, layer.inside)))
    batch = layer.before(x)
    parts = []
    for group in _groups(layer.weight, 0, x):
        bias = layer.bias[group] if layer.outside is None else None
        parts.append(F.conv2d(batch, layer.weight[group], bias, padding=1))
        yield
    return layer.after(_together(parts))


def _raised(x: torch.Tensor, layer: _Styled, blur: torch.Tensor) -> Steps[torch.Tensor]:
    """Transposed 3x3 convolution of `[h, w, C]` and the filter after it: `[2h, 2w, C']`."""
    batch = layer.before(x)
    parts = []
    for group in _groups(layer.weight, 1, x):
        y = F.conv_transpose2d(batch, layer.weight[:, group].contiguous(memory_format=torch.channels_last), stride=2)
        bias = layer.bias[group] if layer.outside is None else None
        parts.append(F.conv2d(y, blur[group].to(y.dtype), bias, padding=1, groups=y.shape[1]))
        yield
    return layer.after(_together(parts))


def _groups(weight: torch.Tensor, axis: int, x: torch.Tensor) -> list[slice]:
    """Output channels (`axis` of the weight) that are computed together, so that none takes longer than a hand waits."""
    outputs = weight.shape[axis]
    most = PIECE if x.dtype is torch.float32 else PIECE * LOWER
    pieces = math.ceil(weight.numel() * x.shape[0] * x.shape[1] / most) if x.device.type == "cpu" else 1
    width = max(FEWEST_CHANNELS, math.ceil(outputs / pieces))
    return [slice(first, first + width) for first in range(0, outputs, width)]


def _together(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _doubled(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """`[h, w, C]` to `[2h, 2w, C]`, zeros put between and filtered."""
    channels = x.shape[2]
    weight = (4 * kernel).expand(channels, 1, -1, -1)
    y = F.conv_transpose2d(x.unsqueeze(0).permute(0, 3, 1, 2), weight, stride=2, padding=1, groups=channels)
    return y.permute(0, 2, 3, 1).squeeze(0)
