"""Convolutions by our own kernels, one by one and as RRDBNet's dense blocks, for a picture that comes by bands of rows.

Rows are found by tables of addresses: those that are seen again stay where they are, in the bands that they came with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.networks import kernel
from models.networks.dense_rows import RESIDUAL, TAIL
from models.networks.kernel import TILE, Kernel
from models.networks.streaming import Rows, empty, rows_at_once
from models.steps import Steps

PROCESSOR = torch.device("cpu")


class QuickConvolution:
    """As `streaming.Convolution` or, `doubled`, as `streaming.DoublingConvolution`.

    Rows are made four by four from the picture's top on, whatever the bands are, so that rounding does not depend on them.
    What is made is of the format `dtype`, the kernel's own where nobody names one.
    """

    def __init__(
        self,
        convolution: Kernel,
        width: int,
        dtype: torch.dtype | None = None,
        *,
        copy: Rows | None = None,
        around: Rows | None = None,
        doubled: bool = False,
    ) -> None:
        self._kernel, self._copy, self._around = convolution, copy, around
        self._dtype = dtype or convolution.dtype
        self._times = 2 if doubled else 1
        self._bands: list[torch.Tensor] = []
        self._table = np.zeros(1, np.uint64)  # of the rows that are still seen; the row above the picture is zeros
        self.most = _most(convolution, width, self._times**2)

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`."""
        if rows.shape[1] < self._kernel.channels:
            few, rows = rows, empty(rows, rows.shape[2], self._kernel.channels)
            rows[:, : few.shape[1]], rows[:, few.shape[1] :] = few, 0
        rows = rows.contiguous(memory_format=torch.channels_last)
        self._bands.append(rows)
        seen = kernel.rows_of(rows)
        self._table = np.concatenate([self._table, seen.table.repeat(self._times), np.zeros(int(last), np.uint64)])
        count = len(self._table) - 2
        if not last:
            count -= count % TILE
        if count < 1:
            return None
        width = rows.shape[3] * self._times
        room = torch.empty(1, count, width, self._kernel.filters, dtype=self._dtype, device=PROCESSOR)
        made = room.permute(0, 3, 1, 2)
        seen = seen._replace(table=self._table[: count + 2])
        self._kernel.convolve(seen, kernel.rows_of(made), width, doubled=self._times == 2)
        yield
        self._forget(count, last)
        if self._around is not None:
            made = self._around.plus(made, 1)
        if self._copy is not None:
            self._copy.put(made)
        return made

    def _forget(self, count: int, last: bool) -> None:
        """Let go of rows that are seen no more."""
        self._table = np.zeros(1, np.uint64) if last else self._table[count:]
        kept = 0 if last else len(self._table)
        while self._bands and sum(band.shape[2] for band in self._bands[1:]) * self._times >= kept:
            self._bands.pop(0)


class QuickDenseStage:
    """As `DenseStage`, of five kernels.

    The maps of a row lie side by side in one row of channels: convolution k reads those before its own and writes the next.
    """

    def __init__(self, five: Sequence[Kernel], width: int, before: Rows | None, after: Rows | None) -> None:
        self._five, self._before, self._after = five, before, after
        self._features, self._growth = five[0].channels, five[0].filters
        self._around = Rows()
        self._seen = 0
        self._bands: list[torch.Tensor] = []  # that hold the rows of the table
        self._table = np.zeros(1, np.uint64)  # of the rows that are seen again; the row above the picture is zeros
        self.most = _most(five[-1], width)

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`; rows and what is made of them are float32."""
        self._around.put(rows)
        if self._before is not None:
            self._before.put(rows)
        count = rows.shape[2]
        band = empty(rows, count, self._features + 4 * self._growth, self._five[0].dtype)
        self._bands.append(band)
        maps = kernel.rows_of(band)
        if band.dtype is torch.bfloat16:
            kernel.halve(kernel.rows_of(rows), maps, rows.shape[3], self._features)
        else:
            band[:, : self._features] = rows
        above = self._seen - len(self._table)  # the picture's row that the table begins with
        maps = maps._replace(table=np.concatenate([self._table, maps.table, np.zeros(int(last), np.uint64)]))
        made: torch.Tensor | None = None
        for number in range(1, 6):
            top = max(self._seen - number, 0)
            bottom = self._seen + count - (0 if last else number)
            made = None
            if bottom > top:
                made = self._convolved(maps, number, top - above, bottom - above, rows)
                yield
        self._seen += count
        self._keep(maps.table, last)
        return made if made is None or self._after is None else self._after.plus(made, RESIDUAL)

    def _convolved(self, maps: kernel.Rows, number: int, top: int, bottom: int, like: torch.Tensor) -> torch.Tensor | None:
        """Rows `top` to `bottom` of the table by convolution `number`, beside those before them; of the fifth, the sum."""
        seen, convolution = maps._replace(table=maps.table[top - 1 : bottom + 1]), self._five[number - 1]
        if number < 5:
            beside = (self._features + (number - 1) * self._growth) * maps.dtype.itemsize
            made = maps._replace(table=maps.table[top:bottom] + np.uint64(beside))
            convolution.convolve(seen, made, like.shape[3])
            return None
        whole = empty(like, bottom - top)
        around = list(self._around.take(bottom - top))
        tables = [kernel.rows_of(band) for band in around]
        base = tables[0]._replace(table=np.concatenate([one.table for one in tables]))
        convolution.convolve(seen, kernel.rows_of(whole), like.shape[3], base=base, share=RESIDUAL)
        return whole

    def _keep(self, table: kernel.Table, last: bool) -> None:
        """Let go of rows that are seen no more. Few of a high band are copied, so that memory does not hold all of it."""
        if last:
            self._bands, self._table = [], np.zeros(1, np.uint64)
            return
        self._table = table[-TAIL:]
        newest = self._bands[-1]
        if newest.shape[2] >= 3 * TAIL:
            tail = newest[:, :, -TAIL:].clone(memory_format=torch.channels_last)
            self._bands, self._table = [tail], kernel.rows_of(tail).table
        else:
            while sum(band.shape[2] for band in self._bands[1:]) >= TAIL:
                self._bands.pop(0)


def _most(convolution: Kernel, width: int, times: int = 1) -> int:
    """How many rows of `width` pixels a stage takes at once: no more than a piece of work, and whole tiles of them."""
    work = 18.0 * convolution.channels * convolution.filters * times
    rows = rows_at_once(width, work, convolution.dtype) * higher()
    return max(TILE, rows - rows % TILE)


def higher() -> int:
    """How many times higher bands are where many threads share their work, which are started for each of them."""
    return max(1, torch.get_num_threads() // 4)
