"""3x3 convolutions by our own kernels (`kernels/winograd.c`), where this machine has them: about twice as quick as torch's.

The kernels are compiled when Ganvas is installed, where there is a compiler, and need AVX2 (float32) or AVX-512 with bfloat16.
Everywhere else torch computes, with the same result but for rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.precision import processor_has_tiles

try:
    from models.networks import _winograd
except ImportError:  # installed without a compiler, or on a processor that they are not written for
    _winograd = None  # type: ignore[assignment]
else:
    if getattr(_winograd, "EDITION", 0) != 1:  # compiled from another edition: installing Ganvas again compiles it anew
        _winograd = None  # type: ignore[assignment]

AVX2, AVX512, BFLOAT16 = 1, 2, 3  # what kernels use of a processor
NAMES = {AVX2: "float32 by AVX2", AVX512: "float32 by AVX-512", BFLOAT16: "bfloat16 by AVX-512"}
BLOCK = {AVX2: 16, AVX512: 64, BFLOAT16: 64}  # filters whose weights lie together
TILE = 4  # rows and columns that are made together: other numbers cost as much as the next multiple
LANES = 16  # channels and filters come in multiples of this
MOST_CHANNELS = 1024
FORMATS = (torch.float32, torch.bfloat16)  # of the numbers in rows

Table = NDArray[np.uint64]  # addresses of rows; 0 is a row of zeros

# Shares of a filter's three taps in the six products of a line, for the points 0, +-sqrt(1/2), +-sqrt(2) and infinity.
_NEAR, _FAR = 0.5**0.5, 2.0**0.5
_TAPS = torch.tensor(
    [[1, 0, 0]]
    + [[1 / norm, point / norm, point * point / norm] for point, norm in ((_NEAR, -1.5), (-_NEAR, -1.5), (_FAR, 6), (-_FAR, 6))]
    + [[0, 0, 1]],
    dtype=torch.float64,
)


class Rows(NamedTuple):
    """Rows of channels_last maps: a table of their addresses, bytes from pixel to pixel, and the numbers' format."""

    table: Table
    pixel: int
    dtype: torch.dtype


def found() -> int:
    """The best kernels that this processor can run; 0 where there are none."""
    return 0 if _winograd is None else _winograd.level()


def level(dtype: torch.dtype, place: torch.device) -> int:
    """Which kernels are the quickest way to compute in this format on this device; 0 where torch is."""
    if place.type != "cpu":
        return 0
    best = found()
    if torch.backends.cpu.get_cpu_capability() == "AVX2":  # ATEN_CPU_CAPABILITY, or what torch found
        best = min(best, AVX2)
    if dtype is torch.float32:
        return min(best, AVX512)
    # Processors that multiply whole tiles do so many times quicker than anything saved here.
    return BFLOAT16 if dtype is torch.bfloat16 and best == BFLOAT16 and not processor_has_tiles() else 0


def told() -> str:
    """What computes the convolutions of upscalers on the processor, in one sentence."""
    if _winograd is None:
        return "torch computes; Ganvas's own kernels, twice as quick, are compiled at installation on x86-64 with GCC or Clang"
    kinds = [level(dtype, torch.device("cpu")) for dtype in (torch.float32, torch.bfloat16)]
    if not any(kinds):
        return "torch computes; Ganvas's own kernels need a processor with AVX2"
    return f"Ganvas's own kernels compute ({' and '.join(NAMES[kind] for kind in kinds if kind)})"


def fits(weight: torch.Tensor) -> bool:
    """Whether the kernels take such weights `[K, C, 3, 3]`."""
    channels = weight.shape[1]
    return weight.shape[2:] == (3, 3) and (channels < LANES or channels % LANES == 0) and channels <= MOST_CHANNELS


def rows_of(maps: torch.Tensor) -> Rows:
    """The rows of channels_last maps `[1, C, r, w]`, which must be kept as long as the addresses are used.

    `ValueError` for maps that kernels would read or write wrongly, beyond their end perhaps.
    """
    together = maps.stride(1) == 1 or maps.shape[1] == 1
    if maps.dtype not in FORMATS or maps.device.type != "cpu" or len(maps) != 1 or not together:
        raise ValueError("Kernels take one picture in channels_last and float32 or bfloat16, in the processor's own memory.")
    size = maps.element_size()
    table = maps.data_ptr() + np.arange(maps.shape[2], dtype=np.uint64) * np.uint64(maps.stride(2) * size)
    return Rows(table, maps.stride(3) * size, maps.dtype)


def halve(seen: Rows, made: Rows, width: int, channels: int) -> None:
    """Put float32 rows into bfloat16 ones. Only where `level` is `BFLOAT16`; channels are a multiple of `LANES`."""
    assert _winograd is not None
    size = len(seen.table), width, channels
    _winograd.halve((seen.table.ctypes.data, seen.pixel), (made.table.ctypes.data, made.pixel), size)


