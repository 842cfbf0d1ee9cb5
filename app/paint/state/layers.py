"""Layers of a drawing: labels, or a photo to trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.paint.state.rect import Rect

LabelArray = NDArray[np.uint8]

# A pixel of a drawing layer that holds no label: what lies below shows.
CLEAR = 255


@dataclass(eq=False)
class DrawingLayer:
    """Labels uint8 `[H, W]`, `CLEAR` where nothing is drawn. `key` is its number for good, whatever is moved or renamed."""

    key: int
    name: str
    labels: LabelArray
    visible: bool = True


@dataclass(eq=False)
class PhotoLayer:
    """A photo uint8 `[h, w, 3]` laid over the canvas for tracing, whole and centred; it never becomes part of the label map.

    `encoded` holds its PNG once it was saved: nobody paints on a photo, so the next autosave need not pack it again.
    """

    key: int
    name: str
    picture: NDArray[np.uint8]
    opacity: float = 0.5
    visible: bool = True
    encoded: list[bytes] = field(default_factory=list)


Layer = DrawingLayer | PhotoLayer


def compose(layers: Sequence[Layer], background: int, rect: Rect, out: LabelArray) -> None:
    """Write the label map of `layers` (bottom first) over `background` into the rectangle `rect` of `out` `[H, W]`."""
    target = out[rect.slices]
    target[...] = background
    for layer in layers:
        if isinstance(layer, DrawingLayer) and layer.visible:
            source = layer.labels[rect.slices]
            np.copyto(target, source, where=source != CLEAR)


def fit_inside(width: int, height: int, photo_width: int, photo_height: int) -> tuple[float, float, float, float]:
    """Where a photo lies on a canvas: left, top, width, height in canvas pixels, whole and centred."""
    scale = min(width / photo_width, height / photo_height)
    shown_width, shown_height = photo_width * scale, photo_height * scale
    return (width - shown_width) / 2, (height - shown_height) / 2, shown_width, shown_height
