"""Sample sheets of models, decoded beside the window: some are WebP of 3072 pixels, and each takes longer than a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from app.widgets.background import Background

LARGEST = QSize(1632, 640)  # two screen pixels for each that the details have at their widest
CORNER = 104  # the same for the list


@dataclass(frozen=True)
class Sheet:
    """A sheet as large as the page ever shows it, and its upper left as a square; null images where the file is none."""

    picture: QImage
    corner: QImage


class Sheets(QObject):
    """Sheets by path. `get` gives what is there and has the rest decoded; `came(path)` tells when it has come."""

    came = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._decoding = Background(self)
        self._kept: dict[Path, tuple[int, Sheet]] = {}
        self._wished: list[Path] = []
        self._at_work: Path | None = None

    def get(self, path: Path, first: bool = False) -> Sheet | None:
        """The sheet, or None while it is not there. `first`: it is wanted before all others."""
        changed = _changed(path)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == changed:
            return kept[1]
        if path != self._at_work:
            if path in self._wished:
                self._wished.remove(path)
            self._wished.insert(0 if first else len(self._wished), path)
            self._next()
        return None

    @property
    def all_came(self) -> bool:
        """Whether none is wished for that has not come."""
        return self._at_work is None

    def shut(self) -> None:
        """Decode no more; wait for the one at work."""
        self._wished.clear()
        self._decoding.shut()

    def _next(self) -> None:
        if self._at_work is not None or not self._wished:
            return
        self._at_work = path = self._wished.pop(0)
        changed = _changed(path)

        def came(sheet: Sheet) -> None:
            self._at_work = None
            self._kept[path] = changed, sheet
            self.came.emit(path)
            self._next()

        self._decoding.run(lambda: decoded(path), came)


def size_of(path: Path) -> QSize:
    """How large a sheet is, by its first bytes; not valid where that cannot be told."""
    return QImageReader(str(path)).size()


def decoded(path: Path) -> Sheet:
    """Read a sheet; for any thread."""
    whole = QImage(str(path))
    if whole.isNull():
        return Sheet(whole, whole)
    smooth = Qt.TransformationMode.SmoothTransformation
    side = min(whole.width(), whole.height())
    corner = whole.copy(0, 0, side, side).scaled(CORNER, CORNER, mode=smooth)
    if whole.width() > LARGEST.width() or whole.height() > LARGEST.height():
        whole = whole.scaled(LARGEST, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    return Sheet(whole, corner)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
