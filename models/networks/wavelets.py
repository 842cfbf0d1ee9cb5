"""The inverse Haar transform with channels innermost, and folded into a 1x1 convolution before it.

Four planes LL, LH, HL, HH become the four pixels of a square; with their signs as MobileStyleGAN's graphs have them:

    top left  LL+LH+HL+HH    top right  LL+LH-HL-HH    bottom left  LL-LH+HL-HH    bottom right  LL-LH-HL+HH    (all halved)
"""

from __future__ import annotations

import torch

# Pixel (top left, top right, bottom left, bottom right) by plane (LL, LH, HL, HH).
SIGNS = ((1, 1, 1, 1), (1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1))


def haar_order(channels: int) -> torch.Tensor:
    """Where each channel of the order `haar_rows` wants (all LL, all LH, all HL, all HH) stands in the published order.

    The published order is all LL first, then LH, HL, HH of one channel after the other.
    """
    quarter = channels // 4
    first = torch.arange(quarter)
    return torch.cat((first, *(quarter + 3 * first + plane for plane in range(3))))


def haar_rows(x: torch.Tensor) -> torch.Tensor:
    """`[h, w, C]`, channels in `haar_order` and already halved, to `[2h, 2w, C/4]`.

    Columns first, then rows: four operations over runs of C/2 and C/4 channels.
    """
    height, width, channels = x.shape
    half, quarter = channels // 2, channels // 4
    wide = x.new_empty(height, width, 2, half)
    torch.add(x[..., :half], x[..., half:], out=wide[:, :, 0])
    torch.sub(x[..., :half], x[..., half:], out=wide[:, :, 1])
    wide = wide.view(height, 2 * width, half)
    tall = x.new_empty(height, 2, 2 * width, quarter)
    torch.add(wide[..., :quarter], wide[..., quarter:], out=tall[:, 0])
    torch.sub(wide[..., :quarter], wide[..., quarter:], out=tall[:, 1])
    return tall.view(2 * height, 2 * width, quarter)


def planes_to_phases(weight: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Fold the step into the 1x1 convolution before it: `weight [4n, C, 1, 1]`, `bias [4n]` in published order.

    The folded convolution gives the pixels of a square of each of n channels: channel 4c + 2y + x is pixel (y, x) of c.
    """
    order = haar_order(len(bias)).to(weight.device)
    signs = torch.tensor(SIGNS, dtype=weight.dtype, device=weight.device) / 2
    kernels = torch.einsum("pk,knc->npc", signs, weight[order].reshape(4, len(bias) // 4, -1))
    offsets = torch.einsum("pk,kn->np", signs, bias[order].reshape(4, -1))
    return kernels.reshape(len(bias), -1, 1, 1), offsets.reshape(-1)


def phases_to_picture(x: torch.Tensor) -> torch.Tensor:
    """`[h, w, 4n]` as `planes_to_phases` orders it to `[n, 2h, 2w]`."""
    height, width, channels = x.shape
    squares = x.reshape(height, width, channels // 4, 2, 2).permute(2, 0, 3, 1, 4)
    return squares.reshape(channels // 4, 2 * height, 2 * width)
