"""A model that makes pictures from latents: seeds, truncation, directions, mixing (MobileStyleGAN, StyleGAN and kin)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.card import SEEDS, Card
from models.checkpoints.family import LatentNetwork, to_picture
from models.errors import BadInput
from models.latents.directions import Direction, edit, named_directions
from models.latents.principal import SAMPLES, in_batches, principal_directions
from models.precision import Precise, Runtime
from models.running import finite_or_again, piece_of_work
from models.steps import Steps, drain

Floats = NDArray[np.float32]
Label = int | NDArray[Any] | None

NOISES = ("const", "random", "none")


def z_of_seed(seed: int, z_dim: int) -> Floats:
    """`z [1, z_dim]` of a seed, as the upstream scripts draw it, so that published seeds give the published pictures."""
    if not 0 <= seed < SEEDS:
        raise BadInput(f"There is no seed {seed}.", hint=f"Seeds run from 0 to {SEEDS - 1}.")
    return np.random.RandomState(seed).randn(1, z_dim).astype(np.float32)


class LatentModel:
    """A generator. Latents are `z [N, z_dim]` (unit normal) and `ws [N, num_ws, w_dim]`, one for each layer."""

    def __init__(self, card: Card, build: Callable[[Runtime], LatentNetwork], runtime: Runtime) -> None:
        self.card = card
        self._precise = Precise(build, runtime)
        network = self._precise.network
        self.z_dim, self.w_dim, self.num_ws, self.classes = network.z_dim, network.w_dim, network.num_ws, network.classes
        self.resolution, self.previews, self.layer_sizes = network.resolution, network.previews, network.layer_sizes
        self.noisy = network.noisy
        self.own_directions: tuple[Direction, ...] = ()  # those that lay beside the weights; whoever opened the model gives them

    @property
    def network(self) -> LatentNetwork:
        """What computes the pictures."""
        return self._precise.network

    @property
    def runtime(self) -> Runtime:
        """Where the network runs, and in which number format."""
        return self._precise.runtime

    @property
    def average(self) -> Floats:
        """The latent `[w_dim]` that truncation pulls towards."""
        average: Floats = self._precise.network.average().detach().float().cpu().numpy()
        return average

    def z_of_seed(self, seed: int) -> Floats:
        """`z [1, z_dim]` of a seed, 0 to 2**32 - 1."""
        return z_of_seed(seed, self.z_dim)

    def map(self, z: NDArray[Any], label: Label = None, psi: float = 1.0, cutoff: int | None = None) -> Floats:
        """`ws [N, num_ws, w_dim]` of `z [N, z_dim]`.

        `label` is a class number or a one-hot float array `[classes]` or `[N, classes]` (None: class 0 of a model that has
        classes). `psi` pulls the first `cutoff` latents (None: all) towards the average: 1 leaves them, 0 gives the average.
        """
        given = np.array(z, np.float32)
        if given.ndim != 2 or given.shape[1] != self.z_dim or not np.isfinite(given).all():
            raise BadInput(f"These are no latents z: {list(given.shape)}.", hint=f"{['N', self.z_dim]} finite numbers fit.")
        network, device = self._precise.network, self.runtime.device
        with piece_of_work():
            classes = self._one_hot(label, len(given))
            w = network.map(torch.from_numpy(given).to(device), None if classes is None else classes.to(device)).float()
            ws = w.unsqueeze(1).repeat(1, self.num_ws, 1)
            if psi != 1:
                average = network.average().float()
                ws[:, :cutoff] = average.lerp(ws[:, :cutoff], psi)
            result: Floats = ws.cpu().numpy()
        return result

    def synthesize(self, ws: NDArray[Any], noise: str = "const", noise_seed: int = 0, resolution: int | None = None) -> Floats:
        """Pictures float32 `[N, 3, H, W]`, nominally -1..1 and not clamped, of `ws [N, num_ws, w_dim]`.

        `noise` is "const" (the network's own), "random" (drawn from `noise_seed`) or "none". `resolution`, one of `previews`,
        gives a smaller picture sooner: an early exit or an estimate. `BadInput`, `BadPicture`, `OutOfMemory`.
        """
        return drain(self.synthesize_steps(ws, noise, noise_seed, resolution))

    def synthesize_steps(
        self, ws: NDArray[Any], noise: str = "const", noise_seed: int = 0, resolution: int | None = None
    ) -> Steps[Floats]:
        """`synthesize` in pieces."""
        rgb = yield from self._rendered(ws, noise, noise_seed, resolution)
        with piece_of_work():
            result: Floats = rgb.float().cpu().numpy()
        return result

    def picture_steps(
        self, ws: NDArray[Any], noise: str = "const", noise_seed: int = 0, resolution: int | None = None
    ) -> Steps[NDArray[np.uint8]]:
        """The picture uint8 `[H, W, 3]` of `ws [1, num_ws, w_dim]`, in pieces."""
        rgb = yield from self._rendered(ws, noise, noise_seed, resolution)
        with piece_of_work():
            return to_picture(rgb[0])

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """The sliders of this model: the measured ones where there are some, beside its weights or in Ganvas, else the first
        dozen principal directions.

        Principal ones are computed at the first call on a machine (about a second) and kept in the state folder.
        """
        known = named_directions(self.card.sha256, self.num_ws, self.w_dim)
        return self.own_directions or known or self.principal_directions

    @cached_property
    def principal_directions(self) -> tuple[Direction, ...]:
        """What differs most between this model's pictures; empty where its latents vary alike in all directions."""
        identity = f"{self.card.sha256} {sorted(self.card.answers.items())} ".encode() + self.average.tobytes()
        return principal_directions(self.some_w, self.num_ws, identity)

    def edit(self, ws: NDArray[Any], sigmas: Mapping[str, float]) -> Floats:
        """`ws` moved along directions, `{name: standard deviations}`; `BadInput` names the known ones."""
        known = {direction.name: direction for direction in self.directions}
        if any(name.startswith("principal-") for name in sigmas):
            known |= {direction.name: direction for direction in self.principal_directions}
        return edit(np.asarray(ws, np.float32), known, sigmas)

    def some_w(self, count: int = SAMPLES) -> Floats:
        """`w [count, w_dim]` of fixed latents, labels (where there are some) going round."""

        def mapped(z: Floats) -> Floats:
            label = np.eye(self.classes, dtype=np.float32)[np.arange(len(z)) % self.classes] if self.classes else None
            return self.map(z, label)[:, 0]

        return in_batches(mapped, self.z_dim, count)

    def _one_hot(self, label: Label, count: int) -> torch.Tensor | None:
        if not self.classes:
            if label is None or (np.ndim(label) and np.asarray(label).shape[-1] == 0):
                return None
            raise BadInput("This model has no classes.", hint="Leave the label away.")
        if label is None or isinstance(label, (int, np.integer)):
            number = int(label or 0)
            if not 0 <= number < self.classes:
                raise BadInput(f"There is no class {number}.", hint=f"Classes run from 0 to {self.classes - 1}.")
            chosen = np.eye(self.classes, dtype=np.float32)[[number]]
        else:
            chosen = np.atleast_2d(np.asarray(label, np.float32))
        if chosen.ndim != 2 or chosen.shape[1] != self.classes or len(chosen) not in (1, count) or not np.isfinite(chosen).all():
            raise BadInput(
                f"This is no label: {list(chosen.shape)}.", hint=f"A class number, or {['N', self.classes]} floats, fit."
            )
        return torch.from_numpy(np.array(np.broadcast_to(chosen, (count, self.classes)), order="C"))

    def _rendered(self, ws: NDArray[Any], noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        given = np.array(ws, np.float32)
        if given.ndim != 3 or given.shape[1:] != (self.num_ws, self.w_dim) or not len(given):
            raise BadInput(
                f"These latents do not fit this model: {list(given.shape)}.", hint=f"It takes {['N', self.num_ws, self.w_dim]}."
            )
        if not np.isfinite(given).all():
            raise BadInput("These latents hold numbers that are not finite.")
        if noise not in NOISES:
            raise BadInput(f"There is no noise {noise!r}.", hint=f"Choose one of {', '.join(NOISES)}.")
        if not 0 <= noise_seed < SEEDS:
            raise BadInput(f"There is no noise seed {noise_seed}.", hint=f"Seeds run from 0 to {SEEDS - 1}.")
        if resolution not in (None, self.resolution, *self.previews):
            sizes = ", ".join(str(size) for size in (*self.previews, self.resolution))
            raise BadInput(f"This model makes no pictures of {resolution} px.", hint=f"It makes {sizes} px.")
        latents = torch.from_numpy(given).to(self.runtime.device)
        size = None if resolution == self.resolution else resolution
        return (yield from finite_or_again(self._precise, partial(_synthesis, latents, noise, noise_seed, size)))


def _synthesis(ws: torch.Tensor, noise: str, seed: int, size: int | None, network: LatentNetwork) -> Steps[torch.Tensor]:
    return (yield from network.synthesize(ws, noise, seed, size))


def average_of(mapping: Callable[[torch.Tensor], torch.Tensor], z_dim: int) -> torch.Tensor:
    """The mean latent `[w_dim]` of a network whose file does not hold it, from fixed seeds."""

    def mapped(z: Floats) -> Floats:
        result: Floats = mapping(torch.from_numpy(z)).numpy()
        return result

    with torch.inference_mode():
        return torch.from_numpy(in_batches(mapped, z_dim).mean(0, dtype=np.float64).astype(np.float32))
