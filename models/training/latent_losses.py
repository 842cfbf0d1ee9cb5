"""Losses of the latent recipe to choose from: hinge, logistic with R1, relativistic with R1 and R2, and WGAN-GP.

Logits come as one map `[N, 1, h, w]` from each head of the critic; what is minimised is the mean over the heads. Penalties are
taken where the learning part of the critic begins: at the mixed features and the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Literal["hinge", "logistic", "relativistic", "wasserstein"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
Views = list[Tensor]
Judge = Callable[[Views], list[Tensor]]

_LAZILY = 16  # steps between two R1 penalties of the logistic loss, as published
_OFTEN = 4  # steps between those of the relativistic loss: at each step they are a quarter of the time


def critic_loss(loss: Loss, real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """What the critic minimises, penalties apart."""
    return _mean(
        {
            "hinge": lambda r, m: F.relu(1 - r).mean() + F.relu(1 + m).mean(),
            "logistic": lambda r, m: F.softplus(-r).mean() + F.softplus(m).mean(),
            "relativistic": lambda r, m: F.softplus(m - r).mean(),
            "wasserstein": lambda r, m: m.mean() - r.mean() + 1e-3 * r.square().mean(),
        }[loss],
        real,
        made,
    )


def generator_loss(loss: Loss, real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """What the generator minimises. `real` is looked at by the relativistic loss alone."""
    return _mean(
        {
            "hinge": lambda r, m: -m.mean(),
            "logistic": lambda r, m: F.softplus(-m).mean(),
            "relativistic": lambda r, m: F.softplus(r - m).mean(),
            "wasserstein": lambda r, m: -m.mean(),
        }[loss],
        real,
        made,
    )


def penalty(loss: Loss, judge: Judge, real: Views, made: Views, step: int, gamma: float) -> Tensor | None:
    """The gradient penalty that belongs to a loss at this step, or None.

    R1 (Mescheder et al. arXiv 1801.04406) of real pictures, every 16 steps and as much stronger; for the relativistic loss R1
    and R2 (of made pictures), every 4 steps and as much stronger (R3GAN, arXiv 2501.05441, has them at each); for Wasserstein
    the gradient's distance from 1 between real and made (arXiv 1704.00028), 10 times.
    """
    if loss == "logistic" and step % _LAZILY == 0:
        return _squares(judge, real).mean() * (gamma / 2 * _LAZILY)
    if loss == "relativistic" and step % _OFTEN == 0:
        return (_squares(judge, real).mean() + _squares(judge, made).mean()) * (gamma / 2 * _OFTEN)
    if loss == "wasserstein":
        part = torch.rand(len(real[0]), 1, 1, 1, device=real[0].device)
        between = [m.float() + part * (r.float() - m.float()) for r, m in zip(real, made, strict=True)]
        return 10 * ((_squares(judge, between) + 1e-12).sqrt() - 1).square().mean()
    return None


def moments_loss(real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """How far means and deviations over the batch differ, place by place, in units of the real deviations.

    Of features and small pictures `[N, C, h, w]`. A critic that is sure of itself points nowhere in particular; this points
    to where the pictures are, which is what the first thousands of steps need, and it grows where pictures become alike.
    """
    parts = []
    for r, m in zip(real, made, strict=True):
        r, m = r.detach().float(), m.float()
        deviation = r.std(0)
        unit = (deviation.square().mean((1, 2), keepdim=True) + 1e-4).rsqrt()
        parts.append(
            ((m.mean(0) - r.mean(0)) * unit).square().mean() + (((m.var(0) + 1e-6).sqrt() - deviation) * unit).square().mean()
        )
    return torch.stack(parts).mean()


def sureness(loss: Loss, real: Sequence[Tensor], made: Sequence[Tensor]) -> float:
    """How sure the critic is of real pictures (1: always right, 0: it guesses): the mean sign of its logits.

    The relativistic loss gives logits no nought of their own: there it is the sign of how far they are above those of made ones.
    """
    above = [r - m for r, m in zip(real, made, strict=True)] if loss == "relativistic" else real
    return float(torch.stack([one.detach().sign().mean() for one in above]).mean())


def _mean(of: Callable[[Tensor, Tensor], Tensor], real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    return torch.stack([of(r, m) for r, m in zip(real, made, strict=True)]).mean()


def _squares(judge: Judge, views: Views) -> Tensor:
    """Squared length `[N]` of the gradient of the critic's mean answer at `views`."""
    views = [view.detach().float().requires_grad_(True) for view in views]
    answer = torch.stack([one.mean((1, 2, 3)) for one in judge(views)]).mean(0).sum()
    gradients = torch.autograd.grad(answer, views, create_graph=True)
    return torch.stack([g.float().square().sum((1, 2, 3)) for g in gradients]).sum(0)
