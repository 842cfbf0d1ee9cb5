"""Quick figures of a generator while it is trained, on the frozen trunk's features: distance from the data, and diversity.

They are for choosing between moments of one run and for noticing a collapse. The critic sees the same features, so between
recipes they prove little; FID by a network that took no part in the training does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.efficientnet_lite import EfficientNetLite
from models.training.distributions import kernel

_POOLED = (8, 16, 32)  # strides whose means describe a picture
_AT_ONCE = 32


def described(trunk: EfficientNetLite, pictures: Tensor, side: int) -> Tensor:
    """Features `[N, 472]`, float32, of pictures `[N, 3, H, W]`, -1..1, seen at `side` pixels: means of three strides."""
    found = []
    with torch.no_grad():
        for some in torch.split(pictures, _AT_ONCE):
            features = trunk(resized(some, side))
            found.append(torch.cat([features[s].float().mean((2, 3)) for s in _POOLED], 1))
    return torch.cat(found)


def resized(pictures: Tensor, side: int) -> Tensor:
    """Pictures at `side` pixels: averaged down by whole factors, or interpolated."""
    height = pictures.shape[-1]
    if height == side:
        return pictures
    if height % side == 0:
        return F.avg_pool2d(pictures, height // side)
    return F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=height > side)


def kernel_distance(real: Tensor, made: Tensor) -> float:
    """The kernel distance (models.training.distributions) with features in units of the real ones' deviations."""
    mean, deviation = real.mean(0), real.std(0) + 1e-3
    return kernel(*(((x - mean) / deviation).cpu().numpy() for x in (real, made)))


def diversity(real: Tensor, made: Tensor) -> float:
    """Mean distance between two made pictures over that between two real ones: 1 is as varied as the data, 0 is one picture."""
    deviation = real.std(0) + 1e-3
    far_made, far_real = (torch.pdist((x - real.mean(0)) / deviation).mean() for x in (made, real))
    return float(far_made / far_real.clamp(min=1e-6))
