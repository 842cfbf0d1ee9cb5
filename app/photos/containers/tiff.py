"""EXIF and IPTC in TIFF files (TIFF 6.0, BigTIFF): read out of the first directory, or added to it.

libvips writes pixels, profile, XMP and resolution of a TIFF; EXIF it leaves out and IPTC it cuts off. Here the first directory
is written anew at the end of the file, with the camera's entries beside those that describe the pixels, and the header pointed
at it. Values keep their bytes; a maker note that counts from the start of its own file loses its way, as in every program.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from app.photos.exif import EXIF_IFD, GPS_IFD, ORIENTATION, SIZES, X_RESOLUTION, Y_RESOLUTION

INTEROP_IFD, IPTC, RESOLUTION_UNIT = 0xA005, 0x83BB, 0x0128
PHOTOMETRIC, SAMPLES, PLANES, TILE_WIDTH, EXTRA_SAMPLES = 0x0106, 0x0115, 0x011C, 0x0142, 0x0152
DIRECTORIES = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
# What a camera says of a photo in the first directory; all else there describes how the pixels are stored.
CAMERA = {
    0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, EXIF_IFD, GPS_IFD
}  # fmt: skip
TRANSFER, WHITE_POINT, PRIMARIES = 0x012D, 0x013E, 0x013F
LONG, RATIONAL, UNDEFINED, LONG8 = 4, 5, 7, 16
MAX_ENTRIES, MAX_VALUE, MAX_DEPTH = 1000, 16 * 2**20, 4
MAX_READ = 64 * 2**20  # all entries together: a thousand of them may point at one value

_SIZES = {**SIZES, 13: 4, 16: 8, 17: 8, 18: 8}  # 13 points at a directory; BigTIFF has numbers of 64 bits

# Bytes from a place in the file: fewer than asked for only at its end.
ReadAt = Callable[[int, int], bytes]


@dataclass
class Entry:
    """A value in little-endian bytes, or (`inner` set) a directory that the entry points at."""

    kind: int
    count: int
    value: bytes
    inner: dict[int, Entry] | None = None


@dataclass
class Directory:
    """Entries by tag, where the next directory stands (0: there is none), and whether every entry could be read."""

    entries: dict[int, Entry] = field(default_factory=dict)
    following: int = 0
    whole: bool = True


@dataclass(frozen=True)
class _Layout:
    """Byte order and widths: BigTIFF counts in 64 bits what TIFF counts in 32."""

    order: str
    big: bool

    @property
    def number(self) -> str:
        return "Q" if self.big else "I"

    @property
    def entry(self) -> int:
        return 20 if self.big else 12

    @property
    def inline(self) -> int:
        return 8 if self.big else 4


def reader(file: IO[bytes]) -> ReadAt:
    """Of an open file, whose position it moves."""

    def read_at(at: int, size: int) -> bytes:
        try:
            file.seek(at)
        except (OSError, ValueError, OverflowError):  # BigTIFF points further than any disk reaches
            return b""
        return file.read(size)

    return read_at


def _within_reason(read_at: ReadAt) -> ReadAt:
    """The same for one look at a file. struct.error where it takes more than any photo does."""
    left = MAX_READ

    def read(at: int, size: int) -> bytes:
        nonlocal left
        found = read_at(at, size)
        left -= len(found)
        if left < 0:
            raise struct.error("too many values")
        return found

    return read


def _head(read_at: ReadAt) -> tuple[_Layout, int]:
    head = read_at(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise struct.error("not a TIFF file")
    version = struct.unpack_from(order + "H", head, 2)[0]
    if version == 43:
        return _Layout(order, True), struct.unpack_from(order + "Q", head, 8)[0]
    if version != 42:
        raise struct.error("not a TIFF file")
    return _Layout(order, False), struct.unpack_from(order + "I", head, 4)[0]


def _swapped(value: bytes, kind: int, layout: _Layout) -> bytes:
    """A value's bytes in little-endian order."""
    width = 4 if kind in (5, 10) else _SIZES.get(kind, 1)
    if layout.order == "<" or width == 1:
        return value
    return b"".join(value[i : i + width][::-1] for i in range(0, len(value) - width + 1, width))


def parse(read_at: ReadAt, layout: _Layout, at: int, depth: int = 0) -> Directory:
    """A directory with the directories below it. struct.error where it cannot be one; broken entries are left out."""
    wide = "Q" if layout.big else "H"
    size = struct.calcsize(wide)
    count = struct.unpack(layout.order + wide, read_at(at, size))[0]
    if count > MAX_ENTRIES:
        raise struct.error("too many entries")
    table = read_at(at + size, count * layout.entry + struct.calcsize(layout.number))
    found = Directory()
    for i in range(count):
        tag, kind, number = struct.unpack_from(layout.order + "HH" + layout.number, table, i * layout.entry)
        length = number * _SIZES.get(kind, 0)
        if not 0 < length <= MAX_VALUE:
            found.whole = False
            continue
        inline = i * layout.entry + 4 + struct.calcsize(layout.number)
        if length <= layout.inline:
            value = table[inline : inline + length]
        else:
            value = read_at(struct.unpack_from(layout.order + layout.number, table, inline)[0], length)
        if len(value) < length:
            found.whole = False
            continue
        entry = Entry(kind, number, _swapped(value, kind, layout))
        if tag in DIRECTORIES and depth < MAX_DEPTH:
            try:
                inner = int.from_bytes(entry.value, "little")
                entry.inner = parse(read_at, layout, inner, depth + 1).entries
            except struct.error:
                found.whole = False
                continue
        found.entries[tag] = entry
    found.following = struct.unpack_from(layout.order + layout.number, table, count * layout.entry)[0]
    return found


