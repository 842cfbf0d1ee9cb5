"""A hand's raw points to a smooth line of varying width.

What pens really send (FIELD: pencil2d, Drawpile, MyPaint) is mended here: pressure that is no number, out of range or zero in
mid-stroke is replaced by the last good one, and the end of a stroke never swells. Between the points runs a centripetal
Catmull-Rom spline (Barry and Goldman 1988; alpha 1/2 makes no loops), cut into straight pieces short against the brush.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from app.paint.state.raster import Spot

Sweep = tuple[Spot, Spot]

# With a pen that barely touches, the brush keeps this part of its size.
LIGHTEST = 0.12


@dataclass(frozen=True)
class PenPoint:
    """Where the pen is, in picture pixels, and how hard it presses, 0..1 (a mouse presses 1)."""

    x: float
    y: float
    pressure: float = 1.0


class StrokePath:
    """Points in, sweeps of the brush out. `size` is the diameter at full pressure, in pixels.

    `add` draws up to the point before the last, because the curve through a point depends on the next one; `rest` draws what
    is left while the hand holds still; `end` finishes. The sum of the sweeps does not depend on how points were bundled.
    """

    def __init__(self, size: float, use_pressure: bool = True) -> None:
        self._radius = size / 2
        self._use_pressure = use_pressure
        self._points: list[Spot] = []
        self._pressure: float | None = None
        self._rested = False

    def add(self, point: PenPoint) -> list[Sweep]:
        """Take a point; the sweeps that are certain now."""
        if not (math.isfinite(point.x) and math.isfinite(point.y)):
            return []
        spot = (point.x, point.y, self._radius * self._width(point.pressure))
        points = self._points
        if points and math.hypot(spot[0] - points[-1][0], spot[1] - points[-1][1]) < 1e-3:
            # The pen presses harder on the same spot: a dot grows, and the line goes on from the larger end.
            if spot[2] <= points[-1][2]:
                return []
            points[-1] = spot
            return [(spot, spot)]
        points.append(spot)
        if len(points) == 1:
            return [(spot, spot)]
        del points[:-4]
        if len(points) == 2:
            return []
        before = points[-4] if len(points) == 4 else None
        return _curve(before, points[-3], points[-2], points[-1])

    def rest(self) -> list[Sweep]:
        """The hand holds still: the way to the last point, as it looks without a next one."""
        if len(self._points) < 2:
            return []
        before = self._points[-3] if len(self._points) >= 3 else None
        return _curve(before, self._points[-2], self._points[-1], None)

    def end(self) -> list[Sweep]:
        """The pen is lifted: the last piece. A last point that presses harder than the one before made no dot there."""
        if len(self._points) >= 2:
            x, y, radius = self._points[-1]
            self._points[-1] = (x, y, min(radius, self._points[-2][2]))
        return self.rest()

    def _width(self, pressure: float) -> float:
        if not self._use_pressure:
            return 1.0
        if math.isfinite(pressure) and pressure > 0:
            self._pressure = min(pressure, 1.0)
        elif self._pressure is None:
            return LIGHTEST
        return LIGHTEST + (1 - LIGHTEST) * (self._pressure or 0.0)


def _curve(before: Spot | None, a: Spot, b: Spot, after: Spot | None) -> list[Sweep]:
    """The piece of the spline from `a` to `b`, as sweeps; a missing neighbour is the mirror image of the other end."""
    before = before or _mirrored(b, a)
    after = after or _mirrored(a, b)
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    step = max(2.0, min(a[2], b[2]) / 4)
    pieces = max(1, min(256, math.ceil(length / step)))
    if pieces > 1 and _straight(before, a, b, after):
        pieces = 1
    knots = [0.0]
    for p, q in ((before, a), (a, b), (b, after)):
        knots.append(knots[-1] + max(math.sqrt(math.hypot(q[0] - p[0], q[1] - p[1])), 1e-4))
    spots = [a]
    for i in range(1, pieces):
        t = knots[1] + (knots[2] - knots[1]) * i / pieces
        x, y = (_pyramid(knots, t, before[k], a[k], b[k], after[k]) for k in (0, 1))
        spots.append((x, y, a[2] + (b[2] - a[2]) * i / pieces))
    spots.append(b)
    return list(itertools.pairwise(spots))


def _mirrored(far: Spot, near: Spot) -> Spot:
    return 2 * near[0] - far[0], 2 * near[1] - far[1], near[2]


def _straight(*spots: Spot) -> bool:
    """Whether the four points lie within a tenth of a pixel of the line through the inner two."""
    before, a, b, after = spots
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    return all(abs((p[0] - a[0]) * dy - (p[1] - a[1]) * dx) <= 0.1 * length for p in (before, after)) and all(
        (q[0] - p[0]) * dx + (q[1] - p[1]) * dy >= 0 for p, q in ((before, a), (b, after))
    )


def _pyramid(knots: list[float], t: float, p0: float, p1: float, p2: float, p3: float) -> float:
    """Barry and Goldman's pyramid of linear blends, for one coordinate."""
    t0, t1, t2, t3 = knots
    a1 = ((t1 - t) * p0 + (t - t0) * p1) / (t1 - t0)
    a2 = ((t2 - t) * p1 + (t - t1) * p2) / (t2 - t1)
    a3 = ((t3 - t) * p2 + (t - t2) * p3) / (t3 - t2)
    b1 = ((t2 - t) * a1 + (t - t0) * a2) / (t2 - t0)
    b2 = ((t3 - t) * a2 + (t - t1) * a3) / (t3 - t1)
    return ((t2 - t) * b1 + (t - t1) * b2) / (t2 - t1)
