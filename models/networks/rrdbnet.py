"""RRDBNet: residual-in-residual dense blocks (ESRGAN, Wang et al., arXiv 1809.00219; Real-ESRGAN, arXiv 2107.10833).

`RRDBNet` is the plain network, one operator a line; `FastRRDBNet` gives the same picture sooner and band by band.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks import kernel
from models.networks.dense_rows import DENSE_NAMES, RESIDUAL, SLOPE, TAIL, DenseStage
from models.networks.kernel import Kernel
from models.networks.quick_rows import QuickConvolution, QuickDenseStage, higher
from models.networks.streaming import (
    PIXELS,
    WIDEST,
    Bands,
    Convolution,
    DoublingConvolution,
    LastConvolution,
    Rows,
    Stage,
    at_once_on,
    before_doubling,
    flow,
    four_at_once,
    whole,
    widest,
)
from models.networks.unfilled import Conv2d
from models.precision import Runtime
from models.steps import Steps


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
    """The same network in channels_last and the runtime's number format; the picture flows through it by rows.

    The sums that go around the blocks, and the first and last layer, stay in float32: there a lower format costs most of what
    it costs at all, and gains nothing.
    """

    def __init__(self, config: RRDBConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.channels_in, self.scale, self.multiple = config.channels_in, config.scale, config.unshuffle
        # Its field of view is hundreds of pixels wide, but on the hardest of three strips of photos what lies farther away than
        # this changed no pixel near a border by more than two levels (x4plus; what lies beyond 24 pixels changed 0.3 % of them).
        self.overlap = min(32, 15 * config.blocks + 4) * config.unshuffle
        self.at_once = at_once_on(runtime.device)
        self._kernels = self._own_kernels(tensors)
        if not self._kernels:
            self._weights = {name: self._placed(name, tensor.detach()) for name, tensor in tensors.items()}
            self._doubling = [
                [self._placed("ups", part) for part in before_doubling(tensors[f"ups.{number}.weight"].detach().float())]
                for number in range(config.doublings)
            ]
            self._last = self._placed("conv_last.", four_at_once(tensors["conv_last.weight"].detach()))

    def _own_kernels(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, Kernel]:
        """All 3x3 convolutions by name, where our own kernels take them and are quicker than torch; else none."""
        kind, exact = (kernel.level(dtype, self.runtime.device) for dtype in (self.runtime.dtype, torch.float32))
        layers = {name.removesuffix(".weight"): tensor.detach() for name, tensor in tensors.items() if name.endswith(".weight")}
        # Bypasses, of size 1x1, do not fit; a dense block's maps must begin where a kernel's channels do.
        if not kind or self.config.features % kernel.LANES or not all(kernel.fits(weight) for weight in layers.values()):
            return {}
        made = {}
        for name, weight in layers.items():
            slope = None if name.endswith(("conv_first", "conv5", "conv_body", "conv_last")) else SLOPE
            outer = name in ("conv_first", "conv_last")
            made[name] = Kernel(weight, tensors[f"{name}.bias"].detach(), slope, exact if outer else kind)
        return made

    @property
    def tile(self) -> int:
        """Side of a core: as wide as the memory allows, for what is kept is a few rows of every layer."""
        return widest(self._bytes_a_column(), self.runtime.device) * self.config.unshuffle

    @property
    def takes_many(self) -> bool:
        """Whether several pictures may flow at once: our own kernels take one."""
        return not self._kernels

    @property
    def bytes_a_pixel(self) -> int:
        """Of what is held for each of the pixels that are taken at once: where a picture is doubled, four pixels are made of one
        and put together, and a convolution may copy what it sees."""
        config, size = self.config, self.runtime.dtype.itemsize
        dense, doubled = 2 * (config.features + 4 * config.growth), 9 * config.features
        return max(dense, doubled if config.doublings else 0) * size + 2 * config.features * 4

    def _bytes_a_column(self) -> int:
        config, size = self.config, self.runtime.dtype.itemsize
        seen_again = PIXELS // WIDEST * higher() if self._kernels else TAIL  # rows: kernels leave them in their bands
        tails = 3 * seen_again * (config.features + 4 * config.growth) * size
        around = (15 + 15 + 15) * config.features * 4  # what waits beside dense blocks, a block, and all blocks
        return config.blocks * (tails + around)

    def _placed(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        dtype = torch.float32 if name.startswith(("conv_first.", "conv_last.")) else self.runtime.dtype
        layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        return tensor.to(self.runtime.device, dtype, memory_format=layout)

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `RRDBNet.forward`, float32 in and out."""
        return (yield from whole(self.bands(x)))

    def bands(self, x: torch.Tensor) -> Bands:
        """As `enlarge`, band by band from the top to the bottom."""
        x = F.pixel_unshuffle(x.to(self.runtime.device, torch.float32), self.config.unshuffle)
        return flow(x.contiguous(memory_format=torch.channels_last), self._stages(len(x) * x.shape[3]))

    def _stages(self, width: int) -> list[Stage]:
        """The network as a row of stages for pictures (unshuffled) of this width together."""
        config, around_all = self.config, Rows()
        stages: list[Stage] = [self._convolution("conv_first", width, copy=around_all)]
        for block in range(config.blocks):
            around = Rows()
            for dense in (1, 2, 3):
                stages.append(
                    self._dense(f"body.{block}.rdb{dense}", width, around if dense == 1 else None, around if dense == 3 else None)
                )
        stages.append(self._convolution("conv_body", width, around=around_all))
        for number in range(config.doublings):
            name = f"ups.{number}"
            if self._kernels:
                stages.append(QuickConvolution(self._kernels[name], width, doubled=True))
            else:
                stages.append(
                    DoublingConvolution(self._doubling[number], self._weights[f"{name}.bias"], width, SLOPE, self.at_once)
                )
            width *= 2
        stages.append(self._convolution("conv_hr", width, slope=SLOPE))
        if config.doublings and not self._kernels:
            stages.append(LastConvolution(self._last, self._weights["conv_last.bias"], width, self.at_once))
        else:  # whose sides may be odd
            stages.append(self._convolution("conv_last", width))
        return stages

    def _dense(self, name: str, width: int, before: Rows | None, after: Rows | None) -> Stage:
        if self._kernels:
            five = [self._kernels[f"{name}.conv{number}"] for number in range(1, 6)]
            return QuickDenseStage(five, width, before, after)
        weights = {part: self._weights.get(f"{name}.{part}") for part in DENSE_NAMES}
        return DenseStage(weights, width, before, after, self.at_once)

    def _convolution(
        self, name: str, width: int, slope: float | None = None, copy: Rows | None = None, around: Rows | None = None
    ) -> Stage:
        if self._kernels:
            return QuickConvolution(self._kernels[name], width, copy=copy, around=around)
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return Convolution(weight, bias, width, slope=slope, copy=copy, around=around, at_once=self.at_once)
