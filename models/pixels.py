"""Between a photo's numbers and a network's: any type and channels in, the same type and channels out.

A photo is uint8, uint16 or float32 0..1, `[H, W]` or `[H, W, C]` with 1 to 4 channels; the last of 2 or 4 is alpha, which is not
multiplied into the colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.carrying import sent
from models.errors import BadInput

Pixels = NDArray[Any]

WHITE: dict[str, float] = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
LARGEST_SIDE = 65536
PROCESSOR = torch.device("cpu")


def check_photo(image: Pixels) -> Pixels:
    """The photo as `[H, W, C]`; `BadInput` where it is none."""
    found = np.asarray(image)
    if found.dtype.name not in WHITE or not found.dtype.isnative:
        raise BadInput(f"A picture of {found.dtype} numbers cannot be used.", hint="Use uint8, uint16 or float32 (0 to 1).")
    if found.ndim == 2:
        found = found[:, :, None]
    if found.ndim != 3 or not 1 <= found.shape[2] <= 4:
        raise BadInput(
            f"This is no picture: {list(np.shape(image))}.",
            hint="A picture is [height, width] or [height, width, 1 to 4 channels].",
        )
    if 0 in found.shape or max(found.shape) > LARGEST_SIDE:
        raise BadInput(f"A picture of {found.shape[1]} x {found.shape[0]} pixels cannot be used.")
    return found


def to_planes(pixels: Pixels, place: torch.device = PROCESSOR) -> torch.Tensor:
    """`[h, w, C]` to float32 `[C, h, w]`, 0..1, here or on a CUDA card; `BadInput` where a float picture is not finite."""
    white = WHITE[pixels.dtype.name]
    if place.type == "cuda":
        if white == 255.0:  # a quarter of the bytes goes to the device
            return sent(pixels, place).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format).div_(white)
        return sent(to_planes(pixels).numpy(), place)
    planes = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, 2, 0)).astype(np.float32))
    if white == 1.0 and not bool(torch.isfinite(planes).all()):
        raise BadInput("The picture holds numbers that are infinite or undefined.")
    return planes.div_(white) if white != 1.0 else planes.clamp_(0, 1)


def from_planes(planes: torch.Tensor, dtype: np.dtype[Any]) -> Pixels:
    """float32 `[C, h, w]` to `[h, w, C]` of a photo's type: clamped to 0..1, rounded to the nearest level."""
    return pixels_of(levels(planes, dtype).cpu(), dtype)


def levels(planes: torch.Tensor, dtype: np.dtype[Any]) -> torch.Tensor:
    """The same as `[h, w, C]` where the planes are, uint8 for a photo of 8 bits and float32 for others."""
    white = WHITE[dtype.name]
    whole = planes.clamp(0, 1).mul_(white)
    if white != 1.0:
        whole.round_()
    if white == 255.0:  # where the planes are: a quarter of the bytes has to come from a device
        whole = whole.to(torch.uint8)
    return whole.permute(1, 2, 0).contiguous()


def pixels_of(found: torch.Tensor, dtype: np.dtype[Any]) -> Pixels:
    """`levels`, once they are in the processor's memory, in a photo's type."""
    result: Pixels = found.numpy().astype(dtype, copy=False)
    return result


def bleed(colours: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """`[C, h, w]` with the colours of visible pixels carried under the transparent ones, which may hold anything.

    A network mixes neighbours: without this a black or white that nobody sees would rim every edge. Colours are averaged
    with their alpha over ever larger squares, and each pixel takes from the smallest that shows anything.
    """
    if bool((alpha > 0).all()):
        return colours
    pyramid = [(colours * alpha, alpha)]
    while max(pyramid[-1][1].shape[-2:]) > 1:
        weighted, weight = pyramid[-1]
        pyramid.append((_halved(weighted), _halved(weight)))
    below = torch.zeros_like(pyramid[-1][0])
    for weighted, weight in reversed(pyramid):
        below = F.interpolate(below[None], weight.shape[-2:], mode="bilinear", align_corners=False)[0]
        below = torch.where(weight > 0, weighted / weight.clamp_min(1e-8), below)
    return torch.where(alpha > 0, colours, below)


def _halved(plane: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(plane[None], 2, ceil_mode=True, count_include_pad=False)[0]
