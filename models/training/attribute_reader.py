"""A small regressor on frozen features: reads attributes (head turn, smile, era ...) off pictures, made ones too.

Ridge regression in its dual form: there are far fewer pictures than features. Mirrored pictures are learned as well, with those
attributes negated that turn over in a mirror.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.networks.efficientnet_lite import EfficientNetLite
from models.training.latent_critic import SEEN
from models.training.latent_figures import resized

Doubles = NDArray[np.float64]

_STRIDES = (8, 16, 32)
_PLACES = 4  # along and down: where in the picture something is matters to head turn and mouth
_PIXELS = 16
_RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)  # in parts of the mean squared length of a described picture
_FOLDS = 5
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Reader:
    """Readings in real-data deviations: `(described - mean) / deviation @ weights`.

    `held_out [K]` is the correlation of readings with the truth on pictures that were held out (cross-validated).
    """

    mean: Doubles
    deviation: Doubles
    weights: Doubles
    held_out: tuple[float, ...]

    def read(self, described: Doubles) -> Doubles:
        """Readings `[N, K]` of described pictures `[N, D]`."""
        readings: Doubles = ((described - self.mean) / self.deviation) @ self.weights
        return readings


def describe(trunk: EfficientNetLite, pictures: Tensor) -> Doubles:
    """What a reader sees of pictures `[N, 3, H, W]`, -1..1: features of three strides at 4 x 4 places, pixels at 16 x 16."""
    found = []
    with torch.no_grad():
        for some in torch.split(pictures, _AT_ONCE):
            seen = resized(some, SEEN)
            features = trunk(seen)
            parts = [F.adaptive_avg_pool2d(features[s].float(), _PLACES).flatten(1) for s in _STRIDES]
            found.append(torch.cat([*parts, resized(some, _PIXELS).float().flatten(1)], 1))
    described: Doubles = torch.cat(found).double().cpu().numpy()
    return described


def fit_reader(described: Doubles, mirrored: Doubles, values: Doubles, turns: Sequence[bool]) -> Reader:
    """A reader of `values [N, K]` (nan where unknown) from pictures and their mirror images, described, `[N, D]` each.

    `turns` says which attributes change their sign in a mirror. ValueError where an attribute is known of too few pictures.
    """
    both = np.concatenate([described, mirrored])
    sign = np.where(np.asarray(turns), -1.0, 1.0)
    truth = np.concatenate([_standard(values), _standard(values) * sign])
    mean, deviation = both.mean(0), both.std(0) + 1e-6
    x = (both - mean) / deviation
    gram = x @ x.T
    fold = np.tile(np.arange(len(values)) % _FOLDS, 2)  # a picture and its mirror image stay together
    columns, correlations = [], []
    for k in range(values.shape[1]):
        known = np.flatnonzero(np.isfinite(truth[:, k]))
        if len(known) < 4 * _FOLDS:
            raise ValueError(f"attribute {k} is known of {len(known) // 2} pictures only")
        part, y, group = gram[np.ix_(known, known)], truth[known, k], fold[known]
        scored = [(_held_out(part, y, group, ridge), ridge) for ridge in _RIDGES]
        best, ridge = max(scored)
        columns.append(x[known].T @ _solved(part, y, ridge))
        correlations.append(best)
    return Reader(mean, deviation, np.stack(columns, 1), tuple(correlations))


def _standard(values: Doubles) -> Doubles:
    standard: Doubles = (values - np.nanmean(values, 0)) / np.maximum(np.nanstd(values, 0), 1e-9)
    return standard


def _solved(gram: Doubles, y: Doubles, ridge: float) -> Doubles:
    size = float(np.trace(gram)) / len(gram)
    solved: Doubles = np.linalg.solve(gram + ridge * size * np.eye(len(gram)), y).astype(np.float64)
    return solved


def _held_out(gram: Doubles, y: Doubles, group: NDArray[np.int64], ridge: float) -> float:
    """Correlation of the truth with readings by a reader that has not seen the picture."""
    says = np.zeros_like(y)
    for fold in range(_FOLDS):
        inside, outside = np.flatnonzero(group != fold), np.flatnonzero(group == fold)
        says[outside] = gram[np.ix_(outside, inside)] @ _solved(gram[np.ix_(inside, inside)], y[inside], ridge)
    return float(np.corrcoef(says, y)[0, 1])
