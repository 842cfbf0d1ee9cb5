"""Large layers in strips of rows: activations stay in the cache, and in memory that the allocator has at hand.

Fresh pages cost more than the arithmetic of many layers, and a scheduler can serve somebody else between two strips.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch

STRIP_VALUES = 1 << 20  # of the largest activation of a strip: 4 MB in float32


def spans(
    height: int, values_per_row: int, device: torch.device, least: int = 1, values: int | None = None
) -> list[tuple[int, int]]:
    """(start, stop) of strips of about equal height, none below `least` rows where that can be kept.

    `values_per_row` is how many numbers of the largest activation come from one row, `values` how many a strip may have (None:
    `STRIP_VALUES`). Devices with memory of their own take everything at once.
    """
    if device.type != "cpu":
        return [(0, height)]
    rows = max(least, (values or STRIP_VALUES) // max(1, values_per_row))
    count = math.ceil(height / rows)
    return list(pairwise(round(height * i / count) for i in range(count + 1)))
