"""The mapping network of StyleGAN and kin: latents z, and a class where there is one, to w (arXiv 1912.04958, 2006.06676)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.2
MOST_LAYERS = 32


class MappingNetwork(nn.Module):
    """`z [N, z_dim]`, unit normal, to `w [N, w_dim]`: linear layers, each activated with a gain of the root of two.

    `widths` are (in, out) of the layers. With classes a one-hot `label [N, classes]` is embedded in `embedding` numbers; z
    and the embedding are brought to unit mean square each, then joined.
    """

    def __init__(self, widths: Sequence[tuple[int, int]], classes: int = 0, embedding: int = 0) -> None:
        super().__init__()
        self.embed = nn.Linear(classes, embedding) if classes else None
        self.layers = nn.ModuleList(nn.Linear(inside, outside) for inside, outside in widths)

    def forward(self, z: torch.Tensor, label: torch.Tensor | None = None) -> torch.Tensor:
        w = unit_square(z)
        if self.embed is not None and label is not None:
            w = torch.cat((w, unit_square(self.embed(label))), 1)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE) * 2**0.5
        return w


def unit_square(x: torch.Tensor) -> torch.Tensor:
    """`[N, C]` with a mean square of one in each row."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def widths_of(tensors: Mapping[str, torch.Tensor], prefix: str = "mapping.") -> tuple[tuple[int, int], ...]:
    """(in, out) of the layers under `prefix`, `ValueError` where they do not follow on one another."""
    widths: list[tuple[int, int]] = []
    while f"{prefix}layers.{len(widths)}.weight" in tensors:
        outside, inside = tensors[f"{prefix}layers.{len(widths)}.weight"].shape
        if len(widths) >= MOST_LAYERS or (widths and widths[-1][1] != inside):
            raise ValueError("the layers of the mapping network")
        widths.append((inside, outside))
    if not widths:
        raise ValueError("no mapping network")
    return tuple(widths)
