"""IPTC's IIM records (IIM 4.2): a row of datasets, each with a marker, a record, a number, a length and its bytes."""

from __future__ import annotations

from collections.abc import Iterator

# City, sublocation, province, country code, country name, and the older content location code and name.
PLACES = {(2, number) for number in (90, 92, 95, 100, 101, 26, 27)}


def _datasets(block: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(record, number, start, end) of every whole dataset."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        size, head = int.from_bytes(block[at + 3 : at + 5], "big"), 5
        if size & 0x8000:  # extended: the low bits say how many bytes hold the length
            width = size & 0x7FFF
            size, head = int.from_bytes(block[at + 5 : at + 5 + min(width, 4)], "big"), 5 + width
        end = at + head + size
        if end > len(block):
            return
        yield block[at + 1], block[at + 2], at, end
        at = end


def without_place(block: bytes) -> bytes:
    """The records without those that name a place; nothing of a block that is broken from where it breaks."""
    return b"".join(block[start:end] for record, number, start, end in _datasets(block) if (record, number) not in PLACES)
