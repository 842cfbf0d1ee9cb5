"""Plain photos for training: found, checked, decoded once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.errors import BadInput
from models.training.cache import PictureCache, cached
from models.training.labelled import Problem, why_unread
from models.training.source import Source

LARGEST = 1600  # pixels on the long side; larger photos are reduced, which also makes them sharper at their size
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Photos:
    """Decoded photos `[h, w, 3]`; every 20th is held out."""

    pictures: PictureCache
    train: tuple[int, ...]
    held_out: tuple[int, ...]
    problems: tuple[Problem, ...]


def read_photos(path: Path, cache: Path, smallest: int) -> Photos:
    """All photos of a folder or archive with `smallest` pixels or more on the short side; the others are listed, with reasons."""
    pictures, kept, left_out = decoded(Source(path), cache, LARGEST, _limited)
    usable = [i for i in range(len(pictures)) if min(pictures.shapes[i][:2]) >= smallest]
    for i in sorted(set(range(len(pictures))) - set(usable)):
        height, width = pictures.shapes[i][:2]
        left_out.append(Problem(kept[i], f"has {width} x {height} pixels; {smallest} on each side are needed"))
    if len(usable) < 2:
        raise BadInput(f"Fewer than two photos of {path} can be used.", left_out[0].reason if left_out else "There are none.")
    held_out = tuple(i for k, i in enumerate(usable) if k % 20 == min(19, len(usable) - 1))
    return Photos(pictures, tuple(i for i in usable if i not in held_out), held_out, tuple(left_out))


def decoded(
    source: Source, cache: Path, depends_on: int, convert: Callable[[Image.Image], Image.Image]
) -> tuple[PictureCache, list[str], list[Problem]]:
    """All photos of a source as `convert` makes them of RGB pictures, upright, decoded once; their names; and those left out.

    `convert` raises ValueError for what cannot be used. `depends_on` is what its results depend on beside the photos.
    """
    names = source.photos()
    described = [str(source.path.resolve()), source.path.stat().st_mtime, names, depends_on, "upright"]
    key = hashlib.sha256(json.dumps(described).encode()).hexdigest()
    problems: dict[str, str] = {}

    def each() -> Iterator[tuple[Pixels, dict[str, object]]]:
        for name in names:
            try:
                upright = ImageOps.exif_transpose(Image.open(io.BytesIO(source.read(name))))
                photo = convert(upright.convert("RGB"))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                problems[name] = why_unread(error)
                continue
            yield np.asarray(photo), {"name": name}

    pictures = cached(cache, key, each())
    kept = [str(note["name"]) for note in pictures.notes]
    there = set(kept)
    gone = [name for name in names if name not in there]
    return pictures, kept, [Problem(name, problems.get(name, "was left out when the photos were decoded")) for name in gone]


def _limited(photo: Image.Image) -> Image.Image:
    factor = LARGEST / max(photo.size)
    if factor >= 1:
        return photo
    return photo.resize((round(photo.width * factor), round(photo.height * factor)), Image.Resampling.LANCZOS)
