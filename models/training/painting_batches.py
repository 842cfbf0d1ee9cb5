"""Batches of the painting recipe: squares of photos, their maps, and the maps as a hand would paint them."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from models.training.labelled import LabelledPhotos, square
from models.training.strokes import like_strokes

FINEST = 256  # side in pixels at which maps are cut
_SEEN_LABELS = 0.01  # a label that covers less of a photo does not make it a photo of that label
Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class PaintingBatches(Dataset[Batch]):
    """The batch of each step, which depends on `seed` and the number of the step alone: whoever makes it, and when.

    Photos uint8 `[count, side, side, 3]`, their maps and the maps to paint `[count, finer * side, finer * side]` of channel
    numbers. `sides` are those of one step after another, over and over.
    """

    data: LabelledPhotos
    chances: NDArray[np.float64]
    sides: tuple[int, ...]
    count: int
    seed: int

    def __getitem__(self, step: int) -> Batch:
        random = np.random.default_rng((self.seed, step))
        side = self.sides[step % len(self.sides)]
        finer = finer_maps(side)
        pictures, maps, painted = [], [], []
        for at in random.choice(len(self.data.train), self.count, p=self.chances):
            i = self.data.train[int(at)]
            pixels, label_map = square(self.data.photos[i], self.data.maps[i], side, random, zoom=0.82, finer=finer)
            pictures.append(pixels)
            maps.append(label_map)
            painted.append(like_strokes(label_map, random))
        photos, numbers, asked = (torch.from_numpy(np.stack(x)) for x in (pictures, maps, painted))
        return photos, numbers, asked

    def from_step(self, first: int, workers: int, pinned: bool) -> Iterator[Batch]:
        """One batch after another; made ahead by as many processes as `workers` says, where it is not 0."""
        if not workers:
            return (self[step] for step in itertools.count(first))
        own = torch.Generator()  # of torch's own numbers the loader would take some, and a run would go another way
        loader = DataLoader(
            self, None, sampler=_From(first), num_workers=workers, pin_memory=pinned, generator=own, worker_init_fn=_undisturbed
        )
        return iter(loader)


def _undisturbed(number: int) -> None:
    """Whoever ends a run often asks all its processes (Ctrl-C in a terminal, a batch system): the run ends after its step, for
    which it needs these, and ends them itself."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


class _From(Sampler[int]):
    """All numbers from the first on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self.first)


def finer_maps(side: int) -> int:
    """How many times finer than photos of that side their maps are: as fine as the finest photos, so that shares of a smaller
    size have soft borders."""
    return max(1, FINEST // side)


def sampling_chances(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely each photo is drawn, `[photos]`, by label shares `[photos, labels]`: four times as often at most."""
    often = np.maximum((shares > _SEEN_LABELS).mean(0), 1e-3)
    rarity = np.where(shares > _SEEN_LABELS, often[None] ** -0.5, 0).max(1)
    chances: NDArray[np.float64] = np.clip(rarity / np.median(rarity), 0.5, 4.0)
    chances /= chances.sum()
    return chances
