"""MobileStyleGAN (arXiv 2104.04767): a mapping network and a wavelet synthesis network of depthwise convolutions.

This is the plain network, for any batch, in the arithmetic of the published graph, and it can be differentiated;
`mobilestylegan_fast` computes the same for one picture in a fraction of the time, and a test holds the two together.

Published graphs have the demodulation folded into the weights and the noise baked in as planes. Differences to StyleGAN2:
style scales input channels only, the upsampling is an inverse Haar transform, and there is one picture head, at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import nn

from models.errors import CheckpointError

SLOPE = 0.2
SMALLEST = 4  # side of the learned constant, in pixels
MOST_BLOCKS = 10  # a picture of 8192 px; more is not a network but an accident


@dataclass(frozen=True)
class Shape:
    """What tells one network of this kind from another: `blocks` are (channels in, channels out) from 8 px upwards."""

    mapping: tuple[tuple[int, int], ...]
    blocks: tuple[tuple[int, int], ...]

    @property
    def z_dim(self) -> int:
        return self.mapping[0][0]

    @property
    def w_dim(self) -> int:
        return self.mapping[-1][1]

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels: the last block's, doubled by the head's own Haar step."""
        return 2 * SMALLEST << len(self.blocks)

    @property
    def num_ws(self) -> int:
        """One latent for the constant, two a block, one for the head's colours."""
        return 2 + 2 * len(self.blocks)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Side in pixels at which each latent acts."""
        sides = [SMALLEST << level for level in range(1, len(self.blocks) + 1)]
        return (SMALLEST, *(side for side in sides for _ in range(2)), sides[-1])

    @property
    def widths(self) -> dict[int, int]:
        """Channels of the hidden state after each block, by its side."""
        return {SMALLEST << level: outside for level, (_, outside) in enumerate(self.blocks, 1)}


def shape_of(tensors: Mapping[str, torch.Tensor]) -> Shape:
    """Deduce the shape from tensors under our names; `CheckpointError` where they are none of this network's."""
    try:
        depth = _count(tensors, r"mapping\.layers\.(\d+)\.weight")
        mapping = tuple(tuple(reversed(tensors[f"mapping.layers.{i}.weight"].shape)) for i in range(depth))
        number = _count(tensors, r"blocks\.(\d+)\.up\.weight")
        blocks = tuple(
            (tensors[f"blocks.{i}.up.weight"].shape[0], tensors[f"blocks.{i}.conv2.pointwise"].shape[0]) for i in range(number)
        )
        if not 1 <= number <= MOST_BLOCKS or depth < 1 or any(inside % 4 for inside, _ in blocks):
            raise ValueError("the number of blocks or channels")
        return Shape(tuple((inside, outside) for inside, outside in mapping), blocks)
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError("These weights make no MobileStyleGAN.", f"What does not fit: {error}.") from error


def _count(tensors: Mapping[str, torch.Tensor], pattern: str) -> int:
    found = (re.fullmatch(pattern, name) for name in tensors)
    return max((int(match[1]) + 1 for match in found if match), default=0)


class MappingNetwork(nn.Module):
    """`z [N, z_dim]`, unit normal, to `w [N, w_dim]`: normalised, then linear layers, each activated with a gain of sqrt 2."""

    def __init__(self, widths: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(inside, outside) for inside, outside in widths)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE) * 2**0.5
        return w


