"""What an upscaler is asked for beside a critic's word: small differences, colours that keep their mean, no grid of its own.

Pictures are `[N, 3, H, W]`, 0..1, float32.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_Y = (65.481 / 219, 128.553 / 219, 24.966 / 219)  # BT.601, to 0..1
_WINDOW = 8  # squares of the small photo that a grid is looked for in, a side
_FAINT = 1e-5  # squared: detail of less than a level is no detail
_UNSEEN = 1e-6  # squared: a quarter of a level
_PEAKS = 0.5  # their logarithm changes fast where a pattern is faint
# Squared differences are brought to the size of absolute ones of about 0.04, which is what they are when a run settles.
_SETTLED = 12.0


def differences(made: Tensor, large: Tensor, luma: float, squared: bool) -> Tensor:
    """Mean absolute difference of the channels, with that of Y `luma` times beside it; or the same of the squares.

    Absolute differences find the way sooner; squares, at the end, are what PSNR counts.
    """
    apart = made - large
    y = _luma(apart)
    if squared:
        return _SETTLED * (apart.square().mean() + luma * y.square().mean()) / (1 + luma)
    return (apart.abs().mean() + luma * y.abs().mean()) / (1 + luma)


def colour_difference(made: Tensor, large: Tensor) -> Tensor:
    """How far the mean colours of whole patches are apart. Differences of pixels alone hardly see it: a shift of one level
    drowns in them, but a person sees it in a sky."""
    return (made - large).mean((2, 3)).abs().mean()


def grid(pictures: Tensor, period: int) -> Tensor:
    """Which share of the fine detail repeats itself every `period` pixels, in squares that overlap by half, `[N, 3, h, w]`, 0..1:
    that of Y, and of the red and the blue beside it (hidden in one of them, it is seen as coloured dots).

    A network that shuffles channels into pixels can hide a pattern there that no difference and no critic with strides sees.
    """
    phases = F.pixel_unshuffle(_fine(_planes(pictures)), period)
    means = F.avg_pool2d(phases, _WINDOW, _WINDOW // 2)
    means = means - means.mean(1, keepdim=True)
    shares = means.square().mean(1) / (F.avg_pool2d(phases.square().mean(1), _WINDOW, _WINDOW // 2) + _FAINT)
    return shares.reshape(-1, 3, *shares.shape[1:])


def unevenness(pictures: Tensor, period: int) -> Tensor:
    """How unequal the fine detail, and the steps to the right and downwards, are at the `period**2` places of each square of the
    small photo, `[N, 3]` for the same three; 0: equally strong. The edges of squares show here, whichever way their steps go."""
    x = _planes(pictures)
    total = x.new_zeros(len(x))
    for detail in (_fine(x), F.pad(x[..., 1:] - x[..., :-1], (0, 1)), F.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))):
        strength = F.avg_pool2d(F.pixel_unshuffle(detail.abs(), period), _WINDOW)
        shares = (strength / (strength.mean(1, keepdim=True) + _FAINT**0.5)).mean((2, 3))  # each window counts alike
        mean = shares.mean(1, keepdim=True)
        total = total + ((shares - mean) / (mean + _FAINT**0.5)).square().mean(1)  # nothing where all is flat
    return total.reshape(-1, 3) / 3


def peaks(pictures: Tensor) -> Tensor:
    """By how much each region of the spectrum is stronger than those around it, `[N, 3, h, w]`: a logarithm, for the same three;
    0 in the middle of the regions is the mean colour.

    What repeats regularly, at whatever distance and however its sign changes from place to place, stands out here, also where
    it is too faint for `grid`; eyes see it as a weave in fur and leaves. Photos are smooth in that respect.
    """
    x = _fine(_planes(pictures))[:, 0]
    height, width = x.shape[1:]
    weights = torch.hann_window(height, device=x.device)[:, None] * torch.hann_window(width, device=x.device)
    spectrum = torch.fft.fftshift(torch.fft.fft2(x * weights).abs().square() / weights.square().sum(), (1, 2))
    region = max(2, min(height, width) // 20)
    strength = torch.log(F.avg_pool2d(spectrum, region, region // 2) + _UNSEEN)[:, None]
    around = F.avg_pool2d(strength, 7, 1, 3, count_include_pad=False)
    return (strength - around).reshape(len(pictures), 3, *strength.shape[2:])


def grid_difference(made: Tensor, large: Tensor, period: int) -> Tensor:
    """How much more of a grid, or of a weave, there is in what was made than in the photos."""
    with torch.no_grad():
        known, even, standing = grid(large, period), unevenness(large, period), F.relu(peaks(large))
    repeated, uneven = F.relu(grid(made, period) - known).mean(), F.relu(unevenness(made, period) - even).mean()
    return repeated + uneven + _PEAKS * F.relu(peaks(made) - standing).mean()


def windows(pair: tuple[Tensor, Tensor], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The same window of both pictures, its place drawn for each of the batch: as large as a multiple of 32 pixels can be with
    three to spare, so that strides of what looks at it fall on other pixels each time."""
    one, other = pair
    height, width = one.shape[2:]
    high, wide = (max(32, (side - 3) // 32 * 32) for side in (height, width))
    tops, lefts = random.integers(0, height - high + 1, len(one)), random.integers(0, width - wide + 1, len(one))
    places = [np.s_[:, top : top + high, left : left + wide] for top, left in zip(tops, lefts, strict=True)]
    first, second = (torch.stack([x[place] for x, place in zip(batch, places, strict=True)]) for batch in (one, other))
    return first, second


def _luma(pictures: Tensor) -> Tensor:
    return sum(weight * pictures[:, channel] for channel, weight in enumerate(_Y))  # type: ignore[return-value]


def _planes(pictures: Tensor) -> Tensor:
    """Y, red less Y and blue less Y as pictures of one channel, `[3 N, 1, H, W]`."""
    y = _luma(pictures)
    return torch.stack([y, pictures[:, 0] - y, pictures[:, 2] - y], 1).flatten(0, 1)[:, None]


def _fine(planes: Tensor) -> Tensor:
    """Planes less their surroundings."""
    return planes - F.avg_pool2d(F.pad(planes, (2, 2, 2, 2), mode="replicate"), 5, 1)
