"""What is asked of the engine for a drawing: the picture itself, and small ones of other looks."""

from __future__ import annotations

import numpy as np

from app.inference.requests import PaintRequest
from app.paint.state.layers import LabelArray
from app.paint.state.look import Look, Looks

# While the hand moves a picture is to come within this time.
DEADLINE_MS = 90.0
# Longest side of the map of a quick picture, and of a thumbnail. Networks work no larger than this, and reducing the map and
# enlarging the picture would take two thirds of the time (measured at 1024 x 768: 55 ms instead of 155).
QUICK_SIDE, THUMBNAIL_SIDE = 512, 256


def paint_request(model: str, label_map: LabelArray, looks: Looks, *, hurry: bool, enlarge_with: str = "") -> PaintRequest:
    """The request for a landscape of a label map `[H, W]`, which is copied. With `hurry` it has a deadline and no upscaler, and
    the map is thinned out, so that the picture may be smaller than the canvas."""
    blends = looks.second is not None and looks.blend > 0 and "plain" not in (looks.first.kind, looks.second.kind)
    return PaintRequest(
        model,
        thinned(label_map, QUICK_SIDE) if hurry else label_map.copy(),
        look=looks.first.style,
        noise_seed=looks.grain,
        enlarge_with=enlarge_with or None if not hurry else None,
        deadline_ms=DEADLINE_MS if hurry else None,
        second_look=looks.second.style if blends and looks.second is not None else None,
        blend=looks.blend if blends else 0.0,
        natural_edges=looks.natural_edges,
    )


def thumbnail_request(model: str, label_map: LabelArray, look: Look, looks: Looks) -> PaintRequest:
    """The request for a small picture of the map in another look than the drawing's `looks`, all else alike."""
    return PaintRequest(
        model,
        thinned(label_map, THUMBNAIL_SIDE),
        look=look.style,
        noise_seed=looks.grain,
        natural_edges=looks.natural_edges,
    )


def thinned(label_map: LabelArray, side: int) -> LabelArray:
    """A copy with every so many rows and columns of a map, so that no side is longer than `side`."""
    step = max(1, -(-max(label_map.shape) // side))
    return np.array(label_map[step // 2 :: step, step // 2 :: step])
