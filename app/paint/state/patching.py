"""Where a quick landscape is shown over the finished one: around what was painted since. Elsewhere the finished picture stays
as crisp as it is, so that nothing but the place under the brush moves while a hand is at work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.inference.requests import PaintRequest
from app.paint.state.layers import LabelArray

GRID = 4  # pixels of the quick map to a cell of the grid in which the reach is measured
# How far around a changed place the picture changes too, in shares of the longer side: natural edges move a border so far.
REACH, SLOPE = 0.045, 0.025
MOST = 0.6  # where more than this changed, one picture is better than two


def same_but_map(one: PaintRequest, other: PaintRequest) -> bool:
    """Whether two pictures differ by their maps alone (and by how finely they are painted)."""
    return (
        (one.model, one.noise_seed, one.blend, one.natural_edges)
        == (other.model, other.noise_seed, other.blend, other.natural_edges)
        and np.array_equal(np.asarray(one.look), np.asarray(other.look))
        and np.array_equal(np.asarray(one.second_look), np.asarray(other.second_look))
    )  # fmt: skip


def patch_alpha(before: LabelArray, now: LabelArray) -> NDArray[np.uint8] | None:
    """How much of the quick picture is seen, uint8 `[h, w]`, where maps `[h, w]` differ and around it, softly fading.

    None where the maps have not the same size or differ so much that the quick picture is better shown whole.
    """
    if before.shape != now.shape:
        return None
    height, width = now.shape
    changed = Image.fromarray(np.where(before != now, np.uint8(255), np.uint8(0)))
    cells = (max(1, width // GRID), max(1, height // GRID))
    # The mean of a cell that holds one changed pixel of 16 is 16: any trace counts. So it does in the mean of up to 500 cells in
    # a row; a MaxFilter over the whole square alone takes five times as long as all of this, on the window's thread.
    any_trace = [0, *[255] * 255]
    small = changed.resize(cells, Image.Resampling.BOX).point(any_trace)
    reach, slope = (max(1, round(share * max(cells))) for share in (REACH, SLOPE))
    for across, down in ((reach + slope, 0), (0, reach + slope)):
        small = small.filter(ImageFilter.BoxBlur((across, down))).point(any_trace)
    grown = small.filter(ImageFilter.BoxBlur(slope))
    if np.asarray(grown).mean() > 255 * MOST:
        return None
    return np.asarray(grown.resize((width, height), Image.Resampling.BILINEAR))
