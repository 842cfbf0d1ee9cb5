"""Cutting a picture into tiles: windows that a network sees, and the cores of them that are kept.

All windows of a picture have the same size (so that a network prepares once; the last may be longer by less than a multiple)
and lie on whole multiples of what the network asks for. They overlap by at least twice its margin: a core never comes nearer
than the margin to an edge that is not the picture's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

Area = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class Span:
    """Along one side: what the network sees, `start` to `stop`, and what is kept of it, `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Window:
    """A piece of work: rows and columns, in pixels of the source."""

    rows: Span
    columns: Span


@dataclass(frozen=True, eq=False)
class Tile:
    """A finished part of the result, at its place there; it is number `done` of `total`."""

    pixels: NDArray[Any]
    top: int
    left: int
    done: int
    total: int


def plan(size: tuple[int, int], region: Area, tile: int, margin: int, multiple: int, tallest: int | None = None) -> list[Window]:
    """Windows, row by row from the top, whose cores cover `region` of a picture of `size` (height, width) exactly once.

    `tile` is about the side of a core; where several stand side by side they are no higher than about `tallest`. A window
    reaches `margin` pixels beyond its core, up to the picture's edge.
    """
    top, left, height, width = region
    columns = spans(size[1], left, left + width, tile, margin, multiple)
    high = tile if tallest is None or len(columns) == 1 else min(tile, tallest)
    rows = spans(size[0], top, top + height, high, margin, multiple)
    return [Window(row, column) for row in rows for column in columns]


def spans(length: int, first: int, last: int, tile: int, margin: int, multiple: int) -> list[Span]:
    """Spans that cover `first` to `last` of a side of `length`."""
    low = max(0, first - margin) // multiple * multiple
    high = min(length, last + margin)
    window = -(-(max(tile, 2 * multiple) + 2 * margin) // multiple) * multiple
    if high - low <= window:
        return [Span(low, high, first, last)]
    step = window - 2 * margin - multiple + 1  # a start is moved to a multiple by less than one
    count = 1 + -(-(high - low - window) // step)
    starts = [low + i * (high - low - window) // (count - 1) // multiple * multiple for i in range(count)]
    stops = [*(start + window for start in starts[:-1]), high]  # the last is a little longer where `high` is no multiple
    cuts = [first, *((stop + start) // 2 for stop, start in zip(stops[:-1], starts[1:], strict=True)), last]
    return [Span(*found) for found in zip(starts, stops, cuts[:-1], cuts[1:], strict=True) if found[2] < found[3]]


def quarters(window: Window, size: tuple[int, int], margin: int, multiple: int) -> list[Window]:
    """The same core as four smaller windows, or one where it cannot be cut any further."""
    rows, columns = window.rows, window.columns
    region = (rows.first, columns.first, rows.last - rows.first, columns.last - columns.first)
    return plan(size, region, max(1, max(region[2:]) // 2), margin, multiple)


def from_row(row: int, windows: Iterable[Window]) -> list[Window]:
    """What these windows cover below the rows that are finished."""
    return [
        replace(window, rows=replace(window.rows, first=max(row, window.rows.first)))
        for window in windows
        if window.rows.last > row
    ]
