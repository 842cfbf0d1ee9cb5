"""Pairs of patches for an upscaler to learn from: a small one, clean or worn, and the same place of the sharp photo."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models.training.degradations import WornLike, worn

Pixels = NDArray[np.uint8]
_MARGIN = 6  # small pixels around a patch, so that what reduces or wears it comes from its surroundings as in a photo
_SMALLER = (1.25, 2.0)  # by how much a photo is reduced before patches are cut from it


class Pictures(Protocol):
    """Photos `[h, w, 3]` by number."""

    def __getitem__(self, i: int) -> Pixels: ...


class Pairs(Protocol):
    """Pairs of a small patch `[p, p, 3]` and a large one `[s*p, s*p, 3]` from so many photos or lessons."""

    def __len__(self) -> int: ...

    def pair(self, at: int, random: np.random.Generator) -> tuple[Pixels, Pixels]: ...


def batch(pairs: Pairs, random: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Small and large patches, turned and mirrored at random, 0..1 float32, `[count, 3, p, p]` and `[count, 3, s*p, s*p]`."""
    drawn = []
    for at in random.integers(0, len(pairs), count):
        small, large = pairs.pair(int(at), random)
        turn, mirror = int(random.integers(0, 4)), bool(random.integers(0, 2))
        small, large = np.rot90(small, turn), np.rot90(large, turn)
        drawn.append((small[:, ::-1], large[:, ::-1]) if mirror else (small, large))
    first, second = (torch.from_numpy(np.stack(x)) for x in zip(*drawn, strict=True))
    return first.permute(0, 3, 1, 2).float() / 255, second.permute(0, 3, 1, 2).float() / 255


class Patches:
    """Pairs of patches of photos: `patch` small pixels a side, and `scale` times that.

    Photos are stored compressed, in blocks of 4, 8 or 16 pixels, and edges of blocks that fall on edges of the squares that an
    upscaler makes of a pixel are learnt like everything else. So each patch comes from a photo that was made smaller by a drawn
    factor (as far as it is large enough) and begins anywhere, between pixels too. `like` says how the small ones are worn; None
    leaves them clean, reduced by the bicubic filter.
    """

    def __init__(self, photos: Pictures, chosen: tuple[int, ...], scale: int, patch: int, like: WornLike | None) -> None:
        self.photos, self.chosen, self.scale, self.patch, self.like = photos, chosen, scale, patch, like

    def __len__(self) -> int:
        return len(self.chosen)

    def pair(self, at: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A patch of the photo that stands at `at`: small and large. Made with a margin around, which is cut off again."""
        small_side = self.patch + 2 * _MARGIN
        around = piece(self.photos[self.chosen[at]], small_side * self.scale, random)
        small = reduced(around, self.scale) if self.like is None else worn(around, (small_side,) * 2, random, self.like)
        inside, of_large = (slice(_MARGIN * by, (_MARGIN + self.patch) * by) for by in (1, self.scale))
        return small[inside, inside], around[of_large, of_large]


def piece(photo: Pixels, side: int, random: np.random.Generator) -> Pixels:
    """A square of `photo` made smaller by a drawn factor, `[side, side, 3]`; a photo that is too small has its edges repeated."""
    lacking = max(0, side - min(photo.shape[:2]))
    if lacking:
        photo = np.pad(photo, ((lacking // 2, lacking - lacking // 2),) * 2 + ((0, 0),), mode="edge")
    most = min(_SMALLER[1], min(photo.shape[:2]) / side)
    whole = side * random.uniform(min(_SMALLER[0], most), most)
    top, left = (random.uniform(0, n - whole) for n in photo.shape[:2])
    rows, columns = (slice(int(start), math.ceil(start + whole) + 1) for start in (top, left))
    box = (left - int(left), top - int(top), left - int(left) + whole, top - int(top) + whole)
    cut = Image.fromarray(np.ascontiguousarray(photo[rows, columns]))
    return np.asarray(
        cut.resize((side, side), Image.Resampling.BICUBIC, box=(*box[:2], min(box[2], cut.width), min(box[3], cut.height)))
    )


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
