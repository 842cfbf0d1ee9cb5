"""Grain: how much of it a photo has, and grain of that strength laid over an enlarged picture.

Networks take grain for noise and smooth it away; a print then looks like wax. What is laid over is drawn from the place of each
pixel in the whole picture and a seed, so that it is the same however the picture was cut into tiles or strips.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

BLOCK = 16  # pixels: the side of the blocks among which the flat ones are looked for
LOOKED_AT = 1024  # rows and columns from the photo's middle: enough blocks, and quick
FLATTEST = 10  # per cent of the blocks count
LARGEST = 0.12  # of the range: what seems coarser is texture
LUMINANCE = (0.2126, 0.7152, 0.0722)
# Grain that was one pixel wide covers several when the photo is enlarged; the eye finds a quarter of the factor natural.
WIDTH_A_FACTOR = 0.25


def grain_of(pixels: NDArray[Any]) -> float:
    """The standard deviation of a photo's grain, as a share of the range (0..`LARGEST`); uint8 or uint16 `[H, W, C]`.

    Immerkaer's fast noise estimate (1996) in the flattest blocks: its mask is blind to slopes, and there is little else there.
    """
    height, width = pixels.shape[:2]
    top, left = max(0, (height - LOOKED_AT) // 2), max(0, (width - LOOKED_AT) // 2)
    part = pixels[top : top + LOOKED_AT, left : left + LOOKED_AT].astype(np.float32) / np.iinfo(pixels.dtype).max
    grey = part[..., :3] @ np.array(LUMINANCE, np.float32) if part.shape[2] >= 3 else part[..., 0]
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    found = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    down, across = found.shape[0] // BLOCK, found.shape[1] // BLOCK
    if not down or not across:
        return 0.0

    def blocks(plane: NDArray[Any]) -> NDArray[Any]:
        averaged: NDArray[Any] = plane[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK).mean((1, 3))
        return averaged.ravel()

    light, rough = blocks(grey[1:-1, 1:-1]), blocks(found)
    rough = rough[(light > 0.05) & (light < 0.95)]  # grain is clipped in blocks that are all but black or white
    if not rough.size:
        return 0.0
    sigma = float(np.percentile(rough, FLATTEST)) * math.sqrt(math.pi / 2) / 6
    return min(sigma, LARGEST)


def grained(image: Any, sigma: float, factor: float, seed: int) -> Any:
    """A lazy picture with grain of the standard deviation `sigma` (in its own numbers), as floats that are not rounded yet.

    `factor` is how many times it was enlarged. Alpha keeps still; the channels of colour bear the same grain.
    """
    kernel = _kernel(max(factor * WIDTH_A_FACTOR, 0.01))
    noise = pyvips.Image.gaussnoise(image.width, image.height, mean=0, sigma=1, seed=seed)
    if len(kernel) > 1:
        noise = noise.convsep(pyvips.Image.new_from_array([list(kernel)]), precision="float")
    # Blurred grain is fainter by the sum of the kernel's squares: that is made up for.
    noise = noise * (sigma / sum(weight * weight for weight in kernel))
    if image.bands in (2, 4):
        colours = image.extract_band(0, n=image.bands - 1) + noise
        return colours.bandjoin(image.extract_band(image.bands - 1).cast("float"))
    return image + noise


@cache
def _kernel(width: float) -> tuple[float, ...]:
    """A Gaussian of this standard deviation in pixels, of sum 1."""
    reach = int(3 * width)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return tuple(float(weight) for weight in weights / weights.sum())
