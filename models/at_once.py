"""How much a graphics card is given at once: by measured speed, and by the memory that there is.

A card with thousands of lanes idles where a call has little to do, and its memory is full where it has too much; where the best
lies is told by no data sheet. So it is looked for while photos are made: from one amount to the double or the half of it, as long
as that is quicker. No torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Y = TypeVar("Y")
N = TypeVar("N", int, float)

LEAST, MOST = 1 << 15, 1 << 21  # pixels
LONGEST = 0.25  # seconds that one amount may take: whoever cancels waits for it
TRIES = 3  # of an amount; the first pays for memory and for what is prepared, and does not count
AS_QUICK = 0.97  # of the best: then less is taken
UNTIL_MORE = 64  # after so much that fitted, twice as much is tried: whoever held the memory may have given it back


class Limit(Generic[N]):
    """The most of something that the device's memory was seen to hold: less when it is full, doubled after `patience` that
    fitted."""

    def __init__(self, patience: int) -> None:
        self._most: N | None = None
        self._fitted = 0
        self._patience = patience
        self._grew = False

    def of(self, wanted: N) -> N:
        """What to use where so much is wanted."""
        return wanted if self._most is None else min(wanted, self._most)

    @property
    def free(self) -> bool:
        """Whether there is none."""
        return self._most is None

    def full(self, most: N) -> None:
        """Memory ran out, and so much is tried next. More that was tried in vain is tried again later than before."""
        if self._grew:
            self._patience *= 2
        self._most, self._fitted, self._grew = most, 0, False

    def fitted(self, wanted: N) -> None:
        """It fitted. Once what was wanted is reached again, there is no limit any more."""
        if self._most is None:
            return
        self._fitted += 1
        if self._fitted >= self._patience:
            self._most, self._fitted, self._grew = 2 * self._most, 0, True
            if self._most >= wanted:
                self._most = None


class AtOnce:
    """How many pixels of what it sees a network is given at once on a card: the rows of a band, and tiles beside each other."""

    def __init__(self, first: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._best = self._next = first
        self._speeds: dict[int, list[float]] = {}
        self._limit = Limit[int](UNTIL_MORE)

    def of(self, there: int, room: int) -> int:
        """How many to take where there are so many to be taken, and memory for `room`. What would not fill up what is tried
        next gets what is known to be good: nothing could be learnt by it."""
        wanted = self._next if there >= self._next else self._best
        wanted = self._limit.of(wanted)
        while wanted > LEAST and wanted > room:
            wanted //= 2
        return wanted

    def watched(self, work: Generator[Y, None, None], taken: int, pixels: int, told: bool) -> Generator[Y, None, None]:
        """The same work, `pixels` in all, looked at: `told` says whether its speed tells something of what is taken at once.
        What others do between two pieces of it does not count."""
        spent, began = 0.0, self._clock()
        try:
            for made in work:
                spent += self._clock() - began
                yield made
                began = self._clock()
            spent += self._clock() - began
        finally:
            work.close()
        if told and spent > 0:
            self._note(taken, pixels / spent)

    def full(self, taken: int) -> bool:
        """Memory ran out where so much was taken; whether half as much is to be tried."""
        if taken // 2 < LEAST:
            return False
        self._limit.full(1 << (taken // 2).bit_length() - 1)
        return True

    def fitted(self) -> None:
        """What was taken fitted."""
        self._limit.fitted(self._next)

    def _note(self, taken: int, speed: float) -> None:
        seen = self._speeds.setdefault(taken, [])
        if len(seen) < TRIES:
            seen.append(speed)
            if len(seen) == TRIES:
                self._choose()

    def _choose(self) -> None:
        """Take what was quickest of all that is short enough, or look at what lies beside it."""
        known = {taken: max(seen[1:]) for taken, seen in self._speeds.items() if len(seen) >= TRIES}
        short = {taken: speed for taken, speed in known.items() if taken / speed <= LONGEST} or {min(known): known[min(known)]}
        quickest = max(short.values())
        self._best = self._next = min(taken for taken, speed in short.items() if speed >= AS_QUICK * quickest)
        longer = 2 * self._best / short[self._best] > LONGEST
        if not longer and 2 * self._best not in known and 2 * self._best <= MOST:
            self._next = 2 * self._best
        elif self._best // 2 not in known and self._best // 2 >= LEAST:
            self._next = self._best // 2
