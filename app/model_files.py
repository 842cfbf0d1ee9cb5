"""Brings models into the catalogue and out of it: looks into files, adds, fetches, removes, and says how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.inference.requests import AddModelRequest, GetModelsRequest, InspectRequest, RemoveModelRequest
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Progress, Update
from app.widgets.panel import Notice
from models.card import Card, Task

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

MAKES: dict[Task, str] = {
    "latent": "makes pictures from seeds (Explore)",
    "painting": "makes landscapes from label maps (Paint)",
    "upscaling": "enlarges or restores photos (Upscale)",
    "translation": "transforms photos (Upscale)",
    "labelling": "makes label maps from photos (Paint)",
}


class ModelFiles(QObject):
    """One piece of work at a time is enough: they touch the same catalogue.

    `noticed(Notice)` says how it went, `progressed(done, total, text)` how far it is (total 0: nothing runs), `changed()` that
    the catalogue is another, `added(names)` what is new in it.
    """

    noticed = Signal(object)
    progressed = Signal(int, int, str)
    changed = Signal()
    added = Signal(list)
    busy = Signal(bool)

    def __init__(self, worker: InferenceWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._running: dict[int, tuple[str, Path | None, dict[str, str]]] = {}
        worker.updated.connect(self._update)

    def inspect(self, path: Path) -> None:
        """Look into a file and offer to add what is found."""
        self._start(self._worker.submit(InspectRequest(path)), "inspect", path)

    def add(self, path: Path, answers: dict[str, str] | None = None) -> None:
        """Read a file into the catalogue."""
        told = dict(answers or {})
        self._start(self._worker.submit(AddModelRequest(path, told)), "add", path, told)

    def get(self, names: tuple[str, ...] = ()) -> None:
        """Fetch recommended models (all without names). The one thing that opens a network connection."""
        self._start(self._worker.submit(GetModelsRequest(names)), "get", None)

    def remove(self, name: str) -> None:
        """Take a model out of the catalogue."""
        self._start(self._worker.submit(RemoveModelRequest(name)), "remove", None)

    def stop(self) -> None:
        """Give up what is running."""
        for ticket in self._running:
            self._worker.cancel(ticket)

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    def _start(self, ticket: int, what: str, path: Path | None, answers: dict[str, str] | None = None) -> None:
        self._running[ticket] = (what, path, answers or {})
        self.busy.emit(True)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket not in self._running:
            return
        what, path, answers = self._running[ticket]
        if isinstance(update, Progress):
            self.progressed.emit(update.done, max(update.total, 1), update.text)
        elif isinstance(update, ENDINGS):
            del self._running[ticket]
            self.progressed.emit(0, 0, "")
            self.busy.emit(self.is_busy)
            self._ended(what, path, answers, update)

    def _ended(self, what: str, path: Path | None, answers: dict[str, str], update: Update) -> None:
        if what in ("add", "get") and not isinstance(update, Done):
            self.changed.emit()  # of a folder or of several wheels, those that came before are there
        if isinstance(update, Failure) and update.choices and path is not None:
            self.noticed.emit(self._question(path, answers, update))
        elif isinstance(update, Failure):
            self.noticed.emit(Notice(update.what, update.why, update.hint, bad=True))
        elif isinstance(update, Cancelled):
            self.noticed.emit(Notice(self.tr("Stopped. What was finished before is kept.")))
        elif isinstance(update, Done) and what == "inspect" and path is not None:
            self.noticed.emit(self._found(path, list(update.result)))
        elif isinstance(update, Done) and what in ("add", "get"):
            self.changed.emit()
            self.added.emit(list(update.result))
        elif isinstance(update, Done):
            self.changed.emit()
            self.noticed.emit(Notice(self.tr("The model was removed.")))

    def _question(self, path: Path, answers: dict[str, str], asked: Failure) -> Notice:
        """A file leaves something open: each answer is a button that adds it."""
        buttons = [(choice, lambda choice=choice: self.add(path, {**answers, asked.key: choice})) for choice in asked.choices]
        return Notice(asked.what, asked.why, choices=tuple(buttons))

    def _found(self, path: Path, cards: list[Card]) -> Notice:
        if not cards:
            return Notice(self.tr("{} holds no model that Ganvas knows.").format(path.name), bad=True)
        if len(cards) == 1:
            card = cards[0]
            what = self.tr("{} is {}: it {}.").format(path.name, card.title, MAKES[card.task])
        else:
            titles = ", ".join(card.title for card in cards[:4]) + ("…" if len(cards) > 4 else "")
            what = self.tr("{} holds {} models: {}.").format(path.name, len(cards), titles)
        limits = self.tr("Its licence forbids commercial use.") if any(card.non_commercial for card in cards) else ""
        return Notice(what, limits, button=self.tr("Add to my models"), action=lambda: self.add(path))
