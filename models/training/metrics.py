"""How good a painter is: are its pictures labelled as the maps they were painted from?

The labeller makes mistakes on photos too, so its agreement with the maps of held-out photos stands beside (the ceiling), and that
of other photos with similar labels (the floor). Nearly all maps are automatic: agreement with them is given as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.labelled import LabelledPhotos, square

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels, Pixels, int], Pixels]
Say = Callable[[Pixels], Pixels]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Share of pixels labelled as the map says, and the mean of that over labels; `of_label` `[labels]` (nan: none there)."""

    pixels: float
    mean_label: float
    of_label: NDArray[np.float64]


def confusion(numbers: Pixels, said: Pixels, labels: int) -> NDArray[np.int64]:
    """Counts of pixels `[labels, labels]` of one picture: rows are what the map says, columns what the labeller says."""
    both = numbers.ravel().astype(np.int64) * labels + said.ravel()
    return np.bincount(both, minlength=labels * labels).reshape(labels, labels)


def agreement(confusion: NDArray[np.int64]) -> Agreement:
    """Of counts `[labels, labels]`: rows are what the map says, columns what the labeller says."""
    there = confusion.sum(1)
    right = np.diag(confusion)
    of_label = np.where(there > 0, right / np.maximum(there, 1), np.nan)
    return Agreement(float(right.sum() / max(1, there.sum())), float(np.nanmean(of_label)), of_label)


def agreement_of(pairs: Iterable[tuple[Pixels, Pixels]], say: Say, labels: int) -> Agreement:
    """How often `say(picture)` names what the map says, over pairs of pictures and maps of channel numbers."""
    counted = np.zeros((labels, labels), np.int64)
    for picture, numbers in pairs:
        counted += confusion(numbers, say(picture), labels)
    return agreement(counted)


def relabelled(data: LabelledPhotos, side: int, paint: Paint, say: Say, limit: int | None = None) -> dict[str, Agreement]:
    """Agreement with held-out maps, cut to squares of `side` pixels, of "photos", "painted" and "nearest photos".

    `paint(numbers, photo, seed)` gives the picture of a map of channel numbers in the look of its photo, `say(picture)` the
    channel numbers `[side, side]` that a labeller sees. For the last, the training photo with the most similar shares of
    labels stands in for each photo.
    """
    count = len(data.labels)
    confusions = {name: np.zeros((count, count), np.int64) for name in ("photos", "painted", "nearest photos")}
    held = data.held_out[:limit]
    for i, nearest in zip(held, nearest_photos(data, held), strict=True):
        photo, numbers = square(data.photos[i], data.maps[i], side)
        other = square(data.photos[nearest], data.maps[nearest], side)[0]
        for name, picture in (("photos", photo), ("painted", paint(numbers, photo, i)), ("nearest photos", other)):
            confusions[name] += confusion(numbers, say(picture), count)
    return {name: agreement(counted) for name, counted in confusions.items()}


def nearest_photos(data: LabelledPhotos, indices: Sequence[int]) -> list[int]:
    """For each of these photos the training photo whose shares of labels are most similar."""
    known, train = data.shares(), list(data.train)
    return [train[int(np.abs(known[train] - known[i]).sum(1).argmin())] for i in indices]
