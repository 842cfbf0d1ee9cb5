"""Plain resizing: pixels to an exact size by Lanczos' kernel, alpha respected, any depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray


def resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """uint8 or uint16 `[H, W, C]` to exactly `[height, width, C]` of the same type.

    Colour under transparent pixels does not bleed into the edge: it is weighted with its alpha while it is resized.
    """
    rows, columns, channels = pixels.shape
    if (columns, rows) == (width, height):
        return pixels
    kind = "uchar" if pixels.dtype == np.uint8 else "ushort"
    whole = np.ascontiguousarray(pixels)
    image = pyvips.Image.new_from_memory(whole.data, columns, rows, channels, kind)
    top = float(np.iinfo(pixels.dtype).max)
    if channels in (2, 4):
        image = image.premultiply(max_alpha=top)
    image = image.resize(width / columns, vscale=height / rows, kernel="lanczos3")
    if channels in (2, 4):
        image = image.unpremultiply(max_alpha=top)
    # Kernels overshoot at hard edges; a cast clips, and rounding comes before it.
    image = image.rint().cast(kind)
    if (image.width, image.height) != (width, height):
        image = image.gravity("north-west", width, height, extend="copy")
    return np.frombuffer(image.write_to_memory(), pixels.dtype).reshape(height, width, channels)
