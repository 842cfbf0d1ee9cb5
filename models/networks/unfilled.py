"""Layers whose numbers come from a file: they are not filled with random ones first, which takes longer than all the rest."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-5  # of every batch and instance norm of these networks


class Conv2d(nn.Conv2d):
    """A convolution whose numbers are whatever the memory held."""

    def reset_parameters(self) -> None:
        """Leave them so."""


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose numbers are whatever the memory held."""

    def reset_parameters(self) -> None:
        """Leave them so."""


class Linear(nn.Linear):
    """A linear layer whose numbers are whatever the memory held."""

    def reset_parameters(self) -> None:
        """Leave them so."""


class BatchNorm(nn.Module):
    """A batch norm with the statistics of its training: what it does when it no longer learns."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.running_mean: torch.Tensor
        self.running_var: torch.Tensor
        self.register_buffer("running_mean", torch.empty(channels))
        self.register_buffer("running_var", torch.empty(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=EPSILON)


def folded(
    weight: torch.Tensor, bias: torch.Tensor | None, norm: Mapping[str, torch.Tensor], *, transposed: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution that does what it did with this batch norm behind it."""
    factor = norm["weight"] * torch.rsqrt(norm["running_var"] + EPSILON)
    shape = (1, -1, 1, 1) if transposed else (-1, 1, 1, 1)
    before = norm["running_mean"] if bias is None else norm["running_mean"] - bias
    return weight * factor.view(shape), norm["bias"] - before * factor
