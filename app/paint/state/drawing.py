"""A drawing: everything of it that is saved, undone and turned into a landscape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from app.paint.state.layers import CLEAR, DrawingLayer, LabelArray, Layer, PhotoLayer, compose
from app.paint.state.look import Looks
from app.paint.state.palette import Palette
from app.paint.state.rect import Rect
from models.card import Label

# A canvas below is no place to paint, and one above does not fit the memory several times over with its layers.
SMALLEST_SIDE, LARGEST_SIDE = 16, 8192


@dataclass(eq=False)
class Home:
    """Where a drawing is kept: the project that it was opened from or saved to, None for none."""

    file: Path | None = None


@dataclass(eq=False)
class Drawing:
    """`layers` from bottom to top; `active` is the key of the one that is painted on; `background` shows where all are clear.

    `labels` are those of the model it was painted for, so that it opens with any other model by their names. `model` is that
    model's name, "" before one was chosen. `home` is shared with what it becomes on a canvas of another size or for another model
    (`replace` hands it on): saved under a new name, it is not saved over the old one after undo.
    """

    width: int
    height: int
    labels: tuple[Label, ...]
    background: int
    layers: list[Layer]
    active: int
    looks: Looks = field(default_factory=Looks)
    model: str = ""
    home: Home = field(default_factory=Home)

    @property
    def bounds(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    @property
    def palette(self) -> Palette:
        return Palette(self.labels)

    def layer(self, key: int) -> Layer | None:
        return next((layer for layer in self.layers if layer.key == key), None)

    def free_key(self) -> int:
        return max((layer.key for layer in self.layers), default=0) + 1

    def label_map(self) -> LabelArray:
        """The label map uint8 `[H, W]` of all visible drawing layers."""
        out = np.empty((self.height, self.width), np.uint8)
        compose(self.layers, self.background, self.bounds, out)
        return out


def blank(width: int, height: int, labels: Sequence[Label], background: int | None = None) -> Drawing:
    """An empty drawing with one clear layer over `background` (the first label where it is None)."""
    ground = labels[0].id if background is None else background
    layer = DrawingLayer(1, "Drawing", np.full((height, width), CLEAR, np.uint8))
    return Drawing(width, height, tuple(labels), ground, [layer], 1)


def from_map(label_map: LabelArray, labels: Sequence[Label], background: int | None = None) -> Drawing:
    """A drawing of one layer that holds a finished label map uint8 `[H, W]` (255: the background shows)."""
    height, width = label_map.shape
    drawing = blank(width, height, labels, background)
    layer = drawing.layers[0]
    assert isinstance(layer, DrawingLayer)
    layer.labels[...] = label_map
    return drawing


def resized(drawing: Drawing, width: int, height: int, *, stretch: bool) -> Drawing:
    """The same drawing on a canvas of another size: stretched by nearest pixels, or cut and extended around its middle."""
    layers: list[Layer] = []
    for layer in drawing.layers:
        if isinstance(layer, PhotoLayer):
            layers.append(layer)
            continue
        if stretch:
            rows = (np.arange(height) * drawing.height) // height
            columns = (np.arange(width) * drawing.width) // width
            labels = np.ascontiguousarray(layer.labels[rows[:, None], columns[None, :]])
        else:
            labels = np.full((height, width), CLEAR, np.uint8)
            left, top = (width - drawing.width) // 2, (height - drawing.height) // 2
            inside = Rect(left, top, left + drawing.width, top + drawing.height).clipped(width, height)
            source = Rect(inside.left - left, inside.top - top, inside.right - left, inside.bottom - top)
            labels[inside.slices] = layer.labels[source.slices]
        layers.append(DrawingLayer(layer.key, layer.name, labels, layer.visible))
    return replace(drawing, width=width, height=height, layers=layers)


def relabelled(drawing: Drawing, table: LabelArray, labels: Sequence[Label]) -> Drawing:
    """The same drawing in the numbers of another set of labels; `table` uint8 `[256]` maps old numbers to new (255 stays)."""
    lut = table.copy()
    lut[CLEAR] = CLEAR
    layers: list[Layer] = [
        layer if isinstance(layer, PhotoLayer) else DrawingLayer(layer.key, layer.name, lut[layer.labels], layer.visible)
        for layer in drawing.layers
    ]
    return replace(drawing, labels=tuple(labels), background=int(lut[drawing.background]), layers=layers)


def used_labels(drawing: Drawing) -> dict[int, int]:
    """How many pixels each number has in the visible map, or, where none of it is seen, on all drawing layers; clear pixels
    aside."""
    seen = np.bincount(drawing.label_map().reshape(-1), minlength=256)
    layers = [layer for layer in drawing.layers if isinstance(layer, DrawingLayer)]
    hidden = sum((np.bincount(layer.labels.reshape(-1), minlength=256) for layer in layers), np.zeros_like(seen))
    counts = np.where(seen > 0, seen, hidden)
    return {int(number): int(counts[number]) for number in np.nonzero(counts)[0] if number != CLEAR}


def snapshot(drawing: Drawing) -> Drawing:
    """A copy that no stroke changes any more. Photos are shared: nobody paints on them."""
    layers: list[Layer] = [
        replace(layer)
        if isinstance(layer, PhotoLayer)
        else DrawingLayer(layer.key, layer.name, layer.labels.copy(), layer.visible)
        for layer in drawing.layers
    ]
    return replace(drawing, layers=layers)
