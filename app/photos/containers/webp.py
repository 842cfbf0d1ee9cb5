"""WebP (RFC 9649): the extended layout with its ICCP, EXIF and XMP chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from app.photos.containers.metadata import MAX_PART, Metadata, Part
from app.photos.exif import strip_prefix

ICC_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG = 0x20, 0x10, 0x08, 0x04


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of every whole chunk with its padding; `start` is at its type."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + (size & 1)
        if at + 8 + size > len(data):
            return
        yield data[at : at + 4], at, min(end, len(data))
        at = end


def read(data: bytes) -> Metadata:
    found: dict[bytes, bytes] = {}
    for kind, start, end in _chunks(data):
        if kind in (b"ICCP", b"EXIF", b"XMP ") and end - start <= MAX_PART:
            size = int.from_bytes(data[start + 4 : start + 8], "little")
            found.setdefault(kind, data[start + 8 : start + 8 + size])
    exif = found.get(b"EXIF")
    return Metadata(found.get(b"ICCP"), strip_prefix(exif) if exif else None, found.get(b"XMP "))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def _first_frame(kind: bytes, body: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is alpha, as a VP8 (RFC 6386) or VP8L bitstream's head says."""
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF, False


def embed(data: bytes, metadata: Metadata) -> list[Part]:
    view = memoryview(data)
    pixels: list[Part] = []
    flags, size = 0, None
    for kind, start, end in _chunks(data):
        if kind == b"VP8X":
            flags, size = data[start + 8], data[start + 12 : start + 18]
        elif kind not in (b"ICCP", b"EXIF", b"XMP "):
            if size is None and kind in (b"VP8 ", b"VP8L"):
                width, height, alpha = _first_frame(kind, data[start + 8 : start + 24])
                flags = ALPHA_FLAG if alpha else 0
                size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            pixels.append(view[start:end])
    flags &= ~(ICC_FLAG | EXIF_FLAG | XMP_FLAG)
    flags |= (ICC_FLAG if metadata.icc else 0) | (EXIF_FLAG if metadata.exif else 0) | (XMP_FLAG if metadata.xmp else 0)
    head = [_chunk(b"VP8X", bytes((flags, 0, 0, 0)) + (size or bytes(6)))]
    if metadata.icc:
        head.append(_chunk(b"ICCP", metadata.icc))
    tail = [_chunk(kind, body) for kind, body in ((b"EXIF", metadata.exif), (b"XMP ", metadata.xmp)) if body]
    length = 4 + sum(len(part) for part in (*head, *pixels, *tail))
    return [b"RIFF" + struct.pack("<I", length) + b"WEBP", *head, *pixels, *tail]
