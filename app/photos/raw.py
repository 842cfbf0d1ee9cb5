"""Camera RAW by LibRaw (rawpy, the extra `raw`): developed with the camera's white balance into 16-bit sRGB."""

from __future__ import annotations

from typing import Any

from app.photos.formats import check_claim
from app.photos.photo import Photo, PhotoError, PhotoFacts
from models.extras import how_to_add, is_packaged

SRGB = (2.4, 12.92)  # the power of its curve, and the slope where it begins


def _library() -> Any:
    try:
        import rawpy
    except ImportError as error:
        if is_packaged():
            hint = "Save the photo as TIFF with another one first."
            raise PhotoError("This packaged program reads no camera RAW.", hint) from error
        raise PhotoError("Camera RAW files need the package rawpy.", how_to_add("raw")) from error
    return rawpy


def probe_raw(file: Any) -> PhotoFacts:
    """The size by the head; it is what `decode_raw` gives."""
    rawpy = _library()
    file.seek(0)
    try:
        with rawpy.imread(file) as opened:
            sizes = opened.sizes
    except rawpy.LibRawError as error:
        raise PhotoError("Its camera RAW data cannot be read.") from error
    width, height = (sizes.height, sizes.width) if sizes.flip in (5, 6) else (sizes.width, sizes.height)
    return PhotoFacts("raw", width, height, 3, 16)


def decode_raw(file: Any) -> Photo:
    """uint16 `[H, W, 3]`, sRGB, upright, exposure as the camera set it."""
    rawpy = _library()
    file.seek(0)
    try:
        with rawpy.imread(file) as opened:
            check_claim(opened.sizes.raw_width, opened.sizes.raw_height, 2**31)
            # LibRaw's own curve is BT.709's, which is darker in the shadows than what the picture is said to be in.
            pixels = opened.postprocess(use_camera_wb=True, output_bps=16, no_auto_bright=True, gamma=SRGB)
    except rawpy.LibRawError as error:
        raise PhotoError("Its camera RAW data cannot be read.") from error
    return Photo(pixels, "raw")
