"""Pairs of patches for an upscaler to learn from: a small one, clean or worn, and the same place of the sharp photo."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models.training.degradations import WornLike, worn

Pixels = NDArray[np.uint8]
_MARGIN = 6  # small pixels around a worn patch, so that what wears it comes from its surroundings as in a photo


class Pictures(Protocol):
    """Photos `[h, w, 3]` by number."""

    def __getitem__(self, i: int) -> Pixels: ...


class Patches:
    """Draws pairs from photos reduced by `scale`: `patch` small pixels a side, turned and mirrored at random.

    `like` says how the small ones are worn; None leaves them clean, reduced by the bicubic filter.
    """

    def __init__(self, photos: Pictures, chosen: tuple[int, ...], scale: int, patch: int, like: WornLike | None) -> None:
        self.photos, self.chosen, self.scale, self.patch, self.like = photos, chosen, scale, patch, like
        self._small: dict[int, Pixels] = {}

    def batch(self, random: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Small and large patches, 0..1 float32, `[count, 3, p, p]` and `[count, 3, s*p, s*p]`."""
        pairs = []
        for at in random.integers(0, len(self.chosen), count):
            i = self.chosen[int(at)]
            small, large = self._clean(i, random) if self.like is None else self._worn(i, random, self.like)
            turn, mirror = int(random.integers(0, 4)), bool(random.integers(0, 2))
            small, large = np.rot90(small, turn), np.rot90(large, turn)
            pairs.append((small[:, ::-1], large[:, ::-1]) if mirror else (small, large))
        first, second = (torch.from_numpy(np.stack(x)) for x in zip(*pairs, strict=True))
        return first.permute(0, 3, 1, 2).float() / 255, second.permute(0, 3, 1, 2).float() / 255

    def _clean(self, i: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        if i not in self._small:
            self._small[i] = reduced(self.photos[i], self.scale)
        small, large, patch, scale = self._small[i], self.photos[i], self.patch, self.scale
        top, left = (int(random.integers(0, n - patch + 1)) for n in small.shape[:2])
        place = np.s_[top * scale : (top + patch) * scale, left * scale : (left + patch) * scale]
        return small[top : top + patch, left : left + patch], large[place]

    def _worn(self, i: int, random: np.random.Generator, like: WornLike) -> tuple[Pixels, Pixels]:
        """Worn with a margin around it, which is cut off again; near a border of the photo the margin repeats its edge."""
        large, patch, scale = self.photos[i], self.patch, self.scale
        side, margin = patch * scale, _MARGIN * scale
        top, left = (int(random.integers(0, n - side + 1)) for n in large.shape[:2])
        rows = np.clip(np.arange(top - margin, top + side + margin), 0, large.shape[0] - 1)
        columns = np.clip(np.arange(left - margin, left + side + margin), 0, large.shape[1] - 1)
        around = large[rows[:, None], columns]
        small = worn(around, (patch + 2 * _MARGIN, patch + 2 * _MARGIN), random, like)
        inside = slice(_MARGIN, _MARGIN + patch)
        return small[inside, inside], large[top : top + side, left : left + side]


def reduced(photo: Pixels, scale: int) -> Pixels:
    """A photo cropped to a multiple of `scale` and reduced by it, bicubic."""
    height, width = photo.shape[0] // scale, photo.shape[1] // scale
    cropped = Image.fromarray(photo[: height * scale, : width * scale])
    return np.asarray(cropped.resize((width, height), Image.Resampling.BICUBIC))


def clean_or_worn(photo: Pixels, scale: int, seed: int, like: WornLike | None) -> Pixels:
    """What an upscaler is shown of a whole photo, cropped to a multiple of `scale`: reduced, or worn as `seed` says."""
    if like is None:
        return reduced(photo, scale)
    height, width = photo.shape[0] // scale, photo.shape[1] // scale
    return worn(photo[: height * scale, : width * scale], (height, width), np.random.default_rng(seed), like)
