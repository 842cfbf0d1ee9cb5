"""Masks: which parts of a photo are to stay as they are. White protects, black does not, grey does by halves."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from app.photos import placing
from app.photos.decoding import decode
from app.photos.photo import PhotoError
from app.photos.resizing import to_image
from models.folders import state_folder

Mask = NDArray[np.uint8]
LABELS_KEY = "ganvas:labels"  # text of the label maps that Paint writes: their labels, by number
SOFT_SHARE = 0.004  # of the longer side: how far a mask's edge fades outwards (standard deviation)
SOFT_LEAST = 1.5  # pixels of the photo
SHAPE_TOLERANCE = 0.02
LARGEST_MAP = 64 * 10**6  # pixels


def read_mask(path: Path, labels: Collection[str] = ()) -> Mask:
    """The mask in a picture file, uint8 `[H, W]`; of a label map (`labels` named) where one of these labels was painted.

    `PhotoError` says what is wrong with it, `OSError` that it is not there.
    """
    if labels:
        return _labelled(path, labels)
    photo = decode(path)
    pixels = photo.pixels if photo.bits == 8 else (photo.pixels >> 8).astype(np.uint8)
    alpha = pixels[..., -1:] if photo.has_alpha else None
    colours = pixels if alpha is None else pixels[..., :-1]
    grey = colours.mean(2)
    if alpha is not None:  # a painting program's mask on nothing: what is transparent was not painted
        grey = alpha[..., 0].astype(float) if np.ptp(grey) == 0 else grey * (alpha[..., 0] / 255)
    made: Mask = grey.round().astype(np.uint8)
    return made


def labels_of(path: Path) -> dict[str, int]:
    """The labels of a map that Paint wrote, by name, with their numbers; empty where the file is none."""
    try:
        with Image.open(path) as image:
            named = json.loads(getattr(image, "text", {}).get(LABELS_KEY, "[]")) if image.mode in ("P", "L") else []
        return {str(label["name"]): int(label["id"]) for label in named}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, UnidentifiedImageError, Image.DecompressionBombError):
        return {}


def _labelled(path: Path, wanted: Collection[str]) -> Mask:
    known = labels_of(path)
    if not known:
        hint = "In Paint, save the map with label numbers instead of colours, or give a black and white mask."
        raise PhotoError(f"{path.name} is no label map with names.", hint)
    strange = [name for name in wanted if name not in known]
    if strange:
        raise PhotoError(f"The map {path.name} has no label {strange[0]!r}.", f"It has {', '.join(sorted(known))}.")
    with Image.open(path) as image:
        if image.width * image.height > LARGEST_MAP:
            raise PhotoError(f"{path.name} is too large for a label map.")
        numbers = np.array(image)
    return (np.isin(numbers, [known[name] for name in wanted]) * 255).astype(np.uint8)


def keep(mask: Mask) -> Path:
    """Write a mask where Ganvas keeps its state, under a name that its content gives: it is there as long as a job may need it,
    whatever becomes of the file it came from. `OSError` where the disk refuses."""
    data = pyvips.Image.new_from_array(np.ascontiguousarray(mask)).pngsave_buffer(compression=6)
    path = state_folder() / "masks" / f"{hashlib.sha256(bytes(data)).hexdigest()[:24]}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        placing.write(path, [bytes(data)])
    return path


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a mask that was kept. `PhotoError` where it is gone."""
    height, width = _kept(path).shape
    return width, height


def suits(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Whether a mask (width, height) has a photo's shape; its size does not matter."""
    return abs(mask[0] * photo[1] / (mask[1] * photo[0]) - 1) <= SHAPE_TOLERANCE + 1 / min(*mask, *photo)


@lru_cache(maxsize=4)
def _kept(path: Path) -> Mask:
    try:
        return read_mask(path)
    except OSError as error:
        raise PhotoError("The mask of what is protected is gone.", "Paint it again.") from error


@lru_cache(maxsize=2)
def softened(path: Path, size: tuple[int, int]) -> Mask:
    """A mask that was kept, in the size (width, height) of a photo, uint8 `[H, W]`, its edge fading outwards.

    What is white stays white whatever the picture is enlarged to: only what lies around it fades. `PhotoError` where it is gone.
    """
    mask, (width, height) = _kept(path), size
    image = to_image(mask[..., None])
    if (image.width, image.height) != size:
        reach = math.ceil(max(image.width / width, image.height / height))
        if reach > 1:  # reducing blurs an edge by so many pixels: they are given to it before
            image = _grown(image, reach)
        kernel = "linear" if reach > 1 else "nearest"
        image = image.resize(width / image.width, vscale=height / image.height, kernel=kernel)
        image = image.gravity("north-west", width, height, extend="copy")
    # One pixel more, as enlarging the mask linearly takes half a one away again.
    white = _grown(image, 1).copy_memory()
    around = white.gaussblur(max(SOFT_LEAST, SOFT_SHARE * max(size)), precision="float")
    # Twice the blurred mask is 1 at the edge, and nothing some pixels outside.
    fading = (around * 2).rint()
    soft = (fading > white).ifthenelse(fading, white)
    soft = (soft > 255).ifthenelse(255, soft).cast("uchar")
    return np.frombuffer(soft.write_to_memory(), np.uint8).reshape(height, width)


def _grown(mask: pyvips.Image, reach: int) -> pyvips.Image:
    """White, grown by so many pixels. The border is repeated first: libvips takes no window larger than the picture."""
    side, width, height = 2 * reach + 1, mask.width, mask.height
    wider = mask.embed(reach, reach, width + 2 * reach, height + 2 * reach, extend="copy")
    return wider.rank(side, side, side**2 - 1).crop(reach, reach, width, height)
