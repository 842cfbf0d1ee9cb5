"""StyleGAN3 (arXiv 2106.12423), configurations T and R: pictures whose details move with what they lie on.

This is the plain network, for any batch and differentiable; `stylegan3_fast` computes the same for one picture at a time, and
a test holds the two together. Learning-rate multipliers and gains of the published code are folded into the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.errors import CheckpointError
from models.networks.level import Level
from models.networks.mapping import SLOPE, MappingNetwork, widths_of

EPSILON = 1e-8
MOST_LAYERS = 64
LARGEST_SIDE = 2200  # of a hidden state: a picture of 2048 px and its margins
LARGEST_FACTOR = 8  # of upsampling within a layer; published ones use 2 and 4
MOST_VALUES = 1 << 31  # of an activation


@dataclass(frozen=True)
class LayerShape:
    """One layer: side of what it makes in pixels, and the factors by which it up- and downsamples around its activation."""

    size: int
    up: int
    down: int


@dataclass(frozen=True)
class Shape:
    """What tells one StyleGAN3 from another. Channels, kernels and filters follow from the tensors.

    `sampling_rate` and `bandwidth` are those of the input in cycles per picture, `scale` multiplies the picture, `clamp` is the
    largest activation (0: no limit).
    """

    mapping: tuple[tuple[int, int], ...]
    layers: tuple[LayerShape, ...]
    input_size: int
    sampling_rate: float
    bandwidth: float
    scale: float
    clamp: float
    classes: int = 0
    embedding: int = 0

    @property
    def z_dim(self) -> int:
        return self.mapping[0][0] - self.embedding

    @property
    def w_dim(self) -> int:
        return self.mapping[-1][1]

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""
        return self.layers[-1].size

    @property
    def num_ws(self) -> int:
        """One latent for the input, one for each layer."""
        return len(self.layers) + 1

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Side in pixels at which each latent acts."""
        return (self.input_size, *(layer.size for layer in self.layers))

    def to_config(self) -> dict[str, Any]:
        """As a card keeps it: what the tensors do not tell."""
        names = ("input_size", "sampling_rate", "bandwidth", "scale", "clamp")
        kept = {name: value for name, value in asdict(self).items() if name in names}
        return {**kept, "layers": [[layer.size, layer.up, layer.down] for layer in self.layers]}


