"""Eight ways to look at one picture: its turns and its mirror image's.

A network that is asked all eight, and whose answers are turned back and averaged, errs less in any one direction (the
"self-ensemble" of EDSR, Lim et al. 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TURNS = 8


def turned(x: torch.Tensor, turn: int) -> torch.Tensor:
    """`[..., h, w]` seen in way `turn` (0..7): in quarters, from 4 on mirrored. Odd ones swap the sides."""
    return (x.flip(-1) if turn >= 4 else x).rot90(turn % 4, (-2, -1))


def turned_back(x: torch.Tensor, turn: int) -> torch.Tensor:
    """What `turned` made, as it was."""
    x = x.rot90(-(turn % 4), (-2, -1))
    return x.flip(-1) if turn >= 4 else x
