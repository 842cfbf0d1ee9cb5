"""Pictures decoded once and kept as raw uint8 in one file, mapped into memory: an epoch costs no decoding."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INDEX = "index.json"
_BEFORE = "pictures.u8"  # what the pictures of an index are called that names no file, as all once were


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

    A filling has a file of its own, which the index names when it is whole: an interrupted one leaves the pictures before, and a
    run that has those mapped keeps them. Files that no index names are deleted, at a later filling where Windows refuses it now.
    """
    index = folder / INDEX
    if index.exists() and json.loads(index.read_text(encoding="utf-8"))["key"] == key:
        return PictureCache(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shapes, notes = [], []
    place = _free(folder, key)
    filling = place.with_name(f"{place.name}.part")
    with open(filling, "wb") as file:
        for picture, note in pictures:
            file.write(np.ascontiguousarray(picture).tobytes())
            shapes.append(picture.shape)
            notes.append(note)
    os.replace(filling, place)
    part = folder / f"{INDEX}.part"
    part.write_text(json.dumps({"key": key, "file": place.name, "shapes": shapes, "notes": notes}), encoding="utf-8")
    os.replace(part, index)
    for old in folder.glob("pictures*.u8*"):
        if old != place:
            with contextlib.suppress(OSError):  # another run has it mapped
                old.unlink()
    return PictureCache(folder)


def _free(folder: Path, key: str) -> Path:
    """A name for the pictures of this key that no file has: one that is mapped cannot be replaced under Windows."""
    names = (f"pictures-{key[:16]}{f'-{number}' if number else ''}.u8" for number in itertools.count())
    return next(folder / name for name in names if not (folder / name).exists())
