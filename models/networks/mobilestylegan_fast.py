"""MobileStyleGAN for one picture at a time: the plain network's picture in about a sixth of its time on a processor.

What makes it fast there: styles are multiplied into the small depthwise weights; channels lie innermost; the Haar step is two
rounds of sums and differences over whole runs of channels (the convolution before it puts its channels into that order); the
Haar step of the picture itself is folded into the head's 1x1 convolution; and the large blocks are computed in strips of
rows, whose activations stay in the cache and in memory that the allocator has at hand (fresh pages cost more than the
arithmetic). benchmarks/faces.py prints the figures.

In a 16-bit format the blocks up to 32 px and the head stay in float32: they cost little and hold most of the precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.errors import BadInput
from models.networks.channels_innermost import depthwise, pointwise
from models.networks.level import Level
from models.networks.mobilestylegan import SLOPE, SMALLEST, Block, Layer, MobileStyleGAN, layer_style
from models.networks.mobilestylegan_preview import FastPreview, fitted_preview
from models.networks.wavelets import haar_order, haar_rows, phases_to_picture, planes_to_phases
from models.precision import Runtime
from models.steps import Steps

STRIP_VALUES = 1 << 20  # of the largest activation of a strip: 4 MB in float32
EXACT_UNTIL = 32  # px; blocks up to this side stay in float32
ROUGH_NOISE = 0.02  # planes of a smaller deviation change nothing that can be seen; "random" draws the others anew


@dataclass(frozen=True, eq=False)
class _Layer:
    """A modulated layer: weights in the block's precision, output channels in the order that the next step wants."""

    style: nn.Linear
    depthwise: torch.Tensor
    pointwise: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Block:
    """Weights of a block; `up` gives half the factor of each channel, in Haar order."""

    up_weight: torch.Tensor
    up_bias: torch.Tensor
    layers: tuple[_Layer, _Layer]
    dtype: torch.dtype


