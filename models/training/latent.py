"""The latent recipe: from a folder of pictures to a generator with a latent space. See docs/training.md for the reasons.

A step: latents -> pictures; a critic on frozen features and on the pixels compares them with real ones, both augmented alike; the
generator follows the critic. The first pictures are made at half the size. The frozen features see pictures at 128 px: of larger
ones, every second step shows a window of that size to a critic of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.stylegan2 import StyleGAN2
from models.training import augment, latent_augment
from models.training import latent_figures as figures
from models.training.attribute_reader import describe
from models.training.latent_critic import SEEN, Critic
from models.training.latent_generator import (
    drawn_grain,
    give_grain,
    is_of_last_level,
    learning_groups,
    levels_of,
    new_generator,
    synthesize,
)
from models.training.latent_guides import ALIKE_AT, guides, likeness_loss, turned
from models.training.latent_losses import critic_loss, generator_loss, moments_loss, penalty, sureness
from models.training.latent_options import LatentOptions
from models.training.painting import to_tensor
from models.training.resuming import ResumableRun, follow, lean_to, placed, risen, take_over
from models.training.squares import Squares
from models.training.state import State

_JUDGED = 512  # latents whose pictures are measured; always the same ones
_FIXED_SEED = 7
_AROUND = 0.1  # how far from a training picture's own latent it is still asked for
_TURNED_BY, _TURNED_AT = 128, 32  # pictures, and their side in px, that tell which way places are turned
_SMALL_SIDES = (8, 16, 32)  # px at which moments of pictures are compared
_SLOWED = 0.1  # part of the rates that is left at the end
COLLAPSED = 0.5  # diversity below which a generator is taken as collapsed
_EARLY = 10_000  # pictures before which nothing is said of diversity


class LatentRun(ResumableRun):
    """All that changes while a generator is trained: `step` makes one step, `state` and `restore` take it to disk and back."""

    options: LatentOptions

    def __init__(
        self, data: Squares, trunk: EfficientNetLite, options: LatentOptions, device: torch.device, bfloat16: bool
    ) -> None:
        torch.manual_seed(options.seed)
        self.data, self.options, self.device, self.bfloat16 = data, options, device, bfloat16
        self.shape = options.shape()
        self.trunk: EfficientNetLite = placed(trunk, device).eval()
        self.generator: StyleGAN2 = placed(new_generator(self.shape), device)
        give_grain(self.generator, options.grain)
        self.critic: Critic = placed(Critic(options.loss == "hinge", options.pixels), device)
        self.close: Critic | None = None  # sees windows of pictures that are larger than what the features are shown
        self.close_optimiser: torch.optim.Optimizer | None = None
        if options.size > SEEN:
            self.close = placed(Critic(options.loss == "hinge", options.pixels), device)
        self.averaged: StyleGAN2 = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.best: StyleGAN2 = copy.deepcopy(self.averaged)
        self.best_distance, self.best_seen = float("inf"), 0
        betas = (0.0, 0.99)
        self.generator_optimiser = torch.optim.Adam(learning_groups(self.generator, options.rate), options.rate, betas=betas)
        self.critic_optimiser = torch.optim.Adam(self.critic.learning(), options.critic_rate, betas=betas)
        if self.close is not None:
            self.close_optimiser = torch.optim.Adam(self.close.learning(), options.critic_rate, betas=betas)
        self.seen = 0
        self.steps = 0
        self.strength = 0.4
        self.small = options.small
        self.random = np.random.default_rng(options.seed)
        self._real: Tensor | None = None
        self._guides: Tensor | None = None
        self._knows_places = False  # a generator that was taught with places, which may have been turned

    @property
    def side(self) -> int:
        """Side in pixels of the pictures that are made now."""
        return self.options.size // 2 if self.seen < self.small else self.options.size

    def step(self) -> dict[str, float]:
        """One step on a batch; what to write into the log."""
        with self.autocast():
            return self._step()

    def _step(self) -> dict[str, float]:
        options, count, loss = self.options, self.options.batch, self.options.loss
        part = min(1.0, max(_SLOWED, (self.until - self.seen) / options.rest)) if self.until else 1.0
        settling = self.small <= self.seen < self.small + options.settle and self.small > 0
        for name, parameter in self.generator.named_parameters():
            parameter.requires_grad_(not settling or is_of_last_level(name, self.shape))
        for group in self.generator_optimiser.param_groups:
            group["lr"] = group["full"] * part * risen(self.seen, options.alone)
        critic, closely = self.critic, False
        optimiser: torch.optim.Optimizer = self.critic_optimiser
        by_turns = self.close is not None and self.side > SEEN
        if by_turns and self.steps % 2 == 1:
            assert self.close is not None
            assert self.close_optimiser is not None
            critic, optimiser, closely = self.close, self.close_optimiser, True
        optimiser.param_groups[0]["lr"] = options.critic_rate * part
        photos, near = self._batch()
        made = synthesize(self.generator, self._latents(near), levels_of(self.side), drawn_grain(self.generator, count))
        draws = (latent_augment if options.framing else augment).draw(count, self.strength, self.device)
        real, made = draws.pictures(photos), draws.pictures(made)
        shown = self._window() if closely else partial(figures.resized, side=SEEN)

        with torch.no_grad():
            real_features = self.trunk(shown(real))
            real_views = critic.views(real, real_features)
        made_features = self.trunk(shown(made))
        made_views = critic.views(made, made_features)
        apart = [view.detach() for view in made_views]
        says_real = critic(real_views)
        says_made = critic(apart)
        loss_critic = critic_loss(loss, says_real, says_made)
        extra = penalty(loss, critic, real_views, apart, self.steps // 2 if by_turns else self.steps, options.gamma)
        optimiser.zero_grad()
        (loss_critic if extra is None else loss_critic + extra).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

        learning = critic.learning()
        for parameter in learning:
            parameter.requires_grad_(False)
        with torch.no_grad():
            against = critic(real_views) if loss == "relativistic" else says_real
        loss_generator = generator_loss(loss, against, critic(made_views))
        moments = moments_loss(*([figures.resized(x, side) for side in _SMALL_SIDES] for x in (real, made)))
        total = loss_generator + options.moments * moments
        alike: Tensor | None = None
        if not closely:  # a pore or a hair is never in quite the same place
            pairs = _first(made, made_features, len(near)), _first(real, real_features, len(near))
            alike = likeness_loss(*pairs[0], *pairs[1])
            total = total + options.likeness * alike
        self.generator_optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.generator_optimiser.step()
        for parameter in learning:
            parameter.requires_grad_(True)

        follow(self.averaged, self.generator, options.average, self.seen, slow=2000)
        sure = sureness(loss, says_real, says_made)
        self.seen += count
        self.steps += 1
        self.strength = augment.adapted(self.strength, sure, count)
        told = {
            "critic": float(loss_critic.detach()),
            "generator": float(loss_generator.detach()),
            **({} if extra is None else {"penalty": float(extra.detach())}),
            **({} if alike is None else {"likeness": float(alike.detach())}),
            "moments": float(moments.detach()),
            "sureness": sure,
        }
        return {**{f"close.{name}" if closely else name: value for name, value in told.items()}, "strength": self.strength}

    def pictures(self, network: StyleGAN2, z: Tensor, psi: float = 1.0) -> Tensor:
        """Pictures `[N, 3, side, side]`, float32, of `z [N, z_dim]`, at the side that is trained now."""
        with torch.no_grad(), self.autocast():
            average = w_average(network, self.shape.z_dim)
            found = []
            for some in torch.split(z.to(self.device), self.options.batch):
                w = average.lerp(network.mapping(some).float(), psi)
                ws = w[:, None].expand(-1, self.shape.num_ws, -1)
                found.append(synthesize(network, ws, levels_of(self.side), network.noise_planes()).float())
        return torch.cat(found)

    def fixed_latents(self, count: int) -> Tensor:
        """`z [count, z_dim]`, the same in every run of these sizes."""
        return torch.randn(count, self.shape.z_dim, generator=torch.Generator().manual_seed(_FIXED_SEED))

    def measure(self) -> dict[str, float]:
        """Figures of the averaged generator; it is kept as the best where it is nearest to the data so far.

        What was best at half the size gives way to the first at full size: its last level shows nothing yet.
        """
        with self.autocast():
            if self._real is None:
                self._real = torch.cat([figures.described(self.trunk, x, SEEN) for x in self._real_pictures()])
            made = figures.described(self.trunk, self.pictures(self.averaged, self.fixed_latents(_JUDGED)), SEEN)
        distance, varied = figures.kernel_distance(self._real, made), figures.diversity(self._real, made)
        if distance <= self.best_distance or self.best_seen < self.small <= self.seen:
            self.best.load_state_dict(self.averaged.state_dict())
            self.best_distance, self.best_seen = distance, self.seen
        return {"distance": distance, "diversity": varied}

    def alarm(self, varied: float) -> str:
        """What to say of a diversity, empty where it is as it should be."""
        if self.seen < _EARLY or varied >= COLLAPSED:
            return ""
        return (
            f"The pictures have become alike: their diversity is {varied:.2f} of the data's. Stop, and begin again from the last "
            "good state with a smaller rate, or with more pictures."
        )

    def state(self) -> State:
        """All that resuming needs, as `models.training.state` stores it."""
        return {
            **super().state(),
            "steps": self.steps,
            "small": self.small,
            "strength": self.strength,
            "guides": self._guides,
            "best": [self.best_distance if self.best_seen else None, self.best_seen],
        }

    def restore(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        super().restore(state)
        self.steps, self.small, self.strength = int(state["steps"]), int(state["small"]), float(state["strength"])
        self._guides = state["guides"]
        distance, self.best_seen = state["best"]
        self.best_distance = float("inf") if distance is None else float(distance)

    def begin_from(self, state: State) -> None:
        """Take over the networks of another run as far as they fit: a warm start, counters at nought. `BadInput` where nothing
        of the generator does."""
        for name, network in self.networks().items():
            take_over(network, state["networks"].get(name, {}), least=name if name == "generator" else "")
        for one in (self.generator, self.averaged, self.best):
            give_grain(one, self.options.grain)
        self._knows_places = True

    def mean_with(self, state: State) -> None:
        """Put half way between its weights and those of an earlier moment of the run what is exported (arXiv 1803.05407).

        What the two moments have in common stays, what each overdid is halved. The run should not be trained any further.
        `BadInput` where the other run has a network of another shape.
        """
        lean_to(self.best, state["networks"].get("best", {}), 0.5, "generator")
        lean_to(self.averaged, state["networks"].get("averaged", {}), 0.5, "generator")

    def networks(self) -> dict[str, torch.nn.Module]:
        close = {} if self.close is None else {"close": self.close}
        return {"generator": self.generator, "averaged": self.averaged, "best": self.best, "critic": self.critic, **close}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        close = {} if self.close_optimiser is None else {"close": self.close_optimiser}
        return {"generator": self.generator_optimiser, "critic": self.critic_optimiser, **close}

    def _latents(self, near: Tensor) -> Tensor:
        """`ws [batch, num_ws, w_dim]`: first those of the places `near [M, z_dim]`, then others drawn at random.

        Some of the latter change from one latent to another on the way (style mixing).
        """
        count, free = len(near), self.options.batch - len(near)
        z = torch.randn(2 * free, self.shape.z_dim).to(self.device)
        near = near + _AROUND * torch.randn(near.shape).to(self.device)
        w = self.generator.mapping(torch.cat([near, z]))
        first, second = w[: count + free], torch.cat([w[:count], w[count + free :]])
        layer = torch.arange(self.shape.num_ws)[None]
        change = torch.randint(1, self.shape.num_ws, (count + free, 1))
        change[torch.rand(count + free, 1) >= self.options.mixing] = self.shape.num_ws
        return torch.where((layer < change).to(self.device)[..., None], first[:, None], second[:, None])

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Real pictures `[N, 3, side, side]`, -1..1, channels last, and the latents that the first half of them belong to."""
        chosen = self.random.integers(0, len(self.data.train), self.options.batch)
        turned = (self.random.random(self.options.batch) < 0.5) & self.options.mirror
        pixels = self.data.pixels[[self.data.train[int(i)] for i in chosen]]
        pixels[turned] = pixels[turned, :, ::-1]
        if self._guides is None:
            self._guides = self._find_guides()
        near = self._guides[torch.from_numpy(turned.astype(np.int64)), torch.from_numpy(chosen)][: self.options.batch // 2]
        return figures.resized(to_tensor(pixels, self.device), self.side), near.to(self.device)

    def _window(self) -> Callable[[Tensor], Tensor]:
        """What cuts a window out of pictures, the same of all, as large as the features are shown."""
        top, left = (int(self.random.integers(0, self.side - SEEN + 1)) for _ in range(2))
        return lambda x: x[..., top : top + SEEN, left : left + SEEN].contiguous(memory_format=torch.channels_last)

    def _find_guides(self) -> Tensor:
        """Latents `[2, training pictures, z_dim]` of the pictures as they are and mirrored."""
        with torch.autocast(self.device.type, enabled=False):
            upright = list(self._real_pictures())
            described = [torch.from_numpy(describe(self.trunk, x)).float() for x in (*upright, *(x.flip(3) for x in upright))]
        places = guides(torch.cat(described), self.shape.z_dim).reshape(2, len(self.data.train), -1)
        return places * self._signs(places[0]) if self._knows_places else places

    def _signs(self, places: Tensor) -> Tensor:
        """Which way the generator has learnt the places `[training pictures, z_dim]`, by small pictures of some of them."""
        some = range(0, len(places), max(1, len(places) // _TURNED_BY))
        side = min(_TURNED_AT, self.side)
        real = figures.resized(to_tensor(self.data.pixels[[self.data.train[i] for i in some]], self.device), side)

        def unlike(z: Tensor) -> float:
            with torch.no_grad():
                w = self.averaged.mapping(z.to(self.device)).float()
                ws = w[:, None].expand(-1, self.shape.num_ws, -1)
                return float((synthesize(self.averaged, ws, levels_of(side)).float() - real).abs().mean())

        return turned(places[list(some)], unlike)

    def _real_pictures(self) -> Iterator[Tensor]:
        for start in range(0, len(self.data.train), 64):
            yield to_tensor(self.data.pixels[list(self.data.train[start : start + 64])], self.device)


def w_average(network: StyleGAN2, z_dim: int) -> Tensor:
    """The latent `[w_dim]` that truncation pulls towards: the mean of 4096 latents, the same ones each time."""
    z = torch.randn(4096, z_dim, generator=torch.Generator().manual_seed(0)).to(network.start.device)
    with torch.no_grad():
        w: Tensor = network.mapping(z).float().mean(0)
    return w


def _first(pictures: Tensor, features: Mapping[int, Tensor], count: int) -> tuple[Tensor, dict[int, Tensor]]:
    return pictures[:count], {stride: x[:count] for stride, x in features.items() if stride in ALIKE_AT}
