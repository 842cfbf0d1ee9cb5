"""Where results go and photos come from: whether it is still there, and the disk that it was on when the job began."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeGuard, TypeVar

from app.inference.updates import Failure
from app.photos.photo import PhotoError
from app.photos.placing import PREFIX, NameTaken

T = TypeVar("T")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class DestinationLost(OSError):
    """The folder is gone, its disk is, or it takes no file any more. The text is one sentence."""


def stops_all(error: BaseException) -> TypeGuard[OSError]:
    """Whether what keeps this result from being written keeps the others, too."""
    return isinstance(error, DestinationLost) or (isinstance(error, OSError) and error.errno in _NO_ROOM)


def halt_of(error: OSError) -> Failure:
    """What a job that stopped for this says."""
    if isinstance(error, DestinationLost):
        return Failure(str(error), hint="Bring it back, then go on: what is finished is kept.")
    if error.errno == errno.EROFS:
        return Failure("The disk cannot be written to.", hint="Make it writable, then go on: what is finished is kept.")
    return Failure("The disk is full.", hint="Free some space, then go on: what is finished is kept.")


class Destination:
    """`folder` None: results lie beside their photos, and what keeps one from being written says nothing of the others."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known = folder is not None and os.path.exists(folder)  # else it may be made
        self._disk = disk_of(folder)

    def guard(self, write: Callable[[], T], place_of: Callable[[T], Path] | None = None) -> T:
        """What `write` returns. `DestinationLost` where it is no use to write the next result either, instead of the error of
        this one; nothing is written into the empty folder that a disk leaves where it had been, nor is the result (`place_of`
        what `write` returns) left there."""
        self._look()
        try:
            written = write()
            if place_of is not None:
                self._take_back(place_of(written))
            return written
        except Exception as error:
            met = self.met(error)
            if met is error:
                raise
            raise met from error

    def met(self, error: Exception) -> Exception:
        """What something that was written there really met: this error, or `DestinationLost`."""
        if isinstance(error, DestinationLost | NameTaken) or not isinstance(error, OSError | PhotoError):
            return error
        try:
            self._look()
            if isinstance(error, OSError) and error.errno not in _NO_ROOM:  # they say themselves what is the matter
                self._try(error)
        except DestinationLost as lost:  # a `PhotoError`: what ffmpeg says of a disk that is gone
            return lost
        return error

    def _take_back(self, result: Path) -> None:
        """Where the disk was taken off just now and this was written beneath it. (If it is not there it lies on that disk.)"""
        try:
            self._look()
        except DestinationLost:
            if result.exists():
                result.unlink()
                raise

    def _look(self) -> None:
        # Not `Path.exists`, which raises where a disk that was pulled out answers with an error of its own (EIO, ESTALE).
        if self._folder is not None and ((self._known and not os.path.exists(self._folder)) or is_off(self._disk)):
            raise DestinationLost(f"{self._folder} is not there any more.")

    def _try(self, error: OSError) -> None:
        """Whether any file can be written there."""
        if self._folder is None:
            return
        try:
            with tempfile.TemporaryFile(dir=self._folder, prefix=PREFIX):
                pass
        except OSError:
            raise DestinationLost(f"{self._folder} cannot be written to any more: {error.strerror or error}.") from error


class Sources:
    """The disks that photos came from: where one is taken off, those that are left on it are waited for."""

    def __init__(self) -> None:
        self._folders: set[Path] = set()
        self._disks: set[Path] = set()

    def guard(self, source: Path, read: Callable[[], T]) -> T:
        """What `read` returns. `DestinationLost` where it cannot as the disk is off that it lies on, and that others were read
        of: one photo that is gone says nothing of the others."""
        source = Path(os.path.realpath(source))  # as `disk_of` sees it
        try:
            photo = read()
        except (OSError, PhotoError) as error:
            for disk in tuple(self._disks):
                if source.is_relative_to(disk) and is_off(disk):
                    raise DestinationLost(f"The disk at {disk} is not there any more.") from error
            raise
        if source.parent not in self._folders:
            self._folders.add(source.parent)
            if (own := disk_of(source.parent)) is not None:
                self._disks.add(own)
        return photo


def disk_of(folder: Path | None) -> Path | None:
    """Where the disk of a folder, which may be still to be made, is put in; None for the system's own, which is always there."""
    if folder is None:
        return None
    real = Path(os.path.realpath(folder))  # a link that leads to a disk stays where it is, when that is taken off
    return next((one for one in (real, *real.parents)[:-1] if os.path.ismount(one)), None)


def is_off(disk: Path | None) -> bool:
    """Whether a disk that was put in there (`disk_of`) is not any more. An empty folder is left where it had been."""
    return disk is not None and not os.path.ismount(disk)
