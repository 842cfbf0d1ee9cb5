"""Photos as a painter needs them: plain sRGB pictures, no larger than the canvas has use for.

The library that reads photos takes a moment to load: it is imported when the first photo is.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from app.photos.photo import Photo

logger = logging.getLogger(__name__)


def picture_of(photo: Photo) -> NDArray[np.uint8]:
    """The picture uint8 `[H, W, 3]` in sRGB of a decoded photo: 8 bits, on white where it was transparent."""
    from app.photos.encoding import on_white, to_8_bits

    pixels = to_8_bits(photo.pixels)
    if photo.has_alpha:
        pixels = on_white(pixels)
    grey = pixels.shape[2] == 1
    image = Image.fromarray(pixels[..., 0] if grey else pixels)
    if photo.icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted if converted is not None else image
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            logger.info("a colour profile could not be used: %s", error)
    return np.array(image.convert("RGB"))


def load_picture(path: Path, side: int) -> NDArray[np.uint8]:
    """A photo file as a picture of at most `side` pixels a side. `PhotoError`, `OSError`."""
    from app.photos.decoding import decode

    return no_larger(picture_of(decode(path)), side)


def no_larger(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture reduced, if it must be, to at most `side` pixels a side."""
    if max(picture.shape[:2]) <= side:
        return picture
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(image)
