"""Layers whose numbers come from a file: they are not filled with random ones first, which takes longer than all the rest."""

from torch import nn


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
