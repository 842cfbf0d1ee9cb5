"""Quick figures of a generator while it is trained, on the frozen trunk's features: distance from the data, and diversity.

They are for choosing between moments of one run and for noticing a collapse. The critic sees the same features, so between
recipes they prove little; FID by a network that took no part in the training does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.efficientnet_lite import EfficientNetLite

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
    """Unbiased squared MMD, times 1000, with the kernel `(x.y / d + 1)**3` (KID, arXiv 1801.01401), features in units of the
    real ones' deviations."""
    mean, deviation = real.mean(0), real.std(0) + 1e-3
    x, y = (real - mean) / deviation, (made - mean) / deviation

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1).double() ** 3

    def inside(a: Tensor) -> Tensor:
        k = kernel(a, a)
        return (k.sum() - k.diagonal().sum()) / (len(a) * (len(a) - 1))

    return 1000 * float(inside(x) + inside(y) - 2 * kernel(x, y).mean())


def diversity(real: Tensor, made: Tensor) -> float:
    """Mean distance between two made pictures over that between two real ones: 1 is as varied as the data, 0 is one picture."""
    deviation = real.std(0) + 1e-3
    far_made, far_real = (torch.pdist((x - real.mean(0)) / deviation).mean() for x in (made, real))
    return float(far_made / far_real.clamp(min=1e-6))