def shape_of(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> Shape:
    """The shape that tensors under our names and a `config` as `Shape.to_config` gives it make together.

    `CheckpointError` where they do not fit, or where it could belong to no picture.
    """
    try:
        told = [(_whole(size), _whole(up), _whole(down)) for size, up, down in config["layers"]]
        layers = tuple(LayerShape(size, up, down) for size, up, down in told)
        embed = tensors.get("mapping.embed.weight")
        shape = Shape(
            widths_of(tensors),
            layers,
            _whole(config["input_size"]),
            _number(config["sampling_rate"]),
            _number(config["bandwidth"]),
            _number(config["scale"]),
            _number(config["clamp"]),
            0 if embed is None else embed.shape[1],
            0 if embed is None else embed.shape[0],
        )
        _check(shape, tensors)
        return shape
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise CheckpointError("These weights make no StyleGAN3.", f"What does not fit: {error}.") from error


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIDE:
        raise ValueError(f"a size of {str(value)[:20]}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise ValueError(f"a rate of {str(value)[:20]}")
    return float(value)


def _check(shape: Shape, tensors: Mapping[str, torch.Tensor]) -> None:
    if not 1 <= len(shape.layers) <= MOST_LAYERS or shape.sampling_rate <= 2 * shape.bandwidth or not shape.scale:
        raise ValueError("the number of layers or the rates of the input")
    side, channels = shape.input_size, tensors["input.weight"].shape[0]
    for number, layer in enumerate(shape.layers):
        weight = tensors[f"layers.{number}.weight"]
        if weight.ndim != 4 or weight.shape[1] != channels or max(layer.up, layer.down) > LARGEST_FACTOR:
            raise ValueError(f"layer {number}")
        channels = weight.shape[0]
        if channels * (max(side, layer.size) * max(layer.up, layer.down)) ** 2 > MOST_VALUES:
            raise ValueError(f"the size of layer {number}")
        for name, factor in (("up", layer.up), ("down", layer.down)):
            taps = tensors.get(f"layers.{number}.{name}_filter")
            if taps is None and factor != 1:
                raise ValueError(f"the filters of layer {number}")
            if taps is not None and (taps.shape[0] % factor or taps.shape[0] > 16 * LARGEST_FACTOR or taps.shape[0] < 2):
                raise ValueError(f"the filters of layer {number}")
        side = layer.size


class Input(nn.Module):
    """Waves that the first latent turns and shifts, mixed by a 1x1 convolution: `[N, C, size, size]` of `w [N, w_dim]`."""

    frequencies: torch.Tensor
    phases: torch.Tensor
    transform: torch.Tensor

    def __init__(self, shape: Shape, channels: int) -> None:
        super().__init__()
        self.size, self.sampling_rate, self.bandwidth = shape.input_size, shape.sampling_rate, shape.bandwidth
        self.affine = nn.Linear(shape.w_dim, 4)
        self.weight = nn.Parameter(torch.empty(channels, channels))
        self.register_buffer("frequencies", torch.empty(channels, 2))
        self.register_buffer("phases", torch.empty(channels))
        self.register_buffer("transform", torch.empty(3, 3))

    def forward(self, w: torch.Tensor) -> torch.Tensor:
        told = self.affine(w)
        cosine, sine, x, y = (told / told[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        turn = torch.stack((cosine, -sine, zero, sine, cosine, zero, zero, zero, one), 1).reshape(-1, 3, 3)
        shift = torch.stack((one, zero, -x, zero, one, -y, zero, zero, one), 1).reshape(-1, 3, 3)
        moved = turn @ shift @ self.transform
        phases = self.phases + (self.frequencies @ moved[:, :2, 2:]).squeeze(2)
        frequencies = self.frequencies @ moved[:, :2, :2]
        # Waves that a transform has brought beyond the bandwidth fade out.
        beyond = (frequencies.norm(dim=2) - self.bandwidth) / (self.sampling_rate / 2 - self.bandwidth)
        reach = 0.5 * self.size / self.sampling_rate
        steps = (torch.arange(self.size, device=w.device) * 2 + 1 - self.size) / self.size * reach
        across = frequencies[:, None, None, :, 0] * steps[None, None, :, None]
        along = frequencies[:, None, None, :, 1] * steps[None, :, None, None]
        waves = torch.sin((across + along + phases[:, None, None]) * (2 * math.pi)) * (1 - beyond).clamp(0, 1)[:, None, None]
        mixed: torch.Tensor = waves @ self.weight.T
        return mixed.permute(0, 3, 1, 2)


class Layer(nn.Module):
    """A modulated convolution, then an activation between up- and downsampling; the last layer is a plain 1x1 convolution."""

    magnitude: torch.Tensor
    up_filter: torch.Tensor | None
    down_filter: torch.Tensor | None

    def __init__(self, w_dim: int, weight: torch.Size, side: int, shape: LayerShape, filters: tuple[Any, Any]) -> None:
        super().__init__()
        out, channels, kernel = weight[0], weight[1], weight[2]
        self.side, self.shape, self.kernel = side, shape, kernel
        self.style = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(torch.empty(out, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out))
        self.register_buffer("magnitude", torch.empty(()))
        for name, filter_size in zip(("up_filter", "down_filter"), filters, strict=True):
            self.register_buffer(name, None if filter_size is None else torch.empty(filter_size))

    @property
    def shows(self) -> bool:
        """Whether it makes the picture: no demodulation, no activation."""
        return self.up_filter is None and self.down_filter is None

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and after the upsampled rows (and columns), negative to cut: so that `shape.size` come out."""
        taps = sum(1 if taps is None else taps.shape[0] for taps in (self.up_filter, self.down_filter))
        total = (self.shape.size - 1) * self.shape.down + 1 - (self.side + self.kernel - 1) * self.shape.up + taps - 2
        before = (total + self.shape.up) // 2
        return before, total - before

    def styled(self, w: torch.Tensor) -> torch.Tensor:
        """Weights `[N, out, in, k, k]` with style, demodulation and the input's usual magnitude in them."""
        style: torch.Tensor = self.style(w)
        weight: torch.Tensor = self.weight
        if self.shows:
            weight = (weight / weight[0].numel() ** 0.5) * style[:, None, :, None, None]
        else:
            weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean(1, keepdim=True).rsqrt()
            weight = weight * style[:, None, :, None, None]
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()
        return weight * self.magnitude.rsqrt()

    def forward(self, x: torch.Tensor, w: torch.Tensor, clamp: float) -> torch.Tensor:
        n, channels, height, width = x.shape
        weight = self.styled(w).flatten(0, 1)
        x = F.conv2d(x.reshape(1, n * channels, height, width), weight, padding=self.kernel - 1, groups=n)
        x = x.reshape(n, -1, *x.shape[2:]) + self.bias[:, None, None]
        x = upsampled(x, self.up_filter, self.shape.up, self.padding)
        if not self.shows:
            x = F.leaky_relu(x, SLOPE) * 2**0.5
        return downsampled(x.clamp(-clamp, clamp) if clamp else x, self.down_filter, self.shape.down)


class StyleGAN3(nn.Module):
    """The whole network. `average [w_dim]` is what truncation pulls towards."""

    average: torch.Tensor

    def __init__(self, shape: Shape, sizes: Mapping[str, torch.Size]) -> None:
        """`sizes` are those of the tensors under our names: channels and kernels stand there alone."""
        super().__init__()
        self.shape = shape
        self.mapping = MappingNetwork(shape.mapping, shape.classes, shape.embedding)
        self.register_buffer("average", torch.empty(shape.w_dim))
        self.input = Input(shape, sizes["input.weight"][0])
        sides = (shape.input_size, *(layer.size for layer in shape.layers))
        self.layers = nn.ModuleList(
            Layer(
                shape.w_dim,
                sizes[f"layers.{number}.weight"],
                sides[number],
                layer,
                (sizes.get(f"layers.{number}.up_filter"), sizes.get(f"layers.{number}.down_filter")),
            )
            for number, layer in enumerate(shape.layers)
        )

    def forward(self, ws: torch.Tensor) -> torch.Tensor:
        """Picture `[N, colours, R, R]`, nominally -1..1, of `ws [N, num_ws, w_dim]`."""
        *_, x = self._hidden(ws)
        return x * self.shape.scale

    def levels(self, ws: torch.Tensor) -> Iterator[Level]:
        """Every layer, of which several have the same side; the last one shows the picture, a grey one as colour."""
        rate = self.shape.sampling_rate
        for layer, x in zip(self.shape.layers, self._hidden(ws), strict=True):
            rate *= layer.up / layer.down
            side = min(round(rate), layer.size)
            if layer is self.shape.layers[-1]:
                yield Level(side, x, shows=side, show=partial((x * self.shape.scale).expand, -1, 3, -1, -1))
            else:
                yield Level(side, x, (layer.size - side) // 2)

    def _hidden(self, ws: torch.Tensor) -> Iterator[torch.Tensor]:
        """What each layer makes."""
        x: torch.Tensor = self.input(ws[:, 0])
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, ws[:, number], self.shape.clamp)
            yield x


def upsampled(x: torch.Tensor, taps: torch.Tensor | None, factor: int, padding: tuple[int, int]) -> torch.Tensor:
    """`[N, C, h, w]` with zeros put between, padded, and filtered by separable `taps` with a gain of `factor` each way."""
    n, channels, height, width = x.shape
    spread = x.new_zeros(n, channels, height, factor, width, factor)
    spread[:, :, :, 0, :, 0] = x
    spread = F.pad(spread.reshape(n, channels, height * factor, width * factor), (*padding, *padding))
    if taps is None:
        return spread
    kernel = (taps.flip(0) * factor).expand(channels, 1, -1)
    spread = F.conv2d(spread, kernel.unsqueeze(2), groups=channels)
    return F.conv2d(spread, kernel.unsqueeze(3), groups=channels)


def downsampled(x: torch.Tensor, taps: torch.Tensor | None, factor: int) -> torch.Tensor:
    """`[N, C, h, w]` filtered by `taps`, separable `[t]` or whole `[t, t]`, every `factor`-th pixel of it."""
    if taps is None:
        return x[:, :, ::factor, ::factor]
    channels = x.shape[1]
    if taps.ndim == 2:
        return F.conv2d(x, taps.flip(0, 1).expand(channels, 1, -1, -1), stride=factor, groups=channels)
    kernel = taps.flip(0).expand(channels, 1, -1)
    x = F.conv2d(x, kernel.unsqueeze(3), stride=(factor, 1), groups=channels)
    return F.conv2d(x, kernel.unsqueeze(2), stride=(1, factor), groups=channels)
