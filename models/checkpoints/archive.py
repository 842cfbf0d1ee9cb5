"""Zips and wheels: their directory, members bounded before they are unpacked, and which models are in them."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from functools import cached_property

from models.checkpoints.source import Buffer, Source
from models.errors import CheckpointError

MOST_MEMBERS = 100_000
LARGEST_UNPACKED = 1 << 30  # of all members that are copied; the numbers of a large model are stored and stay where they are
LARGEST_RATIO = 200  # weights don't compress ten times; a bomb does a thousand times
# RuntimeError is zipfile's for a member with a password and (a kind of it) for a compression that it does not know.
_ZIP_ERRORS = (zipfile.BadZipFile, OSError, ValueError, zlib.error, lzma.LZMAError, EOFError, RuntimeError)
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def is_zip(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a zip."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


class _Window:
    """Buffer as the file that `zipfile` reads; a mapped file is not copied for it."""

    def __init__(self, data: Buffer) -> None:
        self._data, self._at = data, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self._data))[whence]
        if self._at < 0:
            raise OSError("a position before the beginning")
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        stop = len(self._data) if size < 0 else min(len(self._data), self._at + size)
        piece = bytes(self._data[self._at : stop])
        self._at += len(piece)
        return piece


class Members:
    """The members of a zip. Nothing is unpacked to disk, and names are never used as paths."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._unpacked = 0
        try:
            self._zip = zipfile.ZipFile(_Window(source.data))
            entries = self._zip.infolist()
        # A format later than zipfile knows is a NotImplementedError.
        except (zipfile.BadZipFile, OSError, ValueError, struct.error, OverflowError, NotImplementedError, EOFError) as error:
            raise CheckpointError(f"{source.name} is a zip that is cut off or damaged.", f"{_said(error)}") from error
        if len(entries) > MOST_MEMBERS:
            raise CheckpointError(f"{source.name} is no archive of models.", f"It has {len(entries):,} members.")
        self._entries = {entry.filename: entry for entry in entries if not entry.is_dir()}
        if len({entry.filename for entry in entries}) != len(entries):
            raise CheckpointError(f"{source.name} is damaged or malicious.", "Two members of the zip have the same name.")

    @property
    def largest(self) -> int:
        """How many bytes may be copied out of this zip in all."""
        return max(LARGEST_UNPACKED, 2 * self._source.size)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all members that are files."""
        return frozenset(self._entries)

    def size(self, name: str) -> int:
        """Size of a member once unpacked, as the zip states it."""
        return self._entry(name).file_size

    def read(self, name: str, largest: int = LARGEST_UNPACKED) -> bytes:
        """Bytes of a member, its checksum verified. `CheckpointError` where it is damaged or has more than `largest`."""
        return bytes(self._unpack(name, largest))

    def head(self, name: str, count: int) -> bytes:
        """The first `count` bytes of a member, or all where it has less."""
        try:
            with self._zip.open(self._entry(name)) as member:
                return member.read(count)
        except _ZIP_ERRORS as error:
            raise self._damaged(name, _said(error)) from error

    def _unpack(self, name: str, largest: int) -> bytearray:
        entry = self._entry(name)
        self._check_size(entry, largest)
        data = bytearray(entry.file_size)
        try:
            with self._zip.open(entry) as member:
                filled = 0
                while filled < len(data) and (got := member.read(min(1 << 20, len(data) - filled))):
                    data[filled : filled + len(got)] = got
                    filled += len(got)
                surplus = member.read(1)  # reaching the end is what verifies the checksum
        except _ZIP_ERRORS as error:
            raise self._damaged(name, _said(error)) from error
        if filled != len(data) or surplus:
            raise self._damaged(name, f"It does not have the {entry.file_size:,} bytes that the directory says.")
        return data

    def locate(self, name: str) -> tuple[Buffer, int, int]:
        """Where a member's bytes lie (buffer, offset, length), its checksum verified: in the zip itself where it is stored."""
        entry = self._entry(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            data = self._unpack(name, LARGEST_UNPACKED)
            return data, 0, len(data)
        whole = self._source.data
        header = bytes(whole[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size])
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise self._damaged(name, "It does not begin where the directory says.")
        fields = _LOCAL_HEADER.unpack(header)
        offset = entry.header_offset + _LOCAL_HEADER.size + fields[9] + fields[10]
        if entry.file_size != entry.compress_size or offset + entry.file_size > self._source.size:
            raise self._damaged(name, "It should have more bytes than there are.")
        with memoryview(whole) as view, view[offset : offset + entry.file_size] as piece:
            if zlib.crc32(piece) != entry.CRC:
                raise self._damaged(name, "Its checksum does not fit its bytes.")
        return whole, offset, entry.file_size

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise CheckpointError(f"{self._source.name} is damaged.", f"It holds no {name[-80:]}.")
        return self._entries[name]

    def _check_size(self, entry: zipfile.ZipInfo, largest: int) -> None:
        bomb = entry.file_size > 1 << 20 and entry.file_size > LARGEST_RATIO * max(1, entry.compress_size)
        self._unpacked += entry.file_size
        if entry.file_size > largest or bomb or self._unpacked > self.largest:
            raise CheckpointError(
                f"{self._source.name} is damaged or malicious.",
                f"Its member {entry.filename[-80:]} claims {entry.file_size:,} bytes from {entry.compress_size:,}.",
            )

    def _damaged(self, name: str, why: str) -> CheckpointError:
        return CheckpointError(f"{self._source.name} is damaged at its member {name[-80:]}.", why, "Get the file once more.")


def _said(error: Exception) -> str:
    text = str(error)[:120]
    return f"The zip reader says: {text}." if text else f"The zip reader says {type(error).__name__}."
