"""How a generator of the latent recipe is trained: sizes, losses, rates; and what runs had that were begun with fewer options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.networks.stylegan2 import Shape
from models.training.latent_generator import levels_of
from models.training.latent_losses import Loss
from models.training.resuming import options_of
from models.training.state import State

# Rates of generator and critic. The relativistic critic is held by gradient penalties and stands the larger ones; with the hinge
# loss a generator at 5e-3 lost what told its faces apart within 3,000 pictures of 128 px.
_RATES: dict[Loss, tuple[float, float]] = {"hinge": (1e-3, 5e-5)}
_USUAL_RATES = 2e-3, 3e-4
# What runs did that know nothing of these options.
_BEFORE = {"framing": False, "grain": 0.0}


@dataclass(frozen=True)
class LatentOptions:
    """How a generator is trained. Sizes are sides in pixels; `rate` and `critic_rate` are those of Adam.

    `pixels`: the critic has a head on the pixels too. `framing`: each picture is moved, zoomed and cut for itself before it is
    judged. `grain`: strength of the noise that layers of fine detail get for each pixel. The first `small` pictures are made at
    half of `size`; for the next `settle` the new level alone learns, while the critic gets used to finer pictures. Over the last
    `rest` the rates fall to a tenth.
    """

    size: int = 128
    channels: tuple[int, ...] = (256, 256, 192, 96, 64, 32)  # at 4, 8, 16 ... px
    z_dim: int = 64
    w_dim: int = 256
    mapping: int = 2
    batch: int = 8
    loss: Loss = "relativistic"
    gamma: float = 1.0
    pixels: bool = True
    framing: bool = True
    grain: float = 0.1
    likeness: float = 5.0
    moments: float = 3.0
    rate: float = _USUAL_RATES[0]
    critic_rate: float = _USUAL_RATES[1]
    average: float = 0.998
    mixing: float = 0.3
    mirror: bool = True
    small: int = 30_000
    settle: int = 2_000
    rest: int = 20_000
    seed: int = 0

    def shape(self) -> Shape:
        """The network, as Ganvas reads it."""
        widths = ((self.z_dim, self.w_dim), *((self.w_dim, self.w_dim),) * (self.mapping - 1))
        return Shape(widths, tuple(self.channels[: levels_of(self.size)]))


def with_loss(loss: Loss, **others: Any) -> LatentOptions:
    """Options for a loss, with the rates that suit it."""
    rate, critic_rate = _RATES.get(loss, _USUAL_RATES)
    return replace(LatentOptions(loss=loss, rate=rate, critic_rate=critic_rate), **others)


def begun_with(state: State, place: Path) -> LatentOptions:
    """The options that the run in `place` was begun with, also where it was begun before some of them were known."""
    return options_of(LatentOptions, {**state, "options": {**_BEFORE, **state["options"]}}, place)
