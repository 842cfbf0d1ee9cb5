"""JPEG (ITU T.81): APP0 JFIF (resolution), APP1 Exif, APP1 XMP with Extended XMP (XMP specification part 3), APP2 ICC, APP13
Photoshop (IPTC), COM (a comment)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from app.photos import xmp
from app.photos.containers.metadata import COMMENT, MAX_PART, MAX_TEXTS, Metadata, Part
from app.photos.exif import strip_prefix
from app.photos.photo import Text

EXIF, XMP, EXTENDED = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
JFIF = b"JFIF\0"
ICC, PHOTOSHOP, IPTC_RESOURCE = b"ICC_PROFILE\0", b"Photoshop 3.0\0", 0x0404
# A segment's length is 16 bits and counts itself.
MAX_SEGMENT = 65_533
MAX_EXIF = MAX_SEGMENT - len(EXIF)
MAX_IPTC = MAX_SEGMENT - len(PHOTOSHOP) - 13  # what is around it, and a byte where its length is odd
MAX_PACKET = MAX_SEGMENT - len(XMP)
# Of a segment of Extended XMP 40 bytes name the packet, its length and the offset.
MAX_EXTENSION = 65_000


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment before the scan; `start` is at its 0xFF."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            return
        yield marker, at, end
        at = end


def read(data: bytes) -> Metadata:
    exif = packet = iptc = None
    texts: list[Text] = []
    room = MAX_TEXTS
    profile: dict[int, bytes] = {}
    extensions: dict[bytes, dict[int, bytes]] = {}
    for marker, start, end in _segments(data):
        body = data[start + 4 : end]
        if marker == 0xE1 and body.startswith(EXIF):
            exif = exif or strip_prefix(body)
        elif marker == 0xE1 and body.startswith(XMP):
            packet = packet or body[len(XMP) :]
        elif marker == 0xE1 and body.startswith(EXTENDED) and len(body) >= len(EXTENDED) + 40:
            inner = body[len(EXTENDED) :]
            extensions.setdefault(inner[:32], {})[int.from_bytes(inner[36:40], "big")] = inner[40:]
        elif marker == 0xE2 and body.startswith(ICC) and len(body) > len(ICC) + 2:
            profile.setdefault(body[len(ICC)], body[len(ICC) + 2 :])
        elif marker == 0xED and body.startswith(PHOTOSHOP):
            iptc = iptc or _find_iptc(body[len(PHOTOSHOP) :])
        elif marker == 0xFE and (comment := _comment(body)) and room > 0:
            texts.append(Text(COMMENT, comment))
            room -= len(body)
    if packet is not None and extensions:
        packet = _join(packet, extensions)
    icc = b"".join(profile[i] for i in sorted(profile)) or None
    return Metadata(icc, exif, packet, iptc, texts=tuple(texts))


def _comment(body: bytes) -> str:
    """The words of a comment. In what letters they are written no file says."""
    body = body.replace(b"\0", b"")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def holds(text: Text) -> bool:
    """Whether a JPEG file has a place for it."""
    return text.key == COMMENT and 0 < len(text.text.encode()) <= MAX_SEGMENT


def _join(packet: bytes, extensions: dict[bytes, dict[int, bytes]]) -> bytes:
    """The packet with the extension it names, where all pieces are there and the digest is right."""
    named = xmp.extension_of(packet)
    pieces = extensions.get(named.encode(), {}) if named else {}
    whole = b"".join(pieces[offset] for offset in sorted(pieces))
    if not pieces or len(whole) > MAX_PART or hashlib.md5(whole, usedforsecurity=False).hexdigest().upper() != named:
        return packet
    return xmp.join(packet, whole)


def _find_iptc(resources: bytes) -> bytes | None:
    """The IPTC block among Photoshop's image resources (8BIM, id, padded Pascal name, size, padded data)."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] == b"8BIM":
        number = int.from_bytes(resources[at + 4 : at + 6], "big")
        at += 6 + ((resources[at + 6] + 2) & ~1)
        size = int.from_bytes(resources[at : at + 4], "big")
        if number == IPTC_RESOURCE:
            return resources[at + 4 : at + 4 + size]
        at += 4 + ((size + 1) & ~1)
    return None


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def embed(data: bytes, metadata: Metadata) -> list[Part]:
    view, parts, at = memoryview(data), [], 2
    head: list[Part] = [view[:2]]
    if metadata.dpi is not None:
        head.append(_jfif(metadata.dpi))
    owned = (EXIF, XMP, EXTENDED, ICC, PHOTOSHOP)
    for marker, start, end in _segments(data):
        body = view[start + 4 : min(end, start + 64)].tobytes()
        if marker == 0xE0 and body.startswith(JFIF) and start == 2:
            if metadata.dpi is None:
                head.append(view[start:end])
        elif not (marker == 0xFE or (marker in (0xE1, 0xE2, 0xED) and body.startswith(owned))):
            parts.append(view[start:end])
        at = end
    return [*head, *_own_segments(metadata), *parts, view[at:]]


def _jfif(dpi: tuple[float, float]) -> bytes:
    """The resolution in whole dots an inch. Not every edition of libvips writes it."""
    x, y = (min(max(round(dots), 1), 0xFFFF) for dots in dpi)
    return _segment(0xE0, JFIF + struct.pack(">BBBHHBB", 1, 1, 1, x, y, 0, 0))


def _own_segments(metadata: Metadata) -> Iterator[bytes]:
    if metadata.exif and len(metadata.exif) <= MAX_EXIF:
        yield _segment(0xE1, EXIF + metadata.exif)
    if metadata.xmp:
        packet, rest = xmp.split(metadata.xmp, MAX_PACKET)
        yield _segment(0xE1, XMP + packet)
        digest = hashlib.md5(rest, usedforsecurity=False).hexdigest().upper().encode()
        for offset in range(0, len(rest), MAX_EXTENSION):
            place = struct.pack(">II", len(rest), offset)
            yield _segment(0xE1, EXTENDED + digest + place + rest[offset : offset + MAX_EXTENSION])
    if metadata.icc:
        room = MAX_SEGMENT - len(ICC) - 2
        pieces = [metadata.icc[i : i + room] for i in range(0, len(metadata.icc), room)]
        if len(pieces) <= 255:
            for i, piece in enumerate(pieces):
                yield _segment(0xE2, ICC + bytes((i + 1, len(pieces))) + piece)
    if metadata.iptc and len(metadata.iptc) <= MAX_IPTC:
        block = struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(metadata.iptc)) + metadata.iptc
        yield _segment(0xED, PHOTOSHOP + block + b"\0" * (len(metadata.iptc) & 1))
    for text in filter(holds, metadata.texts):
        yield _segment(0xFE, text.text.encode())
