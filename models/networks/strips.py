"""Convolutions cut into bounded pieces of work.

A strip of rows of a channels_last tensor is one run of memory, so a convolution over a large map can be done strip by strip
without a copy of its input; every strip sees a few rows more on each side, and the result is that of the whole.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from models.steps import Steps

PIECE = 3e9  # multiplications and additions of a piece: 50 ms on two older cores, 8 ms where bfloat16 is in hardware


def conv_same(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    slope: float | torch.Tensor | None = None,
    grow: int = 1,
) -> Steps[torch.Tensor]:
    """`[1, C, h, w]` to `[1, K, grow*h, grow*w]` by a convolution of an odd size, zeros around, of `x` copied `grow` times.

    `slope` is that of a leaky ReLU after it (a number, or one for each of the K channels). Yields between two pieces; on
    other devices than the processor everything is one piece.
    """
    height, width = x.shape[-2:]
    padding = weight.shape[-1] // 2
    reach = -(-padding // grow)
    work = 2.0 * weight.numel() * width * grow * grow
    rows = height if x.device.type != "cpu" else max(4, min(height, int(PIECE / work)))
    if rows >= height:
        yield
        return _activate(F.conv2d(_enlarged(x, grow), weight, bias, padding=padding), slope)
    made: list[torch.Tensor] = []
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        first, last = max(0, top - reach), min(height, bottom + reach)
        strip = F.conv2d(_enlarged(x[:, :, first:last], grow), weight, bias, padding=padding)
        made.append(_activate(strip[:, :, (top - first) * grow : (bottom - first) * grow], slope))
        yield
    return torch.cat(made, 2)


def _enlarged(x: torch.Tensor, grow: int) -> torch.Tensor:
    return x if grow == 1 else F.interpolate(x, scale_factor=grow, mode="nearest")


def _activate(x: torch.Tensor, slope: float | torch.Tensor | None) -> torch.Tensor:
    if slope is None:
        return x
    if isinstance(slope, torch.Tensor):
        return F.prelu(x, slope)
    return F.leaky_relu_(x, slope)
