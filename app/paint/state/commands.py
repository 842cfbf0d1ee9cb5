"""Changes of a drawing that can be taken back. A stroke keeps the changed rectangle alone, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.history import Command
from app.paint.state.document import Change, Document, What
from app.paint.state.drawing import Drawing
from app.paint.state.layers import DrawingLayer, LabelArray, Layer
from app.paint.state.rect import NOTHING, Rect


def changed_rect(before: LabelArray, after: LabelArray, within: Rect) -> Rect:
    """The smallest rectangle inside `within` that holds all pixels in which two arrays `[H, W]` differ."""
    differs = before[within.slices] != after[within.slices]
    rows, columns = np.nonzero(differs.any(axis=1))[0], np.nonzero(differs.any(axis=0))[0]
    if not len(rows):
        return NOTHING
    return Rect(
        within.left + int(columns[0]),
        within.top + int(rows[0]),
        within.left + int(columns[-1]) + 1,
        within.top + int(rows[-1]) + 1,
    )


class PixelsCommand:
    """Pixels of one layer that were painted already: the difference (exclusive or) of before and after, packed by zlib.

    Taking it back and doing it again are the same operation, so one array serves both. Labels differ in few ways inside a
    stroke, so a stroke takes some hundred bytes.
    """

    def __init__(self, document: Document, layer: DrawingLayer, before: LabelArray, within: Rect, title: str) -> None:
        self.title = title
        self.rect = changed_rect(before, layer.labels, within)
        self._document, self._layer = document, layer
        self._packed = zlib.compress((before[self.rect.slices] ^ layer.labels[self.rect.slices]).tobytes(), 1)
        self._painted = True

    @property
    def bytes(self) -> int:
        return len(self._packed)

    def redo(self) -> None:
        if not self._painted:
            self._flip()

    def undo(self) -> None:
        self._flip()

    def _flip(self) -> None:
        flat = np.frombuffer(zlib.decompress(self._packed), np.uint8)
        self._layer.labels[self.rect.slices] ^= flat.reshape(self.rect.height, self.rect.width)
        self._painted = not self._painted
        self._document.touched(self.rect)

    def merge(self, later: Command) -> bool:
        return False


class SetCommand:
    """One attribute of the drawing or of a layer takes another value. Settings of one gesture merge (a slider being dragged)."""

    def __init__(self, document: Document, target: Drawing | Layer, attribute: str, value: Any, what: What, title: str) -> None:
        self.title = title
        self._document, self._target, self._attribute = document, target, attribute
        self._before, self._after = getattr(target, attribute), value
        self._what: What = what

    def redo(self) -> None:
        self._set(self._after)

    def undo(self) -> None:
        self._set(self._before)

    def _set(self, value: Any) -> None:
        setattr(self._target, self._attribute, value)
        if self._attribute in ("visible", "background"):  # both decide on what the map shows
            self._document.touched(self._document.drawing.bounds)
        self._document.tell(Change(self._what))

    def merge(self, later: Command) -> bool:
        if not (isinstance(later, SetCommand) and later._target is self._target and later._attribute == self._attribute):
            return False
        self._after = later._after
        return True


class LayersCommand:
    """The list of layers becomes another one (added, removed, moved, joined), and which one is active."""

    def __init__(self, document: Document, layers: Sequence[Layer], active: int, title: str) -> None:
        self.title = title
        self._document = document
        drawing = document.drawing
        self._before, self._after = (list(drawing.layers), drawing.active), (list(layers), active)

    def redo(self) -> None:
        self._set(*self._after)

    def undo(self) -> None:
        self._set(*self._before)

    def _set(self, layers: list[Layer], active: int) -> None:
        drawing = self._document.drawing
        drawing.layers, drawing.active = list(layers), active
        self._document.touched(drawing.bounds)
        self._document.tell(Change("layers"))

    def merge(self, later: Command) -> bool:
        return False


class DrawingCommand:
    """Another drawing takes this one's place: opened, new, resized, or in the labels of another model."""

    def __init__(self, document: Document, drawing: Drawing, title: str) -> None:
        self.title = title
        self._document, self._before, self._after = document, document.drawing, drawing

    def redo(self) -> None:
        self._document.show(self._after)

    def undo(self) -> None:
        self._document.show(self._before)

    def merge(self, later: Command) -> bool:
        return False
