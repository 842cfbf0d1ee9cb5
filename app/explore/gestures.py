"""What a hand does with Explore's tools, as steps of the document; the picture follows while it moves and is whole at rest."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.explore.rendering import Renderer
from app.explore.state import Document
from app.explore.tools import Tools
from app.explore.variation import Variation

if TYPE_CHECKING:
    from app.inference.requests import ModelFacts

ROLL_BELOW = 1_000_000  # dice stay in numbers that a person can read out


class Gestures(QObject):
    """`began()` comes before every change that a hand makes."""

    began = Signal()

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        tools: Tools,
        facts: Callable[[], ModelFacts | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._renderer, self._tools, self._facts = document, renderer, tools, facts
        tools.seed_typed.connect(lambda seed: self.go(document.now.at_seed(seed), self.tr("Seed")))
        tools.dice.connect(self.roll)
        tools.moved.connect(lambda x, y: self.move("place", self.tr("Walk"), x=x, y=y, point=None))
        tools.psi_changed.connect(lambda psi: self.move("psi", self.tr("Truncation"), psi=psi))
        tools.direction_changed.connect(self._move_along)
        tools.directions_reset.connect(lambda: self._alter(self.tr("Reset directions"), directions=()))
        tools.label_changed.connect(lambda label: self._alter(self.tr("Class"), label=label))
        tools.mix_seed_changed.connect(self._mix_with)
        tools.mix_layers_changed.connect(self._mix_layers)
        tools.noise_changed.connect(lambda noise: self._alter(self.tr("Fine detail"), noise=noise))
        tools.noise_dice.connect(self._roll_noise)
        tools.settled.connect(self.settle)

    def roll(self) -> None:
        """Another seed, by chance."""
        self.go(self._document.now.at_seed(random.randrange(ROLL_BELOW)), self.tr("Roll the dice"))

    def move(self, key: str, title: str, **values: Any) -> None:
        """A hand is moving something: previews until `settle`."""
        self.began.emit()
        self._document.change(key, title, **values)
        self._renderer.follow(self._document.now)

    def settle(self) -> None:
        """The hand rests."""
        self._document.seal()
        self._renderer.finish()

    def go(self, variation: Variation, title: str) -> None:
        """Somewhere else at once, as a step of its own."""
        self.began.emit()
        self._document.seal()
        self._document.become(title, title, variation)
        self._document.seal()

    def title_of(self, name: str) -> str:
        """What a person reads of a direction."""
        row = self._tools.row(name)
        return row.label_text if row else name

    def _move_along(self, name: str, sigmas: float) -> None:
        self.began.emit()
        self._document.become(f"direction:{name}", self.title_of(name), self._document.now.along(name, sigmas))
        self._renderer.follow(self._document.now)

    def _mix_with(self, seed: int | None) -> None:
        other = random.randrange(ROLL_BELOW) if seed is not None and seed < 0 else seed
        facts = self._facts()
        count = facts.num_ws if facts else 0
        finer_half = tuple(range(count // 2, count))  # something is seen, and the subject stays
        self.began.emit()  # before it is asked what is at hand: points that are being dragged stop where they are
        self.go(self._document.now.mixed_with(other, finer_half), self.tr("Style mixing"))

    def _mix_layers(self, layers: tuple[int, ...]) -> None:
        now = self._document.now
        seed = random.randrange(ROLL_BELOW) if now.mix_seed is None else now.mix_seed
        self.move("mixing", self.tr("Style mixing"), mix_seed=seed, mix_layers=layers)

    def _roll_noise(self) -> None:
        self._alter(self.tr("Draw noise"), noise="random", noise_seed=random.randrange(ROLL_BELOW))

    def _alter(self, title: str, **values: Any) -> None:
        """Something else at once of what is at hand: where points are being dragged, of what they have reached."""
        self.began.emit()
        self.go(replace(self._document.now, **values), title)
