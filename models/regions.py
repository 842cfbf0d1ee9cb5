"""Regions of a label map: the connected pieces of one label, small ones given to their neighbours, borders enlarged smoothly."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.labels import nearest_source
from models.steps import Steps

LabelMap = NDArray[np.uint8]


def regions(label_map: LabelMap) -> NDArray[np.intp]:
    """The number of the region each pixel belongs to, `[H, W]`: pixels of one label that touch by their sides.

    A number is the place of the region's first pixel in the flattened map. Pixels are joined by union-find, over all pairs of
    neighbours at once: a few rounds, whatever the shape.
    """
    places = np.arange(label_map.size).reshape(label_map.shape)
    beside = label_map[:, 1:] == label_map[:, :-1]
    below = label_map[1:] == label_map[:-1]
    one = np.concatenate([places[:, :-1][beside], places[:-1][below]])
    other = np.concatenate([places[:, 1:][beside], places[1:][below]])
    root = np.arange(label_map.size)
    while one.size:
        low, high = np.minimum(root[one], root[other]), np.maximum(root[one], root[other])
        apart = low != high
        one, other, low, high = one[apart], other[apart], low[apart], high[apart]
        np.minimum.at(root, high, low)
        while True:
            shorter = root[root]
            if np.array_equal(shorter, root):
                break
            root = shorter
    return root.reshape(label_map.shape)


def without_specks(label_map: LabelMap, smallest: int) -> LabelMap:
    """The map with every region of fewer than `smallest` pixels given to what is nearest; the largest region always stays."""
    found = regions(label_map)
    sizes = np.bincount(found.reshape(-1), minlength=label_map.size)
    kept = (sizes[found] >= smallest) | (found == sizes.argmax())
    if kept.all():
        return label_map
    rows, columns = nearest_source(kept)
    return np.ascontiguousarray(label_map[rows, columns])


def enlarged(label_map: LabelMap, height: int, width: int) -> Steps[LabelMap]:
    """The map at another size, without stairs: each pixel takes the label whose bilinearly enlarged share is largest."""
    if label_map.shape == (height, width):
        return label_map
    best = torch.full((height, width), -1.0)
    result = torch.zeros((height, width), dtype=torch.uint8)
    for number in np.flatnonzero(np.bincount(label_map.reshape(-1), minlength=256)):
        mask = torch.from_numpy((label_map == number).astype(np.float32))[None, None]
        share = F.interpolate(mask, (height, width), mode="bilinear", antialias=True)[0, 0]
        larger = share > best
        result[larger] = int(number)
        best = torch.maximum(best, share)
        yield
    return result.numpy()
