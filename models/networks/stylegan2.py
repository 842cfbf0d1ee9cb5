"""StyleGAN2 (arXiv 1912.04958) and -ADA (arXiv 2006.06676): architectures skip, resnet and orig, with or without classes.

This is the plain network, for any batch and differentiable; `stylegan2_fast` computes the same for one picture at a time, and
a test holds the two together. Learning-rate multipliers and gains of the published code are folded into the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.errors import CheckpointError
from models.networks.level import Level
from models.networks.mapping import SLOPE, MappingNetwork, widths_of

Architecture = Literal["skip", "resnet", "orig"]

SMALLEST = 4  # side of the learned constant, in pixels
MOST_LEVELS = 10  # a picture of 2048 px, twice what has been published
EPSILON = 1e-8
FILTER_TAPS = 4


@dataclass(frozen=True)
class Shape:
    """What tells one StyleGAN2 from another. `channels` are those of the hidden state at 4, 8, 16 ... px.

    `mapping` are (in, out) of the mapping network's layers, `embedding` the length of a class's; `clamp` is the largest
    activation (0: no limit), which is the one thing that tensors do not tell.
    """

    mapping: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    colours: int = 3
    architecture: Architecture = "skip"
    classes: int = 0
    embedding: int = 0
    clamp: float = 0.0

    @property
    def z_dim(self) -> int:
        return self.mapping[0][0] - self.embedding

    @property
    def w_dim(self) -> int:
        return self.mapping[-1][1]

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""
        return SMALLEST << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        """One latent for each 3x3 layer, and one for the last picture layer."""
        return 2 * len(self.channels)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Side in pixels at which each latent acts."""
        sides = [SMALLEST << level for level in range(len(self.channels))]
        return (SMALLEST, *(side for side in sides[1:] for _ in range(2)), sides[-1])

    def to_config(self) -> dict[str, Any]:
        """As a card keeps it."""
        return asdict(self)


