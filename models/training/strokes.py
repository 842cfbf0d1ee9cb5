"""Label maps as a hand paints them: what real maps are turned into, so that a generator learns to answer brush strokes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

Map = NDArray[np.uint8]


def like_strokes(label_map: Map, rng: np.random.Generator) -> Map:
    """A map `[H, W]` as it is, or with its edges moved, its areas simplified, a small area given to its neighbours."""
    chance = rng.random()
    if chance < 0.4:
        return label_map
    if chance < 0.65:
        return move_edges(label_map, rng)
    simple = simplify(label_map, rng)
    return move_edges(simple, rng) if chance > 0.85 else simple


def move_edges(label_map: Map, rng: np.random.Generator) -> Map:
    """Each pixel takes the label of a place nearby; the way there varies smoothly, by up to about 4 % of the side."""
    height, width = label_map.shape
    cells = int(rng.integers(6, 25))
    amount = rng.uniform(0.004, 0.02) * height
    field = torch.from_numpy(rng.standard_normal((1, 2, cells, cells)).astype(np.float32)) * amount
    down, across = F.interpolate(field, (height, width), mode="bicubic")[0].numpy()
    rows = np.clip(np.arange(height)[:, None] + np.rint(down).astype(np.int64), 0, height - 1)
    columns = np.clip(np.arange(width)[None] + np.rint(across).astype(np.int64), 0, width - 1)
    moved: Map = label_map[rows, columns]
    return moved


def simplify(label_map: Map, rng: np.random.Generator) -> Map:
    """Areas without detail: shares are averaged over a neighbourhood (sometimes a wide flat one, which straightens horizons)
    and the largest wins. Once in three times a label of less than a tenth of the picture is left to its neighbours."""
    height, width = label_map.shape
    coarse = 4
    sampled = label_map[coarse // 2 :: coarse, coarse // 2 :: coarse]
    known = np.unique(sampled)  # the others cannot win
    shares = torch.from_numpy((sampled == known[:, None, None]).astype(np.float32))[None]
    if rng.random() < 0.35:
        area = shares.mean((0, 2, 3)).numpy()
        small = np.flatnonzero((area > 0) & (area < 0.1))
        if len(small) and len(small) < np.count_nonzero(area):
            shares[:, int(rng.choice(small))] = 0
    tall = 2 * int(rng.integers(1, 4)) + 1
    wide = tall if rng.random() < 0.7 else 4 * tall + 1
    wide = min(wide, 2 * ((shares.shape[-1] - 1) // 2) + 1)
    tall = min(tall, 2 * ((shares.shape[-2] - 1) // 2) + 1)
    padded = F.pad(shares, (wide // 2, wide // 2, tall // 2, tall // 2), mode="replicate")
    shares = F.avg_pool2d(padded, (tall, wide), 1)
    shares = F.interpolate(shares, (height, width), mode="bilinear")
    simple: Map = known[shares[0].permute(1, 2, 0).contiguous().argmax(2).numpy()]  # quicker so: labels side by side
    return simple
