"""How near an enlarged picture is to the true one, by the customary measures, and the plain filters that it is held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Reals = NDArray[np.float64]

_Y = np.array([65.481, 128.553, 24.966]) / 255
_REACH, _DEVIATION = 5, 1.5  # of the window that SSIM looks through
WINDOW = 2 * _REACH + 1  # pixels


def bicubic(small: Pixels, scale: int) -> Pixels:
    """Enlarged by a bicubic filter: the baseline of the field."""
    return _enlarged(small, scale, Image.Resampling.BICUBIC)


def lanczos(small: Pixels, scale: int) -> Pixels:
    """Enlarged by Lanczos' filter of three lobes: the sharpest of the plain ones."""
    return _enlarged(small, scale, Image.Resampling.LANCZOS)


def luma(picture: Pixels) -> Reals:
    """The Y of BT.601, 16..235, not rounded, `[h, w]`."""
    made: Reals = picture.astype(np.float64) @ _Y + 16
    return made


def psnr_y(made: Pixels, truth: Pixels, border: int) -> float:
    """Peak signal-to-noise ratio in dB on the Y channel (BT.601, 16..235), `border` pixels left out on each side."""
    inside = np.s_[border:-border, border:-border]
    error = (luma(made[inside]) - luma(truth[inside])) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-10)))


def ssim_y(made: Pixels, truth: Pixels, border: int) -> float:
    """Structural similarity (Wang et al. 2004) on the Y channel, 1 at best, `border` pixels left out on each side.

    The window is Gaussian, 11 pixels wide with a deviation of 1.5; only places that it fits into whole are counted. At least
    11 pixels on each side must be left.
    """
    inside = np.s_[border:-border, border:-border]
    a, b = luma(made[inside]), luma(truth[inside])
    mean_a, mean_b = _seen(a), _seen(b)
    own = _seen(a * a) - mean_a**2 + _seen(b * b) - mean_b**2
    shared = _seen(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * shared + c2) / ((mean_a**2 + mean_b**2 + c1) * (own + c2))
    return float(alike.mean())


def colour_shift(made: Pixels, truth: Pixels) -> float:
    """By how many levels of 255 the mean of the channel that strayed farthest is off."""
    return float(np.abs((made.astype(np.float64) - truth).mean((0, 1))).max())


def _seen(plane: Reals) -> Reals:
    """`[h, w]` through the window, `[h - 10, w - 10]`."""
    weights = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _DEVIATION) ** 2)
    weights /= weights.sum()
    rows, columns = plane.shape[0] - 2 * _REACH, plane.shape[1] - 2 * _REACH
    down = sum(weight * plane[k : k + rows] for k, weight in enumerate(weights))
    across: Reals = sum(weight * down[:, k : k + columns] for k, weight in enumerate(weights))
    return across


def _enlarged(small: Pixels, scale: int, by: Image.Resampling) -> Pixels:
    size = (small.shape[1] * scale, small.shape[0] * scale)
    return np.asarray(Image.fromarray(small).resize(size, by))
