"""The bucket: all pixels of one label that hang together, by rows of equal pixels instead of pixel by pixel.

A label map has few runs (some thousands at 1024 px), so the work is a handful of array operations whatever the shape; a
chequered map has hundreds of thousands, and still takes well under a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.paint.state.raster import Mask
from app.paint.state.rect import Rect


def flood(labels: NDArray[np.uint8], x: int, y: int) -> Mask:
    """The region of `labels` `[H, W]` around column x, row y (inside the picture) that has one label, joined by sides.

    Gives back its bounding rectangle and the mask bool inside it.
    """
    height, width = labels.shape
    same = labels == labels[y, x]
    edges = np.zeros((height, width + 1), np.bool_)
    edges[:, :-1] = same
    edges[:, 1:] ^= same
    row, column = np.nonzero(edges)  # run after run, row after row: start, end, start, end ...
    run_row, start, end = row[::2], column[::2], column[1::2]
    seed = int(np.searchsorted(run_row * (width + 1) + start, y * (width + 1) + x, side="right")) - 1
    member = _reach(seed, *_neighbours(run_row, start, end, width), len(start))
    rect = Rect(int(start[member].min()), int(run_row[member][0]), int(end[member].max()), int(run_row[member][-1]) + 1)
    toggles = np.zeros((rect.height, rect.width + 1), np.int8)
    toggles[run_row[member] - rect.top, start[member] - rect.left] = 1
    toggles[run_row[member] - rect.top, end[member] - rect.left] = -1
    return rect, np.cumsum(toggles[:, :-1], axis=1, dtype=np.int8).astype(np.bool_)


def _neighbours(
    row: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (run, run of the next row that touches it by a side)."""
    # Sorted keys of all runs; those of the next row that overlap start..end are one stretch of them.
    span = width + 1
    first = np.searchsorted(row * span + end, (row + 1) * span + start, side="right")
    after = np.searchsorted(row * span + start, (row + 1) * span + end, side="left")
    counts = np.maximum(after - first, 0)
    upper = np.repeat(np.arange(len(row)), counts)
    lower = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    return upper, lower


def _reach(seed: int, a: NDArray[np.int64], b: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """The runs joined to `seed`: every run takes the smallest number among its neighbours, and jumps to that one's number.

    The jumps halve the way at each round, so winding shapes need a few dozen rounds, not one for each bend.
    """
    number = np.arange(count)
    while True:
        smaller = np.minimum(number[a], number[b])
        before = number.copy()
        np.minimum.at(number, before[a], smaller)
        np.minimum.at(number, before[b], smaller)
        while True:
            jumped = number[number]
            if np.array_equal(jumped, number):
                break
            number = jumped
        if np.array_equal(number, before):
            return np.asarray(number == number[seed], np.bool_)
