"""A convolution that filters each channel for itself, with fixed weights, whose gradient is quick on processors.

PyTorch's own gradient of such a convolution takes many times the convolution's own time on a processor, most where it halves the
picture. But that gradient is a convolution of the same kind, with the weights turned round, and those are quick.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def filtered(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """`conv2d` of `x [N, C, H, W]` with `weight [C, 1, k, k]`, a filter for each channel.

    The gradient of `x` is quick on a processor where no other is asked for; it cannot be differentiated once more.
    """
    learning = weight.requires_grad or (bias is not None and bias.requires_grad)
    if x.device.type != "cpu" or not x.requires_grad or learning or not torch.is_grad_enabled():
        return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    found: Tensor = _Filtered.apply(x, weight, bias, stride, padding)  # type: ignore[no-untyped-call]
    return found


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.stride, ctx.padding, ctx.sides = stride, padding, x.shape[-2:]
        return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        (count, channels, height, width), kernel, stride = gradient.shape, weight.shape[-1], ctx.stride
        reach = kernel - 1 - ctx.padding
        wide, (down, right) = gradient, ctx.sides
        if stride > 1:  # as it would be at stride 1: nought where the convolution did not stop
            wide = gradient.new_zeros((count, channels, down + kernel - 1, right + kernel - 1))
            wide = wide.contiguous(memory_format=torch.channels_last)
            wide[..., reach : reach + stride * height : stride, reach : reach + stride * width : stride] = gradient
            reach = 0
        return F.conv2d(wide, weight.flip(2, 3), None, 1, reach, 1, channels), None, None, None, None