def shape_of(tensors: Mapping[str, torch.Tensor], clamp: float = 0.0) -> Shape:
    """Deduce the shape from tensors under our names; `CheckpointError` where they are none of this network's."""
    try:
        channels = [tensors["start"].shape[1]]
        while f"layers.{2 * len(channels)}.weight" in tensors and len(channels) <= MOST_LEVELS:
            channels.append(tensors[f"layers.{2 * len(channels)}.weight"].shape[0])
        last = len(channels) - 1
        architecture: Architecture = "orig"
        if "skips.0.weight" in tensors:
            architecture = "resnet"
        elif last and "pictures.0.weight" in tensors:
            architecture = "skip"
        embed = tensors.get("mapping.embed.weight")
        if not 1 <= last < MOST_LEVELS:
            raise ValueError(f"{len(channels)} levels")
        return Shape(
            widths_of(tensors),
            tuple(channels),
            tensors[f"pictures.{last}.weight"].shape[0],
            architecture,
            0 if embed is None else embed.shape[1],
            0 if embed is None else embed.shape[0],
            clamp,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError("These weights make no StyleGAN2.", f"What does not fit: {error}.") from error


class Layer(nn.Module):
    """A modulated 3x3 layer; `up` doubles the side first."""

    noise: torch.Tensor
    strength: torch.Tensor

    def __init__(self, w_dim: int, channels: int, out: int, side: int, up: bool) -> None:
        super().__init__()
        self.up = up
        self.style = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(torch.empty(out, channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(out))
        self.register_buffer("noise", torch.empty(side, side))
        self.register_buffer("strength", torch.empty(()))

    def forward(
        self, x: torch.Tensor, w: torch.Tensor, noise: torch.Tensor | None, kernel: torch.Tensor, gain: float, clamp: float
    ) -> torch.Tensor:
        """`noise` is a plane `[side, side]`, strength included, or None."""
        style = self.style(w)
        x = x * style[:, :, None, None]
        if self.up:
            x = blur(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2), kernel)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        x = x * torch.rsqrt(style.square() @ self.weight.square().sum((2, 3)).T + EPSILON)[:, :, None, None]
        if noise is not None:
            x = x + noise
        x = F.leaky_relu(x + self.bias[:, None, None], SLOPE) * (2**0.5 * gain)
        return x.clamp(-clamp * gain, clamp * gain) if clamp else x


class PictureLayer(nn.Module):
    """A modulated 1x1 layer without demodulation: hidden state to colours."""

    def __init__(self, w_dim: int, channels: int, colours: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(torch.empty(colours, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(colours))

    def forward(self, x: torch.Tensor, w: torch.Tensor, clamp: float) -> torch.Tensor:
        x = F.conv2d(x * self.style(w)[:, :, None, None], self.weight, self.bias)
        return x.clamp(-clamp, clamp) if clamp else x


class StyleGAN2(nn.Module):
    """The whole network. `average [w_dim]` is what truncation pulls towards, `kernel [4, 4]` (sum 1) the resampling filter."""

    average: torch.Tensor
    kernel: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.mapping = MappingNetwork(shape.mapping, shape.classes, shape.embedding)
        self.register_buffer("average", torch.empty(shape.w_dim))
        self.register_buffer("kernel", torch.empty(FILTER_TAPS, FILTER_TAPS))
        channels, last = shape.channels, len(shape.channels) - 1
        self.start = nn.Parameter(torch.empty(1, channels[0], SMALLEST, SMALLEST))
        self.layers = nn.ModuleList([Layer(shape.w_dim, channels[0], channels[0], SMALLEST, up=False)])
        for level in range(1, last + 1):
            side = SMALLEST << level
            self.layers.append(Layer(shape.w_dim, channels[level - 1], channels[level], side, up=True))
            self.layers.append(Layer(shape.w_dim, channels[level], channels[level], side, up=False))
        shown = range(last + 1) if shape.architecture == "skip" else (last,)
        self.pictures = nn.ModuleDict({str(level): PictureLayer(shape.w_dim, channels[level], shape.colours) for level in shown})
        self.skips = nn.ModuleList(
            nn.Conv2d(channels[level - 1], channels[level], 1, bias=False)
            for level in (range(1, last + 1) if shape.architecture == "resnet" else ())
        )

    def noise_planes(self, noise: str = "const", seed: int = 0) -> list[torch.Tensor | None]:
        """The noise `[side, side]` of each 3x3 layer, strength included, or None: "const" is the network's own, "random" is drawn
        from `seed`, "none" is none."""
        draw = np.random.RandomState(seed)
        planes: list[torch.Tensor | None] = []
        for layer in self.layers:
            assert isinstance(layer, Layer)
            plane = layer.noise
            if noise == "random":
                plane = torch.from_numpy(draw.standard_normal(tuple(plane.shape)).astype(np.float32)).to(plane.device)
            planes.append(None if noise == "none" else plane * layer.strength)
        return planes

    def forward(self, ws: torch.Tensor, noise: Sequence[torch.Tensor | None], levels: int | None = None) -> torch.Tensor:
        """Picture `[N, colours, R, R]`, nominally -1..1, of `ws [N, num_ws, w_dim]`.

        `noise` is a plane, strength included, or None for each 3x3 layer. With `levels` (skip only) the picture of that many
        levels, which is 4 px times two to their number less one.
        """
        *_, (_, picture) = self._levels(ws, noise, levels or len(self.shape.channels))
        assert picture is not None
        return picture

    def levels(self, ws: torch.Tensor, noise: Sequence[torch.Tensor | None]) -> Iterator[Level]:
        """Every resolution from 4 px up, a grey picture as colour; arguments as for `forward`."""
        for hidden, picture in self._levels(ws, noise, len(self.shape.channels)):
            side = hidden.shape[-1]
            if picture is None:
                yield Level(side, hidden)
            else:
                yield Level(side, hidden, shows=side, show=partial(picture.expand, -1, 3, -1, -1))

    def _levels(
        self, ws: torch.Tensor, noise: Sequence[torch.Tensor | None], levels: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """Hidden state and picture (None: not yet) after each level."""
        resnet, clamp = self.shape.architecture == "resnet", self.shape.clamp
        gain = 0.5**0.5 if resnet else 1.0
        x: torch.Tensor = self.start.expand(len(ws), -1, -1, -1)
        x = self.layers[0](x, ws[:, 0], noise[0], self.kernel, 1.0, clamp)
        picture: torch.Tensor | None = self.pictures["0"](x, ws[:, 1], clamp) if "0" in self.pictures else None
        yield x, picture
        for level in range(1, levels):
            first = 2 * level - 1
            beside = upsample(self.skips[level - 1](x), self.kernel) * gain if resnet else None
            x = self.layers[first](x, ws[:, first], noise[first], self.kernel, 1.0, clamp)
            x = self.layers[first + 1](x, ws[:, first + 1], noise[first + 1], self.kernel, gain, clamp)
            if beside is not None:
                x = x + beside
            if picture is not None:
                picture = upsample(picture, self.kernel)
            if str(level) in self.pictures:
                shown = self.pictures[str(level)](x, ws[:, first + 2], clamp)
                picture = shown if picture is None else picture + shown
            yield x, picture


def blur(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """`[N, C, 2h + 1, 2w + 1]` of a transposed convolution to `[N, C, 2h, 2w]`, by the resampling filter times four."""
    return F.conv2d(x, (4 * kernel).flip(0, 1).expand(x.shape[1], 1, -1, -1), padding=1, groups=x.shape[1])


def upsample(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """`[N, C, h, w]` to `[N, C, 2h, 2w]`, zeros put between and filtered."""
    return F.conv_transpose2d(x, (4 * kernel).expand(x.shape[1], 1, -1, -1), stride=2, padding=1, groups=x.shape[1])