def serialise(directory: dict[int, Entry], base: int, big: bool, following: int = 0) -> bytes:
    """A directory as little-endian bytes that will stand at `base`, with all it points at behind it."""
    layout = _Layout("<", big)
    tags = sorted(directory)
    head = struct.pack("<Q" if big else "<H", len(tags))
    behind = base + len(head) + len(tags) * layout.entry + struct.calcsize(layout.number)
    table, values = b"", b""
    for tag in tags:
        entry = directory[tag]
        kind, count, value = entry.kind, entry.count, entry.value
        if entry.inner is not None:
            values += b"\0" * (-(behind + len(values)) % 8)
            place = behind + len(values)
            values += serialise(entry.inner, place, big)
            kind, count, value = (LONG8, 1, struct.pack("<Q", place)) if big else (LONG, 1, struct.pack("<I", place))
        if len(value) > layout.inline:
            values += b"\0" * (-(behind + len(values)) % 8)
            pointer = struct.pack("<" + layout.number, behind + len(values))
            values += value
            value = pointer
        table += struct.pack("<HH" + layout.number, tag, kind, count) + value.ljust(layout.inline, b"\0")
    return head + table + struct.pack("<" + layout.number, following) + values


def _block_reader(block: bytes) -> ReadAt:
    return lambda at, size: block[at : at + size]


@dataclass(frozen=True)
class First:
    """The first directory of a file, which describes its first picture; without entries where it cannot be read."""

    entries: dict[int, Entry] = field(default_factory=dict)
    order: str = "<"

    def exif(self) -> bytes | None:
        """What a camera said, as an EXIF block of its own; None where it said nothing."""
        kept = {tag: entry for tag, entry in self.entries.items() if tag in CAMERA}
        if not kept:
            return None
        shown = (ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)
        kept |= {tag: self.entries[tag] for tag in shown if tag in self.entries}
        return b"II*\0" + struct.pack("<I", 8) + serialise(kept, 8, big=False)

    def iptc(self) -> bytes | None:
        """The IPTC records, or None. (Many programs store them as 32-bit numbers, filled up with zeros.)"""
        entry = self.entries.get(IPTC)
        if entry is None:
            return None
        value = entry.value
        if entry.kind == LONG and self.order == ">":  # the bytes were meant as they stood
            value = b"".join(value[i : i + 4][::-1] for i in range(0, len(value), 4))
        return value

    def chromaticities(self) -> tuple[tuple[float, float] | None, tuple[tuple[float, float], ...]]:
        """(x, y) of white, and of red, green and blue, as the file has them beside a curve that is not told (TIFF 6.0, section
        20); (None, ()) where it does not."""
        white, primaries = (_points(self.entries.get(tag)) for tag in (WHITE_POINT, PRIMARIES))
        if len(white) != 1 or len(primaries) != 3 or TRANSFER in self.entries:
            return None, ()
        return white[0], primaries

    def numbers(self, *tags: int) -> tuple[int | None, ...]:
        """The first number of each of these entries; None where there is none."""
        found = (self.entries.get(tag) for tag in tags)
        return tuple(int.from_bytes(one.value[: _SIZES[one.kind]], "little") if one is not None else None for one in found)


def first(read_at: ReadAt) -> First:
    """See `First`."""
    read_at = _within_reason(read_at)
    try:
        layout, at = _head(read_at)
        return First(parse(read_at, layout, at).entries, layout.order)
    except (struct.error, RecursionError):
        return First()


def _points(entry: Entry | None) -> tuple[tuple[float, float], ...]:
    if entry is None or entry.kind != RATIONAL or len(entry.value) % 16:
        return ()
    numbers = struct.unpack(f"<{len(entry.value) // 4}I", entry.value)
    values = [over / under if under else 0.0 for over, under in zip(numbers[::2], numbers[1::2], strict=True)]
    return tuple(zip(values[::2], values[1::2], strict=True))


def addition(read_at: ReadAt, size: int, exif: bytes | None, iptc: bytes | None) -> tuple[bytes, int, bytes] | None:
    """What adds EXIF and IPTC to a TIFF file of `size` bytes: bytes for its end, and (place, bytes) that point there.

    None where there is nothing to add, or the file is not little-endian as libvips writes it.
    """
    read_at = _within_reason(read_at)
    try:
        layout, first = _head(read_at)
        if layout.order != "<" or not (exif or iptc):
            return None
        own = parse(read_at, layout, first)
        if not own.whole:
            return None
        entries = {tag: entry for tag, entry in own.entries.items() if tag != IPTC}
        if exif:
            block = _within_reason(_block_reader(exif))
            told, at = _head(block)
            entries |= {tag: entry for tag, entry in parse(block, told, at).entries.items() if tag in CAMERA}
        if iptc:
            entries[IPTC] = Entry(UNDEFINED, len(iptc), iptc)
    except (struct.error, RecursionError):
        return None
    gap = b"\0" * (-size % 8)
    place = size + len(gap)
    if not layout.big and place > 2**32 - 2**24:
        return None
    pointer = struct.pack("<" + layout.number, place)
    return gap + serialise(entries, place, layout.big, own.following), 8 if layout.big else 4, pointer
