"""The U-Net generator of pix2pix (Isola et al., arXiv 1611.07004), whole and at the one size it was built for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.resnet_translator import instance_normed
from models.networks.unfilled import EPSILON, BatchNorm, Conv2d, ConvTranspose2d, folded
from models.precision import Runtime
from models.steps import Steps

SLOPE = 0.2


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the network: `widths` are the channels after each halving, from the outermost to the innermost."""

    channels_in: int
    channels_out: int
    widths: tuple[int, ...]
    batch: bool

    @property
    def side(self) -> int:
        """Side of the picture, in pixels: the innermost level has one."""
        return 1 << len(self.widths)


class UNetTranslator(nn.Module):
    """`[N, channels_in, side, side]`, -1..1, to `[N, channels_out, side, side]`, -1..1.

    A level's way up takes what came from below beside what the level itself had seen. Upstream's leaky ReLU works in place,
    so what it had seen has been through that, and then through the ReLU of the way up: together a ReLU.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, batch = config.widths, config.batch
        deepest = len(widths) - 1
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        self.down_norms = nn.ModuleList()
        self.up_norms = nn.ModuleList()
        for level, width in enumerate(widths):
            above = widths[level - 1] if level else config.channels_in
            bare = level in (0, deepest)
            self.downs.append(Conv2d(above, width, 4, 2, 1, bias=not batch))
            self.down_norms.append(BatchNorm(width) if batch and not bare else nn.Identity())
            below = width if level == deepest else 2 * width
            outputs = above if level else config.channels_out
            self.ups.append(ConvTranspose2d(below, outputs, 4, 2, 1, bias=not batch or not level))
            self.up_norms.append(BatchNorm(outputs) if batch and level else nn.Identity())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deepest = len(self.downs) - 1
        seen: list[torch.Tensor] = []
        for level, (down, norm) in enumerate(zip(self.downs, self.down_norms, strict=True)):
            x = down(F.leaky_relu(x, SLOPE) if level else x)
            x = norm(x) if self.config.batch or level in (0, deepest) else F.instance_norm(x, eps=EPSILON)
            seen.append(x)
        for level in range(deepest, -1, -1):
            x = self.ups[level](F.relu(x if level == deepest else torch.cat([seen[level], x], 1)))
            x = self.up_norms[level](x) if self.config.batch or not level else F.instance_norm(x, eps=EPSILON)
        return torch.tanh(x)


class FastUNetTranslator:
    """The same network in channels_last and the runtime's number format, batch norms folded, cut into pieces."""

    def __init__(self, config: UNetConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.channels_in, self.channels_out = config.channels_in, config.channels_out
        self.multiple = config.side
        self.fixed: tuple[int, int] | None = (config.side, config.side)
        # Most of the time goes into reading the weights, and in float32 they are read faster as they lie.
        self._layout = torch.contiguous_format if runtime.dtype is torch.float32 else torch.channels_last
        levels = range(len(config.widths))
        self._downs = [self._layer("down", level, tensors) for level in levels]
        self._ups = [self._layer("up", level, tensors) for level in levels]

    def translate(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `UNetTranslator.forward` for one picture, float32 in and out."""
        deepest = len(self._downs) - 1
        y = x.to(self.runtime.device, self.runtime.dtype).contiguous(memory_format=self._layout)
        seen: list[torch.Tensor] = []
        for level, (weight, bias) in enumerate(self._downs):
            y = F.conv2d(F.leaky_relu(y, SLOPE) if level else y, weight, bias, stride=2, padding=1)
            if not self.config.batch and level not in (0, deepest):
                y = instance_normed(y)
            seen.append(y)
            yield
        for level in range(deepest, -1, -1):
            weight, bias = self._ups[level]
            y = F.relu_(y if level == deepest else torch.cat([seen[level], y], 1))
            y = F.conv_transpose2d(y.to(weight.dtype), weight, bias, stride=2, padding=1)
            if not self.config.batch and level:
                y = instance_normed(y)
            yield
        return torch.tanh(y)

    def _layer(self, way: str, level: int, tensors: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        weight = tensors[f"{way}s.{level}.weight"].detach().float()
        bias = tensors[f"{way}s.{level}.bias"].detach().float() if f"{way}s.{level}.bias" in tensors else None
        norm = f"{way}_norms.{level}."
        if f"{norm}weight" in tensors:
            parts = {name.removeprefix(norm): t.detach().float() for name, t in tensors.items() if name.startswith(norm)}
            weight, bias = folded(weight, bias, parts, transposed=way == "up")
        dtype = torch.float32 if way == "up" and not level else self.runtime.dtype  # the last layer makes the picture's levels
        placed = weight.to(self.runtime.device, dtype, memory_format=self._layout)
        return placed, None if bias is None else bias.to(self.runtime.device, dtype)
