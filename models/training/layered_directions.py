"""Directions with a step of their own for each latent: what an early layer does too much of, a later one takes back.

A direction in W is one vector for all layers that it acts on, and where attributes hang together in the data no such vector parts
them within two deviations. Latents are given layer by layer (W+), and attributes live in different layers (GANSpace,
arXiv 2004.02546); the gradient of each reading by each latent tells where. The step of each latent is at most one deviation of
the population along it, as in W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.training.latent_directions import STEPS, whitened

Floats = NDArray[np.float32]
# How far others may come along, in parts of the own change; by gradients, which flatter.
SPILLS = (0.05, 0.12, 0.25, 0.5, 0.8, 1.0)
_PSI = 0.85  # gradients are those of pictures a little calmer than the population's
_TOGETHER = 16
_TURNS, _RATE = 1500, 0.05
QUIET = (0.3, 0.1)  # a latent whose gradient is this part of the longest moves by 0.7 of a deviation


@dataclass(frozen=True, eq=False)
class Gains:
    """What each latent does to each reading: `gradients [K, num_ws, D]`, in deviations of the readings over the generator's
    pictures, for one deviation of the population along each of `basis [D, w_dim]`."""

    gradients: Tensor
    basis: Tensor

    @classmethod
    def of(cls, make: Callable[[Tensor], Tensor], read: Callable[[Tensor], Tensor], w: Floats, num_ws: int, tried: int) -> Gains:
        """Mean gradients over the first `tried` of the latents `w [N, w_dim]`.

        `make` gives pictures of `[M, num_ws, w_dim]`, `read` readings `[M, K]` of pictures; both are differentiable.
        """
        basis = torch.from_numpy(whitened(w).basis).float()
        middle = torch.from_numpy(w.mean(0))
        total: Tensor | None = None
        said = []
        for some in torch.split(torch.from_numpy(w[:tried]), _TOGETHER):
            ws = (middle + _PSI * (some - middle))[:, None].repeat(1, num_ws, 1).requires_grad_()
            readings = read(make(ws))
            count = readings.shape[1]
            found = [torch.autograd.grad(readings[:, k].sum(), ws, retain_graph=k < count - 1)[0].sum(0) for k in range(count)]
            gradients = torch.stack(found) @ basis.T
            total = gradients if total is None else total + gradients
            said.append(readings.detach())
        assert total is not None
        unit = torch.cat(said).std(0) / _PSI + 1e-9
        return cls(total / tried / unit[:, None, None], basis)

    def effects(self, parts: Tensor) -> Tensor:
        """What `STEPS` deviations along `parts [num_ws, D]` do to each reading, by the gradients."""
        return STEPS * (self.gradients * parts).sum((1, 2))

    def steps(self, attribute: int) -> Iterator[Floats]:
        """Steps `[num_ws, w_dim]` along an attribute, one for each of `QUIET` and of `SPILLS`."""
        for quiet, spill in product(QUIET, SPILLS):
            yield (self._most(attribute, spill, quiet) @ self.basis).numpy()

    def _most(self, attribute: int, spill: float, quiet: float) -> Tensor:
        """Parts `[num_ws, D]`, each of length 1 at most, that move the attribute the most while no other moves by more than
        `spill` of that.

        By Lagrange's multipliers (two for each other reading, up and down): the best part of a latent lies along a mixture of
        gradients that is the same for all latents, and the mixture has the smallest sum of lengths. A latent with little to say
        moves less, the less the higher `quiet` is: its gradient is mostly noise.
        """
        count = len(self.gradients)
        others = [k for k in range(count) if k != attribute]
        own = self.gradients.double() / self.gradients[attribute].norm(dim=1).sum()
        products = torch.einsum("kld,jld->lkj", own, own).numpy()
        floor = (quiet * float(own[attribute].norm(dim=1).max())) ** 2
        up_and_down = np.full((2, count - 1), 0.1)
        mean, square = np.zeros_like(up_and_down), np.zeros_like(up_and_down)

        def mixture() -> NDArray[np.float64]:
            mixed = np.zeros(count)
            mixed[attribute] = 1 + spill * up_and_down.sum()
            mixed[others] = up_and_down[1] - up_and_down[0]
            return mixed

        for turn in range(_TURNS):  # Adam, never below nothing
            reached = products @ mixture()  # [num_ws, K]
            lengths = np.sqrt(reached @ mixture() + floor)
            slope = (reached / lengths[:, None]).sum(0)
            slopes = np.stack([spill * slope[attribute] - slope[others], spill * slope[attribute] + slope[others]])
            mean, square = 0.9 * mean + 0.1 * slopes, 0.99 * square + 0.01 * slopes**2
            step = mean / (1 - 0.9 ** (turn + 1)) / (np.sqrt(square / (1 - 0.99 ** (turn + 1))) + 1e-9)
            up_and_down = np.maximum(up_and_down - _RATE * (1 - turn / _TURNS) * step, 0)
        mixed = torch.einsum("k,kld->ld", torch.from_numpy(mixture()), own)
        return (mixed / (mixed.square().sum(1, keepdim=True) + floor).sqrt()).float()
