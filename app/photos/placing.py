"""Files that appear whole or not at all: written beside their place, flushed, renamed."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# Temporary names never derive from the final one: that may already be 255 bytes long. They bear a token of this process, so
# that whoever goes on after a crash knows which ones are nobody's any more.
PREFIX = ".ganvas-"
TOKEN = secrets.token_hex(4)
# What could not be removed, as its disk was taken off: it goes the next time that something is written beside it.
_LEFT: set[Path] = set()


class NameTaken(FileExistsError):
    """Something bears the name that a file was to get, and is not to be replaced."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


@contextlib.contextmanager
def beside(path: Path, replacing: bool = True, otherwise: Callable[[], Path] | None = None) -> Iterator[Path]:
    """A temporary path in the folder of `path`: what is written there takes the place of `path` when the block ends well.

    The file is flushed to the disk before it is renamed, so that after a power cut there is the old file, the new one or
    none, but never a half one. `OSError` where the folder cannot be written; then nothing is left behind. Where something
    bears the name by then, `NameTaken` unless `replacing`, or the name that `otherwise` gives in the same folder.
    """
    handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{TOKEN}-", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    _remove_left(temporary)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes a file for its owner's eyes alone; a picture gets the rights that a plain open() would have given.
        os.chmod(temporary, 0o666 & ~_umask())
        if replacing:
            os.replace(temporary, path)
        else:
            while True:
                try:
                    _rename_to_free(temporary, path)
                    break
                except NameTaken:
                    if otherwise is None:
                        raise
                    path = otherwise()
    except BaseException:
        _remove(temporary)
        raise
    _flush_folder(path.parent)


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink()
    except OSError:
        _LEFT.add(temporary)


def _remove_left(present: Path) -> None:
    """Remove what was left in the folder of this file, which is there."""
    for path in [left for left in list(_LEFT) if left.parent == present.parent]:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            if present.exists():  # else the folder is gone again
                _LEFT.discard(path)


def write(
    path: Path, parts: Iterable[bytes | memoryview], replacing: bool = True, otherwise: Callable[[], Path] | None = None
) -> None:
    """Write the parts, one after another, as the file `path`, whole or not at all; the rest as for `beside`."""
    with beside(path, replacing, otherwise) as temporary, temporary.open("wb") as file:
        for part in parts:
            file.write(part)


def _rename_to_free(temporary: Path, path: Path) -> None:
    """Rename in one step, unless something bears the name: a look before would not see what comes between."""
    try:
        if os.name == "nt":
            os.rename(temporary, path)  # does not replace there
            return
        os.link(temporary, path)
    except FileExistsError:
        raise NameTaken(path) from None
    except OSError:  # a disk without links (FAT): it takes two steps there
        if os.path.lexists(path):
            raise NameTaken(path) from None
        os.replace(temporary, path)
        return
    _remove(temporary)


def sweep(folder: Path, token: str) -> None:
    """Remove what a process with this token, which is dead, left half-written in a folder."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{PREFIX}{glob.escape(token)}-*.part"):
            path.unlink(missing_ok=True)


def _umask() -> int:
    # There is no way to ask but to set it; done once, at import, before any thread exists.
    return _UMASK


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last (POSIX: the folder is a file of its own; elsewhere it cannot be opened, nor need be)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_UMASK = os.umask(0)
os.umask(_UMASK)
