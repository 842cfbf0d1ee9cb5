"""Plain resizing: pixels to an exact size by Lanczos' kernel, alpha respected, any depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray


def resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """uint8 or uint16 `[H, W, C]` to exactly `[height, width, C]` of the same type."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    return to_pixels(fitted(to_image(pixels), (width, height)))


def to_image(pixels: NDArray[Any]) -> Any:
    """uint8 or uint16 `[H, W, C]` as a libvips picture, without a copy: the pixels must live as long as it does."""
    whole = np.ascontiguousarray(pixels)
    height, width, channels = whole.shape
    kind = "uchar" if whole.dtype == np.uint8 else "ushort"
    return pyvips.Image.new_from_memory(whole.data, width, height, channels, kind)


def to_pixels(image: Any) -> NDArray[Any]:
    """A libvips picture of 8 or 16 bits, computed: uint8 or uint16 `[H, W, C]`."""
    kind = np.uint8 if image.format == "uchar" else np.uint16
    return np.frombuffer(image.write_to_memory(), kind).reshape(image.height, image.width, image.bands)


def fitted(image: Any, size: tuple[int, int]) -> Any:
    """A lazy picture in exactly this (width, height), by Lanczos' kernel.

    Colour under transparent pixels does not bleed into the edge: it is weighted with its alpha while it is resized.
    """
    width, height = size
    if (image.width, image.height) == size:
        return image
    kind, top = image.format, 65535.0 if image.format == "ushort" else 255.0
    alpha = image.bands in (2, 4)
    if alpha:
        image = image.premultiply(max_alpha=top)
    image = image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")
    if alpha:
        image = image.unpremultiply(max_alpha=top)
    # Kernels overshoot at hard edges; a cast clips, and rounding comes before it.
    image = image.rint().cast(kind)
    if (image.width, image.height) != size:
        image = image.gravity("north-west", width, height, extend="copy")
    return image
