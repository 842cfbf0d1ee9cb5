"""What a first visit shows: one of the maps that come along, enlarged without stairs, in the labels of the model at hand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import Drawing, from_map
from app.paint.state.layers import CLEAR, LabelArray
from app.paint.state.look import Look, Looks, photo_look
from app.paint.state.map_files import read_map, settle
from app.paint.state.palette import Palette
from models.card import Label

FIRST_MAP, FIRST_LOOK = "lake", "noon"
# Seen wherever it is painted first: a first stroke of sky on sky would show nothing.
FIRST_LABEL = "tree"
# From bright to dark, then the seasons.
LOOKS = ("noon", "golden", "evening", "night", "mist", "overcast", "winter", "autumn")
CANVAS_SIDE = 1024


def first_labels(palette: Palette) -> tuple[int, int]:
    """The label that a painter has in hand at first, and the one that X swaps to."""
    label = palette.named(FIRST_LABEL) or palette.labels[-1]
    return label.id, palette.labels[0].id


def example_names() -> list[str]:
    """The maps that come along, by name."""
    folder = files("resources") / "samples" / "maps"
    return sorted(file.name[:-4] for file in folder.iterdir() if file.name.endswith(".png"))


def example(name: str, labels: Sequence[Label]) -> Drawing:
    """One of them as a drawing with `CANVAS_SIDE` pixels on its longer side; unknown labels become their nearest."""
    with as_file(files("resources") / "samples" / "maps" / f"{name}.png") as path:
        read = read_map(path, Palette(labels))
    small = settle(read, {})
    scale = CANVAS_SIDE / max(small.shape)
    drawing = from_map(enlarged(small, round(small.shape[1] * scale), round(small.shape[0] * scale)), labels)
    drawing.looks = Looks(named_look(FIRST_LOOK))
    return drawing


def named_look(name: str) -> Look:
    """One of `LOOKS`: the photo of that light which comes along."""
    data = (files("resources") / "samples" / "looks" / f"{name}.webp").read_bytes()
    return photo_look(np.array(Image.open(io.BytesIO(data), formats=("WEBP",)).convert("RGB")), name)


def repainted(label_map: LabelArray, labels: Sequence[Label], photo: NDArray[np.uint8], name: str, now: Drawing) -> Drawing:
    """The drawing that repaints a photo uint8 `[h, w, 3]` by its map `[H, W]`: with its look, for the model of `now`."""
    drawing = from_map(label_map, labels)
    drawing.model = now.model
    drawing.looks = replace(now.looks, first=photo_look(photo, name), second=None, blend=0.0)
    return drawing


def enlarged(small: LabelArray, width: int, height: int) -> LabelArray:
    """A label map `[h, w]` brought to a larger size: each pixel takes the label whose smoothly enlarged share is largest."""
    best = np.full((height, width), -1.0, np.float32)
    out = np.full((height, width), CLEAR, np.uint8)
    for number in np.flatnonzero(np.bincount(small.reshape(-1), minlength=256)):
        share = Image.fromarray((small == number).astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        values = np.asarray(share)
        larger = values > best
        out[larger] = number
        best[larger] = values[larger]
    return out
