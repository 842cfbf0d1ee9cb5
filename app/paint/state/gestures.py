"""What a hand does between pen down and pen up, for each tool. Pixels change at once; one undo step is made at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from app.paint.state import raster
from app.paint.state.commands import PixelsCommand
from app.paint.state.document import Document
from app.paint.state.flood import flood
from app.paint.state.raster import Mask, Spot
from app.paint.state.rect import NOTHING
from app.paint.state.stroke import PenPoint, StrokePath
from app.paint.state.tools import Tools


class Gesture(Protocol):
    """A stroke, a shape being pulled up, a fill. Coordinates are picture pixels."""

    def extend(self, points: Sequence[PenPoint], straight: bool = False) -> None:
        """The hand moved on. `straight` holds shapes to even sides and lines to multiples of 15 degrees."""
        ...

    def rest(self) -> None:
        """The hand holds still: nothing may be left undrawn."""
        ...

    def finish(self) -> bool:
        """Pen up: keep it as one undo step; False where nothing changed."""
        ...

    def cancel(self) -> None:
        """Put everything back as it was."""
        ...


class LayerEdit:
    """Pixels of the canvas layer being changed, with what they were before. Mirrored copies are made here, for every tool."""

    def __init__(self, document: Document, tools: Tools, title: str) -> None:
        self.document, self.layer, self.title = document, document.canvas(), title
        self.size = (document.drawing.width, document.drawing.height)
        self.number = tools.painted_number
        self._mirror_x, self._mirror_y = tools.mirror_x, tools.mirror_y
        self._before = self.layer.labels.copy()
        self._touched = NOTHING

    def paint(self, masks: Sequence[Mask | None]) -> None:
        """Write the label under the masks and their mirror images; tell once."""
        dirty = NOTHING
        for found in masks:
            for rect, mask in self._copies(found):
                self.layer.labels[rect.slices][mask] = self.number
                dirty = dirty.united(rect)
        self._touched = self._touched.united(dirty)
        self.document.touched(dirty)

    def repaint(self, found: Mask | None) -> None:
        """Put back what was painted so far and paint this instead (a shape that is still being pulled)."""
        old = self._touched
        self.layer.labels[old.slices] = self._before[old.slices]
        fresh = NOTHING
        for rect, mask in self._copies(found):
            self.layer.labels[rect.slices][mask] = self.number
            fresh = fresh.united(rect)
        self._touched = fresh
        self.document.touched(old.united(fresh))

    def finish(self) -> bool:
        command = PixelsCommand(self.document, self.layer, self._before, self._touched, self.title)
        if command.rect.empty:
            return False
        self.document.history.seal()
        self.document.history.do(command)
        self.document.history.seal()
        return True

    def cancel(self) -> None:
        self.repaint(None)

    def _copies(self, found: Mask | None) -> list[Mask]:
        if found is None:
            return []
        copies = [found]
        width, height = self.size
        if self._mirror_x:
            copies += [
                (rect._replace(left=width - rect.right, right=width - rect.left), np.ascontiguousarray(mask[:, ::-1]))
                for rect, mask in copies
            ]
        if self._mirror_y:
            copies += [
                (rect._replace(top=height - rect.bottom, bottom=height - rect.top), np.ascontiguousarray(mask[::-1]))
                for rect, mask in copies
            ]
        return copies


class BrushGesture:
    """A freehand stroke with the round or square brush."""

    def __init__(self, document: Document, tools: Tools, start: PenPoint) -> None:
        self._edit = LayerEdit(document, tools, "stroke" if not tools.erasing else "erasing")
        self._path = StrokePath(tools.size, tools.use_pressure)
        self._sweep = raster.sweep_square if tools.square else raster.sweep_round
        self.extend([start])

    def extend(self, points: Sequence[PenPoint], straight: bool = False) -> None:
        self._draw([sweep for point in points for sweep in self._path.add(point)])

    def rest(self) -> None:
        self._draw(self._path.rest())

    def finish(self) -> bool:
        self._draw(self._path.end())
        return self._edit.finish()

    def cancel(self) -> None:
        self._edit.cancel()

    def _draw(self, sweeps: Sequence[tuple[Spot, Spot]]) -> None:
        self._edit.paint([self._sweep(self._edit.size, a, b) for a, b in sweeps])


class ShapeGesture:
    """A line, rectangle or ellipse between where the pen came down and where it is now."""

    def __init__(self, document: Document, tools: Tools, start: PenPoint) -> None:
        self._kind, self._tools, self._start = tools.tool, tools, start
        self._edit = LayerEdit(document, tools, {"line": "line", "rectangle": "rectangle", "ellipse": "ellipse"}[tools.tool])
        self.extend([start])

    def extend(self, points: Sequence[PenPoint], straight: bool = False) -> None:
        if points:
            self._edit.repaint(self._shape(points[-1], straight))

    def rest(self) -> None:
        """A shape is always drawn up to the pen."""

    def finish(self) -> bool:
        return self._edit.finish()

    def cancel(self) -> None:
        self._edit.cancel()

    def _shape(self, now: PenPoint, straight: bool) -> Mask | None:
        size, a, b = self._edit.size, (self._start.x, self._start.y), (now.x, now.y)
        if not (math.isfinite(b[0]) and math.isfinite(b[1])):
            return None
        if self._kind == "line":
            end = held_to_angle(a, b) if straight else b
            radius = self._tools.size / 2
            sweep = raster.sweep_square if self._tools.square else raster.sweep_round
            return sweep(size, (*a, radius), (*end, radius))
        if straight:
            side = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
            b = (a[0] + math.copysign(side, b[0] - a[0]), a[1] + math.copysign(side, b[1] - a[1]))
        return raster.rectangle(size, a, b) if self._kind == "rectangle" else raster.ellipse(size, a, b)


class AreaGesture:
    """An outline drawn by hand, filled."""

    def __init__(self, document: Document, tools: Tools, start: PenPoint) -> None:
        self._edit = LayerEdit(document, tools, "area")
        self._outline = [(start.x, start.y)]

    def extend(self, points: Sequence[PenPoint], straight: bool = False) -> None:
        fresh = [(p.x, p.y) for p in points if math.isfinite(p.x) and math.isfinite(p.y)]
        if fresh:
            self._outline += fresh
            self._edit.repaint(raster.area(self._edit.size, self._outline))

    def rest(self) -> None:
        """An area is always filled up to the pen."""

    def finish(self) -> bool:
        return self._edit.finish()

    def cancel(self) -> None:
        self._edit.cancel()


class FillGesture:
    """The bucket: done when the pen comes down. What hangs together is judged by the visible map."""

    def __init__(self, document: Document, tools: Tools, start: PenPoint) -> None:
        self._edit = LayerEdit(document, tools, "fill")
        x, y = math.floor(start.x), math.floor(start.y)
        if 0 <= x < self._edit.size[0] and 0 <= y < self._edit.size[1]:
            self._edit.paint([flood(document.map, x, y)])

    def extend(self, points: Sequence[PenPoint], straight: bool = False) -> None:
        """Dragging on changes nothing."""

    def rest(self) -> None:
        """A fill is complete at once."""

    def finish(self) -> bool:
        return self._edit.finish()

    def cancel(self) -> None:
        self._edit.cancel()


def held_to_angle(a: tuple[float, float], b: tuple[float, float], degrees: float = 15.0) -> tuple[float, float]:
    """`b` turned around `a` to the nearest multiple of some degrees, at the same distance."""
    step = math.radians(degrees)
    angle = round(math.atan2(b[1] - a[1], b[0] - a[0]) / step) * step
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    return a[0] + length * math.cos(angle), a[1] + length * math.sin(angle)


def begin(document: Document, tools: Tools, start: PenPoint) -> Gesture:
    """The gesture of the current tool (not "pick": that changes nothing). `CannotPaint` where there is no layer for it."""
    if tools.tool in ("line", "rectangle", "ellipse"):
        return ShapeGesture(document, tools, start)
    if tools.tool == "area":
        return AreaGesture(document, tools, start)
    if tools.tool == "fill":
        return FillGesture(document, tools, start)
    return BrushGesture(document, tools, start)
