"""The loss that makes a look show: each label of a made picture has the statistics that it has in the photo of that look."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

_LEAST_SHARE = 0.02  # of the picture; statistics of less are noise


def label_statistics(features: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and deviation of features `[N, C, h, w]` under each label, `[N, labels, C]`, and the labels' areas `[N, labels]`.

    `shares [N, labels, h, w]`, float32. So is what comes, under autocast too: of bfloat16 numbers the square of the mean, taken
    from the mean of the squares, leaves nothing of what is even.
    """
    with torch.autocast(shares.device.type, enabled=False):
        planes = shares.flatten(2)  # N, labels, hw
        values = features.float().flatten(2).transpose(1, 2)  # N, hw, C
        mass = planes.sum(2)
        weights = planes / mass.clamp(min=1e-6)[:, :, None]
        mean = torch.bmm(weights, values)
        variance = torch.bmm(weights, values * values) - mean * mean
        return mean, (variance.clamp(min=0) + 1e-5).sqrt(), mass / planes.shape[2]


def statistics_loss(
    made: Mapping[int, Tensor],
    shares: Mapping[int, Tensor],
    photo: Mapping[int, Tensor],
    photo_shares: Mapping[int, Tensor],
    pixels: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Differences of statistics, in deviations of the real features, over the labels that both pictures show.

    `made` and `photo` are features by stride, `shares` and `photo_shares` their label shares by height (`share_pyramid`),
    `pixels` the made pictures and the photos `[N, 3, H, W]`. Gives back
    the features' part and the colours' part (pixels averaged over 4 x 4).
    """
    parts = [_difference(made[s], shares[made[s].shape[-2]], photo[s], photo_shares[made[s].shape[-2]]) for s in photo]
    small = [F.avg_pool2d(x.float(), 4) for x in pixels]
    height = small[0].shape[-2]
    return torch.stack(parts).mean(), _difference(small[0], shares[height], small[1], photo_shares[height])


def _difference(made: Tensor, shares: Tensor, photo: Tensor, photo_shares: Tensor) -> Tensor:
    with torch.no_grad():
        real_mean, real_deviation, real_area = label_statistics(photo, photo_shares)
        unit = photo.float().std((0, 2, 3)) + 1e-3
    mean, deviation, area = label_statistics(made, shares)
    common = (area > _LEAST_SHARE) & (real_area > _LEAST_SHARE)
    weight = common * (area * real_area).sqrt()
    distance = (((mean - real_mean).abs() + (deviation - real_deviation).abs()) / unit).mean(2)
    return (weight * distance).sum() / weight.sum().clamp(min=1e-3)
