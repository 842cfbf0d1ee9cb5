"""Shapes to pixels. A pixel belongs to a shape when its centre (x + 0.5, y + 0.5) lies in it; edges are hard, as labels are.

Every function takes the picture's (width, height) and gives back the touched rectangle, clipped to the picture, with a mask
bool `[rect.height, rect.width]`, or None where nothing of the shape is inside. Coordinates are in pixels and may lie outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.paint.state.rect import Rect, around

Size = tuple[int, int]
Mask = tuple[Rect, NDArray[np.bool_]]
Spot = tuple[float, float, float]
"""x, y and radius of a brush."""

# A disc smaller than this can fall between the centres of four pixels and leave no trace.
SMALLEST_RADIUS = math.sqrt(0.5)


def _centres(rect: Rect) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x `[1, width]` and y `[height, 1]` of the centres of a rectangle's pixels."""
    x = np.arange(rect.left, rect.right, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(rect.top, rect.bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    return x, y


def _swept(size: Size, a: Spot, b: Spot) -> Rect:
    return around(
        min(a[0] - a[2], b[0] - b[2]), min(a[1] - a[2], b[1] - b[2]), max(a[0] + a[2], b[0] + b[2]), max(a[1] + a[2], b[1] + b[2])
    ).clipped(*size)


def sweep_round(size: Size, a: Spot, b: Spot) -> Mask | None:
    """All discs between `a` and `b`, centre and radius moving evenly: a capsule, or a cone with round ends.

    A point q (seen from a) lies in one of the discs if `|q - t d|^2 <= (r + t s)^2` for a t in 0..1. That is a quadratic in
    t with its minimum at `(q.d + r s) / (|d|^2 - s^2)`; where one disc holds the other it has none, and the larger counts.
    """
    a, b = _visible(a), _visible(b)
    rect = _swept(size, a, b)
    if rect.empty:
        return None
    x, y = _centres(rect)
    dx, dy, grow = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    square = dx * dx + dy * dy - grow * grow
    if square <= 1e-9:
        larger = a if a[2] >= b[2] else b
        return rect, (x - np.float32(larger[0])) ** 2 + (y - np.float32(larger[1])) ** 2 <= larger[2] ** 2
    qx, qy = x - np.float32(a[0]), y - np.float32(a[1])
    t = qx * np.float32(dx / square) + (qy * np.float32(dy / square) + np.float32(a[2] * grow / square))
    np.clip(t, 0, 1, out=t)
    away = (qx - t * np.float32(dx)) ** 2
    away += (qy - t * np.float32(dy)) ** 2
    if grow == 0:
        return rect, away <= np.float32(a[2] * a[2])
    return rect, away <= (np.float32(a[2]) + t * np.float32(grow)) ** 2


def sweep_square(size: Size, a: Spot, b: Spot) -> Mask | None:
    """All upright squares (half side = radius) between `a` and `b`.

    A point lies in one of them if a t in 0..1 fulfils two linear inequalities of x and two of y; so each column and each row
    bounds t by itself, and the point is inside where the bounds leave something.
    """
    a, b = _visible(a, 0.5), _visible(b, 0.5)
    rect = _swept(size, a, b)
    if rect.empty:
        return None
    x, y = _centres(rect)
    low_x, high_x = _bounds(x - np.float32(a[0]), b[0] - a[0], a[2], b[2] - a[2])
    low_y, high_y = _bounds(y - np.float32(a[1]), b[1] - a[1], a[2], b[2] - a[2])
    return rect, np.maximum(low_x, low_y) <= np.minimum(high_x, high_y)


def _bounds(q: NDArray[np.float32], d: float, r: float, grow: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The t in 0..1 with `|q - t d| <= r + t grow`, as lowest and highest (lowest above highest where there is none)."""
    low, high = np.zeros_like(q), np.ones_like(q)
    for sign in (1.0, -1.0):
        # sign * (q - t d) <= r + t grow   <=>   t * -(sign d + grow) <= r - sign q
        slope, room = -(sign * d + grow), np.float32(r) - np.float32(sign) * q
        if abs(slope) < 1e-9:
            low = np.where(room < 0, np.float32(2), low)
        elif slope > 0:
            high = np.minimum(high, room / np.float32(slope))
        else:
            low = np.maximum(low, room / np.float32(slope))
    return low, high


def _visible(spot: Spot, smallest: float = SMALLEST_RADIUS) -> Spot:
    return spot[0], spot[1], max(spot[2], smallest)


def rectangle(size: Size, a: tuple[float, float], b: tuple[float, float]) -> Mask | None:
    """The upright rectangle between two corners, with the pixels that both corners lie in."""
    rect = Rect(
        math.floor(min(a[0], b[0])), math.floor(min(a[1], b[1])), math.floor(max(a[0], b[0])) + 1, math.floor(max(a[1], b[1])) + 1
    ).clipped(*size)
    return None if rect.empty else (rect, np.ones((rect.height, rect.width), np.bool_))


def ellipse(size: Size, a: tuple[float, float], b: tuple[float, float]) -> Mask | None:
    """The ellipse that touches the sides of the upright rectangle between two corners."""
    rx, ry = max(abs(b[0] - a[0]) / 2, 0.5), max(abs(b[1] - a[1]) / 2, 0.5)
    mx, my = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    rect = around(mx - rx, my - ry, mx + rx, my + ry).clipped(*size)
    if rect.empty:
        return None
    x, y = _centres(rect)
    return rect, ((x - np.float32(mx)) / np.float32(rx)) ** 2 + ((y - np.float32(my)) / np.float32(ry)) ** 2 <= 1


def area(size: Size, outline: Sequence[tuple[float, float]]) -> Mask | None:
    """The inside of a closed outline (even-odd where it crosses itself), for a shape drawn by hand.

    Each edge crosses the centre line of every row between its ends once; right of an odd number of crossings is inside.
    """
    if len(outline) < 3:
        return None
    points = np.asarray(outline, np.float64)
    rect = around(points[:, 0].min(), points[:, 1].min(), points[:, 0].max(), points[:, 1].max()).clipped(*size)
    if rect.empty:
        return None
    start, end = points, np.roll(points, -1, axis=0)
    upper, lower = (
        np.where((start[:, 1] <= end[:, 1])[:, None], start, end),
        np.where((start[:, 1] <= end[:, 1])[:, None], end, start),
    )
    first = np.clip(np.ceil(upper[:, 1] - 0.5), rect.top, rect.bottom).astype(np.int64)
    after = np.clip(np.ceil(lower[:, 1] - 0.5), rect.top, rect.bottom).astype(np.int64)
    counts = after - first
    edge = np.repeat(np.arange(len(points)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    run = (lower - upper)[edge]
    crossing = upper[edge, 0] + (row + 0.5 - upper[edge, 1]) * run[:, 0] / run[:, 1]
    column = np.clip(np.ceil(crossing - 0.5), rect.left, rect.right).astype(np.int64)
    toggles = np.zeros((rect.height, rect.width + 1), np.int32)
    np.add.at(toggles, (row - rect.top, column - rect.left), 1)
    return rect, (np.cumsum(toggles[:, :-1], axis=1) & 1).astype(np.bool_)
