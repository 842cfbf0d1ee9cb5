"""The models at hand for a drawing: which one paints it, which one finishes it, and what the painter can do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.inference.finishing import AUTO, finisher_of
from app.inference.requests import DescribeRequest, ModelFacts
from app.inference.updates import Done, Update
from app.paint.state.adapting import adapted
from app.paint.state.at_hand import first_choice, painters, upscalers
from app.paint.state.drawing import Drawing, blank
from app.paint.state.starting import FIRST_MAP, example
from app.settings import Settings
from app.widgets.model_picker import Choice
from models.card import Card, Label

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.catalogue import Catalogue, Entry

# What stands in for labels while no model is at hand: there is nothing to paint with then.
NO_LABELS = (Label(0, "nothing", (128, 128, 128)),)
CHOSEN, FINISH = "paint.model", "paint.finish"


class ModelsHere(QObject):
    """`described(style_dim, news)` tells whether the painter that was asked about has looks (0: one only), and whether that is
    other than `has_looks` said until then."""

    described = Signal(int, bool)

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._catalogue, self._settings = worker, catalogue, settings
        self._asked, self._asked_of = -1, ""
        self._on_processor = True
        self._looks: dict[str, bool] = {}  # by painter: whether it was found to have more than one look
        self.entries: list[Entry] = []
        self.upscalers: list[Card] = []
        self.refresh()
        worker.updated.connect(self._engine_said)

    def refresh(self) -> None:
        """Look again at what is at hand."""
        self.entries, self.upscalers = painters(self._catalogue), upscalers(self._catalogue)

    def named(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)

    def has_edges(self, name: str) -> bool:
        """Whether this painter can give strokes natural outlines."""
        entry = self.named(name)
        return entry is not None and bool(entry.card.config.get("edges"))

    def has_looks(self, name: str) -> bool:
        """Whether this painter has more than one look, as far as is known before it was opened."""
        if name in self._looks:
            return self._looks[name]
        entry = self.named(name)
        config = entry.card.config if entry is not None else {}
        return bool(config.get("style_dim", config.get("style", True)))  # SPADE's cards have the second name

    def choices(self) -> list[Choice]:
        """What the picker shows."""
        return [
            Choice(entry.name, entry.card.title, entry.card.licence_said, bool(entry.card.non_commercial))
            for entry in self.entries
        ]

    def choose(self, name: str) -> None:
        """A person chose this one: it comes first at the next start."""
        self._settings.set(CHOSEN, name)

    def first_drawing(self, recovered: Drawing | None) -> Drawing:
        """The drawing that was worked on last, else an example, in the labels of the model that will paint it."""
        wanted = recovered.model if recovered is not None else ""
        entry = first_choice(self.entries, wanted, self._settings.get(CHOSEN, ""))
        if entry is None:
            return blank(64, 64, NO_LABELS)
        if recovered is not None:
            return adapted(recovered, entry.card)
        return replace(example(FIRST_MAP, entry.card.labels), model=entry.name)

    def describe(self, name: str) -> None:
        """Ask what a painter can do; `described` follows."""
        self._asked, self._asked_of = self._worker.submit(DescribeRequest(name), "paint:describe"), name

    @property
    def finish(self) -> str:
        """What finishes a landscape when the hand rests: a model's name, "auto" or "none"."""
        return self._settings.get(FINISH, AUTO)

    def choose_finish(self, name: str) -> None:
        self._settings.set(FINISH, name)

    def upscaler(self, drawing: Drawing) -> str:
        """The upscaler that finishes this drawing's landscape, "" for none."""
        entry = self.named(drawing.model)
        if entry is None:
            return ""
        return finisher_of(entry.card, self.upscalers, self.finish, drawing.height, drawing.width, self._on_processor)

    def shut(self) -> None:
        self._worker.updated.disconnect(self._engine_said)

    def _engine_said(self, ticket: int, update: Update) -> None:
        if ticket == self._asked and isinstance(update, Done) and isinstance(update.result, ModelFacts):
            self._on_processor = update.result.device == "cpu"
            before, found = self.has_looks(self._asked_of), update.result.style_dim > 0
            self._looks[self._asked_of] = found
            self.described.emit(update.result.style_dim, found != before)
