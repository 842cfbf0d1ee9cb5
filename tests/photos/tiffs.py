"""TIFF files laid out by hand, as others lay them out."""

import struct
from collections.abc import Mapping, Sequence


def tiff_of(tags: Mapping[int, Sequence[int]], data: bytes) -> bytes:
    """A file of these entries, all of them numbers of 32 bits, whose pixels begin at byte 8."""
    at = 8 + len(data)
    behind, table, values = at + 6 + 12 * len(tags), b"", b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        table += struct.pack("<HHI", tag, 4, len(numbers))
        table += packed if len(numbers) == 1 else struct.pack("<I", behind + len(values))
        values += packed if len(numbers) > 1 else b""
    return b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(tags)) + table + bytes(4) + values
