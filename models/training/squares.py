"""Plain pictures for the latent recipe: found, checked, cut to squares of one size, decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import BadInput
from models.training.labelled import Problem
from models.training.photos import decoded
from models.training.source import Source

FEWEST = 4
_EVERY = 20  # of as many pictures the last is held out
_LONGEST_RATIO = 2.5
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Squares:
    """Pictures uint8 `[N, side, side, 3]` with their names; every 20th is held out."""

    pixels: Pixels
    names: tuple[str, ...]
    train: tuple[int, ...]
    held_out: tuple[int, ...]
    problems: tuple[Problem, ...]

    @property
    def side(self) -> int:
        return int(self.pixels.shape[1])


def read_squares(path: Path, cache: Path, side: int) -> Squares:
    """All pictures of a folder or archive, the middle square of each brought to `side` pixels.

    Pictures that are smaller than that by more than a quarter, or too long, are listed with the reason. `BadInput` where
    fewer than four are left.
    """
    pictures, kept, left_out = decoded(Source(path), cache, side, lambda picture: _square(picture, side))
    if len(kept) < FEWEST:
        why = left_out[0].reason if left_out else "There are none."
        raise BadInput(f"Fewer than {FEWEST} pictures of {path} can be used.", why)
    held_out = tuple(i for i in range(len(kept)) if i % _EVERY == min(_EVERY, len(kept)) - 1)
    train = tuple(i for i in range(len(kept)) if i not in held_out)
    pixels = np.stack([pictures[i] for i in range(len(kept))])
    return Squares(pixels, tuple(kept), train, held_out, tuple(left_out))


def _square(picture: Image.Image, side: int) -> Image.Image:
    """The middle square at `side` pixels; ValueError says what is wrong with the picture."""
    cut = min(picture.size)
    if cut < 0.75 * side:
        raise ValueError(f"has {picture.width} x {picture.height} pixels; {side} on each side are needed")
    if max(picture.size) > _LONGEST_RATIO * cut:
        raise ValueError(f"is too long: {picture.width} x {picture.height} pixels")
    left, top = (picture.width - cut) // 2, (picture.height - cut) // 2
    box = (left, top, left + cut, top + cut)
    return picture.resize((side, side), Image.Resampling.LANCZOS, box=box)
