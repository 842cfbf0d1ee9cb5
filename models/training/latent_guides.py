"""Latents for the training pictures themselves, so that a generator knows from the first step how varied they are.

A generator that only follows a critic begins with one picture for all latents and takes very long to part them. Here each
training picture gets a place among the latents: its principal components in the space of frozen features and small pixels, each
brought to a normal distribution. Half of a batch is made from such places and should resemble the pictures that they belong to;
the other half is made from latents drawn at random, which only the critic judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from models.training.latent_figures import resized

ALIKE_AT = (4, 8, 16)  # strides whose features are compared
_ROUNDS = 6  # of the randomised decomposition
_SEED = 11


def guides(described: Tensor, z_dim: int) -> Tensor:
    """Latents `[N, z_dim]`, each number normally distributed over the pictures, of described pictures `[N, D]`.

    The pictures' strongest components come first; what they have fewer of is drawn at random.
    """
    x = described - described.mean(0)
    x = x / (x.std(0) + 1e-6)
    count = len(x)
    known = min(z_dim, count - 1, x.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        components = torch.svd_lowrank(x, min(known + 8, count, x.shape[1]), _ROUNDS)[0][:, :known]
        drawn = torch.randn(count, z_dim - known)
    place = (components.argsort(0).argsort(0).double() + 0.5) / count
    normal = torch.erfinv(2 * place - 1) * 2**0.5
    return torch.cat([normal.float(), drawn], 1)


def turned(places: Tensor, unlike: Callable[[Tensor], float]) -> Tensor:
    """Signs `[z_dim]` of the numbers of latents `[N, z_dim]` under which they are least `unlike` what they belong to.

    A component may as well point the other way: which way it does differs from machine to machine, and a generator that was
    taught with one would be asked for another's pictures. One after another is turned where that helps.
    """
    signs = torch.ones(places.shape[1])
    least = unlike(places)
    for number in range(len(signs)):
        signs[number] = -1
        now = unlike(places * signs)
        if now < least:
            least = now
        else:
            signs[number] = 1
    return signs


def likeness_loss(made: Tensor, made_features: Mapping[int, Tensor], real: Tensor, real_features: Mapping[int, Tensor]) -> Tensor:
    """How unlike made pictures are to those that they belong to: features in units of their deviations, and small pixels."""
    parts = [(resized(made, 32).float() - resized(real, 32).float()).abs().mean() * 2]
    for stride in ALIKE_AT:
        r, m = real_features[stride].detach().float(), made_features[stride].float()
        unit = r.std((0, 2, 3), keepdim=True) + 1e-3
        parts.append(((m - r) / unit).abs().mean())
    return torch.stack(parts).mean()
