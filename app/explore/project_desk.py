"""Finds photos in the model at hand: opens the sheet with a photo, asks the engine, and hands over what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.explore.files import in_words
from app.explore.framing import framed
from app.explore.project_sheet import ProjectSheet
from app.explore.rendering import image_in
from app.explore.state import Document
from app.explore.variation import Variation
from app.inference.requests import ProjectionTimeRequest, ProjectRequest
from app.inference.updates import ENDINGS, Done, Failure, Frame, Progress, Projected, Update
from app.settings import Settings
from app.widgets.background import Background
from app.widgets.picture_view import image_of, picture_of

if TYPE_CHECKING:
    from app.inference.requests import ModelFacts
    from app.inference.worker import InferenceWorker

LANE = "explore:project"
FOLDER = "explore.photos"
SIDE = 512  # pixels of the square that the engine is given: it compares at most half of it
LARGEST = 2048  # pixels: photos of twice this side and more are reduced before they are shown
PLAIN_PSI, LEAST_PSI = 0.7, 0.3  # a point that is found near psi 0 would be stretched beyond all bounds by the slider

Picture = NDArray[np.uint8]


class ProjectDesk(QObject):
    """`found(Variation)` when a person takes what was found."""

    found = Signal(object)

    def __init__(
        self,
        worker: InferenceWorker,
        document: Document,
        files: Background,
        settings: Settings,
        facts: Callable[[], ModelFacts | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._worker, self._document, self._files, self._settings, self._facts = worker, document, files, settings, facts
        self._panel = parent
        self.sheet: ProjectSheet | None = None
        self._photo: Picture | None = None
        self._opened = 0  # photos: the answer for an earlier one comes too late
        self._searches = 0  # begun or stopped: the square that is cut out for an earlier one comes too late
        self._ticket = self._timing = -1
        self._took: dict[tuple[str, int | None], float] = {}  # seconds by model and class
        self._reached: Projected | None = None
        self._of = Variation()
        worker.updated.connect(self._update)

    @property
    def can(self) -> bool:
        """Whether photos can be found in the model at hand."""
        facts = self._facts()
        return facts is not None and facts.projectable

    def ask(self) -> None:
        """Ask for a photo."""
        from app.photos.formats import EXTENSIONS

        kinds = self.tr("Photos ({0});;All files (*)").format(" ".join(f"*.{extension}" for extension in EXTENSIONS))
        above = self.sheet or self._panel
        path, _ = QFileDialog.getOpenFileName(above, self.tr("Open a photo"), self._settings.get(FOLDER, ""), kinds)
        if path:
            self._settings.set(FOLDER, str(Path(path).parent))
            self.open(Path(path))

    def open(self, path: Path) -> None:
        """Take the photo in a file."""
        self._show_sheet()
        self._opened += 1
        number = self._opened
        self._files.run(
            lambda: _read(path),
            lambda picture: self._take_photo(picture, number),
            lambda error: self._not_opened(error, number),
        )

    def paste(self) -> None:
        """Take the photo that the clipboard holds, a file or a picture, if any."""
        data = QGuiApplication.clipboard().mimeData()
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.open(paths[0])
        elif data.hasImage():
            self.receive(picture_of(QGuiApplication.clipboard().image()))

    def receive(self, picture: Picture) -> None:
        """Take a picture uint8 `[H, W, 3]`."""
        self._show_sheet()
        self._opened += 1
        self._take_photo(picture, self._opened)

    def shut(self) -> None:
        """The window closes: ask for nothing more."""
        self._drop()
        self._worker.updated.disconnect(self._update)

    # The sheet

    def _show_sheet(self) -> None:
        if self.sheet is not None:
            self.stop()
            return
        sheet = self.sheet = ProjectSheet(self._panel)
        sheet.started.connect(self.start)
        sheet.stopped.connect(self.stop)
        sheet.taken.connect(self._use)
        sheet.open_asked.connect(self.ask)
        sheet.pasted.connect(self.paste)
        sheet.left.connect(self._close)
        self._of = self._document.now
        self._ask_time()
        sheet.open()

    def _close(self) -> None:
        self._drop()
        sheet, self.sheet, self._photo, self._reached = self.sheet, None, None, None
        if sheet is not None:
            sheet.deleteLater()

    def _take_photo(self, picture: Picture, number: int) -> None:
        if self.sheet is None or number != self._opened:
            return
        self.stop()  # a search that began while this one was being opened is for the photo before it
        self._photo, self._reached = picture, None
        self.sheet.show_photo(image_of(picture))
        self._say_time()

    def _not_opened(self, error: Exception, number: int) -> None:
        if self.sheet is not None and number == self._opened:
            self.stop()
            self._photo = self._reached = None
            self.sheet.place.placeholder = in_words(error)
            self.sheet.show_photo(QImage())

    # The engine

    def start(self) -> None:
        """Look for the photo as it is placed."""
        if self.sheet is None or self._photo is None or self.sheet.is_running:
            return
        self._of, self._reached = self._document.now, None
        self._searches += 1
        photo, framing, number = self._photo, self.sheet.framing, self._searches
        self._worker.cancel(self._timing)
        self.sheet.nearest.clear()
        self.sheet.show_running(True)
        self.sheet.show_progress(0, 0, self.tr("Looking at the model…"))
        self._files.run(
            lambda: framed(photo, framing, SIDE),
            lambda square: self._look_for(square, number),
            lambda error: self._not_cut_out(error, number),
        )

    def _look_for(self, square: Picture, number: int) -> None:
        if number == self._searches:
            now = self._of
            request = ProjectRequest(now.model, square, label=now.label, noise=now.noise, noise_seed=now.noise_seed)
            self._ticket = self._worker.submit(request, lane=LANE)

    def _not_cut_out(self, error: Exception, number: int) -> None:
        """No memory for it, as a rule."""
        if number == self._searches and self.sheet is not None:
            self.sheet.show_running(False)
            self.sheet.remark.setText(self.tr("The search could not begin: {}").format(in_words(error)))

    def stop(self) -> None:
        """Look no further; what was reached is let go of."""
        if self.sheet is not None and self.sheet.is_running:
            self._drop()
            self.sheet.show_running(False)
            self._say_time()

    def _update(self, ticket: int, update: Update) -> None:
        if ticket == self._timing and isinstance(update, ENDINGS):
            self._timing = -1
            if isinstance(update, Done):
                self._took[self._of.model, self._of.label] = update.result
            if self.sheet is not None and not self.sheet.is_running:
                self._say_time()
        if ticket != self._ticket or self.sheet is None:
            return
        if isinstance(update, Frame):
            self.sheet.nearest.show_image(image_in(update))
        elif isinstance(update, Progress) and update.done:
            self.sheet.show_progress(update.done, update.total, update.text)
        elif isinstance(update, ENDINGS):
            self._ticket = -1
            if isinstance(update, Done):
                self._reached = update.result
            self.sheet.show_running(False, found=self._reached is not None)
            self.sheet.remark.setText(str(update) if isinstance(update, Failure) else self._found_text(update))

    def _found_text(self, update: Update) -> str:
        if not isinstance(update, Done):
            return ""
        return self.tr("Found in {} s. If it is not alike, place the eyes anew and find it again.").format(round(update.seconds))

    def _use(self) -> None:
        """What was found becomes the variation at hand."""
        if self._reached is None or self.sheet is None:
            return
        psi = self._of.psi if self._of.psi >= LEAST_PSI else PLAIN_PSI
        variation = replace(self._of, directions=(), psi=psi).from_latents(self._reached.ws)
        self.sheet.accept()
        self._close()
        self.found.emit(variation)

    def _ask_time(self) -> None:
        if (self._of.model, self._of.label) not in self._took:
            self._timing = self._worker.submit(ProjectionTimeRequest(self._of.model, self._of.label), lane=f"{LANE}:time")

    def _say_time(self) -> None:
        if self.sheet is None:
            return
        seconds = self._took.get((self._of.model, self._of.label))
        text = self.tr("How long it takes is being measured…") if self._timing >= 0 else ""
        if seconds is not None:
            text = self.tr("It takes some {} on this computer.").format(_in_words(seconds))
        self.sheet.remark.setText(text)

    def _drop(self) -> None:
        for ticket in (self._ticket, self._timing):
            if ticket >= 0:
                self._worker.cancel(ticket)
        self._ticket = self._timing = -1
        self._searches += 1


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return QGuiApplication.translate("ProjectDesk", "{} seconds").format(max(5, 5 * round(seconds / 5)))
    return QGuiApplication.translate("ProjectDesk", "{} minutes").format(round(seconds / 60))


def _read(path: Path) -> Picture:
    """A photo upright and in sRGB, no larger than a sheet has use for. `PhotoError`, `OSError`."""
    from PIL import Image

    from app.photos.decoding import decode
    from app.photos.showing import photo_picture

    picture = photo_picture(decode(path))
    factor = max(picture.shape[:2]) // LARGEST
    return np.asarray(Image.fromarray(picture).reduce(factor)) if factor > 1 else picture
