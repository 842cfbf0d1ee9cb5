"""The painting recipe: from photos with label maps to a landscape painter. See docs/training.md for why each part is there.

A step works on a batch of photos i and looks at them as a whole, or (once the generator has a detail level) at one window of
each at full size:

    style z_i of photo j(i)  -- the photo itself for one half, another photo of the batch for the other
    made_i = generator(strokes-like map of i, z_i)
    critic: labels of real pictures, "made" of made ones       (frozen features, augmented alike)
    generator: be named as the labels, and have under each label the statistics of photo j(i)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.landscape import LandscapeConfig, LandscapeGenerator, StyleEncoder, Window
from models.training.augment import Augmentation, adapted, draw
from models.training.critic import Critic, critic_loss, flowing, generator_loss, label_weights, share_pyramid
from models.training.labelled import LabelledPhotos
from models.training.painting_batches import Batch, PaintingBatches, finer_maps, sampling_chances
from models.training.resuming import ResumableRun, follow, lean_to, options_of, placed, risen, take_over
from models.training.state import State
from models.training.styles import statistics_loss
from models.training.widening import hold_widths, is_narrower, wider

Pixels = NDArray[np.uint8]

# Runs that know nothing of these kept their rates to the end, had no such heads and were held to the borders of clouds.
_BEFORE = {"rest": 1, "deep": False, "flow": 0.0, "alone": 0}
_FLOWING = ("sky", "cloud")


@dataclass(frozen=True)
class PaintingOptions:
    """How a painter is trained. Sizes are sides in pixels; rates are those of Adam.

    Over the last `rest` pictures the rates fall to a tenth. With `detail`, the generator has one level more: `size` is still
    what whole pictures are judged at, the painter's native size is twice that, and every second step judges windows of it.
    `open_only` learns from openly licensed photos alone. For the first `alone` pictures critics learn alone, since new
    ones lead a painter astray that can paint already; over as many more its rate rises.
    """

    size: int = 128
    detail: bool = False
    channels: tuple[int, ...] = (256, 192, 128, 64, 32)
    batch: int = 16
    rate: float = 2e-4
    critic_rate: float = 2e-4
    average: float = 0.998
    statistics: float = 3.0
    colours: float = 2.0
    divergence: float = 0.002
    rest: int = 10_000
    deep: bool = False
    flow: float = 0.03
    alone: int = 0
    seed: int = 0
    open_only: bool = False

    @property
    def native(self) -> int:
        """Side of the pictures that the finished painter makes."""
        return 2 * self.size if self.detail else self.size


def begun_with(state: State, place: Path) -> PaintingOptions:
    """The options that the run in `place` was begun with, also where it was begun before some of them were known."""
    return options_of(PaintingOptions, state, place, _BEFORE)


class PaintingRun(ResumableRun):
    """All that changes while a painter is trained: `step` makes one step, `state` and `restore` take it to disk and back."""

    options: PaintingOptions
    workers = 0  # processes that make batches ahead: many for a card, which is quicker than one that makes them

    def __init__(
        self, data: LabelledPhotos, trunk: EfficientNetLite, options: PaintingOptions, device: torch.device, bfloat16: bool
    ) -> None:
        torch.manual_seed(options.seed)
        self.data, self.options, self.device, self.bfloat16 = data, options, device, bfloat16
        labels = len(data.labels)
        self.config = LandscapeConfig(labels, tuple(options.channels), pictures=2 if options.detail else 1, soften=options.detail)
        self.trunk = placed(trunk, device).eval()
        self.generator = placed(LandscapeGenerator(self.config), device)
        self.encoder = StyleEncoder(self.config.style_dim).to(device)
        self.critics = nn.ModuleList(placed(Critic(labels, options.deep), device) for _ in range(2 if options.detail else 1))
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.generator_optimiser = torch.optim.Adam(
            [*self.generator.parameters(), *self.encoder.parameters()], options.rate, betas=(0.0, 0.99)
        )
        learning = [p for critic in self.critics for p in critic.learning()]  # type: ignore[operator]
        self.critic_optimiser = torch.optim.Adam(learning, options.critic_rate, betas=(0.0, 0.99))
        self.seen = 0
        self.steps = 0
        self.strength = 0.4
        self.random = np.random.default_rng(options.seed)
        shares = data.shares()[list(data.train)]
        self._weights = label_weights(torch.from_numpy(shares.mean(0)).float()).to(device)
        self._flowing = [number for number, label in enumerate(data.labels) if label.name in _FLOWING]
        sides = (options.size, options.native) if options.detail else (options.size,)
        self._batches = PaintingBatches(data, sampling_chances(shares), sides, options.batch, options.seed)
        self._ahead: Iterator[Batch] | None = None

    def step(self) -> dict[str, float]:
        """One step on a batch; what to write into the log."""
        with self.autocast():
            return self._step(detail=self.options.detail and self.steps % 2 == 1)

    def _step(self, detail: bool) -> dict[str, float]:
        options, count = self.options, self.options.batch
        part = min(1.0, max(0.1, (self.until - self.seen) / options.rest)) if self.until else 1.0
        self.generator_optimiser.param_groups[0]["lr"] = options.rate * part * risen(self.seen, options.alone)
        self.critic_optimiser.param_groups[0]["lr"] = options.critic_rate * part
        critic = self.critics[1 if detail else 0]
        learning = [p for p in critic.parameters() if p.requires_grad]
        source = torch.arange(count, device=self.device)
        source[count // 2 :] = source[count // 2 :].roll(1)
        photos, shares, painted = self._batch()
        if detail:
            small, window, levels = F.avg_pool2d(photos, 2), self._window(), None
        else:
            small, window, levels = photos, None, len(options.channels) - (1 if options.detail else 0)
        with torch.no_grad():
            described = self.trunk(small, 16)
        mean, log_variance = self.encoder(small, described)
        style = (mean + torch.randn_like(mean) * (0.5 * log_variance).exp())[source]
        made = self.generator.pictures(painted, style, levels=levels, window=window)[-1]
        real = photos
        if window is not None:
            real, shares, painted = (_look(x, window) for x in (photos, shares, painted))
        draws = draw(count, self.strength, self.device)
        real = draws.pictures(real)
        reach = round(options.flow * (options.native if detail else options.size))
        named, asked, about = (share_pyramid(draws.shifted(x)) for x in (shares, painted, flowing(painted, self._flowing, reach)))
        # A made picture meets the augmentation of the photo whose look it should have, so that their statistics compare.
        made = _reordered(draws, source).pictures(made)

        with torch.no_grad():
            real_features = self.trunk(real)
        made_features = self.trunk(made)
        logits, whole = critic(real, real_features)
        loss = critic_loss(logits, whole, named, self._weights, real=True)
        sureness = whole.detach().float().sign().mean()
        logits, whole = critic(made.detach(), {s: f.detach() for s, f in made_features.items()})
        loss_critic = loss + critic_loss(logits, whole, asked, self._weights, real=False)
        self.critic_optimiser.zero_grad()
        loss_critic.backward()  # type: ignore[no-untyped-call]
        self.critic_optimiser.step()

        critic.requires_grad_(False)
        logits, whole = critic(made, made_features)
        loss_judged = generator_loss(logits, whole, about, self._weights)
        of_photo = {s: real_features[s][source] for s in (2, 4, 8, 16)}
        sources = {height: one[source] for height, one in named.items()}
        statistics, colours = statistics_loss(made_features, asked, of_photo, sources, (made, real[source]))
        divergence = (-0.5 * (1 + log_variance - mean * mean - log_variance.exp())).sum(1).mean()
        total = loss_judged + options.statistics * statistics + options.colours * colours + options.divergence * divergence
        self.generator_optimiser.zero_grad()
        total.backward()
        self.generator_optimiser.step()
        for parameter in learning:
            parameter.requires_grad_(True)

        self._follow()
        self.seen += count
        self.steps += 1
        kind = "detail" if detail else "whole"
        told = {
            f"{kind}.critic": loss_critic,
            f"{kind}.judged": loss_judged,
            f"{kind}.statistics": statistics,
            f"{kind}.colours": colours,
            f"{kind}.sureness": sureness,
            "divergence": divergence,
        }
        # Fetched at once and last: a card goes on with what it was told to do until it is asked.
        figures = dict(zip(told, torch.stack([one.detach().float() for one in told.values()]).tolist(), strict=True))
        self.strength = adapted(self.strength, figures[f"{kind}.sureness"], count)
        return {**figures, "strength": self.strength}

    def look_of(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the style of photos `[N, 3, size, size]`, -1..1."""
        with torch.no_grad():
            mean, log_variance = self.encoder(photos, self.trunk(photos, 16))
        return mean, (0.5 * log_variance).exp()

    def paint(self, shares: Tensor, style: Tensor, noise: list[Tensor] | None = None) -> Tensor:
        """Pictures of the averaged generator, float32."""
        with torch.no_grad(), self.autocast():
            return self.averaged(shares, style, noise).float()  # type: ignore[no-any-return]

    def state(self) -> State:
        """All that resuming needs, as `models.training.state` stores it."""
        return {**super().state(), "steps": self.steps, "strength": self.strength}

    def restore(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        super().restore(state)
        self.steps, self.strength = int(state["steps"]), float(state["strength"])
        self._ahead = None

    def begin_from(self, state: State) -> None:
        """Take over the networks of another run as far as they fit (a level more, other heads): a warm start, counters kept. A
        generator with narrower levels becomes the beginning of this one. `BadInput` where nothing of the generator fits, or
        levels are wider, or narrower and fewer."""
        for name, network in self.networks().items():
            known = state["networks"].get(name, {})
            if name == "critics" and "1.whole.0.bias" not in known:
                known = {**known, **{f"1.{key[2:]}": value for key, value in known.items() if key.startswith("0.")}}
            if isinstance(network, LandscapeGenerator):
                if is_narrower(network, known):
                    known = wider(network, known)
                hold_widths(network, known)
            take_over(network, known, least=name if name == "generator" else "")
        self.seen, self.strength = int(state["seen"]), float(state["strength"])

    def mean_with(self, state: State, share: float = 0.5) -> None:
        """Move what is exported, generator and style encoder, `share` (0..1) of the way to those of another moment of the run, or
        of another run with the same beginning, which may be narrower (arXiv 1803.05407). What the two have in common stays, what
        each overdid is halved. The run should not be trained any further. `BadInput` where the other has another shape."""
        known = dict(state["networks"])
        generator = known.get("averaged", {})
        if is_narrower(self.averaged, generator):
            known["averaged"] = wider(self.averaged, generator)
        for name in ("averaged", "encoder"):
            lean_to(self.networks()[name], known.get(name, {}), share, name)

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "averaged": self.averaged, "encoder": self.encoder, "critics": self.critics}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generator": self.generator_optimiser, "critic": self.critic_optimiser}

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Photos `[N, 3, side, side]`, -1..1, shares of their maps and of the maps to paint, `[N, labels, side, side]`."""
        if self._ahead is None:
            self._ahead = self._batches.from_step(self.steps, self.workers, pinned=self.device.type == "cuda")
        pictures, maps, painted = next(self._ahead)
        labels, finer = len(self.data.labels), finer_maps(pictures.shape[1])
        dtype = torch.bfloat16 if self.bfloat16 else torch.float32
        shares, asked = (to_shares(x, labels, finer, self.device, dtype) for x in (maps, painted))
        return to_tensor(pictures, self.device), shares, asked

    def _window(self) -> Window:
        side = self.options.size // 2
        top, left = (int(self.random.integers(0, (self.options.size - side) // 4 + 1)) * 4 for _ in range(2))
        return Window(top, left, side)

    def _follow(self) -> None:
        """Move the averaged generator towards the trained one: a mean over about the last twentieth of the pictures seen."""
        follow(self.averaged, self.generator, self.options.average, self.seen, slow=20 * self.options.batch)
        with torch.no_grad():
            for averaged, trained in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
                if averaged.dtype.is_floating_point:
                    averaged.lerp_(trained, 0.02)
                else:
                    averaged.copy_(trained)


def to_shares(maps: Pixels | Tensor, labels: int, part: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Shares `[N, labels, H / part, W / part]`, channels last, of maps uint8 `[N, H, W]` of channel numbers."""
    count, height, width = maps.shape
    cells = torch.as_tensor(maps).to(device, non_blocking=True).view(count, height // part, part, width // part, part)
    numbers = cells.permute(0, 1, 3, 2, 4).reshape(-1, part * part).int()
    rows = torch.eye(labels, dtype=dtype, device=device) / part**2
    shares = F.embedding_bag(numbers, rows, mode="sum").view(count, height // part, width // part, labels)
    return shares.permute(0, 3, 1, 2)


def to_tensor(pictures: Sequence[Pixels] | Pixels | Tensor, device: torch.device) -> Tensor:
    """Pictures uint8 `[H, W, 3]`, one by one or stacked, to `[N, 3, H, W]`, -1..1, channels last."""
    if not isinstance(pictures, Tensor):
        pictures = torch.from_numpy(np.ascontiguousarray(pictures) if isinstance(pictures, np.ndarray) else np.stack(pictures))
    return (pictures.to(device, non_blocking=True).float() / 127.5 - 1).permute(0, 3, 1, 2)


def batches(indices: list[int], size: int) -> Iterator[list[int]]:
    """`indices` in pieces of `size`."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _look(x: Tensor, window: Window) -> Tensor:
    return x[..., 2 * window.top : 2 * (window.top + window.side), 2 * window.left : 2 * (window.left + window.side)]


def _reordered(draws: Augmentation, order: Tensor) -> Augmentation:
    return replace(draws, light=draws.light[order], saturation=draws.saturation[order], contrast=draws.contrast[order])