class FirstLayer(nn.Module):
    """The modulated layer at 4 px: a dense 3x3 convolution `weight [out, in, 3, 3]`."""

    noise: torch.Tensor

    def __init__(self, w_dim: int, channels: int, out: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(torch.empty(out, channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(out))
        self.register_buffer("noise", torch.empty(1, 1, SMALLEST, SMALLEST))

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        x = x * layer_style(self.style, w)[:, :, None, None]
        return F.leaky_relu(F.conv2d(x, self.weight, self.bias, padding=1) + noise, SLOPE)


class Layer(nn.Module):
    """A modulated layer: style on the input channels, 3x3 `depthwise [in, 1, 3, 3]`, `pointwise [out, in, 1, 1]`, noise, bias."""

    noise: torch.Tensor

    def __init__(self, w_dim: int, channels: int, out: int, side: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.depthwise = nn.Parameter(torch.empty(channels, 1, 3, 3))
        self.pointwise = nn.Parameter(torch.empty(out, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(out))
        self.register_buffer("noise", torch.empty(1, 1, side, side))

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        x = x * layer_style(self.style, w)[:, :, None, None]
        x = F.conv2d(x, self.depthwise, padding=1, groups=x.shape[1])
        return F.leaky_relu(F.conv2d(x, self.pointwise, self.bias) + noise, SLOPE)


class Block(nn.Module):
    """Doubles the side by an inverse Haar step, which quarters the channels; two modulated layers follow."""

    def __init__(self, w_dim: int, channels: int, out: int, side: int) -> None:
        super().__init__()
        self.up = nn.Linear(w_dim, channels)
        self.conv1 = Layer(w_dim, channels // 4, out, side)
        self.conv2 = Layer(w_dim, out, out, side)

    def forward(self, x: torch.Tensor, ws: torch.Tensor, noise: Sequence[torch.Tensor]) -> torch.Tensor:
        x = self.conv1(inverse_haar(x * self.up(ws[:, 0])[:, :, None, None]), ws[:, 0], noise[0])
        result: torch.Tensor = self.conv2(x, ws[:, 1], noise[1])
        return result


class Head(nn.Module):
    """Hidden state to the twelve wavelet planes of the picture: red, green and blue LL first, then LH, HL, HH of each."""

    def __init__(self, w_dim: int, channels: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(torch.empty(12, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(12))

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        x = x * (self.style(w) / x.shape[1] ** 0.5)[:, :, None, None]
        return F.conv2d(x, self.weight, self.bias)


class MobileStyleGAN(nn.Module):
    """The whole network. `average [w_dim]` is the mean of w over many z, which truncation pulls towards."""

    average: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.mapping = MappingNetwork(shape.mapping)
        self.register_buffer("average", torch.empty(shape.w_dim))
        first = shape.blocks[0][0]
        self.start = nn.Parameter(torch.empty(1, first, SMALLEST, SMALLEST))
        self.first = FirstLayer(shape.w_dim, first, first)
        self.blocks = nn.ModuleList(
            Block(shape.w_dim, inside, outside, SMALLEST << level) for level, (inside, outside) in enumerate(shape.blocks, 1)
        )
        self.head = Head(shape.w_dim, shape.blocks[-1][1])

    def noise_planes(self) -> list[torch.Tensor]:
        """The baked noise `[1, 1, side, side]`, strength included, of each modulated layer in order."""
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        return [self.first.noise, *(layer.noise for block in blocks for layer in (block.conv1, block.conv2))]

    def hidden(self, ws: torch.Tensor, noise: Sequence[torch.Tensor], blocks: int) -> torch.Tensor:
        """Hidden state `[N, C, side, side]` after this many blocks, side being 4 px times two to their number."""
        *_, x = islice(self.states(ws, noise), blocks + 1)
        return x

    def states(self, ws: torch.Tensor, noise: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """The hidden state at 4 px, and after each block."""
        x: torch.Tensor = self.first(self.start.expand(len(ws), -1, -1, -1), ws[:, 0], noise[0])
        yield x
        for i, block in enumerate(self.blocks):
            x = block(x, ws[:, 1 + 2 * i : 3 + 2 * i], noise[1 + 2 * i : 3 + 2 * i])
            yield x

    def forward(self, ws: torch.Tensor, noise: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """Picture `[N, 3, R, R]`, nominally -1..1, of `ws [N, num_ws, w_dim]`."""
        x = self.hidden(ws, self.noise_planes() if noise is None else noise, len(self.blocks))
        return self.picture(x, ws[:, -1])

    def picture(self, hidden: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Picture `[N, 3, R, R]` of the last hidden state."""
        planes: torch.Tensor = self.head(hidden, w)
        return inverse_haar(planes)


def layer_style(affine: nn.Linear, w: torch.Tensor) -> torch.Tensor:
    """The factor `[N, C]` of each input channel of a 3x3 layer: the style times one over the root of the fan-in."""
    styles: torch.Tensor = affine(w)
    return styles / math.sqrt(9 * affine.out_features)


def inverse_haar(x: torch.Tensor) -> torch.Tensor:
    """Inverse db1 wavelet step `[N, C, h, w]` to `[N, C/4, 2h, 2w]`.

    The first quarter of the channels is LL; channel C/4 + 3k + j is LH, HL or HH (j = 0, 1, 2) of output channel k.
    """
    n, channels, height, width = x.shape
    quarter = channels // 4
    ll = x[:, :quarter]
    lh, hl, hh = x[:, quarter:].reshape(n, quarter, 3, height, width).unbind(2)
    top = torch.stack((ll + lh + hl + hh, ll + lh - hl - hh), -1)
    bottom = torch.stack((ll - lh + hl - hh, ll - lh - hl + hh), -1)
    return torch.stack((top, bottom), 3).mul(0.5).reshape(n, quarter, 2 * height, 2 * width)


def from_tensors(tensors: Mapping[str, torch.Tensor]) -> MobileStyleGAN:
    """The network in float32, sharing these tensors where they are float32; they must have been held against its shape."""
    with torch.device("meta"):
        network = MobileStyleGAN(shape_of(tensors))
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)
