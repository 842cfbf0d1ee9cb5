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

# What the hinge loss was tried with. It parts noise into faces soonest; but at this rate a generator loses within 3,000 pictures
# of full size what told its faces apart, so the new level has to settle for long.
_HINGE: dict[str, Any] = {
    "rate": 5e-3,
    "critic_rate": 5e-5,
    "settle": 10_000,
    "pixels": False,
    "framing": False,
    "grain": 0.0,
}
# What runs did that know nothing of these options.
_BEFORE = {"framing": False, "grain": 0.0, "alone": 0}


@dataclass(frozen=True)
class LatentOptions:
    """How a generator is trained. Sizes are sides in pixels; `rate` and `critic_rate` are those of Adam.

    `pixels`: the critic has a head on the pixels too. `framing`: each picture is moved, zoomed and cut for itself before it is
    judged. `grain`: strength of the noise that layers of fine detail get for each pixel. The first `small` pictures are made at
    half of `size`; for the next `settle` the new level alone learns, while the critic gets used to finer pictures. Over the last
    `rest` the rates fall to a tenth. For the first `alone` pictures critics learn alone; over as many more the generator's rate
    rises.
    """

    size: int = 128
    channels: tuple[int, ...] = (256, 256, 192, 96, 64, 32, 24)  # at 4, 8, 16 ... px
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
    rate: float = 2e-3
    critic_rate: float = 3e-4
    average: float = 0.998
    mixing: float = 0.3
    mirror: bool = True
    small: int = 30_000
    settle: int = 2_000
    rest: int = 20_000
    alone: int = 0
    seed: int = 0

    def shape(self) -> Shape:
        """The network, as Ganvas reads it."""
        widths = ((self.z_dim, self.w_dim), *((self.w_dim, self.w_dim),) * (self.mapping - 1))
        return Shape(widths, tuple(self.channels[: levels_of(self.size)]))


def with_loss(loss: Loss, **others: Any) -> LatentOptions:
    """Options for a loss, with what suits it."""
    return replace(LatentOptions(loss=loss), **(_HINGE if loss == "hinge" else {}), **others)


def begun_with(state: State, place: Path) -> LatentOptions:
    """The options that the run in `place` was begun with, also where it was begun before some of them were known."""
    return options_of(LatentOptions, state, place, _BEFORE)
