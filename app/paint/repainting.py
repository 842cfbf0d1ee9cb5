"""A photo painted anew: a labeller makes a label map of it, the map becomes the drawing, the photo its look. One step to undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PySide6.QtCore import QObject, Signal

from app.inference.requests import LabelRequest
from app.inference.updates import ENDINGS, Done, Failure, Labelled, Picture, Update
from app.paint.state.at_hand import labeller_for, labellers
from app.paint.state.drawing import Drawing
from app.paint.state.starting import CANVAS_SIDE, repainted
from app.widgets.panel import Notice

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.catalogue import Catalogue

LANE = "paint:label"


class Repainting(QObject):
    """`drawn(Drawing, name)` brings what became of a photo, `noticed(Notice)` why nothing did, `message(text)` that it works."""

    drawn = Signal(object, str)
    noticed = Signal(object)
    message = Signal(str)

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, now: Callable[[], Drawing], parent: QObject) -> None:
        super().__init__(parent)
        self._worker, self._catalogue, self._now = worker, catalogue, now
        self._preferred = ""
        self._ticket: int | None = None
        self._photo: tuple[Picture, str] | None = None
        worker.updated.connect(self._hear)

    def prefer(self, name: str) -> bool:
        """Use this labeller from now on. False where there is none of that name."""
        if not any(entry.name == name for entry in labellers(self._catalogue)):
            return False
        self._preferred = name
        return True

    def begin(self, photo: Picture, name: str) -> None:
        """Have a photo uint8 `[h, w, 3]` labelled; a newer one takes the place of one that is still looked at."""
        entry = labeller_for(labellers(self._catalogue), self._now().labels, self._preferred)
        if entry is None:
            self.noticed.emit(
                Notice(
                    self.tr("No model that makes maps from photos is at hand."),
                    hint=self.tr("Add the file of a labeller that was trained with Ganvas."),
                    bad=True,
                )
            )
            return
        self._photo = (photo, name)
        self._ticket = self._worker.submit(LabelRequest(entry.name, _of_canvas_size(photo)), LANE)
        self.message.emit(self.tr("Looking at what is on “{0}” …").format(name))

    def shut(self) -> None:
        """The window closes."""
        if self._ticket is not None:
            self._worker.cancel(self._ticket)
        self._worker.updated.disconnect(self._hear)

    def _hear(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket or self._photo is None or not isinstance(update, ENDINGS):
            return
        (photo, name), self._ticket, self._photo = self._photo, None, None
        self.message.emit("")
        if isinstance(update, Failure):
            self.noticed.emit(Notice(update.what, update.why, update.hint, bad=True))
        elif isinstance(update, Done) and isinstance(update.result, Labelled):
            found, now = update.result, self._now()
            self.drawn.emit(repainted(found.label_map, found.labels, photo, name, now), name)


def _of_canvas_size(photo: Picture) -> Picture:
    """The photo brought to a canvas's size: `CANVAS_SIDE` pixels on its longer side."""
    factor = CANVAS_SIDE / max(photo.shape[:2])
    size = (max(1, round(photo.shape[1] * factor)), max(1, round(photo.shape[0] * factor)))
    return np.array(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX))
