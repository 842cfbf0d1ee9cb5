"""Augmentation of the latent recipe: light and colours; each picture moved, turned and zoomed for itself; a piece cut out.

A critic on some thousand pictures learns by heart where in them what is; it has a harder time where each picture is framed anew
(Karras et al. arXiv 2006.06676) and where a piece is missing (Zhao et al. arXiv 2006.10738).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.training import augment

_SHIFT = 1 / 8  # at most, in parts of the side
_ZOOM = 0.25  # at most, either way, as a power of e
_TURN = math.radians(8)
_CUT = 0.4  # side of what is cut out, in parts of the picture's


@dataclass(frozen=True, eq=False)
class Framing:
    """One drawing for a batch.

    Changes of light, where each picture is looked at (`[N, 2, 3]`, as `affine_grid` takes it), and the middles `[N, 2]` (0..1,
    down and right) of pieces that are cut out, -1 where none is.
    """

    light: augment.Augmentation
    places: Tensor
    cuts: Tensor

    def pictures(self, x: Tensor) -> Tensor:
        """Pictures `[N, 3, H, W]` changed; what comes in from outside is the picture mirrored, what is cut out is mid-grey."""
        count, colours, height, width = x.shape
        x = self.light.coloured(x)
        with torch.autocast(x.device.type, enabled=False):
            grid = F.affine_grid(self.places, [count, colours, height, width], align_corners=False)
            moved = F.grid_sample(x.float(), grid, padding_mode="reflection", align_corners=False)
        return (moved * self._kept(height, width)).to(x.dtype).contiguous(memory_format=torch.channels_last)

    def _kept(self, height: int, width: int) -> Tensor:
        """1 where a picture stays, 0 where a piece is cut out, `[N, 1, H, W]`."""
        middle = self.cuts[:, :, None, None]
        down = (torch.arange(height, device=self.cuts.device) + 0.5)[None, :, None] / height
        right = (torch.arange(width, device=self.cuts.device) + 0.5)[None, None, :] / width
        inside = ((down - middle[:, 0]).abs() < _CUT / 2) & ((right - middle[:, 1]).abs() < _CUT / 2)
        return (~inside).float()[:, None]


def draw(count: int, strength: float, device: torch.device) -> Framing:
    """Numbers for a batch of `count`; each change happens with the probability `strength` for each picture, a cut with half."""
    light = augment.draw(count, strength, device)
    numbers, on = torch.rand(6, count), (torch.rand(4, count) < strength * torch.tensor([1, 1, 1, 0.5])[:, None]).float()
    span = 2 * numbers - 1
    zoom, turn = torch.exp(on[0] * _ZOOM * span[0]), on[1] * _TURN * span[1]
    down, right = (on[2] * 2 * _SHIFT * span[k] for k in (2, 3))
    cosine, sine = zoom * turn.cos(), zoom * turn.sin()
    places = torch.stack([torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)], 1)
    cuts = torch.where(on[3][:, None] > 0, numbers[4:].T, -1.0)
    return Framing(light, places.to(device), cuts.to(device))
