"""The morph timeline at work: the starred pictures of a model become keys; they are played, scrubbed through and saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.explore.animation import SUFFIXES
from app.explore.morph import Morph
from app.explore.morphing import KeyLatents, Player, Saver
from app.explore.rendering import Thumbnails
from app.explore.state import Document
from app.explore.timeline import MorphRow
from app.explore.variation import Variation
from app.inference.requests import ModelFacts
from app.inference.updates import Failure
from app.settings import Settings
from app.widgets.background import Background
from app.widgets.panel import Notice
from app.widgets.save_dialog import Kind, ask_where

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.card import Card


@dataclass(frozen=True)
class _Wish:
    """A morph that somebody wants saved, as it was when they said so."""

    morph: Morph
    size: int
    path: Path
    sha256: str
    title: str


class MorphDesk(QObject):
    """Lives behind a `MorphRow`. `shown(Frame)` is a picture of the morph for the view; `opened(bool)` when the timeline takes
    the place of the strip and when it gives it back; the others are for the panel to pass on.

    `facts()` and `card()` tell of the model at hand.
    """

    shown = Signal(object)
    opened = Signal(bool)
    message = Signal(str)
    noticed = Signal(object)
    progressed = Signal(int, int, str)

    def __init__(
        self,
        worker: InferenceWorker,
        document: Document,
        thumbnails: Thumbnails,
        files: Background,
        row: MorphRow,
        settings: Settings,
        facts: Callable[[], ModelFacts | None],
        card: Callable[[], Card | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._is_open = False
        self._document, self._thumbnails, self._row, self._settings = document, thumbnails, row, settings
        self._facts, self._card = facts, card
        self._latents = KeyLatents(worker, self)
        self._player = Player(worker, self._latents, self)
        self.saver = Saver(worker, files, self)
        self._saving: _Wish | None = None  # until the latents of its keys are there
        self._preparing = False  # whether it was said that the first picture waits for these
        self._latents.late.connect(self._show_preparing)
        self._latents.ready.connect(self._ready)
        self._latents.failed.connect(self._failed)
        self._player.shown.connect(self.shown)
        self._player.moved.connect(row.timeline.set_share)
        self._player.playing.connect(row.show_playing)
        self.saver.progressed.connect(self._progress)
        self.saver.saved.connect(lambda path: self.message.emit(self.tr("The morph is saved to {}").format(path)))
        self.saver.failed.connect(self._not_saved)
        row.play.connect(self._toggle)
        row.changed.connect(self.refresh)
        row.closed.connect(self.close)
        row.export.connect(self._export)
        row.timeline.scrubbed.connect(self._player.go_to)
        thumbnails.came.connect(lambda variation, image: self._show_keys())

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def busy(self) -> bool:
        """Whether a morph is being saved."""
        return self.saver.is_busy or self._saving is not None

    @property
    def morph(self) -> Morph:
        """The keys are the starred pictures of the model at hand, in the order in which they were starred."""
        model = self._document.now.model
        keys = tuple(variation for variation in self._document.favourites if variation.model == model)
        return Morph(keys, self._row.pace.value(), self._row.loop.isChecked())

    def open(self) -> None:
        """Show the timeline, and play."""
        facts = self._facts()
        if facts is None or not self.morph.legs:
            self.message.emit(self.tr("A morph takes two favourites of one model: F stars the picture at hand."))
            return
        self._row.set_sizes(sorted({*facts.previews, facts.resolution}))
        self._row.show()
        self._is_open = True
        self.opened.emit(True)
        self.refresh()
        self._player.play()

    def close(self) -> None:
        """Give the strip its place back. A morph that is being saved goes on."""
        if self.is_open:
            self._player.leave()
            self._row.hide()
            self._is_open = False
            self._end_preparing()
            self.opened.emit(False)

    def refresh(self) -> None:
        """Favourites or settings are others."""
        if not self.is_open:
            return
        morph, facts = self.morph, self._facts()
        if not morph.legs or facts is None:
            self.close()
            return
        self._player.set_morph(morph)
        self._row.length.setText(self.tr("{:.0f} s · {} pictures").format(morph.duration, morph.frames))
        self._show_keys()
        self._want()

    def save(self, path: Path) -> None:
        """Save the morph: WebP, MP4 or GIF by the suffix, a folder of PNGs without one. Begins once the latents are there."""
        card = self._card()
        sha256, title = (card.sha256, card.title) if card else ("", "")
        self._saving = wish = _Wish(self.morph, self._row.size_box.currentData(), path, sha256, title)
        if self._player.is_playing:
            self._player.pause()  # while it plays, nothing that can wait is served
        self._preparing = False  # what is saved is told of in its place
        self._progress(0, wish.morph.frames)
        if self._want():
            self._ready()

    def forget(self, model: str) -> None:
        """Another model bears this name now. What is being saved has the latents that it began with."""
        self._latents.forget(model)
        if self._saving is not None and any(key.model == model for key in self._saving.morph.keys):
            self._give_up_wish()
            self._not_saved(self.tr("Another model has taken the name of its model."))

    def shut(self) -> None:
        self._player.shut()
        self.saver.shut()
        self._latents.shut()

    def _want(self) -> bool:
        facts = self._facts()
        return facts is not None and self._latents.want(self.morph.keys, min((*facts.previews, facts.resolution)))

    def _show_keys(self) -> None:
        if self.is_open:
            self._row.timeline.set_keys([self._thumbnails.get(key) for key in self.morph.keys], self.morph.loop)

    def _toggle(self) -> None:
        if self._player.is_playing:
            self._player.pause()
        else:
            self._player.play()

    def _ready(self) -> None:
        self._end_preparing()
        wish, self._saving = self._saving, None
        if wish is not None:
            self.saver.save(wish.morph, self._latents.known, wish.size, wish.path, wish.sha256, wish.title)
            if not self.saver.is_busy:  # there is no folder for it
                self._progress(0, 0)
        elif self.is_open and not self._player.is_playing:
            self._player.look()  # a hand has scrubbed before there was anything to show

    def _export(self) -> None:
        if self.busy:
            self._give_up_wish()
            self.saver.stop()
            return
        kinds = (
            Kind(self.tr("Animated WebP"), (SUFFIXES[0],)),
            Kind(self.tr("MP4 video"), (SUFFIXES[1],)),
            Kind("GIF", (SUFFIXES[2],)),
            Kind(self.tr("A folder of PNGs")),
        )
        name = f"{self._document.now.model}-morph.webp"
        path = ask_where(self._row, self._settings, "explore.folder", name, self.tr("Save the morph"), kinds)
        if path is not None:
            self.save(path)

    def _show_preparing(self, done: int, total: int) -> None:
        if self.is_open and not self.busy:
            self._preparing = True
            self.progressed.emit(done, total, self.tr("Preparing the morph {}/{}").format(done, total))

    def _end_preparing(self) -> None:
        if self._preparing:
            self._preparing = False
            self.progressed.emit(0, 0, "")

    def _progress(self, done: int, total: int) -> None:
        self._row.save.setText(self.tr("Stop saving") if total else self.tr("Save the morph…"))
        self.progressed.emit(done, total, self.tr("Morph {}/{}").format(done, total) if total else "")

    def _give_up_wish(self) -> None:
        if self._saving is not None:
            self._saving = None
            self._progress(0, 0)

    def _failed(self, failure: Failure) -> None:
        self._end_preparing()
        self._give_up_wish()
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, bad=True))

    def _not_saved(self, text: str) -> None:
        self.noticed.emit(Notice(self.tr("The morph could not be saved."), text, bad=True))


def can_morph(favourites: tuple[Variation, ...], model: str) -> bool:
    """Whether there are two starred pictures of a model."""
    return sum(variation.model == model for variation in favourites) > 1
