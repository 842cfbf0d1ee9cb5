"""SRResNet, the generator of SRGAN (Ledig et al., arXiv 1609.04802), in the form of leftthomas/SRGAN.

`SRResNet` is the plain network; `FastSRResNet` gives the same picture sooner and in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.pieces import conv_same
from models.networks.streaming import at_once_on
from models.networks.unfilled import BatchNorm, Conv2d, folded
from models.precision import Runtime
from models.steps import Steps


@dataclass(frozen=True)
class SRResNetConfig:
    """Shape of the network. `normed` says whether a batch norm or, as until May 2019, a PReLU follows the residual blocks."""

    features: int
    blocks: int
    doublings: int
    normed: bool

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes."""
        return 1 << self.doublings


class ResidualUnit(nn.Module):
    """Two convolutions with batch norms and a way around them."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = Conv2d(features, features, 3, 1, 1), BatchNorm(features)
        self.slope = nn.Parameter(torch.empty(1))
        self.conv2, self.norm2 = Conv2d(features, features, 3, 1, 1), BatchNorm(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = F.prelu(self.norm1(self.conv1(x)), self.slope)
        result: torch.Tensor = x + self.norm2(self.conv2(made))
        return result


class SRResNet(nn.Module):
    """`[N, 3, h, w]`, 0..1, to `[N, 3, scale*h, scale*w]`, 0..1."""

    def __init__(self, config: SRResNetConfig) -> None:
        super().__init__()
        features = config.features
        self.first, self.first_slope = Conv2d(3, features, 9, 1, 4), nn.Parameter(torch.empty(1))
        self.blocks = nn.Sequential(*(ResidualUnit(features) for _ in range(config.blocks)))
        self.middle = Conv2d(features, features, 3, 1, 1)
        if config.normed:
            self.middle_norm = BatchNorm(features)
        else:
            self.middle_slope = nn.Parameter(torch.empty(1))
        self.normed = config.normed
        self.ups = nn.ModuleList(Conv2d(features, 4 * features, 3, 1, 1) for _ in range(config.doublings))
        self.up_slopes = nn.ParameterList(nn.Parameter(torch.empty(1)) for _ in range(config.doublings))
        self.last = Conv2d(features, 3, 9, 1, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = F.prelu(self.first(x), self.first_slope)
        made = self.middle(self.blocks(first))
        made = self.middle_norm(made) if self.normed else F.prelu(made, self.middle_slope)
        y = first + made
        for up, slope in zip(self.ups, self.up_slopes, strict=True):
            y = F.prelu(F.pixel_shuffle(up(y), 2), slope)
        return (torch.tanh(self.last(y)) + 1) / 2


class FastSRResNet:
    """The same network in channels_last and the runtime's number format, batch norms folded, cut into pieces.

    The first and the last layer stay in float32.
    """

    channels_in, multiple, tile, takes_many = 3, 1, 128, True

    def __init__(self, config: SRResNetConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime, self.scale = config, runtime, config.scale
        self.at_once = at_once_on(runtime.device)
        self.bytes_a_pixel = 4 * config.features * config.scale**2 * 4  # around the last layer, at the size that is made
        # Four pixels for a convolution of size 9, one for one of size 3; half of it and less after each doubling.
        self.overlap = 4 + 2 * config.blocks + 1 + 2 + 4 // config.scale + 1
        self._tensors = {name: tensor.detach().float() for name, tensor in tensors.items()}
        self._layers = {
            "first": self._placed("first", None, torch.float32),
            "middle": self._placed("middle", "middle_norm" if config.normed else None),
            "last": self._placed("last", None, torch.float32),
        }
        for number in range(config.blocks):
            for half in "12":
                self._layers[f"{number}.{half}"] = self._placed(f"blocks.{number}.conv{half}", f"blocks.{number}.norm{half}")
        for number in range(config.doublings):
            self._layers[f"up{number}"] = self._placed(f"ups.{number}", None)
        self._slopes = {name: float(tensor) for name, tensor in self._tensors.items() if "slope" in name}
        self._tensors = {}

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `SRResNet.forward`, float32 in and out."""
        y = x.to(self.runtime.device, torch.float32).contiguous(memory_format=torch.channels_last)
        first = y = yield from self._conv("first", y, self._slopes["first_slope"])
        for number in range(self.config.blocks):
            made = yield from self._conv(f"{number}.1", y, self._slopes[f"blocks.{number}.slope"])
            y = y + (yield from self._conv(f"{number}.2", made))
        y = first + (yield from self._conv("middle", y, self._slopes.get("middle_slope")))
        for number in range(self.config.doublings):
            made = F.pixel_shuffle((yield from self._conv(f"up{number}", y)), 2)
            y = F.leaky_relu_(made.contiguous(memory_format=torch.channels_last), self._slopes[f"up_slopes.{number}"])
        return torch.tanh((yield from self._conv("last", y))).add_(1).div_(2)

    def _conv(self, name: str, x: torch.Tensor, slope: float | None = None) -> Steps[torch.Tensor]:
        weight, bias = self._layers[name]
        return conv_same(x.to(weight.dtype), weight, bias, slope=slope)

    def _placed(self, conv: str, norm: str | None, dtype: torch.dtype | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        weight, bias = self._tensors[f"{conv}.weight"], self._tensors[f"{conv}.bias"]
        if norm is not None:
            parts = {key: self._tensors[f"{norm}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
            weight, bias = folded(weight, bias, parts)
        chosen, device = dtype or self.runtime.dtype, self.runtime.device
        return weight.to(device, chosen, memory_format=torch.channels_last), bias.to(device, chosen)
