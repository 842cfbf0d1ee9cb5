"""Lessons: what a large upscaler makes of pieces of photos, kept so that a small one can learn it without a critic.

A critic asks for texture without saying where, and a network that shuffles channels into pixels may answer with a grid. A teacher
answers a small photo always in the same way, so plain differences suffice (distillation, arXiv 1503.02531). Only fine detail is
the teacher's: what is coarser stays that of the photo, so that colours and light do not follow its habits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

import models
from models.catalogue import Catalogue, Report, silent
from models.errors import BadInput
from models.training.cache import PictureCache, cached
from models.training.degradations import worn
from models.training.patches import piece, reduced
from models.training.photos import Photos
from models.training.upscaling import UpscalingOptions
from models.upscaling import UpscalingModel

SIDE = 96  # small pixels a lesson has, a side
_MARGIN = 10  # more around it for the teacher, whose answers at an edge lack what lies beyond
_PART = 25  # lessons that are kept together: so many are lost at most when the asking is interrupted
_COARSE = 9  # pixels of the large photo: what a mean over so many keeps is coarse
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Teacher:
    """An upscaler of the catalogue: `sha256` tells its weights from others of that name."""

    sha256: str
    enlarge: Callable[[Pixels], Pixels]


def read_teacher(name: str, scale: int, device: torch.device) -> Teacher:
    """The upscaler of that name. `BadInput` where there is none, or none that enlarges `scale` times."""
    entry = Catalogue().find(name)
    if entry is None or entry.card.task != "upscaling" or entry.card.scale != scale:
        hint = f"Take one that enlarges {scale} times: `ganvas models list` shows them; `ganvas models get` brings the best."
        raise BadInput(f"{name} cannot teach this run.", f"It must be an upscaler that enlarges {scale} times.", hint)
    with open(entry.weights, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    model = models.open(name, device=str(device))
    assert isinstance(model, UpscalingModel)  # as its card says
    return Teacher(digest, model.upscale)


@dataclass(frozen=True)
class Lessons:
    """Pairs that were made before: small `[96, 96, 3]`, and what to make of it; `parts` hold `_PART` of them each."""

    parts: list[PictureCache]
    scale: int
    patch: int

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts) // 2

    def pair(self, at: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A patch of lesson `at`, from anywhere in it: small and large."""
        top, left = (int(random.integers(0, SIDE - self.patch + 1)) for _ in range(2))
        part, number = self.parts[at // _PART], 2 * (at % _PART)
        small, large = part[number], part[number + 1]
        inside = np.s_[top : top + self.patch, left : left + self.patch]
        of_large = np.s_[top * self.scale : (top + self.patch) * self.scale, left * self.scale : (left + self.patch) * self.scale]
        return small[inside], large[of_large]


def lessons(photos: Photos, teacher: Teacher, cache: Path, options: UpscalingOptions, report: Report = silent) -> Lessons:
    """Pieces of the photos that are trained on, as the teacher enlarges them; each is made once for a teacher and a choice.

    A large teacher takes seconds for each on a processor: `report(done, total, what)` tells how far it is. `BadInput` where
    patches would be larger than lessons.
    """
    if options.patch > SIDE:
        raise BadInput(f"Patches of {options.patch} px do not fit into lessons of {SIDE} px.", hint="Take smaller ones.")
    known = [(photos.pictures.notes[i]["name"], photos.pictures.shapes[i]) for i in photos.train]
    described = [teacher.sha256, known, options.scale, str(options.like), options.seed, SIDE, _MARGIN, _COARSE]
    parts = []
    for first in range(0, options.lessons, _PART):
        numbers = range(first, min(first + _PART, options.lessons))
        key = hashlib.sha256(json.dumps([*described, len(numbers)]).encode()).hexdigest()
        parts.append(cached(cache / f"{first:06}", key, _asked(photos, teacher, options, numbers)))
        report(numbers.stop, options.lessons, "lessons of the teacher")
    return Lessons(parts, options.scale, options.patch)


def _asked(
    photos: Photos, teacher: Teacher, options: UpscalingOptions, numbers: range
) -> Iterator[tuple[Pixels, dict[str, object]]]:
    """Small, large, small, large ... of lessons of these numbers."""
    scale, like, whole = options.scale, options.like, SIDE + 2 * _MARGIN
    inside, of_large = (slice(_MARGIN * by, (_MARGIN + SIDE) * by) for by in (1, scale))
    for number in numbers:
        random = np.random.default_rng([options.seed, number])
        photo = photos.pictures[photos.train[int(random.integers(0, len(photos.train)))]]
        around = piece(photo, whole * scale, random)
        small = reduced(around, scale) if like is None else worn(around, (whole, whole), random, like)
        yield small[inside, inside], {"lesson": number}
        yield taught(teacher.enlarge(small), around)[of_large, of_large], {}


def taught(answer: Pixels, photo: Pixels) -> Pixels:
    """The teacher's fine detail on the coarse of the photo, both `[h, w, 3]`."""
    one, other = (torch.from_numpy(x.astype(np.float32)).permute(2, 0, 1)[None] for x in (answer, photo))
    made = (one - _coarse(one) + _coarse(other)).round().clamp(0, 255)
    return made[0].permute(1, 2, 0).to(torch.uint8).numpy()


def _coarse(x: Tensor) -> Tensor:
    half = _COARSE // 2
    return F.avg_pool2d(F.pad(x, (half,) * 4, mode="replicate"), _COARSE, 1)
