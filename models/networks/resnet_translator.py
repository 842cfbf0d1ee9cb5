"""The ResNet generator of pix2pix and CycleGAN (Zhu et al., arXiv 1703.10593), and its slim form of GAN Compression (2003.08936).

`ResNetTranslator` is the plain network; `FastResNetTranslator` gives the same picture sooner and in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.pieces import conv_doubling, conv_valid
from models.networks.unfilled import EPSILON, BatchNorm, Conv2d, ConvTranspose2d, folded
from models.precision import Runtime
from models.steps import Steps

MULTIPLE = 4  # two halvings


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of the network: `stem`, `halved`, `quartered` channels on the way down, those inside each block, then on the way up.

    `separable` blocks have a depthwise and a pointwise convolution for each; `batch` norms bring statistics, others take
    those of the picture; `padding` of the blocks is "reflect", "replicate" or "zeros".
    """

    channels_in: int
    channels_out: int
    stem: int
    halved: int
    quartered: int
    inside: tuple[int, ...]
    doubled: int
    full: int
    separable: bool
    batch: bool
    padding: str = "reflect"


class Separable(nn.Module):
    """A depthwise convolution, an instance norm, a pointwise convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = Conv2d(inputs, inputs, 3, groups=inputs)
        self.pointwise = Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.pointwise(F.instance_norm(self.depthwise(x), eps=EPSILON))
        return made


class Unit(nn.Module):
    """A convolution and the norm behind it."""

    def __init__(self, conv: nn.Module, channels: int, batch: bool) -> None:
        super().__init__()
        self.conv = conv
        self.norm = BatchNorm(channels) if batch else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.conv(x)
        return F.instance_norm(made, eps=EPSILON) if self.norm is None else self.norm(made)


class Block(nn.Module):
    """Two units with a way around them."""

    def __init__(self, channels: int, inside: int, config: ResNetConfig) -> None:
        super().__init__()
        self.padding = config.padding
        self.first = Unit(_inner(channels, inside, config), inside, config.batch)
        self.second = Unit(_inner(inside, channels, config), channels, config.batch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = F.relu(self.first(padded(x, 1, self.padding)))
        result: torch.Tensor = x + self.second(padded(made, 1, self.padding))
        return result


def _inner(inputs: int, outputs: int, config: ResNetConfig) -> nn.Module:
    return Separable(inputs, outputs) if config.separable else Conv2d(inputs, outputs, 3, bias=not config.batch)


class ResNetTranslator(nn.Module):
    """`[N, channels_in, h, w]`, -1..1, to `[N, channels_out, h, w]`, -1..1; sides are multiples of 4."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        bias = not config.batch
        self.stem = Unit(Conv2d(config.channels_in, config.stem, 7, bias=bias), config.stem, config.batch)
        self.down1 = Unit(Conv2d(config.stem, config.halved, 3, 2, 1, bias=bias), config.halved, config.batch)
        self.down2 = Unit(Conv2d(config.halved, config.quartered, 3, 2, 1, bias=bias), config.quartered, config.batch)
        self.blocks = nn.Sequential(*(Block(config.quartered, inside, config) for inside in config.inside))
        self.up1 = Unit(ConvTranspose2d(config.quartered, config.doubled, 3, 2, 1, 1, bias=bias), config.doubled, config.batch)
        self.up2 = Unit(ConvTranspose2d(config.doubled, config.full, 3, 2, 1, 1, bias=bias), config.full, config.batch)
        self.last = Conv2d(config.full, config.channels_out, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(padded(x, 3, "reflect")))
        x = F.relu(self.down2(F.relu(self.down1(x))))
        x = self.blocks(x)
        x = F.relu(self.up2(F.relu(self.up1(x))))
        return torch.tanh(self.last(padded(x, 3, "reflect")))


def padded(x: torch.Tensor, by: int, how: str) -> torch.Tensor:
    """`x` with `by` more pixels on each side: "reflect", "replicate" or "zeros"."""
    return F.pad(x, (by, by, by, by), mode="constant" if how == "zeros" else how)


