"""W as a round cloud: coordinates in which a model's latents are normally distributed (Zhu et al., arXiv 2012.09036).

The mapping network ends in a leaky ReLU, which bends the cloud of w along every axis. Unbent, its latents lie much like a normal
distribution, and in its principal axes, each in units of its deviation, like a unit one: the distance from zero says how likely
a latent is, and a step of the same length changes pictures much the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from models.networks.mapping import SLOPE

LEAST_SHARE = 1e-4  # of the largest deviation: what varies less is not what pictures differ in, and is left as it is


@dataclass(frozen=True, eq=False)
class Whitened:
    """`middle [w_dim]`, `axes [k, w_dim]` (of length one, k at most w_dim) and `deviations [k]` of unbent w."""

    middle: torch.Tensor
    axes: torch.Tensor
    deviations: torch.Tensor

    def w(self, v: torch.Tensor) -> torch.Tensor:
        """w `[..., w_dim]` of coordinates `[..., k]`."""
        return _bent(self.middle + (v * self.deviations) @ self.axes)


def whitened(w: torch.Tensor) -> Whitened:
    """The coordinates that the latents `w [N, w_dim]` of many seeds call for."""
    straight = _unbent(w.cpu().double())  # Apple's devices know no float64
    middle = straight.mean(0)
    centred = straight - middle
    variances, axes = torch.linalg.eigh(centred.T @ centred / len(w))
    deviations = variances.clamp_min(0).sqrt().flip(0)
    kept = deviations > LEAST_SHARE * deviations[0]
    return Whitened(*(found.float().to(w.device) for found in (middle, axes.T.flip(0)[kept], deviations[kept])))


def _unbent(w: torch.Tensor) -> torch.Tensor:
    return torch.where(w < 0, w / SLOPE, w)


def _bent(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x < 0, x * SLOPE, x)
