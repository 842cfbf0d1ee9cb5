"""Convolutions cut into bounded pieces of work.

A strip of rows of a channels_last tensor is one run of memory, so a convolution over a large map can be done strip by strip
without a copy of its input; every strip sees a few rows more than it makes, and the result is that of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from models.steps import Steps

PIECE = 3e9  # multiplications and additions of a piece in float32: 50 ms on two older cores
LOWER = 3.0  # times as many in a lower format, which is only used where hardware makes it that much faster
FEWEST_ROWS = 4


def conv_same(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *, slope: float | None = None
) -> Steps[torch.Tensor]:
    """`[1, C, h, w]` to `[1, K, h, w]` by a convolution of an odd size, zeros around, and a leaky ReLU where it has a `slope`."""
    height, width = x.shape[-2:]
    reach = weight.shape[-1] // 2
    strips = list(_strips(height, 2.0 * weight.numel() * width, x))
    whole = _Whole(len(strips), height)
    for top, bottom in strips:
        first, last = max(0, top - reach), min(height, bottom + reach)
        made = F.conv2d(x[:, :, first:last], weight, bias, padding=reach)[:, :, top - first : bottom - first]
        whole.put(made if slope is None else F.leaky_relu_(made, slope), top)
        yield
    return whole.result()


def conv_valid(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *, stride: int = 1, groups: int = 1
) -> Steps[torch.Tensor]:
    """A convolution of a picture that has been padded already."""
    kernel = weight.shape[-1]
    height, width = ((side - kernel) // stride + 1 for side in x.shape[-2:])
    strips = list(_strips(height, 2.0 * weight.numel() * width, x))
    whole = _Whole(len(strips), height)
    for top, bottom in strips:
        seen = x[:, :, top * stride : (bottom - 1) * stride + kernel]
        whole.put(F.conv2d(seen, weight, bias, stride=stride, groups=groups), top)
        yield
    return whole.result()


def conv_doubling(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> Steps[torch.Tensor]:
    """`[1, C, h, w]` to `[1, K, 2h, 2w]` by a transposed convolution of size 3 and stride 2 (one row of padding on each side)."""
    height, width = x.shape[-2:]
    strips = list(_strips(height, 2.0 * weight.numel() * width, x))
    whole = _Whole(len(strips), 2 * height)
    for top, bottom in strips:
        seen = x[:, :, top : min(height, bottom + 1)]
        made = F.conv_transpose2d(seen, weight, bias, stride=2, padding=1, output_padding=1)
        whole.put(made[:, :, : 2 * (bottom - top)], 2 * top)
        yield
    return whole.result()


def _strips(rows: int, work: float, x: torch.Tensor) -> Iterator[tuple[int, int]]:
    """First and last row of strips of at most about `PIECE`, `work` being that of a row; one strip on other devices."""
    piece = PIECE if x.dtype is torch.float32 else PIECE * LOWER
    most = rows if x.device.type != "cpu" else max(FEWEST_ROWS, min(rows, int(piece / work)))
    count = -(-rows // most)
    for number in range(count):
        yield rows * number // count, rows * (number + 1) // count


class _Whole:
    """A map that grows strip by strip; where there is only one, it is taken as it is."""

    def __init__(self, strips: int, rows: int) -> None:
        self._strips, self._rows = strips, rows
        self._made: torch.Tensor | None = None

    def put(self, strip: torch.Tensor, top: int) -> None:
        """Take a strip that begins at row `top`."""
        if self._strips == 1:
            self._made = strip
            return
        if self._made is None:
            batch, channels, _, width = strip.shape
            empty = torch.empty(batch, self._rows, width, channels, dtype=strip.dtype, device=strip.device)
            self._made = empty.permute(0, 3, 1, 2)  # channels_last
        self._made[:, :, top : top + strip.shape[2]] = strip

    def result(self) -> torch.Tensor:
        """The map, once all strips are there."""
        assert self._made is not None
        return self._made
