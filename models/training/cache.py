"""Pictures decoded once and kept as raw uint8 in one file, mapped into memory: an epoch costs no decoding."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class PictureCache:
    """Arrays uint8 by number, each of its own shape; read-only."""

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.shapes: list[tuple[int, ...]] = [tuple(shape) for shape in described["shapes"]]
        self.notes: list[dict[str, object]] = described["notes"]
        self._starts = np.concatenate([[0], np.cumsum([math.prod(shape) for shape in self.shapes])]).astype(np.int64)
        size = int(self._starts[-1])  # a file of no bytes cannot be mapped
        self._bytes = np.memmap(folder / "pictures.u8", np.uint8, "r", shape=(size,)) if size else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, i: int) -> NDArray[np.uint8]:
        return self._bytes[self._starts[i] : self._starts[i + 1]].reshape(self.shapes[i])


def cached(folder: Path, key: str, pictures: Iterable[tuple[NDArray[np.uint8], dict[str, object]]]) -> PictureCache:
    """The cache in `folder`, filled from `pictures` (array and a note each) unless it was filled under the same `key`.

    Both files are written beside their places and renamed, the index last: an interrupted filling starts over, and a run that has
    the old pictures mapped keeps them.
    """
    index = folder / "index.json"
    if index.exists() and json.loads(index.read_text(encoding="utf-8"))["key"] == key:
        return PictureCache(folder)
    folder.mkdir(parents=True, exist_ok=True)
    index.unlink(missing_ok=True)
    shapes, notes = [], []
    filling = folder / "pictures.u8.part"
    with open(filling, "wb") as file:
        for picture, note in pictures:
            file.write(np.ascontiguousarray(picture).tobytes())
            shapes.append(picture.shape)
            notes.append(note)
    os.replace(filling, folder / "pictures.u8")
    part = folder / "index.json.part"
    part.write_text(json.dumps({"key": key, "shapes": shapes, "notes": notes}), encoding="utf-8")
    os.replace(part, index)
    return PictureCache(folder)
