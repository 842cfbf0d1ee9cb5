"""The compact upscaler of Real-ESRGAN (SRVGGNetCompact): convolutions at the picture's own size, one shuffle at the end.

`Compact` is the plain network; `FastCompact` gives the same picture sooner and band by band.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from models.networks import kernel
from models.networks.quick_rows import QuickConvolution
from models.networks.streaming import WIDEST, Bands, Convolution, Stage, at_once_on, cut, flow, whole
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
        enlarged = made + F.interpolate(x, scale_factor=self.config.shuffle, mode="nearest")
        return _resized(enlarged, x, self.config)


class FastCompact:
    """The same network in channels_last and the runtime's number format; the picture flows through it by rows.

    The first layer stays in float32, where the picture's levels are apart as they should be. With `around` it sees as many pixels
    more at each side, which go on as the outermost do, and cuts off what it makes of them: some networks draw a checker where
    they see the zeros beyond a border.
    """

    multiple = 1

    def __init__(self, config: CompactConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime, around: int = 0) -> None:
        self.config, self.runtime, self.around = config, runtime, around
        self.channels_in, self.scale = config.channels, config.scale
        reach = config.inner + 2 + (2 if config.resized else 0)  # one pixel a convolution: tiles fit exactly
        self.overlap = -(-reach // kernel.TILE) * kernel.TILE  # windows begin with whole tiles of the kernels
        self.at_once = at_once_on(runtime.device)
        self._layers = [self._layer(k, tensors) for k in range(config.inner + 2)]

    @property
    def tile(self) -> int:
        """Side of a core: as wide as can be, for only rows are kept; but a resize needs the whole."""
        return 384 if self._resizes else WIDEST

    @property
    def _resizes(self) -> bool:
        return self.config.resized not in (0, self.config.shuffle)

    @property
    def takes_many(self) -> bool:
        """Whether several pictures may flow at once: our own kernels take one."""
        return not kernel.level(torch.float32, self.runtime.device)

    @property
    def bytes_a_pixel(self) -> int:
        """Of what is held for each of the pixels that are taken at once: a layer's rows, what it makes, the picture of it."""
        return (3 * self.config.features + 2 * self.config.channels * self.config.shuffle**2) * 4

    def _layer(self, k: int, tensors: Mapping[str, torch.Tensor]) -> Callable[[int], Stage]:
        """The k-th convolution and its slopes, as a stage for a picture of a width that is told later."""
        weight, bias = tensors[f"body.{2 * k}.weight"].detach(), tensors[f"body.{2 * k}.bias"].detach()
        slope = tensors[f"body.{2 * k + 1}.weight"].detach() if k <= self.config.inner else None
        kind = kernel.level(self.runtime.dtype if k else torch.float32, self.runtime.device)
        made = self.runtime.dtype if k <= self.config.inner else torch.float32
        if kind and kernel.fits(weight) and made in kernel.FORMATS:
            quick = kernel.Kernel(weight, bias, slope, kind)
            return lambda width: QuickConvolution(quick, width, made)
        placed = self._placed(k, weight).contiguous(memory_format=torch.channels_last), self._placed(k, bias)
        slopes = None if slope is None else self._placed(k, slope)
        return lambda width: Convolution(*placed, width, slope=slopes, at_once=self.at_once)

    def _placed(self, layer: int, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.runtime.device, self.runtime.dtype if layer else torch.float32)

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `Compact.forward`, float32 in and out."""
        return (yield from whole(self.bands(x)))

    def bands(self, x: torch.Tensor) -> Bands:
        """As `enlarge`, band by band from the top to the bottom (in a single one where the result is resized)."""
        if not self.around:
            return self._bands(x)
        beyond = self.around * self.scale
        return cut(
            self._bands(F.pad(x, (self.around,) * 4, mode="replicate")), beyond, *(side * self.scale for side in x.shape[2:])
        )

    def _bands(self, x: torch.Tensor) -> Bands:
        x = x.to(self.runtime.device, torch.float32).contiguous(memory_format=torch.channels_last)
        stages = [layer(len(x) * x.shape[3]) for layer in self._layers]
        made = self._shuffled(flow(x, stages), x)
        if self._resizes:
            yield _resized((yield from whole(made)), x, self.config)
        else:
            yield from made

    def _shuffled(self, bands: Bands, x: torch.Tensor) -> Bands:
        """The last layer's bands as pixels, the picture itself added."""
        top, side = 0, self.config.shuffle
        quick = bool(kernel.level(torch.float32, x.device))
        for band in bands:
            if band is None:
                yield None
                continue
            part = x[:, :, top : top + band.shape[2]]
            yield kernel.shuffled(band, part, side) if quick else _shuffled(band, part, side)
            top += band.shape[2]


def _shuffled(band: torch.Tensor, x: torch.Tensor, side: int) -> torch.Tensor:
    """Squares as pixels, and the picture of these rows: enlarged by copying, each of its channels is all of a square.

    So the sum is the same before the shuffle, where a pixel is a run of memory.
    """
    squares = band.permute(0, 2, 3, 1).reshape(len(band), band.shape[2], band.shape[3], -1, side**2)
    added = torch.add(squares.float(), x.permute(0, 2, 3, 1)[..., None]).flatten(3)
    return F.pixel_shuffle(added.permute(0, 3, 1, 2), side)


def _resized(whole: torch.Tensor, x: torch.Tensor, config: CompactConfig) -> torch.Tensor:
    """The enlarged picture of `x` in the model's size (as ncnn's Interp: a = -0.75)."""
    if config.resized in (0, config.shuffle):
        return whole
    size = (x.shape[-2] * config.resized, x.shape[-1] * config.resized)
    return F.interpolate(whole, size, mode="bicubic", align_corners=False)
