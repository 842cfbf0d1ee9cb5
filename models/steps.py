"""Work in pieces: a generator that yields between two pieces and returns the result.

A deep network, a tiled picture and a projection all take longer than a hand waits. Written as `Steps`, they let a scheduler
serve somebody else between two pieces, or drop the rest: no thread, no flag, no callback.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]


def drain(steps: Generator[object, None, T]) -> T:
    """Run all pieces at once and give back the result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
