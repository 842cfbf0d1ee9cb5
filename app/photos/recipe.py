"""The making-of inside a picture: the recipe as JSON and IPTC's DigitalSourceType, both in XMP.

A recipe is a plain dict of JSON values. It is read back as JSON alone, within bounds: a picture from a stranger can say
nothing worse than an unknown recipe.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.photos import containers, placing, xmp
from app.photos.decoding import read_packet, regular_file
from app.photos.encoding import encode, some_of
from app.photos.photo import Photo, PhotoError, Text

# How a picture came to be: by a network alone, a photo enlarged, a photo transformed into something else.
Kind = Literal["generated", "enlarged", "transformed"]
SOURCE_TYPES: dict[Kind, str] = {
    "generated": "trainedAlgorithmicMedia",
    "enlarged": "algorithmicallyEnhanced",
    "transformed": "compositeWithTrainedAlgorithmicMedia",
}
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
RECIPE, SOURCE_TYPE = (xmp.GANVAS, "recipe"), (xmp.IPTC_EXT, "DigitalSourceType")
# Where XMP says the place: EXIF's GPS figures, the names in Photoshop's and IPTC's schemas.
PLACES = (
    (xmp.EXIF, "GPS"),
    ("http://ns.adobe.com/photoshop/1.0/", "City"),
    ("http://ns.adobe.com/photoshop/1.0/", "State"),
    ("http://ns.adobe.com/photoshop/1.0/", "Country"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Location"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "CountryCode"),
    (xmp.IPTC_EXT, "LocationCreated"),
    (xmp.IPTC_EXT, "LocationShown"),
)
PNG_KEYS = (
    "Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer", "Warning", "Source", "Comment"
)  # fmt: skip
# What lies behind the picture in a phone's file and is not enlarged with it: how its XMP tells of it, and what is said.
CAMERA, GAIN_MAP = "http://ns.google.com/photos/1.0/camera/", "http://ns.adobe.com/hdr-gain-map/1.0/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
BEHIND = (
    ((CAMERA, "MotionPhoto"), "Its moving part is not kept."),
    ((CAMERA, "MicroVideo"), "Its moving part is not kept."),
    ((GAIN_MAP, "Version"), "What makes it brighter on HDR screens (its gain map) is not kept."),
)
# A painted map of many strokes reaches some hundred KB.
MAX_RECIPE = 16 * 2**20


def stamp(packet: bytes | None, recipe: dict[str, Any], kind: Kind, size: tuple[int, int] | None = None) -> bytes:
    """An XMP packet with recipe and source type merged into what is there. `size` (width, height) corrects the old figures."""
    text = json.dumps(recipe, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_RECIPE:
        raise PhotoError("The recipe is too large to be kept in the picture.")
    upright = {(xmp.TIFF, "Orientation"): "1"}
    if size:
        width, height = str(size[0]), str(size[1])
        upright |= {(xmp.TIFF, "ImageWidth"): width, (xmp.TIFF, "ImageLength"): height}
        upright |= {(xmp.EXIF, "PixelXDimension"): width, (xmp.EXIF, "PixelYDimension"): height}
    return xmp.merge(packet, {RECIPE: text, SOURCE_TYPE: VOCABULARY + SOURCE_TYPES[kind]}, upright)


def without_behind(packet: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The packet without what it tells of more that lies behind the picture in its file, as nothing does in the result: viewers
    would look for it there. And what is lost by that, in sentences."""
    said = dict.fromkeys(text for name, text in BEHIND if (xmp.get(packet, name) or "0") != "0")
    if not said:
        return packet, ()
    for namespace, prefix in ((CAMERA, "MotionPhoto"), (CAMERA, "MicroVideo"), (GAIN_MAP, ""), (CONTAINER, "")):
        packet = xmp.without(packet, namespace, prefix)
    return packet, tuple(said)


def without_place(packet: bytes) -> bytes:
    """The packet without where the photo was taken: GPS figures, IPTC's and Photoshop's names of the place."""
    for namespace, prefix in PLACES:
        packet = xmp.without(packet, namespace, prefix)
    return packet


def texts_without_place(texts: tuple[Text, ...]) -> tuple[tuple[Text, ...], tuple[str, ...]]:
    """Of the texts those under keys that PNG itself names, as some programs write the camera's GPS figures under others. And what
    is lost by that, in sentences."""
    lost = list(dict.fromkeys(text.key for text in texts if text.key not in PNG_KEYS))
    said = (f"What was written into it ({some_of(lost)}) is not kept, as it may tell the place.",) if lost else ()
    return tuple(text for text in texts if text.key in PNG_KEYS), said


def write(path: Path, picture: NDArray[Any] | Photo, recipe: dict[str, Any], kind: Kind = "generated", quality: int = 92) -> None:
    """Save a picture (uint8 or uint16 `[H, W]` or `[H, W, C]`, or a photo) as `path` with its recipe, whole or not at all.

    The format is the extension's. Errors as in `app.photos.encoding.encode`.
    """
    photo = picture if isinstance(picture, Photo) else Photo(np.atleast_3d(picture))
    encode(replace(photo, xmp=stamp(photo.xmp, recipe, kind, (photo.width, photo.height))), path, quality=quality)


def embed(path: Path, recipe: dict[str, Any], kind: Kind) -> None:
    """Put a recipe into a PNG, JPEG or WebP file that exists; its pixels and all other metadata stay as they are."""
    with regular_file(path) as file:
        data = b"".join(iter(lambda: file.read(2**28), b""))
    name = containers.told(data)
    if name is None:
        raise PhotoError("A recipe can be put into PNG, JPEG and WebP files.", "Save the picture as one of them.")
    metadata = containers.read(data, name)
    placing.write(path, containers.embed(data, name, replace(metadata, xmp=stamp(metadata.xmp, recipe, kind))))


def read(path: Path) -> dict[str, Any] | None:
    """The recipe in a picture, or None where it has none (or none that can be read). `OSError` where the file is missing."""
    text = xmp.get(read_packet(path), RECIPE)
    if text is None or len(text) > MAX_RECIPE:
        return None
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


def read_kind(path: Path) -> Kind | None:
    """How a picture says it came to be, or None where it says nothing that is known here."""
    text = xmp.get(read_packet(path), SOURCE_TYPE) or ""
    return next((kind for kind, name in SOURCE_TYPES.items() if text.rsplit("/", 1)[-1] == name), None)
