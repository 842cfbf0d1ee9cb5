"""The photo that is looked at, saved by itself: as a whole, a part of it, or before and after in one picture."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.inference.updates import Failure
from app.photos import masks, recipe
from app.photos.formats import EXTENSIONS, FORMATS
from app.photos.photo import Photo, PhotoError, PhotoFacts
from app.settings import Settings
from app.upscale import recall, results
from app.upscale.inputs import Found
from app.upscale.items import in_words
from app.upscale.job import Job
from app.upscale.models_here import Models
from app.upscale.plan import Planned, unwritable
from app.upscale.preview import Preview
from app.upscale.queue import Queue, Row
from app.upscale.sizes import passes, size_for
from app.widgets.background import Background
from app.widgets.compare_view import CompareView
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of
from app.widgets.save_dialog import ask_where


class Saver(QObject):
    """See the module. `noticed(Notice)` tells what went wrong, `message(str)` what was saved."""

    noticed = Signal(object)
    message = Signal(str)

    def __init__(self, preview: Preview, models: Models, queue: Queue, job: Job, *, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._preview, self._models, self._queue, self._job = preview, models, queue, job
        self._settings, self._window = settings, window
        self._files = Background(self)

    def ask_whole(self) -> None:
        """Enlarge the photo as a whole, into a file that is asked for."""
        now, path = self._preview.now, self._ask("")
        if now is not None and path is not None:
            self.enlarge_into(path, now.path, now.photo, self._preview.mask)

    def ask_part(self) -> None:
        """Enlarge the part that is marked, into a file that is asked for."""
        path = self._ask("_part")
        if path is not None:
            self.enlarge_part_into(path)

    def _ask(self, mark: str) -> Path | None:
        now, card = self._preview.now, self._models.card
        if now is None or card is None:
            return None
        if self._busy():
            return None
        return ask_where(self._window, self._settings, "upscale.folder", f"{now.path.stem}{mark}_{card.name}.png")

    def _busy(self) -> bool:
        """Whether a job runs; said then."""
        if self._job.runs:
            self._bad(self.tr("A job is running."), self.tr("Save this photo when it is done, or stop it."))
        return self._job.runs

    def enlarge_into(self, path: Path, source: Path, photo: Photo, mask: Path | None = None) -> None:
        """Enlarge a photo as a whole into this file; `source` is where it lies, `mask` what is protected in it. Who named the
        file was asked about the one that bears its name already: that one is replaced."""
        if self._busy():  # a watched folder may have begun one while the file was asked for
            return
        format = EXTENSIONS.get(path.suffix.lower().lstrip("."), "")
        if format not in FORMATS or not FORMATS[format].writable:
            self._bad(self.tr("Ganvas cannot write {} files.").format(path.suffix))
            return
        choices = self._queue.choices
        size = size_for(choices.target, photo.width, photo.height)
        facts = PhotoFacts(photo.format, photo.width, photo.height, photo.channels, photo.bits)
        runs = passes(photo.width, photo.height, size, choices.scale)
        planned = Planned(source, "ready", "", path, facts, size, runs, format, mask, replaces=os.path.lexists(path))
        if refused := unwritable(planned, choices.reduce):  # said now, not after the network's work
            self._bad(self.tr("The photo cannot be saved as {}.").format(path.name), refused)
            return

        def looked(obstacle: Failure | None) -> None:
            if obstacle is not None:
                self.noticed.emit(Notice(obstacle.what, obstacle.why, obstacle.hint, bad=True))
            elif self._queue.choices != choices:
                self.enlarge_into(path, source, photo, mask)  # something else is meant by now
            elif not self._busy():
                self._job.run([Row(Found(source, mask=mask), "ready", facts, planned)], scope="alone")

        here = replace(choices, into=None)  # the folder for the list's results is not asked
        self._files.run(lambda: results.obstacle(here, [planned]), looked, lambda error: looked(in_words(error)))

    def enlarge_part_into(self, path: Path) -> None:
        """Enlarge the part of the photo that was marked into this file."""
        now, part = self._preview.now, self._preview.marked
        if now is not None and not part.isEmpty():
            area = (part.top(), part.left(), part.height(), part.width())
            photo, stem, mask = now.photo, now.path.stem, self._preview.mask

            def keep() -> tuple[Path, Photo, Path | None]:
                return *recall.keep_part(photo, area, stem), _part_of(mask, photo, area)

            def failed(error: Exception) -> None:
                self._bad(self.tr("The part could not be enlarged."), _sentence(error))

            self._files.run(keep, lambda kept: self.enlarge_into(path, *kept), failed)

    def ask_comparison(self, view: CompareView) -> None:
        """Save the view as it is: before and after in one picture."""
        now = self._preview.now
        if now is None:
            return
        if view.comparison() is None:
            self._bad(self.tr("There is nothing after to be seen here yet."), self.tr("Try it here first."))
            return
        path = ask_where(self._window, self._settings, "upscale.folder", f"{now.path.stem}_before_after.png")
        if path is not None:
            self.save_comparison(path, view)

    def save_comparison(self, path: Path, view: CompareView) -> None:
        """Save what is seen of before and after in one picture, at the pixels of the result."""
        now, comparison = self._preview.now, view.comparison()
        if now is None or comparison is None:
            return
        made = {"task": "comparison", "model": self._queue.choices.model, "source": now.path.name}
        self._files.run(
            lambda: recipe.write(path, picture_of(comparison.picture()), made, "enlarged"),
            lambda _: self.message.emit(self.tr("Saved to {0}").format(path)),
            lambda error: self._bad(self.tr("The picture was not saved."), _sentence(error)),
        )

    def shut(self) -> None:
        """The window closes."""
        self._files.shut()

    def _bad(self, what: str, why: str = "") -> None:
        self.noticed.emit(Notice(what, why, bad=True))


def _part_of(mask: Path | None, photo: Photo, area: tuple[int, int, int, int]) -> Path | None:
    """What a mask protects in a part (top, left, height, width) of a photo. `PhotoError` where it is gone."""
    if mask is None:
        return None
    top, left, height, width = area
    part = masks.softened(mask, (photo.width, photo.height))[top : top + height, left : left + width]
    return masks.keep(part) if part.any() else None


def _sentence(error: Exception) -> str:
    if isinstance(error, PhotoError):
        return str(error)
    return f"{getattr(error, 'strerror', None) or type(error).__name__}."
