"""LPIPS: how different two pictures look to a person, by a network's features (Zhang et al., arXiv 1801.03924).

The trunk is VGG16-shaped with blurred pooling and the heads are those that were taught on people's judgements together with
it: shift-tolerant LPIPS (Ghildyal and Liu, arXiv 2207.13686), which hardly minds a picture that was moved by a pixel. Its
figures are lower than those of plain LPIPS and are compared among themselves alone.

    lpips = open_lpips()                  # ModelError where the pinned wheel is not at hand: see models.training.yardsticks
    lpips.distance(made, truth)           # two pictures uint8 [H, W, 3] of one size, each side 32 or more -> float, 0 is the same
    lpips(a, b)                           # [N, 3, H, W], -1..1, with gradients -> [N]

Memory: some 700 bytes for each pixel of both pictures; 481 x 321 pixels take about two seconds on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.checkpoints.state_dicts import Tensors, fitted, renamed
from models.training import yardsticks

Pixels = NDArray[np.uint8]
SMALLEST_SIDE = 32  # pixels; below it the last features have nothing to be padded with
# Convolutions 3 x 3 between two poolings, as (channels in, channels out).
_SLICES = (
    ((3, 64), (64, 64)),
    ((64, 128), (128, 128)),
    ((128, 256), (256, 256), (256, 256)),
    ((256, 512), (512, 512), (512, 512)),
    ((512, 512), (512, 512), (512, 512)),
)
# Their places in the published list of layers (a ReLU behind each; two layers of pooling before each slice but the first).
_PLACES = ((0, 2), (6, 8), (12, 14, 16), (20, 22, 24), (28, 30, 32))
_RULES = (
    *(
        (rf"net\.slice{i + 1}\.{place}\.(weight|bias)", rf"slices.{i}.{j}.\1")
        for i, places in enumerate(_PLACES)
        for j, place in enumerate(places)
    ),
    *((rf"net\.slice{i + 1}\.{places[0] - 1}\.filt", f"blur{i}") for i, places in enumerate(_PLACES) if i),
    *((rf"lin{i}\.model\.1\.weight", f"heads.{i}.weight") for i in range(len(_PLACES))),
    *((rf"scaling_layer\.{name}", name) for name in ("shift", "scale")),
)


class LPIPS(nn.Module):
    """See the module. Its own numbers take no gradient, pictures may."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.slices = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in convolutions) for convolutions in _SLICES
        )
        self.heads = nn.ModuleList(nn.Conv2d(convolutions[-1][1], 1, 1, bias=False) for convolutions in _SLICES)
        for i in range(1, len(_SLICES)):
            self.register_buffer(f"blur{i}", torch.empty(_SLICES[i][0][0], 1, 3, 3))
        for name in ("shift", "scale"):
            self.register_buffer(name, torch.empty(1, 3, 1, 1))
        self.requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """What stands at the end of each slice, `[N, C, H / 2^i, W / 2^i]`, its length over the channels brought to 1."""
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in self.slices_of(x)]

    def slices_of(self, x: Tensor) -> list[Tensor]:
        """What stands at the end of each slice, as it comes."""
        x = (x - self.shift) / self.scale
        found = []
        for i, convolutions in enumerate(self.slices):
            if i:
                x = F.pad(F.max_pool2d(x, 2, 1), (2, 2, 2, 2), mode="reflect")
                x = F.conv2d(x, getattr(self, f"blur{i}"), stride=2, groups=x.shape[1])
            for convolution in convolutions:  # type: ignore[attr-defined]
                x = F.relu(convolution(x))
            found.append(x)
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance `[N]` of pictures `[N, 3, H, W]`, -1..1."""
        return self._apart(self.features(a), self.features(b))

    def _apart(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        total = a[0].new_zeros(len(a[0]))
        for head, one, other in zip(self.heads, a, b, strict=True):
            total = total + head((one - other).square()).mean((1, 2, 3))
        return total

    def distance(self, one: Pixels, other: Pixels) -> float:
        """Distance of two pictures uint8 `[H, W, 3]`. ValueError where their sizes differ or are too small."""
        return self.against(other)(one)

    def against(self, one: Pixels) -> Callable[[Pixels], float]:
        """As `distance`, of many pictures to this one, whose features are computed once."""
        if one.ndim != 3 or min(one.shape[:2]) < SMALLEST_SIDE:
            raise ValueError(f"a picture of {one.shape} cannot be compared")
        with torch.inference_mode():
            known = self.features(self._input(one))

        def distance(other: Pixels) -> float:
            if other.shape != one.shape:
                raise ValueError(f"pictures of {other.shape} and {one.shape} cannot be compared")
            with torch.inference_mode():
                return float(self._apart(self.features(self._input(other)), known))

        return distance

    def _input(self, picture: Pixels) -> Tensor:
        x = torch.from_numpy(picture.copy()).to(self.shift.device).permute(2, 0, 1)[None]
        return (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def open_lpips(device: torch.device | str = "cpu", wheels: Path | None = None) -> LPIPS:
    """The network with its published numbers. `ModelError` where the wheel is not in `wheels` (None: the usual folder)."""
    return from_tensors(yardsticks.tensors(yardsticks.LPIPS, wheels)).to(device)


def from_tensors(published: Tensors) -> LPIPS:
    """The network with these numbers under their published names; `CheckpointError` where they do not fit."""
    found = renamed(published, _RULES)
    made = LPIPS()
    made.load_state_dict(fitted(LPIPS, found, "LPIPS network"))
    return made.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]
