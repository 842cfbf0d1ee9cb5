"""How long a model takes at a size, as measured; and the largest size that fits into a deadline."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

KEPT = 7


class Speeds:
    """Measured milliseconds by model and size (the side of a square in pixels)."""

    def __init__(self) -> None:
        self._measured: dict[str, dict[int, deque[float]]] = {}

    def note(self, model: str, size: int, milliseconds: float) -> None:
        """A picture of this size took that long."""
        self._measured.setdefault(model, {}).setdefault(size, deque(maxlen=KEPT)).append(milliseconds)

    def known(self, model: str, size: int) -> float | None:
        """Typical milliseconds of this size, or None where it was never measured.

        The lower median: of two it is the smaller, so that the first run, which pays for allocation, counts once only.
        """
        times = self._measured.get(model, {}).get(size)
        return sorted(times)[(len(times) - 1) // 2] if times else None

    def expected(self, model: str, size: int) -> float | None:
        """Milliseconds to expect: measured, else read between two measured sizes, else in proportion to the pixels."""
        times = {known: t for known in self._measured.get(model, {}) if (t := self.known(model, known)) is not None}
        if not times:
            return None
        if size in times:
            return times[size]
        below = max((known for known in times if known < size), default=None)
        above = min((known for known in times if known > size), default=None)
        if below is not None and above is not None and times[below] < times[above]:
            # Between two sizes time grows as some power of the side.
            power = math.log(times[above] / times[below]) / math.log(above / below)
            between: float = times[below] * (size / below) ** power
            return between
        near = min(times, key=lambda known: abs(known - size))
        return times[near] * (size / near) ** 2

    def largest(self, model: str, sizes: Sequence[int], milliseconds: float) -> int:
        """The largest of `sizes` that fits into so many milliseconds; the smallest where none does or nothing is known."""
        fitting = [size for size in sizes if (t := self.expected(model, size)) is not None and t <= milliseconds]
        return max(fitting, default=min(sizes))
