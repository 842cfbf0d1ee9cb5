"""Metadata in files, read and put in without touching a pixel: JPEG, PNG and WebP by their published layouts."""

from __future__ import annotations

from collections.abc import Callable

from app.photos.containers import jpeg, png, webp
from app.photos.containers.metadata import Metadata, Part
from app.photos.formats import HEAD, sniff

__all__ = ["HANDLED", "Metadata", "Part", "embed", "read", "told"]

_READ: dict[str, Callable[[bytes], Metadata]] = {"jpeg": jpeg.read, "png": png.read, "webp": webp.read}
_EMBED: dict[str, Callable[[bytes, Metadata], list[Part]]] = {"jpeg": jpeg.embed, "png": png.embed, "webp": webp.embed}
# The formats whose metadata this package handles; those of the others go through their encoder.
HANDLED = tuple(_READ)


def read(data: bytes, format: str) -> Metadata:
    """The metadata of a JPEG, PNG or WebP file; whatever is broken in it is left out."""
    return _READ[format](data)


def told(data: bytes) -> str | None:
    """Which of the handled formats these bytes are, or None."""
    name = sniff(data[:HEAD])
    return name if name in HANDLED else None


def embed(data: bytes, format: str, metadata: Metadata) -> list[Part]:
    """The file with exactly this metadata, as the parts it is to be written from (the pixels are not copied)."""
    return _EMBED[format](data, metadata)
