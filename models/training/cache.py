"""Pictures decoded once and kept as raw uint8 in one file, mapped into memory: an epoch costs no decoding."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INDEX = "index.json"
_BEFORE = "pictures.u8"  # what the pictures of an index are called that names no file, as all once were
_STALE = 24 * 3600  # seconds after which a filling that nobody wrote to is one that was interrupted


class PictureCache:
    """Arrays uint8 by number, each of its own shape; read-only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        described = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.shapes: list[tuple[int, ...]] = [tuple(shape) for shape in described["shapes"]]
        self.notes: list[dict[str, object]] = described["notes"]
        self._starts = np.concatenate([[0], np.cumsum([math.prod(shape) for shape in self.shapes])]).astype(np.int64)
        size = int(self._starts[-1])  # a file of no bytes cannot be mapped
        file = folder / described.get("file", _BEFORE)
        self._bytes = np.memmap(file, np.uint8, "r", shape=(size,)) if size else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self.shapes)

    def __reduce__(self) -> tuple[type[PictureCache], tuple[Path]]:
        return PictureCache, (self._folder,)  # for another process: it maps the file, too, instead of being sent what is in it

    def __getitem__(self, i: int) -> NDArray[np.uint8]:
        return self._bytes[self._starts[i] : self._starts[i + 1]].reshape(self.shapes[i])


def cached(folder: Path, key: str, pictures: Iterable[tuple[NDArray[np.uint8], dict[str, object]]]) -> PictureCache:
    """The cache in `folder`, filled from `pictures` (array and a note each) unless it was filled under the same `key`.

    A filling has a file of its own, which the index names when it is whole: an interrupted one leaves the pictures before, a run
    that has those mapped keeps them, and of two runs that begin at once on the same photos each fills one, and the first to end
    serves both. Files that no index names are deleted, at a later filling where Windows refuses it now.
    """
    if _filled(folder, key):
        return PictureCache(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shapes, notes = [], []
    number, filling = tempfile.mkstemp(".u8.part", "pictures-", folder)
    try:
        with os.fdopen(number, "wb") as file:
            for picture, note in pictures:
                file.write(np.ascontiguousarray(picture).tobytes())
                shapes.append(picture.shape)
                notes.append(note)
    except BaseException:
        os.unlink(filling)
        raise
    if _filled(folder, key):  # by another run, in the meantime
        os.unlink(filling)
        return PictureCache(folder)
    place = _free(folder, key)
    os.replace(filling, place)
    described = {"key": key, "file": place.name, "shapes": shapes, "notes": notes}
    number, part = tempfile.mkstemp(".json.part", "index-", folder)
    with os.fdopen(number, "w", encoding="utf-8") as text:
        json.dump(described, text)
    os.replace(part, folder / INDEX)
    for old in (*folder.glob("pictures*.u8*"), *folder.glob("index*.part")):
        if old != place and not _being_written(old):
            with contextlib.suppress(OSError):  # another run has it mapped
                old.unlink()
    return PictureCache(folder)


def _filled(folder: Path, key: str) -> bool:
    index = folder / INDEX
    return index.exists() and json.loads(index.read_text(encoding="utf-8"))["key"] == key


def _being_written(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return file.suffix == ".part" and time.time() - file.stat().st_mtime < _STALE
    return False


def _free(folder: Path, key: str) -> Path:
    """A name for the pictures of this key that no file has: one that is mapped cannot be replaced under Windows."""
    names = (f"pictures-{key[:16]}{f'-{number}' if number else ''}.u8" for number in itertools.count())
    return next(folder / name for name in names if not (folder / name).exists())
