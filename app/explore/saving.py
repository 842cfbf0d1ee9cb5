"""What is done with the full picture of the variation at hand as soon as it is there: saved with its recipe inside, above all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication, QImage

from app.explore import files
from app.explore.rendering import Renderer
from app.explore.state import Document
from app.explore.variation import Variation
from app.inference.updates import Failure
from app.widgets.background import Background
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of

if TYPE_CHECKING:
    from models.card import Card


class Saving(QObject):
    """Whoever asks gets the picture of that moment, whatever a hand does next.

    `message(text)` when a picture is saved, `noticed(Notice)` when it cannot be; `elsewhere()` asks for another place. `card`
    gives that of a model by its name, where it is at hand.
    """

    message = Signal(str)
    noticed = Signal(object)
    elsewhere = Signal()

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        background: Background,
        card: Callable[[str], Card | None],
        upscaler: Callable[[str], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._renderer, self._background = document, renderer, background
        self._card, self._upscaler = card, upscaler
        self._waiting: list[tuple[Variation, Callable[[QImage], None]]] = []
        document.changed.append(self._moved_on)
        renderer.made.connect(self.full_picture_came)
        renderer.not_made.connect(self._not_made)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a picture."""
        return bool(self._waiting)

    def once_full(self, action: Callable[[QImage], None]) -> None:
        """Do something with the full picture of the variation at hand, now or once it has been made."""
        self._once_full(self._document.now, action)

    def _once_full(self, variation: Variation, action: Callable[[QImage], None]) -> None:
        image = self._renderer.full(variation)
        if image is not None:
            action(image)
            return
        self._waiting.append((variation, action))
        if variation == self._document.now:
            self._renderer.rest(variation)
        else:
            self._renderer.make(variation)

    def save(self, path: Path) -> None:
        """Save the variation at hand, now or once its full picture has been made."""
        variation = self._document.now
        self.once_full(lambda image: self._write(path, variation, image))

    def copy(self, image: QImage) -> None:
        """Put a picture on the clipboard."""
        QGuiApplication.clipboard().setImage(image)
        self.message.emit(self.tr("The picture is on the clipboard."))

    def _write(self, path: Path, variation: Variation, image: QImage) -> None:
        card, picture, upscaler = self._card(variation.model), picture_of(image), self._upscaler(variation.model)
        recipe = self._document.to_recipe(card.sha256 if card else "", card.title if card else "", upscaler, variation)
        self._background.run(
            lambda: files.write(path, picture, recipe),
            lambda _: self.message.emit(self.tr("Saved to {}").format(path)),
            self._not_saved,
        )

    def full_picture_came(self, variation: Variation) -> None:
        """What waited for this picture goes on."""
        for action in self._take(variation):
            self._once_full(variation, action)

    def give_up(self) -> None:
        """The picture at hand cannot be made."""
        self._take(self._document.now)

    def _take(self, variation: Variation) -> list[Callable[[QImage], None]]:
        """What waits for the picture of a variation; it waits no longer."""
        actions = [action for waits_for, action in self._waiting if waits_for == variation]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] != variation]
        return actions

    def _moved_on(self) -> None:
        """What a hand has left is made all the same, where somebody waits for it."""
        for variation, _ in self._waiting:
            if variation != self._document.now:
                self._renderer.make(variation)

    def _not_made(self, variation: Variation, failure: Failure) -> None:
        if self._take(variation):
            self.noticed.emit(Notice(failure.what, failure.why, failure.hint, bad=True))

    def _not_saved(self, error: Exception) -> None:
        what, button = self.tr("The picture could not be saved."), self.tr("Save elsewhere…")
        self.noticed.emit(Notice(what, files.in_words(error), button=button, action=self.elsewhere.emit, bad=True))