class FastMobileStyleGAN:
    """What `models.latent.LatentModel` drives; `previews` are heads by the side of the hidden state they were fitted to."""

    noisy = True

    def __init__(self, network: MobileStyleGAN, previews: Mapping[int, Mapping[str, torch.Tensor]], runtime: Runtime) -> None:
        shape = network.shape
        self.z_dim, self.w_dim, self.num_ws, self.classes = shape.z_dim, shape.w_dim, shape.num_ws, 0
        self.resolution, self.layer_sizes = shape.resolution, shape.layer_sizes
        self._runtime = runtime
        self._plain = network.to(runtime.device)
        blocks = [block for block in self._plain.blocks if isinstance(block, Block)]
        self._blocks = [self._prepared(block, last=block is blocks[-1]) for block in blocks]
        order = haar_order(network.start.shape[1]).to(runtime.device)
        self._first = (network.first.weight[order], network.first.bias[order])
        self._heads = {
            2 * side: (_level_of(side), FastPreview(head, side != shape.resolution // 2, runtime))
            for side, head in previews.items()
        }
        self._fitted = {
            side: {k: tensor.to(runtime.device).float() for k, tensor in head.items()} for side, head in previews.items()
        }
        self.previews = (*sorted(self._heads), self.resolution // 2)
        self.pictures = (*sorted(self._heads), self.resolution)
        self._noise: tuple[tuple[str, int], list[torch.Tensor]] | None = None

    def average(self) -> torch.Tensor:
        """The mean latent `[w_dim]`."""
        return self._plain.average

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`w [N, w_dim]` of `z [N, z_dim]`; always in float32."""
        w: torch.Tensor = self._plain.mapping(z)
        return w

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Pictures `[N, 3, H, W]` in float32, one after the other; see `LatentNetwork`."""
        planes = self._noise_planes(noise, noise_seed)
        pictures = []
        for one in ws:
            pictures.append((yield from self._picture(one, planes, resolution or self.resolution)))
        return torch.stack(pictures)

    def levels(self, ws: torch.Tensor, noise: str, noise_seed: int) -> Iterator[Level]:
        """The plain network's; see `DifferentiableNetwork`. Smaller pictures are estimates of the fitted heads."""
        planes = drawn_noise(self._plain.noise_planes(), noise, noise_seed)
        for x in self._plain.states(ws, planes):
            side = x.shape[-1]
            if 2 * side == self.resolution:
                yield Level(side, x, shows=self.resolution, show=partial(self._plain.picture, x, ws[:, -1]))
            elif side in self._fitted:
                yield Level(side, x, shows=2 * side, show=partial(fitted_preview, self._fitted[side], x, ws[:, -1]))
            else:
                yield Level(side, x)

    def _picture(self, ws: torch.Tensor, noise: list[torch.Tensor], size: int) -> Steps[torch.Tensor]:
        level, head = self._heads.get(size, (len(self._blocks), None))
        x = self._start(ws[0], noise[0])
        for number in range(level - (head is None)):
            x = yield from self._block(number, x, ws, noise)
        if head is not None:
            return head(x, ws[-1])
        return (yield from self._last_block(x, ws, noise, half=size < self.resolution))

    def _start(self, w: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Hidden state `[4, 4, C]` in Haar order."""
        first = self._plain.first
        x = self._plain.start * layer_style(first.style, w[None])[:, :, None, None]
        x = F.conv2d(x, *self._first, padding=1)[0].permute(1, 2, 0).contiguous()
        return F.leaky_relu_(x.add_(noise), SLOPE)

    def _block(self, number: int, x: torch.Tensor, ws: torch.Tensor, noise: list[torch.Tensor]) -> Steps[torch.Tensor]:
        """Hidden state `[h, w, C]` to `[2h, 2w, C']`, in Haar order."""
        strips = _Strips(self._blocks[number], number, x, ws, noise, self._rows(number, x))
        yield
        if len(strips.spans) == 1:
            return strips.compute(*strips.spans[0])
        out = x.new_empty(2 * x.shape[0], 2 * x.shape[1], strips.block.layers[1].bias.shape[0], dtype=strips.block.dtype)
        for start, stop in strips.spans:
            out[2 * start : 2 * stop] = strips.compute(start, stop)
            yield
        return out

    def _last_block(self, x: torch.Tensor, ws: torch.Tensor, noise: list[torch.Tensor], half: bool) -> Steps[torch.Tensor]:
        """Picture `[3, H, W]`; with `half` the exact means of its 2x2 pixels."""
        number = len(self._blocks) - 1
        strips = _Strips(self._blocks[number], number, x, ws, noise, self._rows(number, x))
        weight, bias = self._head(ws[-1], half)
        factor = 2 if half else 4
        picture = torch.empty(3, factor * x.shape[0], factor * x.shape[1], device=x.device)
        yield
        for start, stop in strips.spans:
            phases = pointwise(strips.compute(start, stop).float(), weight, bias)
            picture[:, factor * start : factor * stop] = phases.permute(2, 0, 1) if half else phases_to_picture(phases)
            yield
        return picture

    def _head(self, w: torch.Tensor, half: bool) -> tuple[torch.Tensor, torch.Tensor]:
        head = self._plain.head
        style = head.style(w) / head.weight.shape[1] ** 0.5
        if half:  # the LL planes are twice the mean of the four pixels they stand for
            return head.weight[:3] * style[:, None, None] / 2, head.bias[:3] / 2
        weight, bias = planes_to_phases(head.weight, head.bias)
        return weight * style[:, None, None], bias

    def _rows(self, number: int, x: torch.Tensor) -> int:
        """Rows of `x` in a strip. Devices with their own memory take the whole at once."""
        if x.device.type != "cpu":
            return x.shape[0]
        channels = max(layer.bias.shape[0] for layer in self._blocks[number].layers)
        return max(1, STRIP_VALUES // (4 * x.shape[1] * channels))

    def _noise_planes(self, noise: str, seed: int) -> list[torch.Tensor]:
        """The noise `[side, side, 1]` of each layer, strength included, in its block's precision. The last asked for is kept."""
        key = (noise, seed if noise == "random" else 0)
        if self._noise is None or self._noise[0] != key:
            dtypes = [torch.float32, *(block.dtype for block in self._blocks for _ in range(2))]
            planes = drawn_noise(self._plain.noise_planes(), noise, seed)
            self._noise = (key, [plane[0, 0, :, :, None].to(dtype) for plane, dtype in zip(planes, dtypes, strict=True)])
        return self._noise[1]

    def _prepared(self, block: Block, last: bool) -> _Block:
        exact = block.conv1.noise.shape[-1] <= EXACT_UNTIL
        dtype = torch.float32 if exact else self._runtime.dtype
        order = haar_order(block.up.out_features).to(self._runtime.device)
        after = None if last else haar_order(block.conv2.bias.shape[0]).to(self._runtime.device)
        layers = (_prepared(block.conv1, dtype, None), _prepared(block.conv2, dtype, after))
        return _Block(block.up.weight[order] / 2, block.up.bias[order] / 2, layers, dtype)


class _Strips:
    """One block on one picture: its styles worked out, its rows divided into `spans`."""

    def __init__(
        self, block: _Block, number: int, x: torch.Tensor, ws: torch.Tensor, noise: list[torch.Tensor], rows: int
    ) -> None:
        w1, w2 = ws[1 + 2 * number], ws[2 + 2 * number]
        self.block = block
        self._x = x.to(block.dtype)
        self._up = F.linear(w1, block.up_weight, block.up_bias).to(block.dtype)
        self._small = [
            (layer.depthwise * layer_style(layer.style, w)[:, None, None, None]).to(block.dtype)
            for layer, w in zip(block.layers, (w1, w2), strict=True)
        ]
        self._noise = noise[1 + 2 * number : 3 + 2 * number]
        height = x.shape[0]
        count = math.ceil(height / rows)
        edges = [round(height * i / count) for i in range(count + 1)]
        self.spans = list(pairwise(edges))

    def compute(self, start: int, stop: int) -> torch.Tensor:
        """Rows 2*start ... 2*stop of the block's output, `[rows, width, C]`.

        Each 3x3 convolution spoils one row where a strip has been cut, so one row of the input more is taken on either side.
        """
        top, bottom = max(0, start - 1), min(self._x.shape[0], stop + 1)
        x = haar_rows(self._x[top:bottom] * self._up)
        for layer, small, noise in zip(self.block.layers, self._small, self._noise, strict=True):
            x = pointwise(depthwise(x, small), layer.pointwise, layer.bias)
            x = F.leaky_relu_(x.add_(noise[2 * top : 2 * bottom]), SLOPE)
        return x[2 * (start - top) : 2 * (stop - top)]


def drawn_noise(planes: list[torch.Tensor], noise: str, seed: int) -> list[torch.Tensor]:
    """The noise planes for "const" (as they are), "random" (those that show are drawn anew) or "none"."""
    if noise == "const":
        return planes
    if noise == "none":
        return [torch.zeros_like(plane) for plane in planes]
    if noise != "random":
        raise BadInput(f"There is no noise {noise!r}.", hint="Choose const, random or none.")
    draw = np.random.RandomState(seed)
    drawn = []
    for plane in planes:
        fresh = torch.from_numpy(draw.standard_normal(tuple(plane.shape)).astype(np.float32)).to(plane.device)
        deviation = plane.std(correction=0)
        drawn.append(fresh * deviation if float(deviation) >= ROUGH_NOISE else plane)
    return drawn


def _prepared(layer: Layer, dtype: torch.dtype, order: torch.Tensor | None) -> _Layer:
    chosen = slice(None) if order is None else order
    pointwise, bias = layer.pointwise[chosen].to(dtype).contiguous(), layer.bias[chosen].to(dtype)
    return _Layer(layer.style, layer.depthwise, pointwise, bias)


def _level_of(side: int) -> int:
    """How many blocks lead to a hidden state of this side."""
    return (side // SMALLEST).bit_length() - 1
