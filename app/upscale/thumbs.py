"""Thumbnails of a long list, made beside the window when they come into view, the newest wish first."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, Signal
from PySide6.QtGui import QImage

from app.photos.photo import PhotoError
from app.photos.showing import thumbnail
from app.widgets.picture_view import image_of

KEPT = 1500  # of 96 px: some 40 MB
WAITING = 60  # more wishes than a screen has rows are out of sight already


class Thumbs(QObject):
    """Images by path. `get` gives what is there and wishes for the rest; `came(path)` tells when it has come."""

    came = Signal(object)
    _made = Signal(object, object)

    def __init__(self, side: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self._kept: OrderedDict[Path, QImage | None] = OrderedDict()
        self._wished: list[Path] = []
        self._busy = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._made.connect(self._take)
        self._shut = False

    def get(self, path: Path) -> QImage | None:
        """The thumbnail, or None while it is not there (or cannot be made)."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        if path in self._wished:
            self._wished.remove(path)
        self._wished.append(path)
        del self._wished[:-WAITING]
        self._next()
        return None

    def forget(self, path: Path) -> None:
        """A file has changed."""
        self._kept.pop(path, None)

    def shut(self) -> None:
        """Make no more; wait for the one being made."""
        self._shut = True
        self._wished.clear()
        self._pool.waitForDone()

    def _next(self) -> None:
        if self._busy or not self._wished or self._shut:
            return
        self._busy += 1
        path, side, made = self._wished.pop(), self._side, self._made

        def work() -> None:
            try:
                image = image_of(thumbnail(path, side))
            except (PhotoError, OSError):
                image = None
            made.emit(path, image)

        self._pool.start(work)  # not QRunnable.create: see app/widgets/background.py

    def _take(self, path: Path, image: QImage | None) -> None:
        self._busy -= 1
        self._kept[path] = image
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.came.emit(path)
        self._next()
