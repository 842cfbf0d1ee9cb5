"""HEIC photos by libheif (pi-heif: decoding only, LGPL). AVIF goes through libvips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pi_heif

from app.photos import exif, told_colours
from app.photos.decoding import full_range
from app.photos.formats import check_claim
from app.photos.photo import Photo, PhotoError, PhotoFacts


def _open(file: Any) -> Any:
    file.seek(0)
    try:
        return pi_heif.open_heif(file, convert_hdr_to_8bit=False, bgr_mode=False)
    except (ValueError, OSError, RuntimeError, EOFError, SyntaxError) as error:
        raise PhotoError("Its HEIC data is broken.") from error


def probe_heic(file: Any) -> PhotoFacts:
    """Size, channels and depth by the head."""
    opened = _open(file)
    width, height = opened.size
    channels = len(opened.mode.split(";")[0])
    return PhotoFacts("heic", width, height, channels, 16 if ";16" in opened.mode else 8, len(opened))


def decode_heic(file: Any, size: int) -> Photo:
    """The primary picture; libheif has already turned it upright."""
    opened = _open(file)
    check_claim(opened.size[0], opened.size[1], size)
    try:
        # A copy: the decoder's own memory goes with the decoder.
        pixels = full_range(np.array(opened, copy=True), int(opened.info.get("bit_depth", 8)))
    except (ValueError, OSError, RuntimeError, EOFError, SyntaxError) as error:
        raise PhotoError("Its HEIC data is broken or cut off.") from error
    told = opened.info
    raw_exif = told.get("exif")
    block = exif.strip_prefix(raw_exif) if raw_exif else None
    facts = exif.read_facts(block)
    height, width = pixels.shape[:2]
    block = exif.put_right(block, width, height, facts.dpi) if block else None
    warnings = [f"This is the first of {len(opened)} pictures."] if len(opened) > 1 else []
    pixels = np.atleast_3d(pixels)
    icc = told.get("icc_profile") or told_colours.dressed(told_colours.read(file, "heic"), pixels.shape[2] < 3, warnings)
    return Photo(pixels, "heic", icc, block, told.get("xmp"), None, facts.dpi, tuple(warnings))
