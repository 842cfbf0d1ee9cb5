"""Pixels from a hand's process to the one that writes, through memory that both see.

Through a pipe they would be copied four times, some kilobytes at a time, while the device waits: a result of 32 megapixels took
three times as long on its way as a quick card needs to make it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.updates import Tile, Update

PLACES, PLACE_BYTES = 4, 8 << 20  # 32 MiB for a hand: a container's shared memory is often 64 MiB


@dataclass(frozen=True)
class Laid:
    """A part of a picture lies in this place of the memory."""

    place: int
    shape: tuple[int, ...]
    dtype: str
    top: int
    left: int


class Giving:
    """The hand's end. It goes through `Process`' arguments as it is."""

    def __init__(self, memory: Any, freed: Connection) -> None:
        self._memory, self._freed = memory, freed
        self._new = PLACES  # places that were never used

    def parts(self, update: Update) -> Iterator[Update | Laid]:
        """What is to be sent for an update. Waits while all places are full; `EOFError` where nobody empties them any more."""
        if not isinstance(update, Tile) or not 0 < update.pixels[:1].nbytes <= PLACE_BYTES:
            yield update
            return
        pixels = update.pixels
        rows = PLACE_BYTES // pixels[:1].nbytes
        for first in range(0, len(pixels), rows):
            part = pixels[first : first + rows]
            laid = Laid(self._place(), part.shape, part.dtype.str, update.top + first, update.left)
            _seen(self._memory, laid)[...] = part
            yield laid

    def _place(self) -> int:
        if self._new:
            self._new -= 1
            return self._new
        return int(self._freed.recv())


class Taking:
    """The end of who asked: made first, with the memory."""

    def __init__(self, context: SpawnContext) -> None:
        """`OSError` where there is no memory to share."""
        _check_room(PLACES * PLACE_BYTES)
        # The standard library's: it has no name that could be left behind, and lies in a file where shared memory is too small.
        self._memory: Any = context.RawArray(ctypes.c_uint8, PLACES * PLACE_BYTES)
        self._theirs, self._freed = context.Pipe(duplex=False)

    def theirs(self) -> Giving:
        """The other end, for the process."""
        return Giving(self._memory, self._theirs)

    def begun(self) -> None:
        """The process has its end: this one keeps none of it, so that either sees when the other is gone."""
        self._theirs.close()

    def taken(self, laid: Laid) -> Tile:
        """The part, in memory of its own; its place is free again."""
        pixels = _seen(self._memory, laid).copy()
        with contextlib.suppress(OSError):  # the process is gone, and what it laid there is as good as before
            self._freed.send(laid.place)
        return Tile(pixels, laid.top, laid.left)

    def close(self) -> None:
        """Nothing more is taken; the memory goes back to the system."""
        self._freed.close()
        self._memory = None


def _check_room(size: int) -> None:
    """A file that memory lies in is made without a look at the disk: where that is full, the system ends whoever writes to the
    memory (SIGBUS)."""
    if sys.platform == "win32":  # it lies in no file
        return
    folder = tempfile.gettempdir()
    places = [place for place in ("/dev/shm", folder) if os.path.isdir(place)]
    if all(shutil.disk_usage(place).free < size for place in places):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _seen(memory: Any, laid: Laid) -> NDArray[Any]:
    kind = np.dtype(laid.dtype)
    return np.frombuffer(memory, kind, math.prod(laid.shape), laid.place * PLACE_BYTES).reshape(laid.shape)
