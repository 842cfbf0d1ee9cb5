"""3x3 convolutions in a quarter of the multiplications, in float32 on a processor: Winograd's F(4x4, 3x3).

Lavin and Gray, arXiv 1509.09308. Tiles of 4x4 output pixels are made from 6x6 input pixels: these are turned into 36 planes by
a few sums (`_spread`), each plane is a matrix product with its own share of the weights, and sums of the products are the
pixels (`_gathered`). Beyond rounding the result is that of the plain convolution; rounding is about three times as coarse.
The sums cost memory traffic, which only many channels are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from models.steps import Steps

TILE, SEEN = 4, 6  # pixels of a side that a tile makes, and that it is made from
FEWEST_CHANNELS = 128  # in and out; with fewer the sums cost as much as they save
FEWEST_PIXELS = 1024  # with fewer, reading weights that are four times as large costs as much as it saves
STRIP_VALUES = 1 << 22  # of the 36 planes of a strip of tiles

# Weights of a filter's three taps in the six products, for the points 0, 1, -1, 2, -2 and infinity.
_TAPS = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)


def pays(weight: torch.Tensor, pixels: int) -> bool:
    """Whether a layer of `weight [K, C, 3, 3]` over a picture of so many pixels is quicker this way.

    Never where this torch has no oneDNN: other matrix libraries lose on the products what was gained.
    """
    worth = min(weight.shape[:2]) >= FEWEST_CHANNELS and pixels >= FEWEST_PIXELS
    return worth and weight.dtype is torch.float32 and weight.device.type == "cpu" and has_onednn()


def has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # type: ignore[no-untyped-call]


def transformed(weight: torch.Tensor) -> torch.Tensor:
    """`weight [K, C, 3, 3]` as `convolved` takes it: `[6, 6, K, C]`, columns before rows. Four times the memory."""
    taps = weight.double().permute(2, 3, 0, 1).flatten(2)  # [3, 3, K * C]
    result = weight.new_empty(SEEN, SEEN, *weight.shape[:2])
    for column in range(SEEN):
        for row in range(SEEN):
            shares = torch.outer(_TAPS[row], _TAPS[column]).flatten()
            result[column, row] = (shares @ taps.flatten(0, 1)).view(weight.shape[:2])
    return result


def convolved(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor | None = None) -> Steps[torch.Tensor]:
    """3x3 convolution of `[h, w, C]` (times `scale [C]`, where there is one) with zeros around: `[h, w, K]`.

    `weight` is `transformed`. Sides that are no multiples of four cost as much as the next that are.
    """
    height, width, channels = x.shape
    down, across = math.ceil(height / TILE), math.ceil(width / TILE)
    made = x.new_empty(TILE * down, TILE * across, weight.shape[2])
    count = math.ceil(down * across * SEEN * SEEN * max(channels, weight.shape[2]) / STRIP_VALUES)
    rows = math.ceil(down / count)
    strip = _Strip(x, rows, across, weight.shape[2])
    for top in range(0, down, rows):
        strip.convolve(x, top, min(rows, down - top), weight, scale, made)
        yield
    return made[:height, :width]


class _Strip:
    """Memory for the planes of a strip of tiles, used again and again: fresh pages would cost more than the sums."""

    def __init__(self, x: torch.Tensor, rows: int, across: int, out: int) -> None:
        channels = x.shape[2]
        self._padded = x.new_zeros(TILE * rows + 2, TILE * across + 2, channels)
        self._half = x.new_empty(SEEN, rows, TILE * across + 2, channels)
        self._planes = x.new_empty(SEEN, SEEN, rows, across, channels)
        self._sums = x.new_empty(TILE, SEEN, rows, across, out)
        self._across = across

    def convolve(
        self, x: torch.Tensor, top: int, rows: int, weight: torch.Tensor, scale: torch.Tensor | None, made: torch.Tensor
    ) -> None:
        """Rows of tiles from `top` into `made`."""
        height, width = x.shape[:2]
        padded, half = self._padded[: TILE * rows + 2], self._half[:, :rows]
        planes, sums = self._planes[:, :, :rows], self._sums[:, :, :rows]
        first, last = max(0, TILE * top - 1), min(height, TILE * (top + rows) + 1)
        before = first - (TILE * top - 1)
        padded[:before].zero_()
        padded[before + last - first :].zero_()
        inside = padded[before : before + last - first, 1 : width + 1]
        if scale is None:
            inside.copy_(x[first:last])
        else:
            torch.mul(x[first:last], scale, out=inside)
        _spread([padded[k : k + TILE * rows - 3 : TILE] for k in range(SEEN)], half)
        _spread([half[:, :, k : k + TILE * self._across - 3 : TILE] for k in range(SEEN)], planes)
        for column in range(SEEN):
            products = [_product(planes[column, row], weight[column, row]) for row in range(SEEN)]
            _gather(products, sums[:, column].unbind())
        pixels = made[TILE * top : TILE * (top + rows)].view(rows, TILE, self._across, TILE, -1)
        # [rows, 4, across, 4, K]; of the first four each is a row of a tile's pixels
        _gather(sums.unbind(1), [pixels[:, :, :, column].transpose(0, 1) for column in range(TILE)])


def _product(plane: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`[rows, across, C]` times `weight [K, C]` by oneDNN: twice as fast as MKL's product, which `F.linear` takes, on AMD."""
    made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(plane.flatten(0, 1), weight, None, "none", [], "")
    return made.view(*plane.shape[:2], -1)


def _spread(d: Sequence[torch.Tensor], out: torch.Tensor) -> None:
    """Six values of a row (or column) of a tile, to its six shares in `out [6, ...]`."""
    apart, between = d[4] - d[2], d[3] - d[1]
    torch.add(apart, between, alpha=2, out=out[3])
    torch.sub(apart, between, alpha=2, out=out[4])
    torch.sub(d[2], d[0], out=out[0])
    torch.sub(apart, out[0], alpha=4, out=out[0])
    torch.sub(d[5], d[3], out=out[5])
    out[5].sub_(between, alpha=4)
    torch.sub(d[4], d[2], alpha=4, out=apart)
    torch.sub(d[3], d[1], alpha=4, out=between)
    torch.add(apart, between, out=out[1])
    torch.sub(apart, between, out=out[2])


def _gather(m: Sequence[torch.Tensor], out: Sequence[torch.Tensor]) -> None:
    """Six products to the four pixels of a row (or column) that they make."""
    near, far = m[1] + m[2], m[3] + m[4]
    torch.add(m[0], near, out=out[0]).add_(far)
    torch.add(near, far, alpha=4, out=out[2])
    torch.sub(m[1], m[2], out=near)
    torch.sub(m[3], m[4], out=far)
    torch.add(near, far, alpha=2, out=out[1])
    torch.add(m[5], near, out=out[3]).add_(far, alpha=8)
