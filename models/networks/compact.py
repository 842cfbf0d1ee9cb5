"""The compact upscaler of Real-ESRGAN (SRVGGNetCompact): convolutions at the picture's own size, one shuffle at the end.

`Compact` is the plain network; `FastCompact` gives the same picture sooner and in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.pieces import conv_same
from models.networks.unfilled import Conv2d
from models.precision import Runtime
from models.steps import Steps


@dataclass(frozen=True)
class CompactConfig:
    """Shape of the network: `inner` convolutions between the first and the last, and the shuffle's factor.

    `resized` is what comes out in the end: the ncnn models of x2 and x3 are one of x4, reduced by a bicubic resize.
    """

    channels: int
    features: int
    inner: int
    shuffle: int
    resized: int = 0

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes."""
        return self.resized or self.shuffle


class Compact(nn.Module):
    """`[N, channels, h, w]`, 0..1, to `[N, channels, scale*h, scale*w]`."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        wide, features = config.channels * config.shuffle**2, config.features
        body: list[nn.Module] = [Conv2d(config.channels, features, 3, 1, 1), nn.PReLU(features)]
        for _ in range(config.inner):
            body += [Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
        self.body = nn.Sequential(*body, Conv2d(features, wide, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = F.pixel_shuffle(self.body(x), self.config.shuffle)
        return _finish(made, x, self.config)


class FastCompact:
    """The same network in channels_last and the runtime's number format, cut into pieces.

    The first layer stays in float32, where the picture's levels are apart as they should be.
    """

    multiple = 1
    tile = 384

    def __init__(self, config: CompactConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.channels_in, self.scale = config.channels, config.scale
        self.overlap = config.inner + 2 + (2 if config.resized else 0)  # one pixel a convolution: tiles fit exactly
        self._convolutions = [
            (
                self._placed(k, tensors[f"body.{2 * k}.weight"]).contiguous(memory_format=torch.channels_last),
                self._placed(k, tensors[f"body.{2 * k}.bias"]),
                self._placed(k, tensors[f"body.{2 * k + 1}.weight"]) if k <= config.inner else None,
            )
            for k in range(config.inner + 2)
        ]

    def _placed(self, layer: int, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().to(self.runtime.device, self.runtime.dtype if layer else torch.float32)

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `Compact.forward` for one picture, float32 in and out."""
        y = x.to(self.runtime.device, torch.float32).contiguous(memory_format=torch.channels_last)
        for weight, bias, slope in self._convolutions:
            y = yield from conv_same(y.to(weight.dtype), weight, bias, slope=slope)
        made = F.pixel_shuffle(y.float(), self.config.shuffle)
        return _finish(made, x.to(self.runtime.device, torch.float32), self.config)


def _finish(made: torch.Tensor, x: torch.Tensor, config: CompactConfig) -> torch.Tensor:
    """Add the picture itself, enlarged by copying, and resize where the model says so (as ncnn's Interp: a = -0.75)."""
    whole = made + F.interpolate(x, scale_factor=config.shuffle, mode="nearest")
    if not config.resized or config.resized == config.shuffle:
        return whole
    size = (x.shape[-2] * config.resized, x.shape[-1] * config.resized)
    return F.interpolate(whole, size, mode="bicubic", align_corners=False)
