"""What judges painted pictures: small heads on frozen features that name the label of every pixel, or call it made.

A segmentation discriminator with N + 1 classes (OASIS, arXiv 2012.04781) on features mixed at random across scales (Projected
GAN, arXiv 2111.01007), and one head that sees the pixels themselves, for texture finer than the first features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from models.networks.efficientnet_lite import CHANNELS

STRIDES = (2, 4, 8, 16)
_COARSEST = 32
_MIXED = 64
_BLUR = {2: 2, 4: 1}  # stride -> how far shares are blurred, in pixels of that size


def _convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Module:
    return spectral_norm(nn.Conv2d(channels_in, channels_out, 3, stride, 1))


def _head(classes: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(_MIXED, _MIXED),
        nn.LeakyReLU(0.2),
        _convolution(_MIXED, _MIXED),
        nn.LeakyReLU(0.2),
        nn.Conv2d(_MIXED, classes, 1),
    )


def _deeper(channels_in: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(channels_in, 2 * _MIXED, 2), nn.LeakyReLU(0.2), _convolution(2 * _MIXED, 2 * _MIXED), nn.LeakyReLU(0.2)
    )


class Critic(nn.Module):
    """Logits of labels and "made" by stride; the mixing is random and stays as it was drawn.

    With `deep`, the head that sees pixels looks further, too: at strides 4 and 8, over some 20 and 50 pixels.
    """

    def __init__(self, labels: int, deep: bool = False) -> None:
        super().__init__()
        self.narrow = nn.ModuleDict({str(s): nn.Conv2d(CHANNELS[s], _MIXED, 1, bias=False) for s in (*STRIDES, _COARSEST)})
        self.mix = nn.ModuleDict({str(s): nn.Conv2d(_MIXED, _MIXED, 3, 1, 1, bias=False) for s in STRIDES})
        for conv in self.narrow.values():
            nn.init.kaiming_normal_(cast(nn.Conv2d, conv).weight)
        for conv in self.mix.values():
            nn.init.kaiming_normal_(cast(nn.Conv2d, conv).weight, a=1.0)
        self.narrow.requires_grad_(False)
        self.mix.requires_grad_(False)
        self.heads = nn.ModuleDict({str(s): _head(labels + 1) for s in STRIDES})
        self.whole = _head(1)
        self.fine = nn.Sequential(
            _convolution(3, 32),
            nn.LeakyReLU(0.2),
            _convolution(32, _MIXED, 2),
            nn.LeakyReLU(0.2),
            _convolution(_MIXED, _MIXED),
            nn.LeakyReLU(0.2),
            nn.Conv2d(_MIXED, labels + 1, 1),
        )
        ins = (_MIXED, 2 * _MIXED) if deep else ()
        self.deeper = nn.ModuleList(_deeper(channels) for channels in ins)
        self.deep = nn.ModuleList(nn.Conv2d(2 * _MIXED, labels + 1, 1) for _ in ins)

    def learning(self) -> list[nn.Parameter]:
        """The parameters that are trained."""
        heads = (self.heads, self.whole, self.fine, self.deeper, self.deep)
        return [parameter for head in heads for parameter in head.parameters()]

    def forward(self, pictures: Tensor, features: Mapping[int, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Per-pixel logits `[N, labels + 1, h, w]` (strides 2, 4, 8, 16 of the features, then 2 of the pixels, and 4 and 8 of a
        deep critic), and one of the whole `[N, 1, h, w]`; of pictures `[N, 3, H, W]` and their features up to stride 32."""
        x = self.narrow[str(_COARSEST)](features[_COARSEST]) / math.sqrt(2)
        whole = self.whole(x)
        logits: list[Tensor] = []
        for stride in reversed(STRIDES):
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
            x = self.mix[str(stride)]((x + self.narrow[str(stride)](features[stride]) / math.sqrt(2)) / math.sqrt(2))
            logits.insert(0, self.heads[str(stride)](x))
        x = self.fine[:-1](pictures)
        logits.append(self.fine[-1](x))
        for further, head in zip(self.deeper, self.deep, strict=True):
            x = further(x)
            logits.append(head(x))
        return logits, whole


def share_pyramid(shares: Tensor) -> dict[int, Tensor]:
    """Shares `[N, labels, H, W]` averaged to a half, a quarter, an eighth and a sixteenth, float32, by height.

    The two finest are blurred besides. Borders of maps are true to some pixels at best: a critic that is held to the pixel
    makes the generator draw rims along them, where a photo has none.
    """
    pyramid: dict[int, Tensor] = {}
    for stride in STRIDES:
        shares = F.avg_pool2d(shares, 2).float()
        reach = _BLUR.get(stride, 0)
        blurred = F.avg_pool2d(shares, 2 * reach + 1, 1, reach, count_include_pad=False) if reach else shares
        pyramid[shares.shape[-2]] = blurred
    return pyramid


def flowing(shares: Tensor, channels: list[int], reach: int) -> Tensor:
    """Shares `[N, labels, H, W]` in which what these channels have together stays where it was, while their borders with one
    another are blurred over `reach` pixels: a hand draws where about a cloud is, not how it frays."""
    if not channels or reach < 1:
        return shares
    own = shares[:, channels]
    near = F.avg_pool2d(own, 2 * reach + 1, 1, reach, count_include_pad=False)
    flowed = shares.clone()
    flowed[:, channels] = (near / near.sum(1, keepdim=True).clamp(min=1e-4) * own.sum(1, keepdim=True)).to(flowed.dtype)
    return flowed


def label_weights(shares: Tensor) -> Tensor:
    """Weight of each label `[labels]` by its share of all pixels to the power -1/2, at most 20; their mean over pixels is 1."""
    weights = shares.clamp(min=1e-4).pow(-0.5).clamp(max=20)
    return weights / (weights * shares).sum()


def critic_loss(logits: list[Tensor], whole: Tensor, shares: Mapping[int, Tensor], weights: Tensor, real: bool) -> Tensor:
    """What the critic minimises: the labels of a real picture, "made" of a made one; hinge for the whole.

    `shares` are the picture's `share_pyramid`, 0 in all labels where it was shifted out of sight.
    """
    total = torch.zeros((), device=whole.device)
    for one in logits:
        weighted = shares[one.shape[-2]] * weights.view(1, -1, 1, 1)
        says = F.log_softmax(one.float(), 1)
        if real:
            total = total - (weighted * says[:, :-1]).sum(1).mean()
        else:
            total = total - (weighted.sum(1) * says[:, -1]).mean()
    hinge = F.relu(1 - whole.float() if real else 1 + whole.float()).mean()
    return total / len(logits) + 0.5 * hinge


def generator_loss(logits: list[Tensor], whole: Tensor, shares: Mapping[int, Tensor], weights: Tensor) -> Tensor:
    """What the generator minimises: each pixel should be named as its label."""
    total = torch.zeros((), device=whole.device)
    for one in logits:
        says = F.log_softmax(one.float(), 1)[:, :-1]
        total = total - (shares[one.shape[-2]] * weights.view(1, -1, 1, 1) * says).sum(1).mean()
    return total / len(logits) - 0.5 * whole.float().mean()
