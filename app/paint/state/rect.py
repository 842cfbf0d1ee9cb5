"""A rectangle of whole pixels."""

from __future__ import annotations

import math
from typing import NamedTuple


class Rect(NamedTuple):
    """Columns `left` up to but not with `right`, rows `top` up to but not with `bottom`. Empty where either is none."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        return max(0, self.bottom - self.top)

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index an array `[H, W, ...]` with it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def united(self, other: Rect) -> Rect:
        """The smallest rectangle around both; an empty one adds nothing."""
        if self.empty:
            return other
        if other.empty:
            return self
        return Rect(
            min(self.left, other.left), min(self.top, other.top), max(self.right, other.right), max(self.bottom, other.bottom)
        )

    def clipped(self, width: int, height: int) -> Rect:
        """The part inside a picture of this size; may be empty."""
        return Rect(
            min(max(self.left, 0), width), min(max(self.top, 0), height), min(self.right, width), min(self.bottom, height)
        )


NOTHING = Rect(0, 0, 0, 0)


def around(left: float, top: float, right: float, bottom: float) -> Rect:
    """The pixels that a rectangle of real numbers touches."""
    return Rect(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
