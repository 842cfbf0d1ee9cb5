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
from app.widgets.background import Background
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of

if TYPE_CHECKING:
    from models.card import Card


class Saving(QObject):
    """`message(text)` when a picture is saved, `noticed(Notice)` when it cannot be; `elsewhere()` asks for another place."""

    message = Signal(str)
    noticed = Signal(object)
    elsewhere = Signal()

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        background: Background,
        card: Callable[[], Card | None],
        upscaler: Callable[[str], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._renderer, self._background = document, renderer, background
        self._card, self._upscaler = card, upscaler
        self._waiting: list[Callable[[QImage], None]] = []

    def once_full(self, action: Callable[[QImage], None]) -> None:
        """Do something with the full picture of the variation at hand, now or once it has been made."""
        image = self._renderer.full(self._document.now)
        if image is not None:
            action(image)
            return
        self._waiting.append(action)
        self._renderer.rest(self._document.now)

    def save(self, path: Path) -> None:
        """Save the variation at hand, now or once its full picture has been made."""
        self.once_full(lambda image: self._write(path, image))

    def copy(self, image: QImage) -> None:
        """Put a picture on the clipboard."""
        QGuiApplication.clipboard().setImage(image)
        self.message.emit(self.tr("The picture is on the clipboard."))

    def _write(self, path: Path, image: QImage) -> None:
        card, picture, upscaler = self._card(), picture_of(image), self._upscaler(self._document.now.model)
        recipe = self._document.to_recipe(card.sha256 if card else "", card.title if card else "", upscaler)
        self._background.run(
            lambda: files.write(path, picture, recipe),
            lambda _: self.message.emit(self.tr("Saved to {}").format(path)),
            self._not_saved,
        )

    def full_picture_came(self, variation: Variation) -> None:
        """What waited for this picture goes on."""
        if variation == self._document.now:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                self.once_full(action)

    def give_up(self) -> None:
        """The picture cannot be made."""
        self._waiting = []

    def _not_saved(self, error: Exception) -> None:
        what, button = self.tr("The picture could not be saved."), self.tr("Save elsewhere…")
        self.noticed.emit(Notice(what, files.in_words(error), button=button, action=self.elsewhere.emit, bad=True))
