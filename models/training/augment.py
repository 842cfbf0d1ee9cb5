"""Augmentation that real and made pictures go through alike, so that a critic cannot learn the few real ones by heart.

Differentiable (Zhao et al. arXiv 2006.10738), with a strength that follows how sure the critic is of real pictures (adaptive:
Karras et al. arXiv 2006.06676). The numbers are drawn once and can be applied to several batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawing for a batch: light, saturation, contrast a picture `[N, 1, 1, 1]`; one shift in parts of the side for all."""

    light: Tensor
    saturation: Tensor
    contrast: Tensor
    down: float
    right: float

    def pictures(self, x: Tensor) -> Tensor:
        """Pictures `[N, 3, H, W]` with their light changed, then shifted; what comes in is mid-grey."""
        return self.shifted(self.coloured(x))

    def coloured(self, x: Tensor) -> Tensor:
        """Pictures with their light changed alone."""
        x = x + self.light.to(x.dtype)
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * self.saturation.to(x.dtype)
        mean = x.mean((1, 2, 3), keepdim=True)
        return mean + (x - mean) * self.contrast.to(x.dtype)

    def shifted(self, x: Tensor) -> Tensor:
        """`x` shifted alone; zeros come in (label shares: nothing is known there)."""
        height, width = x.shape[-2:]
        down, right = round(self.down * height), round(self.right * width)
        if not down and not right:
            return x
        out = torch.zeros_like(x)
        here = (..., slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right)))
        there = (..., slice(max(0, -down), height + min(0, -down)), slice(max(0, -right), width + min(0, -right)))
        out[here] = x[there]
        return out


def draw(count: int, strength: float, device: torch.device) -> Augmentation:
    """Numbers for a batch of `count`; each change happens with the probability `strength`."""
    numbers = torch.rand(6, count, 1, 1, 1)
    on = (numbers[:3] < strength).float()
    light = on[0] * (numbers[3] - 0.5) * 0.6
    saturation = 1 + on[1] * (numbers[4] - 0.5) * 1.6
    contrast = 1 + on[2] * (numbers[5] - 0.5) * 0.8
    shift = torch.rand(3)
    down, right = ((shift[1:] - 0.5) / 4).tolist() if float(shift[0]) < strength else (0.0, 0.0)
    return Augmentation(light.to(device), saturation.to(device), contrast.to(device), down, right)


def adapted(strength: float, sureness: float, pictures: int) -> float:
    """The strength after `pictures` more: up where real pictures are told with `sureness` (mean sign) above 0.6, else down.

    The whole way takes 100 thousand pictures; 0.15 and 0.8 are the ends.
    """
    step = pictures / 100_000
    return min(0.8, max(0.15, strength + (step if sureness > 0.6 else -step)))
