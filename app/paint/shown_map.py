"""The label map as an image that Qt paints without a copy: only what changed is coloured anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.paint.state.layers import LabelArray
from app.paint.state.palette import PATTERN, Palette
from app.paint.state.rect import Rect


class ShownMap:
    """An RGB32 image of a label map; with `patterns` every label has one of its own on it."""

    def __init__(self, width: int, height: int, palette: Palette, patterns: bool = False) -> None:
        self._pixels: NDArray[np.uint32] = np.zeros((height, width), np.uint32)
        self.image = QImage(self._pixels.data, width, height, self._pixels.strides[0], QImage.Format.Format_RGB32)
        self._plain, self._patterned, self._patterns = palette.shown(), palette.patterned(), patterns

    def refresh(self, label_map: LabelArray, rect: Rect) -> None:
        """Colour the pixels of `rect` as `label_map` `[H, W]` has them."""
        part = label_map[rect.slices]
        if self._patterns:
            rows = np.arange(rect.top, rect.bottom)[:, None] % PATTERN
            columns = np.arange(rect.left, rect.right)[None, :] % PATTERN
            self._pixels[rect.slices] = self._patterned[part, rows, columns]
        else:
            self._pixels[rect.slices] = self._plain[part]
