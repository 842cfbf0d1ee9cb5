"""Plain photos for training: found, checked, decoded once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import BadInput
from models.training.cache import PictureCache, cached
from models.training.labelled import Problem
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
    source = Source(path)
    names = source.photos()
    described = [str(path.resolve()), path.stat().st_mtime, names, LARGEST]
    key = hashlib.sha256(json.dumps(described).encode()).hexdigest()
    problems: dict[str, str] = {}

    def decoded() -> Iterator[tuple[Pixels, dict[str, object]]]:
        for name in names:
            try:
                photo = Image.open(io.BytesIO(source.read(name))).convert("RGB")
                factor = LARGEST / max(photo.size)
                if factor < 1:
                    photo = photo.resize((round(photo.width * factor), round(photo.height * factor)), Image.Resampling.LANCZOS)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                problems[name] = str(error)
                continue
            yield np.asarray(photo), {"name": name}

    pictures = cached(cache, key, decoded())
    kept = [str(note["name"]) for note in pictures.notes]
    left_out = [Problem(n, problems.get(n, "was left out when the photos were decoded")) for n in names if n not in set(kept)]
    usable = [i for i in range(len(pictures)) if min(pictures.shapes[i][:2]) >= smallest]
    for i in sorted(set(range(len(pictures))) - set(usable)):
        height, width = pictures.shapes[i][:2]
        left_out.append(Problem(kept[i], f"has {width} x {height} pixels; {smallest} on each side are needed"))
    if len(usable) < 2:
        raise BadInput(f"Fewer than two photos of {path} can be used.", left_out[0].reason if left_out else "There are none.")
    held_out = tuple(i for k, i in enumerate(usable) if k % 20 == min(19, len(usable) - 1))
    return Photos(pictures, tuple(i for i in usable if i not in held_out), held_out, tuple(left_out))
