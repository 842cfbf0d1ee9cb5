"""A small network that reads attributes off pictures from their pixels alone: what directions are sought with.

The reader of `models.training.attribute_reader` judges directions. It must not be the one that finds them: along the gradient
of a reader lie changes that this reader sees and no person. So this one is of another kind, has its own features and sees small
pictures that are moved, turned and grained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.training.latent_figures import resized

SEEN = 64  # px that it sees
_WIDTHS = (24, 48, 72, 96, 96)
_GROUPS = 8
_RATE, _DECAY, _BATCH = 2e-3, 0.02, 64
_AT_ONCE = 64


class PixelReader(nn.Module):
    """Readings `[N, attributes]` in deviations of the real pictures, of pictures `[N, 3, H, W]`, -1..1; differentiable."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        inside = (3, *_WIDTHS[:-1])
        strided = [nn.Conv2d(a, b, 5 if a == 3 else 4, 2, 2 if a == 3 else 1) for a, b in zip(inside, _WIDTHS, strict=True)]
        strided[-1] = nn.Conv2d(inside[-1], _WIDTHS[-1], 3, 1, 1)
        self.convolutions = nn.ModuleList(strided)
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, width) for width in _WIDTHS)
        side = SEEN >> (len(_WIDTHS) - 1)
        self.out = nn.Linear(_WIDTHS[-1] * side * side, attributes)

    def forward(self, pictures: Tensor) -> Tensor:
        x = resized(pictures, SEEN)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.silu(norm(convolution(x)))
        read: Tensor = self.out(F.dropout(x.flatten(1), 0.3, self.training))
        return read


def taught_reader(
    pixels: NDArray[np.uint8], values: NDArray[np.float64], turns: Sequence[bool], seed: int, passes: float
) -> PixelReader:
    """A reader of `values [N, K]` (nan where unknown) taught with pictures uint8 `[N, side, side, 3]`, each seen `passes` times.

    `turns` says which attributes change their sign in a mirror.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader, sign = PixelReader(values.shape[1]), torch.where(torch.tensor(list(turns)), -1.0, 1.0)
        seen = torch.cat([resized(_upright(pixels[i : i + _AT_ONCE]), SEEN) for i in range(0, len(pixels), _AT_ONCE)])
        spread = np.maximum(np.nanstd(values, 0), 1e-9)
        truth = torch.from_numpy((values - np.nanmean(values, 0)) / spread).float()
        known, truth = truth.isfinite(), truth.nan_to_num()
        steps = max(1, round(passes * len(seen) / _BATCH))
        optimiser = torch.optim.AdamW(reader.parameters(), _RATE, weight_decay=_DECAY)
        rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, steps + 1, pct_start=0.1)
        for _ in range(steps):
            drawn = torch.randint(len(seen), (_BATCH,))
            flipped = torch.rand(_BATCH) < 0.5
            pictures = torch.where(flipped[:, None, None, None], seen[drawn].flip(3), seen[drawn])
            expected = torch.where(flipped[:, None], truth[drawn] * sign, truth[drawn])
            error = (reader(shaken(pictures)) - expected) * known[drawn]
            optimiser.zero_grad()
            error.square().mean().backward()
            optimiser.step()
            rates.step()
    return reader.eval().requires_grad_(False)


def _upright(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def shaken(pictures: Tensor) -> Tensor:
    """Pictures `[N, 3, H, W]` a little moved, turned, zoomed, lit otherwise and grained, each for itself."""
    count = len(pictures)
    zoom, turn = 1 + 0.08 * torch.randn(count).clamp(-2, 2), 0.05 * torch.randn(count)
    cos, sin, shift = zoom * torch.cos(turn), zoom * torch.sin(turn), 0.06 * torch.randn(2, count)
    where = torch.stack([torch.stack([cos, -sin, shift[0]], 1), torch.stack([sin, cos, shift[1]], 1)], 1)
    grid = F.affine_grid(where, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    lit = moved * (1 + 0.15 * torch.randn(count, 1, 1, 1)) + 0.1 * torch.randn(count, 1, 1, 1)
    return lit + 0.05 * torch.rand(count, 1, 1, 1) * torch.randn_like(lit)
