"""The bytes of a model file: on disk (read, or mapped where that is safe or there is too much) or in an archive (unpacked).

A mapped file that somebody shortens while it is being read ends the process, and no handler can help: so files of strangers
are read into memory, as far as that is reasonable. What lies in the catalogue is ours, and is mapped.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.errors import CheckpointError

Buffer = bytes | bytearray | mmap.mmap

LARGEST_FILE = 64 << 30  # the largest published generator has 2 GB; beyond this a file is not what it says
LARGEST_READ = 1 << 30  # a larger file is mapped: few machines have as much memory to spare
LARGEST_SIBLING = 1 << 30  # an encoder beside its generator, or the weights of an ncnn pair


def _nothing(name: str) -> None:
    return None


def _nothing_small(name: str, most: int) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Source:
    """A named piece of bytes. `beside(name)` gives those of a file in the same folder (None where there is none), and
    `names_beside()` all names there, its own among them.

    `small(name, most)` is `beside` for a file that is copied where its model goes: where it is a link, no ordinary file, or has
    more than `most` bytes, `ValueError` says so."""

    name: str
    data: Buffer
    beside: Callable[[str], bytes | None] = _nothing
    names_beside: Callable[[], list[str]] = list
    small: Callable[[str, int], bytes | None] = _nothing_small

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def sha256(self) -> str:
        """Of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def file_source(path: Path, ours: bool = False) -> Source:
    """A file on disk, read; mapped privately where it is `ours` (nobody shortens it) or larger than `LARGEST_READ`.

    Of a mapped file pages are read as they are needed, and nothing written to them reaches the file. `CheckpointError` where it
    is missing, unreadable, empty, or no ordinary file (a folder, a pipe, a device).
    """
    data = _bytes_of(path, 0 if ours else LARGEST_READ)
    return Source(path.name, data, partial(_sibling, path), partial(_names, path.parent), partial(_small, path))


def _bytes_of(path: Path, largest_read: int) -> Buffer:
    try:
        # A pipe would keep an ordinary open waiting for a writer; the flag does nothing to ordinary files.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            found = os.fstat(handle)
            _check_ordinary(path, found)
            if found.st_size <= largest_read:
                return _read(path, handle, found.st_size)
            return mmap.mmap(handle, 0, access=mmap.ACCESS_COPY)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _read(path: Path, handle: int, size: int) -> bytearray:
    data = bytearray(size)
    with os.fdopen(handle, "rb", buffering=0, closefd=False) as file, memoryview(data) as view:
        filled = 0
        while filled < size and (got := file.readinto(view[filled:])):
            filled += got
    if filled != size:
        raise CheckpointError(
            f"{path.name} became shorter while it was being read.",
            f"It had {size:,} bytes, and {filled:,} are left.",
            "Wait until nobody writes to it, and open it again.",
        )
    return data


def _check_ordinary(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a device or a socket"
        raise CheckpointError(f"{path.name} cannot be opened as a model.", f"It is {kind}, not a file.")
    if found.st_size == 0:
        raise CheckpointError(f"{path.name} cannot be opened as a model.", "It is empty.", "Get it once more.")
    if found.st_size > LARGEST_FILE:
        raise CheckpointError(f"{path.name} cannot be opened as a model.", "It is larger than any model.")


def _sibling(path: Path, name: str) -> bytes | None:
    beside = path.with_name(name)
    try:
        if not beside.is_file() or beside.stat().st_size > LARGEST_SIBLING:
            return None
        return beside.read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(beside, error) from error


def _small(path: Path, name: str, most: int) -> bytes | None:
    beside = path.with_name(name)
    if beside.is_symlink():
        raise ValueError(f"{name} is a link, and where it leads is not read.")
    try:
        flags = (getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))
        with open(os.open(beside, sum(flags, os.O_RDONLY)), "rb") as file:
            ordinary, data = stat.S_ISREG(os.fstat(file.fileno()).st_mode), b""
            if ordinary:
                data = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror or error}.") from error
    if not ordinary:
        raise ValueError(f"{name} is no ordinary file.")
    check_small(name, len(data), most)
    return data


def check_small(name: str, size: int, most: int) -> None:
    """`ValueError` where a file that is copied with its model has more than `most` bytes."""
    if size > most:
        raise ValueError(f"{name} has more than the {most:,} bytes that are read of it.")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: Path, error: OSError | ValueError) -> CheckpointError:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return CheckpointError(f"There is no file {path}.", hint="Look at its name, and whether its folder is at hand.")
    if number == errno.EACCES:
        return CheckpointError(f"{path.name} cannot be read.", "You have no right to read it.")
    if number == errno.ENXIO:
        return CheckpointError(f"{path.name} cannot be opened as a model.", "It is a pipe, a device or a socket, not a file.")
    return CheckpointError(f"{path.name} cannot be read.", f"The system says: {getattr(error, 'strerror', None) or error}.")
