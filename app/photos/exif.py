"""EXIF (CIPA DC-008): read the few facts that matter and put them right in place, so that maker notes keep their offsets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

IMAGE_WIDTH, IMAGE_LENGTH = 0x0100, 0x0101  # of no use in EXIF, but some phones write them
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
EXIF_IFD, GPS_IFD, PIXEL_X, PIXEL_Y = 0x8769, 0x8825, 0xA002, 0xA003
COLOUR_SPACE, INTEROP_IFD, INTEROP_INDEX = 0xA001, 0xA005, 0x0001
SHORT, LONG, RATIONAL, IFD = 3, 4, 5, 13
# Bytes of one value of each type (TIFF 6.0, section 2).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_NOTHING = b"II*\0" + struct.pack("<IHI", 8, 0, 0)
# A camera writes some sixty entries; a directory with more than this is not EXIF.
MAX_ENTRIES = 1000


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    count: int
    value_at: int


@dataclass(frozen=True)
class ExifFacts:
    """Orientation 1 to 8 and dots an inch, where the block says them sanely (1 and None where it does not)."""

    orientation: int = 1
    dpi: tuple[float, float] | None = None


def strip_prefix(block: bytes) -> bytes:
    """The TIFF block itself, without the `Exif\\0\\0` that JPEG (and some WebP files) put before it."""
    return block[6:] if block[:6] == b"Exif\0\0" else block


def read_facts(block: bytes | None) -> ExifFacts:
    """What an EXIF block says; a block that is broken says nothing."""
    if not block:
        return ExifFacts()
    try:
        order, first = _header(block)
        entries = {entry.tag: entry for entry in _entries(block, order, first)}
        orientation = _integer(block, order, entries.get(ORIENTATION)) or 1
        unit = _integer(block, order, entries.get(RESOLUTION_UNIT)) or 2
        x, y = (_rational(block, order, entries.get(tag)) for tag in (X_RESOLUTION, Y_RESOLUTION))
    except struct.error:
        return ExifFacts()
    factor = 2.54 if unit == 3 else 1.0
    dpi = (x * factor, y * factor) if x and y and unit in (2, 3) else None
    return ExifFacts(orientation if 1 <= orientation <= 8 else 1, dpi)


def is_adobe_rgb(block: bytes | None) -> bool:
    """Whether a camera says that its numbers are those of Adobe RGB: by the sign of the DCF option file, or by the colour space
    that some use for it though EXIF has no such number."""
    block = block or b""
    try:
        order, first = _header(block)
        inner = _integer(block, order, _find(block, order, first, EXIF_IFD))
        if not inner:
            return False
        if _integer(block, order, _find(block, order, inner, COLOUR_SPACE)) == 2:
            return True
        further = _integer(block, order, _find(block, order, inner, INTEROP_IFD))
        index = _find(block, order, further, INTEROP_INDEX) if further else None
        return index is not None and index.count == 4 and block[index.value_at : index.value_at + 3] == b"R03"
    except struct.error:
        return False


def put_right(block: bytes, width: int, height: int, dpi: tuple[float, float] | None) -> bytes | None:
    """The same block for upright pixels of a new size: orientation 1, new size and resolution, and no thumbnail.

    Only values that stand there already are changed, each in its own place. None where the block is broken.
    """
    new = bytearray(block)
    try:
        order, first = _header(block)
        found = list(_entries(block, order, first))
        entries = {entry.tag: entry for entry in found}
        for entry in found:
            if entry.tag == ORIENTATION:
                # Whatever it was: libvips turns by bytes and signed numbers too, and whoever reads the result would once more.
                struct.pack_into(order + "HIHH", new, entry.value_at - 6, SHORT, 1, 1, 0)
            elif entry.tag in (IMAGE_WIDTH, IMAGE_LENGTH):
                _set_integer(new, order, entry, width if entry.tag == IMAGE_WIDTH else height)
        if dpi:
            for tag, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
                _set_rational(new, order, entries.get(tag), value)
            _set_integer(new, order, entries.get(RESOLUTION_UNIT), 2)
        inner = _integer(block, order, entries.get(EXIF_IFD))
        if inner:
            for entry in _entries(block, order, inner):
                if entry.tag in (PIXEL_X, PIXEL_Y):
                    _set_integer(new, order, entry, width if entry.tag == PIXEL_X else height)
        # The thumbnail (the second directory) is lying where the photo lay, and too small now: end the chain before it.
        count = struct.unpack_from(order + "H", block, first)[0]
        struct.pack_into(order + "I", new, first + 2 + 12 * count, 0)
    except struct.error:
        return None
    return bytes(new)


def with_resolution(block: bytes | None, dpi: tuple[float, float]) -> bytes:
    """The block (a new one for None) saying so many dots an inch, where it says nothing of it. The first directory is written
    anew at its end, so that all that is pointed at stays where it is; a broken block is left as it is."""
    block = block or _NOTHING
    try:
        order, first = _header(block)
        entries = {entry.tag: block[entry.value_at - 8 : entry.value_at + 4] for entry in _entries(block, order, first)}
        if read_facts(block).dpi is not None or any(len(entry) < 12 for entry in entries.values()):
            return block
        following = struct.unpack_from(order + "I", block, first + 2 + 12 * len(entries))[0]
    except struct.error:
        return block
    new = bytearray(block + b"\0" * (len(block) % 2))
    for tag, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
        entries[tag] = struct.pack(order + "HHII", tag, RATIONAL, 1, len(new))
        new += struct.pack(order + "II", min(round(value * 100), 0xFFFFFFFF), 100)
    entries[RESOLUTION_UNIT] = struct.pack(order + "HHIHH", RESOLUTION_UNIT, SHORT, 1, 2, 0)
    struct.pack_into(order + "I", new, 4, len(new))
    directory = b"".join(entries[tag] for tag in sorted(entries))
    return bytes(new) + struct.pack(order + "H", len(entries)) + directory + struct.pack(order + "I", following)


def without_place(block: bytes) -> bytes:
    """The same block with where the photo was taken (the GPS directory) blanked out; an empty one where it is broken."""
    new = bytearray(block)
    try:
        order, first = _header(block)
        for pointer in _entries(block, order, first):
            if pointer.tag != GPS_IFD:
                continue
            # It may be of the type IFD, too (TIFF technical note 1): a number of 32 bits, whatever it is called.
            start = struct.unpack_from(order + ("H" if pointer.kind == SHORT else "I"), block, pointer.value_at)[0]
            if not start:
                continue
            places = list(_entries(block, order, start))
            for entry in places:
                size = entry.count * SIZES.get(entry.kind, 1)
                at = entry.value_at if size <= 4 else struct.unpack_from(order + "I", block, entry.value_at)[0]
                end = min(at + size, len(new))
                new[at:end] = bytes(max(0, end - at))
            new[start : start + 2 + 12 * len(places)] = bytes(2 + 12 * len(places))
    except struct.error:
        return b""
    return bytes(new)


def _header(block: bytes) -> tuple[str, int]:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        raise struct.error("not a TIFF block")
    return order, struct.unpack_from(order + "I", block, 4)[0]


def _entries(block: bytes, order: str, at: int) -> Iterator[_Entry]:
    count = struct.unpack_from(order + "H", block, at)[0]
    if count > MAX_ENTRIES:
        raise struct.error("too many entries")
    for i in range(count):
        where = at + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHI", block, where)
        yield _Entry(tag, kind, number, where + 8)


def _find(block: bytes, order: str, at: int, tag: int) -> _Entry | None:
    return next((entry for entry in _entries(block, order, at) if entry.tag == tag), None)


def _integer(block: bytes, order: str, entry: _Entry | None) -> int | None:
    if entry is None or entry.count != 1 or entry.kind not in (SHORT, LONG, IFD):
        return None
    return int(struct.unpack_from(order + ("H" if entry.kind == SHORT else "I"), block, entry.value_at)[0])


def _set_integer(block: bytearray, order: str, entry: _Entry | None, value: int) -> None:
    if entry is None or entry.count != 1 or entry.kind not in (SHORT, LONG):
        return
    short = entry.kind == SHORT
    struct.pack_into(order + ("H" if short else "I"), block, entry.value_at, min(value, 0xFFFF if short else 0xFFFFFFFF))


def _rational(block: bytes, order: str, entry: _Entry | None) -> float | None:
    if entry is None or entry.count != 1 or entry.kind != RATIONAL:
        return None
    at = struct.unpack_from(order + "I", block, entry.value_at)[0]
    over, under = struct.unpack_from(order + "II", block, at)
    return over / under if over and under else None


def _set_rational(block: bytearray, order: str, entry: _Entry | None, value: float) -> None:
    if entry is None or entry.count != 1 or entry.kind != RATIONAL:
        return
    at = struct.unpack_from(order + "I", block, entry.value_at)[0]
    struct.pack_into(order + "II", block, at, min(round(value * 100), 0xFFFFFFFF), 100)
