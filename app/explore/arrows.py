"""Points that are to be dragged: where they lie, where they should go, and what of the picture may move. No Qt, no torch.

Places are (x, y) in fractions of the picture's side, 0 to 1, from its top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Place = tuple[float, float]
End = Literal["handle", "target"]

MOST_ARROWS = 16
AREA_SIDE = 512  # of the map of what may move


@dataclass(frozen=True)
class Arrow:
    """A handle, and the target that it should come to lie at."""

    handle: Place
    target: Place

    def moved(self, end: End, to: Place) -> Arrow:
        """The same with one end elsewhere."""
        return replace(self, **{end: _inside(to)})

    @property
    def length(self) -> float:
        return _far(self.handle, self.target)


@dataclass(frozen=True, eq=False)
class Arrows:
    """All arrows of a picture. `movable` bool `[AREA_SIDE, AREA_SIDE]` is False where nothing may move; None: all may."""

    arrows: tuple[Arrow, ...] = ()
    movable: NDArray[np.bool_] | None = None

    def with_arrow(self, at: Place) -> Arrows:
        """One arrow more, of no length yet; the oldest goes where there are too many."""
        place = _inside(at)
        return replace(self, arrows=(*self.arrows, Arrow(place, place))[-MOST_ARROWS:])

    def with_end(self, number: int, end: End, to: Place) -> Arrows:
        """One end of an arrow elsewhere."""
        arrows = list(self.arrows)
        arrows[number] = arrows[number].moved(end, to)
        return replace(self, arrows=tuple(arrows))

    def without(self, number: int) -> Arrows:
        """One arrow less."""
        return replace(self, arrows=self.arrows[:number] + self.arrows[number + 1 :])

    def at(self, place: Place, reach: float) -> tuple[int, End] | None:
        """The end of an arrow that lies nearest to a place, within a reach; of two alike the newest one's target."""
        ends = [
            (_far(place, getattr(arrow, end)), -number, end != "target", number, end)
            for number, arrow in enumerate(self.arrows)
            for end in ("handle", "target")
        ]
        found = min(ends, default=None)
        if found is None or found[0] > reach:
            return None
        return found[3], "target" if found[4] == "target" else "handle"

    def painted(self, at: Place, radius: float, may_move: bool) -> Arrows:
        """With a round dab of what may move, or of what may not. The first dab of what may fixes all the rest."""
        movable = np.zeros((AREA_SIDE, AREA_SIDE), np.bool_) if self.movable is None else self.movable.copy()
        line = (np.arange(AREA_SIDE) + 0.5) / AREA_SIDE
        movable[(line[None] - at[0]) ** 2 + (line[:, None] - at[1]) ** 2 <= radius**2] = may_move
        return replace(self, movable=movable if movable.any() else None)

    def stroked(self, start: Place, end: Place, radius: float, may_move: bool) -> Arrows:
        """With dabs from one place to another, without gaps between them."""
        dabs = max(1, round(_far(start, end) / (radius / 2)))
        result = self
        for dab in range(1, dabs + 1):
            share = dab / dabs
            at = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            result = result.painted(at, radius, may_move)
        return result

    def without_area(self) -> Arrows:
        """Everything may move."""
        return replace(self, movable=None)

    @property
    def long_enough(self) -> tuple[Arrow, ...]:
        """The arrows that lead somewhere."""
        return tuple(arrow for arrow in self.arrows if arrow.length > 1 / 512)


def after_drag(points: Arrows, places: tuple[Place, ...], left: tuple[float, ...], arrived: float) -> Arrows:
    """The arrows that a drag leaves: from where each handle is now; those that have arrived (within a fraction) are gone."""
    still = tuple(
        Arrow(place, arrow.target) for arrow, place, far in zip(points.long_enough, places, left, strict=True) if far > arrived
    )
    return replace(points, arrows=still)


def _inside(place: Place) -> Place:
    return min(max(place[0], 0.0), 1.0), min(max(place[1], 0.0), 1.0)


def _far(a: Place, b: Place) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))
