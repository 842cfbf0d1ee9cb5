"""RRDBNet: residual-in-residual dense blocks (ESRGAN, Wang et al., arXiv 1809.00219; Real-ESRGAN, arXiv 2107.10833).

`RRDBNet` is the plain network, one operator a line; `FastRRDBNet` gives the same picture sooner and in pieces.
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

SLOPE = 0.2  # of every leaky ReLU
RESIDUAL = 0.2  # what a block adds is scaled by this
HEAD_ROWS = 32  # of a strip after the body
HEAD_REACH = 2  # rows that the two to five layers after the body see beyond their own


@dataclass(frozen=True)
class RRDBConfig:
    """Shape of the network. The picture is unshuffled by `unshuffle` first, and doubled `doublings` times at the end.

    `plus` is the variant of nESRGAN+ (Rakotonirina and Rasoanaivo, ICASSP 2020) with a 1x1 bypass in each dense block.
    """

    channels_in: int
    channels_out: int
    features: int
    growth: int
    blocks: int
    doublings: int
    unshuffle: int = 1
    plus: bool = False

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes."""
        return (1 << self.doublings) // self.unshuffle


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it."""

    def __init__(self, config: RRDBConfig) -> None:
        super().__init__()
        features, growth = config.features, config.growth
        for k in range(1, 5):
            setattr(self, f"conv{k}", Conv2d(features + (k - 1) * growth, growth, 3, 1, 1))
        self.conv5 = Conv2d(features + 4 * growth, features, 3, 1, 1)
        self.conv1x1 = Conv2d(features, growth, 1, bias=False) if config.plus else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = [x]
        for k in range(1, 5):
            made = F.leaky_relu(getattr(self, f"conv{k}")(torch.cat(seen, 1)), SLOPE)
            if self.conv1x1 is not None and k == 2:
                made = made + self.conv1x1(x)
            if self.conv1x1 is not None and k == 4:
                made = made + seen[2]
            seen.append(made)
        added: torch.Tensor = self.conv5(torch.cat(seen, 1))
        return added * RESIDUAL + x


class ResidualBlock(nn.Module):
    """Three dense blocks with a way around them."""

    def __init__(self, config: RRDBConfig) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = DenseBlock(config), DenseBlock(config), DenseBlock(config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return made * RESIDUAL + x


class RRDBNet(nn.Module):
    """`[N, channels_in, h, w]`, 0..1, to `[N, channels_out, scale*h, scale*w]`; sides are multiples of `unshuffle`."""

    def __init__(self, config: RRDBConfig) -> None:
        super().__init__()
        self.config = config
        wide = config.channels_in * config.unshuffle**2
        self.conv_first = Conv2d(wide, config.features, 3, 1, 1)
        self.body = nn.Sequential(*(ResidualBlock(config) for _ in range(config.blocks)))
        self.conv_body = Conv2d(config.features, config.features, 3, 1, 1)
        self.ups = nn.ModuleList(Conv2d(config.features, config.features, 3, 1, 1) for _ in range(config.doublings))
        self.conv_hr = Conv2d(config.features, config.features, 3, 1, 1)
        self.conv_last = Conv2d(config.features, config.channels_out, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.conv_first(F.pixel_unshuffle(x, self.config.unshuffle))
        y = first + self.conv_body(self.body(first))
        for up in self.ups:
            y = F.leaky_relu(up(F.interpolate(y, scale_factor=2, mode="nearest")), SLOPE)
        made: torch.Tensor = self.conv_last(F.leaky_relu(self.conv_hr(y), SLOPE))
        return made


class FastRRDBNet:
    """The same network in channels_last and the runtime's number format, in place where it can be, cut into pieces.

    The sums that go around the blocks, and the first and last layer, stay in float32: there a lower format costs most of what
    it costs at all, and gains nothing.
    """

    def __init__(self, config: RRDBConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.channels_in, self.scale, self.multiple = config.channels_in, config.scale, config.unshuffle
        self.tile = 256
        # Its field of view is hundreds of pixels wide. What lies farther away than this changes a picture by a quarter of a
        # level on average (x4plus-anime on a photo full of writing, where it matters most), and leaves no seam.
        self.overlap = min(24, 15 * config.blocks + 4) * config.unshuffle
        self._weights = {name: self._placed(name, tensor.detach()) for name, tensor in tensors.items()}

    def _placed(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        dtype = torch.float32 if name.startswith(("conv_first.", "conv_last.")) else self.runtime.dtype
        layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        return tensor.to(self.runtime.device, dtype, memory_format=layout)

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `RRDBNet.forward` for one picture, float32 in and out."""
        x = x.to(self.runtime.device, torch.float32)
        x = F.pixel_unshuffle(x, self.config.unshuffle).contiguous(memory_format=torch.channels_last)
        first = yield from self._conv("conv_first", x)
        y = first
        for block in range(self.config.blocks):
            entry = y
            for dense in (1, 2, 3):
                y = yield from self._dense(f"body.{block}.rdb{dense}", y)
            y = torch.add(entry, y, alpha=RESIDUAL)
        y = first + (yield from self._conv("conv_body", y))
        return (yield from self._head(y))

    def _head(self, y: torch.Tensor) -> Steps[torch.Tensor]:
        """The layers after the body, in strips of rows: at full size all of their 64 channels would take most of the memory.

        Each layer needs one row more on each side at its own size, so two rows of the body's are enough for all of them.
        """
        height, grows = y.shape[2], 1 << self.config.doublings
        made: list[torch.Tensor] = []
        for top in range(0, height, HEAD_ROWS):
            bottom = min(height, top + HEAD_ROWS)
            first, last = max(0, top - HEAD_REACH), min(height, bottom + HEAD_REACH)
            strip = y[:, :, first:last]
            for number in range(self.config.doublings):
                strip = yield from self._conv(f"ups.{number}", strip, SLOPE, grow=2)
            strip = yield from self._conv("conv_hr", strip, SLOPE)
            strip = yield from self._conv("conv_last", strip)
            made.append(strip[:, :, (top - first) * grows : (bottom - first) * grows])
        return torch.cat(made, 2)

    def _dense(self, name: str, x: torch.Tensor) -> Steps[torch.Tensor]:
        seen = [x.to(self.runtime.dtype)]
        for k in range(1, 5):
            made = yield from self._conv(f"{name}.conv{k}", torch.cat(seen, 1) if k > 1 else seen[0], SLOPE)
            if self.config.plus and k == 2:
                made.add_(F.conv2d(seen[0], self._weights[f"{name}.conv1x1.weight"]))
            if self.config.plus and k == 4:
                made.add_(seen[2])
            seen.append(made)
        added = yield from self._conv(f"{name}.conv5", torch.cat(seen, 1))
        return torch.add(x, added, alpha=RESIDUAL)

    def _conv(self, name: str, x: torch.Tensor, slope: float | None = None, grow: int = 1) -> Steps[torch.Tensor]:
        weight = self._weights[f"{name}.weight"]
        return conv_same(x.to(weight.dtype), weight, self._weights[f"{name}.bias"], slope=slope, grow=grow)
