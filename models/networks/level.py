"""What a generator holds half-way: the hidden state of one resolution, and the picture that it shows there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Level:
    """One step of a synthesis network, with gradients where its latents have them.

    `hidden [N, C, side + 2 * margin, side + 2 * margin]` in float32: `side` is that of the picture in the hidden state's pixels,
    of which there are `margin` more beyond each edge. `show` makes the picture `[N, 3, p, p]`, nominally -1..1, that is to be had
    here, `shows` its side p; None and 0 where there is none.
    """

    side: int
    hidden: torch.Tensor
    margin: int = 0
    shows: int = 0
    show: Callable[[], torch.Tensor] | None = None
