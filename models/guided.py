"""Planes that follow the edges of a picture: the guided filter (He, Sun and Tang, 2013)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def guided(planes: torch.Tensor, guide: torch.Tensor, reach: int, flat: float) -> torch.Tensor:
    """`planes [1, N, h, w]`, smoothed where `guide [1, 1, h, w]` (0..1) is flat and with steps where it has some.

    In each square of `2 * reach + 1` pixels a plane is taken for a linear function of the guide; `flat` is the variance of the
    guide below which a square counts as flat.
    """
    mean_guide, mean = _mean(guide, reach), _mean(planes, reach)
    slope = (_mean(guide * planes, reach) - mean_guide * mean) / (_mean(guide * guide, reach) - mean_guide**2 + flat)
    return _mean(slope, reach) * guide + _mean(mean - slope * mean_guide, reach)


def _mean(x: torch.Tensor, reach: int) -> torch.Tensor:
    """The mean of each square, lines first and columns second; what lies outside is as the border."""
    x = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(x, (2 * reach + 1, 1), 1), (1, 2 * reach + 1), 1)
