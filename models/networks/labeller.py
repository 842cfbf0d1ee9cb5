"""From a photo to its label map: a light decoder on frozen EfficientNet-lite0 features (a feature pyramid, arXiv 1612.03144)."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.efficientnet_lite import CHANNELS, EfficientNetLite

_STRIDES = (32, 16, 8, 4)
_WIDTH = 64


class LabelDecoder(nn.Module):
    """Logits `[N, labels, H/4, W/4]` of features by stride, as `EfficientNetLite` gives them up to 32."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleDict({str(s): nn.Conv2d(CHANNELS[s], _WIDTH, 1) for s in _STRIDES})
        self.mix = nn.ModuleDict({str(s): nn.Conv2d(_WIDTH, _WIDTH, 3, 1, 1) for s in _STRIDES})
        self.says = nn.Conv2d(_WIDTH, labels, 1)

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        x: Tensor | None = None
        for stride in _STRIDES:
            here = self.narrow[str(stride)](features[stride])
            x = here if x is None else here + F.interpolate(x, here.shape[-2:], mode="bilinear")
            x = F.relu(self.mix[str(stride)](x))
        logits: Tensor = self.says(x)
        return logits


class Labeller(nn.Module):
    """The trunk with a decoder behind it: what a labeller's file holds."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.features = EfficientNetLite()
        self.decoder = LabelDecoder(labels)

    def forward(self, photo: Tensor) -> Tensor:
        """Logits `[N, labels, H/4, W/4]` of photos `[N, 3, H, W]`, -1..1; sides are multiples of 32."""
        logits: Tensor = self.decoder(self.features(photo))
        return logits
