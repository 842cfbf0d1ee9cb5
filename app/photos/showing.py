"""Photos as a screen shows them: pictures uint8 `[H, W, 3]` in sRGB, whatever profile, depth and alpha the photo has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from app.photos import told_colours
from app.photos.decoding import decode, is_converted, regular_file
from app.photos.formats import HEAD, check_claim, is_moving_avif, sniff
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import to_image

# What lies behind transparent pixels, where nobody says something else.
GROUND = 128
# A photo whose shorter side is below this is worth more than a thumbnail of its embedded one.
_SHRINKING = ("jpeg", "webp", "png", "tiff", "avif")


def to_picture(pixels: NDArray[Any], icc: bytes | None = None) -> NDArray[np.uint8]:
    """Pixels uint8 or uint16 `[H, W, 1 to 4]` in the profile `icc` (None: sRGB) as a picture; alpha is laid on mid grey.

    A profile that cannot be used is passed over: the colours may then be a little off on the screen, never in the file.
    """
    if icc is None and pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    top = 255 if pixels.dtype == np.uint8 else 65535
    image = to_image(pixels)
    if pixels.shape[2] in (2, 4):
        ground = [GROUND * top // 255] * (pixels.shape[2] - 1)
        image = image.flatten(background=ground, max_alpha=top).cast(image.format)
    image = image.copy(
        interpretation=("srgb" if top == 255 else "rgb16") if image.bands == 3 else ("b-w" if top == 255 else "grey16")
    )
    if icc is not None:
        try:
            dressed = image.copy()
            dressed.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
            return _computed(dressed.icc_transform("srgb", embedded=True, intent="relative", depth=8))
        except pyvips.Error:
            pass
    return _computed(image.colourspace("srgb"))


def _computed(image: Any) -> NDArray[np.uint8]:
    if image.bands == 1:
        image = image.bandjoin([image, image])
    data = image.cast("uchar").write_to_memory()
    return np.frombuffer(data, np.uint8).reshape(image.height, image.width, 3)


def photo_picture(photo: Photo) -> NDArray[np.uint8]:
    """The whole photo as a picture."""
    return to_picture(photo.pixels, photo.icc)


def thumbnail(path: Path, side: int) -> NDArray[np.uint8]:
    """A small picture of a photo, at most `side` pixels, upright and in sRGB; errors as in `app.photos.decoding.decode`.

    Formats that can be read reduced are, so that a folder of large photos does not take minutes.
    """
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(HEAD)
        name = sniff(head)
        if name in _SHRINKING and not is_moving_avif(head):  # libvips tells such a file only where its loader is named
            colours = told_colours.read(file, name)
            file.seek(0)
            try:
                source = pyvips.Source.new_from_descriptor(file.fileno())
                image = pyvips.Image.new_from_source(source, "", access="sequential")
                check_claim(image.width, image.height, size)
                profiled = bool(image.get_typeof("icc-profile-data"))
                # Of grey with further channels libvips makes no colours that can be shown.
                beyond = image.interpretation in ("b-w", "grey16") and image.bands > 2
                if beyond or (profiled and told_colours.counts(colours, name, profiled)):
                    return reduced(photo_picture(decode(path)), side)
                file.seek(0)
                source = pyvips.Source.new_from_descriptor(file.fileno())
                small = pyvips.Image.thumbnail_source(source, side, height=side, size="down", output_profile="srgb")
                if small.hasalpha():
                    small = small.flatten(background=[GROUND] * (small.bands - 1))
                profile = None if profiled or is_converted(image) else told_colours.dressed(colours, False, [])
                return to_picture(_computed(small.colourspace("srgb")), profile)
            except pyvips.Error as error:
                raise PhotoError("It cannot be shown.") from error
    picture = photo_picture(decode(path))
    return reduced(picture, side)


def reduced(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture at most `side` pixels wide and high."""
    factor = side / max(picture.shape[:2])
    return picture if factor >= 1 else _computed(to_image(picture).resize(factor))
