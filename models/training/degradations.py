"""Worn photos from sharp ones: a change of size, blur, noise and JPEG, twice over, then the size that an upscaler sees.

The second-order degradation of Real-ESRGAN (arXiv 2107.10833) with milder ranges: photos that people keep are soft, noisy and
compressed, seldom ruined; and each of the parts is left out at times, so that a photo with only one of the faults is known too.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Reals = NDArray[np.float32]
Range = tuple[float, float]

_FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_SMALLEST = 8  # pixels: what is made smaller between two stages keeps this side at least


@dataclass(frozen=True)
class Stage:
    """One round of wear. Chances are 0..1; deviations of the blur are in pixels, of the noise in levels of 255."""

    resize: Range
    blurred: float
    blur: Range
    ringing: float
    noisy: float
    noise: Range
    grey: float
    poisson: float
    compressed: float
    quality: Range


@dataclass(frozen=True)
class WornLike:
    """A round at about the size of the photo, with the chance `before`, and one at about the small size; `clean` stay clean."""

    before: float
    first: Stage
    second: Stage
    clean: float


WORN = WornLike(
    before=0.6,
    first=Stage((0.4, 1.0), 0.8, (0.3, 2.4), 0.1, 0.6, (1.0, 24.0), 0.4, 0.4, 0.6, (35.0, 95.0)),
    second=Stage((0.6, 1.15), 0.5, (0.2, 1.1), 0.1, 0.6, (1.0, 16.0), 0.4, 0.4, 0.85, (30.0, 95.0)),
    clean=0.1,
)


def worn(photo: Pixels, size: tuple[int, int], random: np.random.Generator, like: WornLike = WORN) -> Pixels:
    """`photo` `[H, W, 3]` reduced to `size` (height, width) and worn; the same `random` gives the same picture."""
    if random.random() < like.clean:
        return _resized(photo, size, Image.Resampling.BICUBIC)
    picture = photo
    if random.random() < like.before:
        picture = _stage(picture, (photo.shape[0], photo.shape[1]), random, like.first)
    picture = _stage(picture, size, random, like.second)
    return _resized(picture, size, _drawn_filter(random))


def _stage(picture: Pixels, size: tuple[int, int], random: np.random.Generator, stage: Stage) -> Pixels:
    """A size between the limits of `stage` relative to `size`; then blur, noise and JPEG at that size."""
    factor = _between(random, stage.resize)
    between = (max(_SMALLEST, round(size[0] * factor)), max(_SMALLEST, round(size[1] * factor)))
    picture = _resized(picture, between, _drawn_filter(random))
    if random.random() < stage.blurred:
        kernel = _drawn_low_pass(random) if random.random() < stage.ringing else _drawn_gaussian(random, stage.blur)
        picture = blurred(picture, kernel)
    if random.random() < stage.noisy:
        grey, poisson = bool(random.random() < stage.grey), bool(random.random() < stage.poisson)
        picture = noisy(picture, _between(random, stage.noise), grey, poisson, random)
    if random.random() < stage.compressed:
        picture = compressed(picture, _between(random, stage.quality))
    return picture


def gaussian(across: float, along: float, angle: float) -> Reals:
    """A kernel whose sum is 1, with two deviations in pixels and the angle between them and the axes."""
    reach = max(1, min(8, math.ceil(2.5 * max(across, along))))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    made: Reals = (kernel / kernel.sum()).astype(np.float32)
    return made


def low_pass(cutoff: float, reach: int = 6) -> Reals:
    """The ideal low-pass filter cut to a square, `cutoff` in radians a pixel: edges ring as in a photo sharpened too much."""
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    kernel = np.sinc(x * cutoff / math.pi) * np.sinc(y * cutoff / math.pi)
    made: Reals = (kernel / kernel.sum()).astype(np.float32)
    return made


def blurred(picture: Pixels, kernel: Reals) -> Pixels:
    """`picture` `[h, w, 3]` under a square kernel; its edge is repeated outwards."""
    reach = kernel.shape[0] // 2
    x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[:, None]
    made = F.conv2d(F.pad(x, (reach,) * 4, mode="replicate"), torch.from_numpy(kernel)[None, None])
    return _levels(made[:, 0].permute(1, 2, 0).numpy())


def noisy(picture: Pixels, deviation: float, grey: bool, poisson: bool, random: np.random.Generator) -> Pixels:
    """Noise of `deviation` levels: equal in the channels if `grey`; if `poisson`, more in bright places, as light itself has."""
    height, width, channels = picture.shape
    noise = random.standard_normal((height, width, 1 if grey else channels), dtype=np.float32) * np.float32(deviation)
    if poisson:
        noise = noise * np.sqrt(picture.astype(np.float32) / np.float32(110))
    return _levels(picture + noise)


def compressed(picture: Pixels, quality: float) -> Pixels:
    """`picture` as a JPEG of `quality` (1..95, colours at half size) shows it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=round(quality), subsampling=2)
    return np.asarray(Image.open(buffer))


def _drawn_gaussian(random: np.random.Generator, deviations: Range) -> Reals:
    across = _between(random, deviations)
    along = across if random.random() < 0.6 else _between(random, deviations)
    return gaussian(across, along, float(random.uniform(0, math.pi)))


def _drawn_low_pass(random: np.random.Generator) -> Reals:
    return low_pass(float(random.uniform(math.pi / 4, math.pi / 1.3)))


def _drawn_filter(random: np.random.Generator) -> Image.Resampling:
    return _FILTERS[int(random.integers(len(_FILTERS)))]


def _between(random: np.random.Generator, limits: Range) -> float:
    return float(random.uniform(*limits))


def _resized(picture: Pixels, size: tuple[int, int], by: Image.Resampling) -> Pixels:
    if picture.shape[:2] == size:
        return picture
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((size[1], size[0]), by))


def _levels(picture: NDArray[np.floating]) -> Pixels:
    made: Pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return made
