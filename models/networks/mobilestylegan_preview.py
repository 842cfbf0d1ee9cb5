"""A small picture out of a hidden state of MobileStyleGAN, whose own heads of smaller blocks were pruned on export.

The head is an estimate that was fitted to the exact pictures of one model; `fitted_preview` is its arithmetic as it was
fitted, `FastPreview` the same with everything folded that can be.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from models.networks.channels_innermost import pointwise
from models.networks.mobilestylegan import SLOPE, inverse_haar
from models.networks.wavelets import haar_order, phases_to_picture, planes_to_phases
from models.precision import Runtime

Tensors = Mapping[str, torch.Tensor]


def fitted_preview(tensors: Tensors, hidden: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Picture `[N, 3, 2r, 2r]`, nominally -1..1, of a hidden state `[N, C, r, r]` and `w [N, w_dim]`: the plain arithmetic.

    Two layers of 1x1 convolutions, the first with a gain and a shift by w, and a linear one beside them give twelve wavelet
    planes. Where the head has `smooth [3]`, the picture is filtered by it both ways: the finest planes are its weakest part.
    """
    gain, shift = F.linear(w, tensors["m.weight"], tensors["m.bias"])[:, :, None, None].chunk(2, 1)
    u = F.conv2d(hidden, tensors["conv_a.weight"], tensors["conv_a.bias"])
    u = F.leaky_relu(u * (1 + gain) + shift, SLOPE)
    u = F.leaky_relu(F.conv2d(u, tensors["conv_b.weight"], tensors["conv_b.bias"]), SLOPE)
    planes = F.conv2d(u, tensors["conv_c.weight"], tensors["conv_c.bias"]) + F.conv2d(hidden, tensors["conv_l.weight"])
    return smoothed(inverse_haar(planes), tensors.get("smooth"))


def smoothed(picture: torch.Tensor, taps: torch.Tensor | None) -> torch.Tensor:
    """`[N, 3, h, w]` filtered by `taps [3]` along both axes, the edge repeated; as it is without taps."""
    if taps is None:
        return picture
    kernel = torch.outer(taps, taps).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(picture, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)


class FastPreview:
    """A head for hidden states `[r, r, C]` whose channels lie in Haar order (unless `ordered` is False).

    The two convolutions that read the hidden state work in its precision, the small rest in float32.
    """

    def __init__(self, tensors: Tensors, ordered: bool, runtime: Runtime) -> None:
        held = {name: tensor.to(runtime.device).float() for name, tensor in tensors.items()}
        first, beside = held["conv_a.weight"], held["conv_l.weight"]
        if ordered:
            order = haar_order(first.shape[1]).to(runtime.device)
            first, beside = first[:, order], beside[:, order]
        self._first, self._first_bias = first, held["conv_a.bias"]
        self._style, self._style_bias = held["m.weight"], held["m.bias"]
        self._second, self._second_bias = held["conv_b.weight"], held["conv_b.bias"]
        self._third, self._third_bias = planes_to_phases(held["conv_c.weight"], held["conv_c.bias"])
        beside, _ = planes_to_phases(beside, torch.zeros_like(held["conv_c.bias"]))
        self._beside = beside.to(runtime.dtype).contiguous()
        self._smooth = held.get("smooth")

    def __call__(self, hidden: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Picture `[3, 2r, 2r]` in float32 of a hidden state `[r, r, C]` and `w [w_dim]`."""
        gain, shift = F.linear(w, self._style, self._style_bias).chunk(2)
        weight = (self._first * (1 + gain)[:, None, None, None]).to(hidden.dtype)
        u = pointwise(hidden, weight, (self._first_bias * (1 + gain) + shift).to(hidden.dtype))
        u = pointwise(F.leaky_relu_(u, SLOPE).float(), self._second, self._second_bias)
        phases = pointwise(F.leaky_relu_(u, SLOPE), self._third, self._third_bias)
        picture = phases_to_picture(phases + pointwise(hidden, self._beside).float())
        return smoothed(picture[None], self._smooth)[0]