def shuffled(squares: torch.Tensor, added: torch.Tensor, side: int) -> torch.Tensor:
    """As `F.pixel_shuffle(squares, side)` of channels_last maps, and `added [1, colours, r, w]` (float32) enlarged by copying."""
    assert _winograd is not None
    squares = squares.float().contiguous(memory_format=torch.channels_last)
    added = added.contiguous(memory_format=torch.channels_last)
    _, colours, rows, width = added.shape
    made = torch.empty(1, colours, side * rows, side * width, dtype=torch.float32, device="cpu")
    seen, picture = rows_of(squares), rows_of(added)
    size = rows, width, colours, side
    _winograd.shuffle((seen.table.ctypes.data, seen.pixel), picture.table.ctypes.data, made.data_ptr(), size)
    return made


class Kernel:
    """A 3x3 convolution with zeros left and right, and the leaky ReLU behind it: one slope for all, one for each filter, or none.

    Weights `[K, C, 3, 3]` are put into the kernels' order when they are first used; `channels` are at least `LANES`, and those
    beyond C count for nothing (but must be finite).
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, slope: float | torch.Tensor | None, kind: int) -> None:
        self._kind, self._weight = kind, weight
        self._packed: torch.Tensor | None = None
        self.filters, self.channels = weight.shape[0], max(LANES, weight.shape[1])
        self.dtype = torch.bfloat16 if kind == BFLOAT16 else torch.float32  # of what it makes, where nobody wants another
        self._wide = -(-self.filters // LANES) * LANES
        self._bias = self._filled(bias)
        self._slope = None
        if slope is not None:
            self._slope = self._filled(torch.as_tensor(slope, dtype=torch.float32).expand(self.filters))

    def convolve(
        self,
        seen: Rows,
        made: Rows,
        width: int,
        *,
        doubled: bool = False,
        base: Rows | None = None,
        share: float = 1.0,
    ) -> None:
        """Make rows of `width` pixels from those seen, of which there are two more: one above and one below.

        `doubled` reads each pixel twice. Where there is a `base` (float32), `share` of what is made is added to it.
        """
        assert _winograd is not None
        if len(seen.table) != len(made.table) + 2:
            raise ValueError("A convolution of size 3 sees two rows more than it makes.")
        if self._packed is None:
            self._packed = _packed(self._weight, self._wide, self._kind)
        threads = torch.get_num_threads()
        room = torch.empty(threads * _winograd.room(self.channels, self._wide), dtype=torch.uint8, device="cpu")
        _winograd.convolve(
            self._kind,
            (seen.table.ctypes.data, seen.pixel, seen.dtype is torch.bfloat16, doubled),
            (made.table.ctypes.data, made.pixel, made.dtype is torch.bfloat16),
            (0, 0, 1.0) if base is None else (base.table.ctypes.data, base.pixel, share),
            (self._packed.data_ptr(), self._bias.data_ptr(), 0 if self._slope is None else self._slope.data_ptr()),
            (len(made.table), width, self.channels, self._wide, self.filters),
            threads,
            room.data_ptr(),
        )

    def _filled(self, values: torch.Tensor) -> torch.Tensor:
        """One number for each filter, and zeros up to the multiple that the kernels take."""
        filled = torch.zeros(self._wide, dtype=torch.float32, device="cpu")
        filled[: self.filters] = values.float()
        return filled


def _packed(weight: torch.Tensor, wide: int, kind: int) -> torch.Tensor:
    """Weights `[K, C, 3, 3]` as the kernels read them: for each of 36 planes blocks of filters `[C, block]`, in bfloat16
    `[C/2, block, 2]`; filters filled up to `wide` with zeros."""
    filters, channels = weight.shape[:2]
    shares = (
        torch.einsum("qa,rb->bqra", _TAPS, _TAPS).permute(0, 3, 1, 2).reshape(9, 36)
    )  # rows b, columns a; planes column by column
    planes = (weight.double().reshape(-1, 9) @ shares).T.reshape(36, filters, channels).float()
    planes = F.pad(planes, (0, max(0, LANES - channels), 0, wide - filters))
    channels = planes.shape[2]
    blocks = []
    for first in range(0, wide, BLOCK[kind]):
        block = planes[:, first : first + BLOCK[kind]]
        if kind == BFLOAT16:
            blocks.append(block.reshape(36, -1, channels // 2, 2).transpose(1, 2).flatten(1))
        else:
            blocks.append(block.transpose(1, 2).flatten(1))
    return torch.cat(blocks, 1).to(torch.bfloat16 if kind == BFLOAT16 else torch.float32).contiguous()
