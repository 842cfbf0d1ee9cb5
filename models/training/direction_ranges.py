"""How far along a direction a generator's pictures stay about as near to real ones as they were: where a slider ends.

A picture that falls apart (blots, half a face) has no real picture near it in the features of a frozen trunk. Of some seeds'
pictures moved along a direction, the distance that a tenth exceed is compared with that of unmoved ones: the worst tell first.
What it does not see is haze: a washed-out picture is near to many. So a person looks at both ends as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.efficientnet_lite import EfficientNetLite
from models.training.distributions import squared_distances
from models.training.latent_figures import described

STEP = 0.5  # deviations between what is tried
MOST = 3.0  # deviations that a slider offers at most
FARTHER = 1.2  # times as far from real pictures as without the direction is near enough
_WORST = 90  # percentile of the distances
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class RealPictures:
    """Real pictures as features in units of their deviations `[N, D]`, with the `mean` and `deviation [D]` that made them so."""

    features: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, trunk: EfficientNetLite, pixels: NDArray[np.uint8]) -> RealPictures:
        """Of pictures uint8 `[N, side, side, 3]`."""
        parts = [torch.from_numpy(pixels[i : i + _AT_ONCE]).float() / 127.5 - 1 for i in range(0, len(pixels), _AT_ONCE)]
        side = pixels.shape[1]
        found = np.concatenate([described(trunk, part.permute(0, 3, 1, 2), side).cpu().numpy() for part in parts])
        mean, deviation = found.mean(0), found.std(0) + np.float32(1e-3)
        return cls((found - mean) / deviation, mean, deviation)

    def distance(self, trunk: EfficientNetLite, made: Tensor) -> float:
        """What a tenth of these pictures `[M, 3, side, side]`, -1..1, exceed in distance from the nearest real one."""
        features = (described(trunk, made, made.shape[-1]).cpu().numpy() - self.mean) / self.deviation
        return float(np.percentile(np.sqrt(squared_distances(features, self.features).min(1)), _WORST))


def outward(distance: Callable[[float], float]) -> dict[float, float]:
    """`distance(sigmas)` at each step that was tried, in parts of that without a step: outward both ways until it is too far."""
    plain = max(distance(0.0), 1e-9)
    tried: dict[float, float] = {}
    for sign in (-1, 1):
        for number in range(1, round(MOST / STEP) + 1):
            sigmas = sign * number * STEP
            tried[sigmas] = distance(sigmas) / plain
            if tried[sigmas] > FARTHER:
                break
    return dict(sorted(tried.items()))


def ends(tried: Mapping[float, float]) -> tuple[float, float]:
    """The lowest and highest steps of `outward` that are near enough; one step where not even that is, for it has two ends."""
    near = [sigmas for sigmas, far in tried.items() if far <= FARTHER]
    return min([-STEP, *near]), max([STEP, *near])
