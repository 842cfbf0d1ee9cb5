"""The upscaling recipe: from sharp photos to a compact upscaler. First plain differences, then a critic that asks for texture.

Photos are reduced by a bicubic filter (the customary degradation for clean photos) or worn (`degradations.py`); the network
learns the way back, to the photos or to what a teacher makes of them (`teaching.py`). With `adversarial`, differences of frozen
features and a critic on them (`critic.py`, with "real" as its only label) are added, and what keeps them from drawing a grid
(`upscaling_losses.py`); with `lpips`, also what people see as different (`lpips.py`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.compact import Compact, CompactConfig
from models.networks.efficientnet_lite import EfficientNetLite
from models.training.critic import Critic, critic_loss, generator_loss, share_pyramid
from models.training.degradations import WORN, WornLike
from models.training.fidelity import bicubic
from models.training.lpips import LPIPS
from models.training.patches import Pairs, Patches, batch, clean_or_worn
from models.training.photos import Photos
from models.training.quick_prelu import quickened
from models.training.resuming import ResumableRun, follow, lean_to, options_of, placed
from models.training.sheets import in_two_columns, spread
from models.training.state import State
from models.training.upscaling_losses import colour_difference, differences, grid_difference, windows

Pixels = NDArray[np.uint8]

_AROUND = 4  # pixels
_EVENED, _EVENED_SIDE = 60, 128  # photos whose colours are evened out, and pixels of their small middles
# What runs did that know nothing of these options: plain differences of the channels, to the end.
_BEFORE = {"luma": 0.0, "settled": 0.0, "colours": 0.0, "grid": 0.0}


@dataclass(frozen=True)
class UpscalingOptions:
    """How an upscaler is trained. `patch` is the side of a square of the small photo, in pixels; `worn` wears the small ones.

    `rate` falls along half a cosine until `pictures` patches were seen. Over the last `settled` of them squares of differences
    count (without `adversarial`, and without a teacher, whose texture they would blur). Y weighs `luma` beside the channels, mean
    colours of patches `colours`. `adversarial` adds features, critic and grid to the plain differences, with the weights
    `features`, `judged` and `grid`. With a `teacher`, an upscaler's name, what it makes of `lessons` pieces of photos is learnt
    in place of the photos. `lpips` adds LPIPS, which weighs `alike`: four times as much, without a critic, draws scales on all
    that is even.
    """

    scale: int = 4
    width: int = 32
    inner: int = 16
    patch: int = 32
    batch: int = 8
    rate: float = 1e-3
    pictures: int = 200_000
    average: float = 0.999
    worn: bool = False
    adversarial: bool = False
    luma: float = 2.0
    settled: float = 0.3
    colours: float = 1.0
    features: float = 1.0
    judged: float = 0.03
    grid: float = 0.5
    critic_rate: float = 4e-4
    seed: int = 0
    teacher: str = ""
    lessons: int = 1_000
    lpips: bool = False
    alike: float = 0.05

    @property
    def like(self) -> WornLike | None:
        """How the small photos are worn; None: they are clean."""
        return WORN if self.worn else None

    def network(self) -> CompactConfig:
        """The shape of the network."""
        return CompactConfig(3, self.width, self.inner, self.scale)

    def gentle(self) -> UpscalingOptions:
        """The same at a fifth of the rate, for a network that has learnt the plain differences already. With a teacher the critic
        weighs more: what it asks for lies in the lessons, and is not noise that each photo has otherwise. With LPIPS, too: it
        keeps texture where the photo has it, and the critic keeps it natural; what speaks against a grid weighs more then."""
        gentle = replace(self, rate=self.rate / 5, judged=0.1 if self.teacher or self.lpips else self.judged)
        return replace(gentle, grid=3 * self.grid) if self.lpips else gentle


def begun_with(state: State, place: Path) -> UpscalingOptions:
    """The options that the run in `place` was begun with, also where it was begun before some of them were known."""
    return options_of(UpscalingOptions, state, place, _BEFORE)


class UpscalingRun(ResumableRun):
    """All that changes while an upscaler is trained."""

    options: UpscalingOptions

    def __init__(
        self,
        photos: Photos,
        trunk: EfficientNetLite,
        options: UpscalingOptions,
        device: torch.device,
        bfloat16: bool,
        taught: Pairs | None = None,
        lpips: LPIPS | None = None,
    ) -> None:
        torch.manual_seed(options.seed)
        self.photos, self.train, self.held_out, self.problems = photos.pictures, photos.train, photos.held_out, photos.problems
        self.options, self.device, self.bfloat16 = options, device, bfloat16
        plain = Patches(photos.pictures, photos.train, options.scale, options.patch, options.like)
        self.pairs: Pairs = plain if taught is None else taught
        self.config = options.network()
        self.network = placed(begun(self.config), device)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        quickened(self.network.body)
        self.optimiser = torch.optim.Adam(self.network.parameters(), options.rate, betas=(0.9, 0.99))
        self.trunk = placed(trunk, device)
        self.lpips = lpips
        self.critic = placed(Critic(1), device)
        self._learning = [p for p in self.critic.parameters() if p.requires_grad]
        self.critic_optimiser = torch.optim.Adam(self._learning, options.critic_rate, betas=(0.0, 0.99))
        self.seen = 0
        self.random = np.random.default_rng(options.seed)

    def step(self) -> dict[str, float]:
        """One step on a batch of patches; what to write into the log."""
        options, part = self.options, min(1, self.seen / self.options.pictures)
        for group in self.optimiser.param_groups:
            group["lr"] = options.rate * max(0.02, 0.5 + 0.5 * math.cos(math.pi * part))
        small, large = (x.to(self.device) for x in batch(self.pairs, self.random, options.batch))
        with self.autocast():
            made = self.network(small).float()
        plain = not (options.adversarial or options.teacher)
        squared = plain and options.settled > 0 and part >= 1 - options.settled
        loss, colours = differences(made, large, options.luma, squared), colour_difference(made, large)
        figures = {"difference": float((made.detach() - large).abs().mean()), "colours": float(colours.detach())}
        loss = loss + options.colours * colours
        if options.adversarial:
            grid = grid_difference(made, large, options.scale)
            figures["grid"] = float(grid.detach())
            loss = loss + options.grid * grid
            with self.autocast():
                loss = loss + self._judge(*windows((made, large), self.random), figures)
        if self.lpips is not None:
            with self.autocast():
                seen = self.lpips(*(x * 2 - 1 for x in windows((made, large), self.random))).float().mean()
            figures["lpips"] = float(seen.detach())
            loss = loss + options.alike * seen
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 0.5)
        self.optimiser.step()
        self.seen += options.batch
        follow(self.averaged, self.network, options.average, self.seen, slow=800)
        return figures

    def _judge(self, made: Tensor, large: Tensor, figures: dict[str, float]) -> Tensor:
        """Train the critic on this batch and give back what it and the features say, weighted."""
        real, fake = large * 2 - 1, made * 2 - 1
        shares = share_pyramid(torch.ones(real.shape[0], 1, *real.shape[2:], device=self.device))
        weights = torch.ones(1, device=self.device)
        with torch.no_grad():
            of_real = self.trunk(real)
        of_fake = self.trunk(fake)
        logits, whole = self.critic(real, of_real)
        loss = critic_loss(logits, whole, shares, weights, real=True)
        logits, whole = self.critic(fake.detach(), {stride: one.detach() for stride, one in of_fake.items()})
        loss = loss + critic_loss(logits, whole, shares, weights, real=False)
        self.critic_optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimiser.step()
        self.critic.requires_grad_(False)
        logits, whole = self.critic(fake, of_fake)
        judged = generator_loss(logits, whole, shares, weights)
        for parameter in self._learning:
            parameter.requires_grad_(True)
        apart = [(of_fake[s] - of_real[s]).abs().float().mean() / of_real[s].abs().float().mean() for s in (2, 4, 8)]
        features = torch.stack(apart).mean()
        figures |= {"critic": float(loss.detach()), "judged": float(judged.detach()), "features": float(features.detach())}
        return self.options.features * features + self.options.judged * judged

    def enlarge(self, small: Pixels) -> Pixels:
        """A whole picture by the averaged network, which sees it go on beyond its sides by `around` pixels."""
        with torch.no_grad():
            x = torch.from_numpy(small.copy()).to(self.device).permute(2, 0, 1)[None].float() / 255
            made = self.averaged(F.pad(x, (self.around,) * 4, mode="replicate"))[0].clamp(0, 1)
            beyond = self.around * self.options.scale
            made = made[:, beyond : made.shape[1] - beyond, beyond : made.shape[2] - beyond]
        picture: Pixels = (made * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        return picture

    @property
    def around(self) -> int:
        """Pixels that the finished network is shown beyond a picture's sides: beside zeros a restorer draws a checker."""
        return _AROUND if self.options.worn else 0

    def begin_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a network of the same shape; counting begins anew."""
        for network in (self.network, self.averaged):
            network.load_state_dict(tensors)

    def mean_with(self, tensors: Mapping[str, Tensor], share: float) -> None:
        """Put `share` (0..1) of the way from these weights to `tensors` what is exported: what both learnt stays, what each
        overdid is lessened. `BadInput` where they are of another shape."""
        lean_to(self.averaged, tensors, share, "network")

    def even_colours(self) -> None:
        """Move the last layer's biases so that the middles of training photos come out with the mean colours that they went in
        with. What a critic likes darkens or tints all pictures alike, by parts of a level. The run should not be trained any
        further."""
        apart, scale = [], self.options.scale
        for i in spread(self.train, _EVENED):
            small = clean_or_worn(self.photos[i], scale, i, self.options.like)
            top, left = (max(0, side - _EVENED_SIDE) // 2 for side in small.shape[:2])
            small = small[top : top + _EVENED_SIDE, left : left + _EVENED_SIDE]
            rim = min(8, min(small.shape[:2]) // 4)  # at the sides less of the photo is seen
            made = self.enlarge(small)[rim * scale : -rim * scale, rim * scale : -rim * scale]
            apart.append(made.mean((0, 1)) - small[rim:-rim, rim:-rim].mean((0, 1)))
        bias = self.averaged.body[-1].bias
        assert isinstance(bias, Tensor)
        moved = torch.from_numpy(np.mean(apart, 0) / 255).to(bias)
        bias.view(len(moved), -1).sub_(moved[:, None])

    def networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "averaged": self.averaged, "critic": self.critic}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"network": self.optimiser, "critic": self.critic_optimiser}


def begun(config: CompactConfig) -> Compact:
    """A network with its first weights: He's for the convolutions, a small slope for the PReLUs, a last layer near 0."""
    network = Compact(config)
    last = len(network.body) - 1
    for number, module in enumerate(network.body):
        if isinstance(module, nn.PReLU):
            nn.init.constant_(module.weight, 0.2)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.kaiming_normal_(module.weight, a=0.2)
            nn.init.zeros_(module.bias)
            if number == last:
                module.weight.data.mul_(0.1)
    return network


def enlarged_sheet(run: UpscalingRun, rows: int = 8, side: int = 192) -> Pixels:
    """Middles of held-out photos: enlarged bicubic, by the run, and as they were."""
    scale, lines = run.options.scale, []
    side = min(side, *(n // scale * scale for i in run.held_out[:rows] for n in run.photos[i].shape[:2]))
    for i in run.held_out[:rows]:
        photo = run.photos[i]
        top, left = (photo.shape[0] - side) // 2 // scale * scale, (photo.shape[1] - side) // 2 // scale * scale
        truth = photo[top : top + side, left : left + side]
        small = clean_or_worn(truth, scale, i, run.options.like)
        lines.append(np.concatenate([bicubic(small, scale), run.enlarge(small), truth], 1))
    return in_two_columns(lines)
