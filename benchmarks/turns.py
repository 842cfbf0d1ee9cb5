"""Ways to the same picture that take turns, so that a busy machine is busy for all of them alike, and what is told of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Times = list[tuple[float, float]]  # wall seconds (that passed) and busy seconds (of the processor), one pair a turn


def in_turns(ways: Mapping[str, Callable[[], Any]], repeat: int) -> tuple[dict[str, Times], dict[str, Any]]:
    """The times of each way, `repeat` of them after one that warms up, and what each made last."""
    times: dict[str, Times] = {way: [] for way in ways}
    made: dict[str, Any] = {}
    for turn in range(repeat + 1):
        for way, work in ways.items():
            wall, busy = time.perf_counter(), time.process_time()
            made[way] = work()
            if turn:
                times[way].append((time.perf_counter() - wall, time.process_time() - busy))
    return times, made


def medians(times: Times) -> tuple[float, float]:
    """Of wall and of busy seconds."""
    return statistics.median(wall for wall, _ in times), statistics.median(busy for _, busy in times)


def ratio(base: Times, times: Times) -> float:
    """How many times the busy seconds `base` has of those of its turn: the median."""
    return statistics.median(one[1] / other[1] for one, other in zip(base, times, strict=True))


def off(made: Any, want: Any) -> str:
    """How far a picture (0..1, cut to that) is from the wanted one, in levels of 255: the mean, and 99.9 %."""
    levels = np.abs(np.clip(made, 0, 1) - np.clip(want, 0, 1)) * 255
    return f"{levels.mean():.2f} {np.quantile(levels, 0.999):.1f}"
