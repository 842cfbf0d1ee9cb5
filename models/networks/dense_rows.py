"""A dense block of RRDBNet for a picture that comes by bands of rows."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from models.networks.streaming import Rows, empty, rows_at_once
from models.steps import Steps

SLOPE = 0.2  # of every leaky ReLU
RESIDUAL = 0.2  # what a block adds is scaled by this
TAIL = 6  # rows above a band that are seen again: each of five convolutions comes one row after the one before it
DENSE_NAMES = (*(f"conv{k}.{part}" for k in range(1, 6) for part in ("weight", "bias")), "conv1x1.weight")


class DenseStage:
    """Five convolutions, each of which sees all before it, and the way around them.

    All maps lie side by side in one buffer of channels, so that nothing is put together: convolution k reads the channels
    before its own and writes the next ones, one row behind convolution k - 1.

    The rows that come in also go to `before`; what waits in `after` is added to `RESIDUAL` of what is made. Sums are float32.
    """

    def __init__(
        self,
        weights: Mapping[str, torch.Tensor | None],
        width: int,
        before: Rows | None = None,
        after: Rows | None = None,
        at_once: int | None = None,
    ) -> None:
        self._weights, self._before, self._after = weights, before, after
        first, fifth = self._weight("conv1.weight"), self._weight("conv5.weight")
        self._growth, self._features = first.shape[:2]
        self._around = Rows()
        self._seen = 0
        self._tail: torch.Tensor | None = None
        self.most = rows_at_once(width, 2.0 * fifth.numel(), fifth.dtype, at_once)

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`; rows and what is made of them are float32."""
        self._around.put(rows)
        if self._before is not None:
            self._before.put(rows)
        maps, count = self._maps(rows, last), rows.shape[2]
        made: torch.Tensor | None = None
        for number in range(1, 6):
            top = max(self._seen - number, 0)
            bottom = self._seen + count - (0 if last else number)
            if bottom > top:
                start = top - self._seen + TAIL
                made = self._convolved(maps, number, start, start + bottom - top)
                yield
            else:
                made = None
        self._seen += count
        self._tail = None if last else maps[:, :, -TAIL:].clone(memory_format=torch.channels_last)
        if made is None:
            return None
        added = self._around.plus(made, RESIDUAL)
        return added if self._after is None else self._after.plus(added, RESIDUAL)

    def _maps(self, rows: torch.Tensor, last: bool) -> torch.Tensor:
        """The buffer: the rows that are seen again, the new ones of the input, and one of zeros below the last."""
        count, dtype = rows.shape[2], self._weight("conv5.weight").dtype
        maps = empty(rows, TAIL + count + last, self._features + 4 * self._growth, dtype)
        if self._tail is None:
            maps[:, :, :TAIL] = 0
        else:
            maps[:, :, :TAIL] = self._tail
        maps[:, : self._features, TAIL : TAIL + count] = rows
        if last:
            maps[:, :, TAIL + count :] = 0
        return maps

    def _convolved(self, maps: torch.Tensor, number: int, top: int, bottom: int) -> torch.Tensor:
        """Rows `top` to `bottom` of the buffer by convolution `number`, put in their place in it; of the fifth, given back."""
        wide = self._features + (number - 1) * self._growth
        seen = maps[:, :wide, top - 1 : bottom + 1]
        made = F.conv2d(seen, self._weight(f"conv{number}.weight"), self._weight(f"conv{number}.bias"), padding=(0, 1))
        if number == 5:
            return made
        place = maps[:, wide : wide + self._growth, top:bottom]
        torch._C._nn.leaky_relu(made, SLOPE, out=place)
        bypass = self._weights["conv1x1.weight"]
        if bypass is not None and number == 2:
            place.add_(F.conv2d(maps[:, : self._features, top:bottom], bypass))
        if bypass is not None and number == 4:
            place.add_(maps[:, wide - 2 * self._growth : wide - self._growth, top:bottom])
        return place

    def _weight(self, name: str) -> torch.Tensor:
        found = self._weights[name]
        assert found is not None
        return found
