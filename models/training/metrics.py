"""How good a painter is: are its pictures labelled as the maps they were painted from?

The labeller makes mistakes on photos too, so its agreement with the maps of held-out photos stands beside (the ceiling), and what
it says of the nearest training photo's map (the floor). Nearly all maps are automatic: agreement with them is given as that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.networks.landscape import noise_planes
from models.training.labelled import square
from models.training.labelling import LabellingRun
from models.training.painting import PaintingRun, to_shares, to_tensor


@dataclass(frozen=True, eq=False)
class Agreement:
    """Share of pixels labelled as the map says, and the mean of that over labels; `of_label` `[labels]` (nan: none there)."""

    pixels: float
    mean_label: float
    of_label: NDArray[np.float64]


def agreement(confusion: NDArray[np.int64]) -> Agreement:
    """Of counts `[labels, labels]`: rows are what the map says, columns what the labeller says."""
    there = confusion.sum(1)
    right = np.diag(confusion)
    of_label = np.where(there > 0, right / np.maximum(there, 1), np.nan)
    return Agreement(float(right.sum() / max(1, there.sum())), float(np.nanmean(of_label)), of_label)


def relabelled(painter: PaintingRun, labeller: LabellingRun, limit: int | None = None) -> dict[str, Agreement]:
    """Agreement on held-out maps: of the photos, of the painted pictures (each with its photo's look), of training photos.

    The last one is the floor: for each map, the training photo whose labels have the most similar shares stands in.
    """
    data, side, count = painter.data, painter.options.native, len(painter.data.labels)
    held_out = list(data.held_out)[:limit]
    confusions = {name: np.zeros((count, count), np.int64) for name in ("photos", "painted", "nearest photos")}
    known = data.shares()
    for i in held_out:
        pixels, numbers = square(data.photos[i], data.maps[i], side)
        photo = to_tensor([pixels], painter.device)
        shares = to_shares(np.stack([numbers]), count, 1, painter.device, torch.float32)
        small = photo if side == painter.options.size else torch.nn.functional.avg_pool2d(photo, 2)
        noise = [plane.to(painter.device) for plane in noise_planes(painter.config, side, side, i)]
        painted = painter.paint(shares, painter.look_of(small)[0], noise)
        nearest = data.train[int(np.abs(known[list(data.train)] - known[i]).sum(1).argmin())]
        other = to_tensor([square(data.photos[nearest], data.maps[nearest], side)[0]], painter.device)
        for name, picture in (("photos", photo), ("painted", painted), ("nearest photos", other)):
            said = labeller.label(picture)[0].cpu().numpy()
            np.add.at(confusions[name], (numbers.ravel(), said.ravel()), 1)
    return {name: agreement(confusion) for name, confusion in confusions.items()}
