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
from app.paint.state.look import Looks
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


def _held(layers: Sequence[Layer] = (), looks: Looks | None = None) -> dict[int, int]:
    """The bytes of all that layers and looks keep in memory, each thing once: copies of a photo layer share its picture."""
    found = {}
    for layer in layers:
        if isinstance(layer, DrawingLayer):
            found[id(layer.labels)] = layer.labels.nbytes
        else:
            found[id(layer.picture)] = layer.picture.nbytes
            found[id(layer.encoded)] = sum(len(packed) for packed in layer.encoded)
    for look in () if looks is None else (looks.first, looks.second):
        if look is not None and look.photo is not None:
            found[id(look.photo)] = look.photo.nbytes
    return found


def _given_up(before: dict[int, int], after: dict[int, int]) -> int:
    """The bytes of what a drawing held before a step and not after it: the step alone keeps that."""
    return sum(size for thing, size in before.items() if thing not in after)


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

    @property
    def bytes(self) -> int:
        if not isinstance(self._before, Looks):
            return 0
        return _given_up(_held(looks=self._before), _held(looks=self._after))

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
        self.bytes = _given_up(_held(drawing.layers), _held(layers))

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
        before = document.drawing
        # Now: later steps change the drawings' layers, and what they take away they keep themselves.
        self.bytes = _given_up(_held(before.layers, before.looks), _held(drawing.layers, drawing.looks))

    def redo(self) -> None:
        self._document.show(self._after)

    def undo(self) -> None:
        self._document.show(self._before)

    def merge(self, later: Command) -> bool:
        return False