class FastResNetTranslator:
    """The same network in channels_last and the runtime's number format, batch norms folded, cut into pieces.

    The last layer stays in float32: there a lower format shows as steps in smooth colours.
    """

    multiple = MULTIPLE
    fixed: tuple[int, int] | None = None

    def __init__(self, config: ResNetConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.channels_in, self.channels_out = config.channels_in, config.channels_out
        self._tensors = {name: tensor.detach().float() for name, tensor in tensors.items()}
        self._units: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}
        for name in ("stem", "down1", "down2", "up1", "up2"):
            self._units[name] = self._unit(name, "conv", name.startswith("up"))
        for number in range(len(config.inside)):
            for half in ("first", "second"):
                unit = f"blocks.{number}.{half}"
                if config.separable:
                    self._units[f"{unit}.depthwise"] = self._placed(unit, "conv.depthwise")
                    self._units[f"{unit}.pointwise"] = self._unit(unit, "conv.pointwise")
                else:
                    self._units[unit] = self._unit(unit, "conv")
        self._last = (self._exact("last.weight"), self._exact("last.bias"))
        self._tensors = {}

    def translate(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `ResNetTranslator.forward` for one picture, float32 in and out."""
        y = x.to(self.runtime.device, self.runtime.dtype).contiguous(memory_format=torch.channels_last)
        y = self._relu((yield from self._conv("stem", padded(y, 3, "reflect"))))
        for name in ("down1", "down2"):
            y = self._relu((yield from self._conv(name, padded(y, 1, "zeros"), stride=2)))
        for number in range(len(self.config.inside)):
            made = self._relu((yield from self._inner(f"blocks.{number}.first", y)))
            made = yield from self._inner(f"blocks.{number}.second", made)
            y = self._normed(made).add_(y)
        for name in ("up1", "up2"):
            y = self._relu((yield from conv_doubling(y, *self._units[name])))
        return torch.tanh((yield from conv_valid(padded(y.float(), 3, "reflect"), *self._last)))

    def _inner(self, unit: str, x: torch.Tensor) -> Steps[torch.Tensor]:
        x = padded(x, 1, self.config.padding)
        if not self.config.separable:
            return (yield from self._conv(unit, x))
        made = instance_normed((yield from self._conv(f"{unit}.depthwise", x, groups=x.shape[1])))
        weight, bias = self._units[f"{unit}.pointwise"]
        yield
        return F.linear(made.permute(0, 2, 3, 1), weight[:, :, 0, 0], bias).permute(0, 3, 1, 2)

    def _conv(self, name: str, x: torch.Tensor, stride: int = 1, groups: int = 1) -> Steps[torch.Tensor]:
        return conv_valid(x, *self._units[name], stride=stride, groups=groups)

    def _normed(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.config.batch else instance_normed(x)

    def _relu(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu_(self._normed(x))

    def _unit(self, unit: str, conv: str, transposed: bool = False) -> tuple[torch.Tensor, torch.Tensor | None]:
        weight, bias = self._tensors[f"{unit}.{conv}.weight"], self._tensors.get(f"{unit}.{conv}.bias")
        if self.config.batch:
            norm = {key: self._tensors[f"{unit}.norm.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
            weight, bias = folded(weight, bias, norm, transposed=transposed)
        return self._on_device(weight), None if bias is None else self._on_device(bias)

    def _placed(self, unit: str, conv: str) -> tuple[torch.Tensor, torch.Tensor | None]:
        weight, bias = self._tensors[f"{unit}.{conv}.weight"], self._tensors[f"{unit}.{conv}.bias"]
        return self._on_device(weight), self._on_device(bias)

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        return tensor.to(self.runtime.device, self.runtime.dtype, memory_format=layout)

    def _exact(self, name: str) -> torch.Tensor:
        return self._tensors[name].to(self.runtime.device)


def instance_normed(x: torch.Tensor) -> torch.Tensor:
    """Each channel of one picture `[1, C, h, w]` with mean 0 and deviation 1.

    For one picture that is a batch norm with the batch's own statistics, whose kernel for channels_last is five to twenty
    times as fast as that of torch's instance norm.
    """
    return F.batch_norm(x, None, None, training=True, eps=EPSILON)
