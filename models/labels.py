"""Label maps as a network takes them: checked, and reduced to shares of labels at the size at which it works.

A label map is uint8 `[H, W]`; 255 is unlabelled. Shares are float32 `[labels, h, w]`, each pixel summing to 1: the area
average of the one-hot map, so that a thin river stays a fraction of a pixel instead of coming and going.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput

UNLABELLED = 255
LARGEST_SIDE = 16384  # a map of this side squared is 256 MB, the largest a canvas may be

Shares = NDArray[np.float32]


def check_label_map(label_map: NDArray[np.uint8], known: Sequence[int]) -> NDArray[np.uint8]:
    """The map itself, where it is one and holds only `known` labels and 255; `BadInput` says what else it holds."""
    found = np.asarray(label_map)
    if found.ndim != 2 or found.dtype != np.uint8:
        raise BadInput(
            "This is no label map.", f"It is {found.dtype} with {found.ndim} dimensions.", "A label map is uint8 [height, width]."
        )
    if 0 in found.shape or max(found.shape) > LARGEST_SIDE:
        raise BadInput(
            f"A label map of {found.shape[1]} x {found.shape[0]} pixels cannot be painted.",
            hint=f"Each side must be between 1 and {LARGEST_SIDE} pixels.",
        )
    there = np.flatnonzero(np.bincount(found.reshape(-1), minlength=256))
    strangers = [int(label) for label in there if label != UNLABELLED and label not in set(known)]
    if strangers:
        listed = ", ".join(map(str, strangers[:5])) + (" ..." if len(strangers) > 5 else "")
        raise BadInput(
            f"The map holds label {listed}, which this model does not know.",
            f"It knows {_spans(known)}, and {UNLABELLED} for unlabelled pixels.",
        )
    if list(there) == [UNLABELLED]:
        raise BadInput("The map is empty.", "All its pixels are unlabelled.", "Paint at least one label.")
    return found


def label_shares(label_map: NDArray[np.uint8], labels: Sequence[int], size: tuple[int, int], unlabelled: int | None) -> Shares:
    """Shares `[labels, h, w]` of a checked map at `size` (h, w); channel k is the share of `labels[k]`.

    Unlabelled pixels count as the label `unlabelled`; where that is None they take no part, and a pixel that holds nothing
    else takes the shares of the nearest one that does.
    """
    present = np.flatnonzero(np.bincount(label_map.reshape(-1), minlength=256))
    channels = np.zeros(256, np.intp)
    channels[present] = np.arange(len(present))
    found = dict(zip(present.tolist(), _areas(channels[label_map], len(present), size), strict=True))
    shares = np.zeros((len(labels), *size), np.float32)
    for channel, label in enumerate(labels):
        if label in found:
            shares[channel] = found[label]
    if UNLABELLED in found and UNLABELLED not in labels:
        if unlabelled is not None:
            shares[labels.index(unlabelled)] += found[UNLABELLED]
        else:
            _fill(shares)
    return shares


def _areas(channels: NDArray[np.intp], count: int, size: tuple[int, int]) -> Shares:
    """Shares `[count, h, w]` of a map `[H, W]` of channels 0 to count-1: each pixel is counted where it lies.

    Counting costs a few operations a pixel, whatever the number of channels, and needs no matrix library, whose threads
    would get in the way of the network's.
    """
    for axis in (0, 1):
        if channels.shape[axis] < size[axis]:  # as many equal parts of a pixel as let none lie in more than two places
            channels = channels.repeat(-(-size[axis] // channels.shape[axis]), axis)
    height, width = size
    total = np.zeros(height * width * count)
    for row, row_share in _places(channels.shape[0], height):
        for column, column_share in _places(channels.shape[1], width):
            index = (row[:, None] * width + column) * count + channels
            whole = row_share is None and column_share is None
            parts = None if whole else np.multiply.outer(_ones(row_share, row), _ones(column_share, column)).reshape(-1)
            total += np.bincount(index.reshape(-1), parts, minlength=len(total))
    total *= height * width / channels.size
    return np.ascontiguousarray(total.reshape(height, width, count).transpose(2, 0, 1), np.float32)


def _places(source: int, target: int) -> list[tuple[NDArray[np.intp], NDArray[np.float64] | None]]:
    """Where each of `source` pixels lies among `target` equal pieces, and with which share (None: all of it).

    `source` is at least `target`, so a pixel lies in one piece or in two.
    """
    pixel = np.arange(source)
    first = pixel * target // source
    over = np.maximum(0, (pixel + 1) * target - (first + 1) * source) / target
    if not over.any():
        return [(first, None)]
    return [(first, 1 - over), (np.minimum(first + 1, target - 1), over)]


def _ones(share: NDArray[np.float64] | None, like: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.ones(len(like)) if share is None else share


def _fill(shares: Shares) -> None:
    """Bring each pixel to a sum of 1; one that has no share at all takes those of the nearest that has."""
    total = shares.sum(0)
    empty = total < 1e-4
    shares /= np.where(empty, 1, total)
    if empty.any():
        rows, columns = nearest_source(~empty)
        shares[:, empty] = shares[:, rows[empty], columns[empty]]


def nearest_source(sources: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the nearest True pixel for every pixel, each `[h, w]`; at least one must be True.

    Jump flooding (Rong and Tan 2006): every pixel asks its eight neighbours at halving distances for the nearest source they
    know. A first round at distance 1 makes the rare wrong neighbour rarer still.
    """
    height, width = sources.shape
    row, column = np.mgrid[:height, :width]
    far = 4 * (height + width)  # no real source is as far
    known_row, known_column = np.where(sources, row, -far), np.where(sources, column, -far)
    step = 1 << (max(height, width) - 1).bit_length()
    steps = [1]
    while step > 1:
        step //= 2
        steps.append(step)
    for step in steps:
        best = (row - known_row) ** 2 + (column - known_column) ** 2
        new_row, new_column = known_row.copy(), known_column.copy()
        for down in (-step, 0, step):
            for right in (-step, 0, step):
                if not (down or right) or abs(down) >= height or abs(right) >= width:
                    continue
                here = np.s_[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
                there = np.s_[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
                distance = (row[here] - known_row[there]) ** 2 + (column[here] - known_column[there]) ** 2
                nearer = distance < best[here]
                best[here] = np.where(nearer, distance, best[here])
                new_row[here] = np.where(nearer, known_row[there], new_row[here])
                new_column[here] = np.where(nearer, known_column[there], new_column[here])
        known_row, known_column = new_row, new_column
    return known_row.astype(np.intp), known_column.astype(np.intp)


def _spans(numbers: Sequence[int]) -> str:
    """Numbers as a person reads them: "0 to 17" or "0, 3, 7"."""
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))
