"""Small landscapes of the map in other looks, painted when nothing else is to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from app.inference.requests import PaintRequest
from app.inference.updates import ENDINGS, Cancelled, Done, Update
from app.inference.worker import InferenceWorker
from app.paint.state.look import Look
from app.widgets.picture_view import image_of

CALM_MS = 900  # the hand must have rested for so long
SIDE = 192  # longest side of what is kept, in pixels: two screen pixels for each of the strip's


class LookThumbs(QObject):
    """One request at a time, outside the lanes, so that a stroke never waits. `painted(Look, QImage)`."""

    painted = Signal(object, object)

    def __init__(
        self,
        worker: InferenceWorker,
        make: Callable[[Look], PaintRequest | None],
        wanted: Callable[[], Sequence[Look]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._worker, self._make, self._wanted = worker, make, wanted
        self._ticket: int | None = None
        self._look: Look | None = None
        self._todo: list[Look] = []
        self._fresh: list[Look] = []  # painted since all were outdated
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._begin)
        worker.updated.connect(self._hear)

    def outdated(self) -> None:
        """The map changed, or what all looks share: all pictures are stale; they are painted anew once it is calm."""
        self._fresh.clear()
        self.disturbed()

    def disturbed(self) -> None:
        """A hand moves, or the list of looks changed: wait for calm, then paint what is missing."""
        self._todo.clear()
        if self._ticket is not None:
            self._worker.cancel(self._ticket)
            self._ticket = None
        self._calm.start()

    def shut(self) -> None:
        self._calm.stop()
        self._todo.clear()
        if self._ticket is not None:
            self._worker.cancel(self._ticket)
        self._worker.updated.disconnect(self._hear)

    def _begin(self) -> None:
        self._todo = [look for look in self._wanted() if look not in self._fresh]
        self._next()

    def _next(self) -> None:
        if not self._todo:
            return
        self._look = self._todo.pop(0)
        request = self._make(self._look)
        self._ticket = None if request is None else self._worker.submit(request)

    def _hear(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket or self._look is None:
            return
        if isinstance(update, Done):
            self._fresh.append(self._look)
            self.painted.emit(self._look, _small(image_of(np.asarray(update.result))))
        if isinstance(update, ENDINGS):
            self._ticket = None
            if not isinstance(update, Cancelled):
                self._next()


def _small(image: QImage) -> QImage:
    if max(image.width(), image.height()) <= SIDE:
        return image
    return image.scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
