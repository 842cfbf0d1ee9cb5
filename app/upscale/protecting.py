"""What is protected: painted over the photo that is looked at, or given as a file for all; kept on the disk, and undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.photos import masks
from app.photos.photo import PhotoError
from app.settings import Settings
from app.upscale.mask_layer import MaskBar, MaskLayer, size_for
from app.upscale.preview import Preview
from app.upscale.queue import Queue, Row
from app.widgets.background import Background
from app.widgets.compare_view import CompareView
from app.widgets.panel import Notice


class Protector(QObject):
    """See the module. `noticed(Notice)` tells what went wrong; `changed()`: something else is protected in the photo at hand;
    `again(rows)`: photos that were done have another mask now; `painting(bool)` whether the brush is out."""

    noticed = Signal(object)
    changed = Signal()
    again = Signal(object)
    painting = Signal(bool)

    def __init__(self, view: CompareView, preview: Preview, queue: Queue, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._view, self._preview, self._queue = view, preview, queue
        self._settings, self._window = settings, window
        self._files = Background(self)
        self._row: Row | None = None
        self._fills = 0
        self._own: Path | None = None  # of a photo that is on no list
        self._shown: Path | None = None  # the mask that the layer has
        self.layer = MaskLayer(view)
        self.bar = MaskBar(self.layer)
        self.bar.hide()
        self.bar.done.connect(lambda: self.paint(False))
        self.layer.drawn.connect(self._drawn)
        queue.changed.append(self._queue_changed)

    @property
    def painted(self) -> int:
        """How many photos have a mask of their own."""
        return sum(row.found.mask is not None for row in self._queue.rows)

    @property
    def mask(self) -> Path | None:
        """What is protected in the photo that is looked at."""
        own = self._row.found.mask if self._row is not None else self._own
        return own or self._queue.choices.protect

    def look_at(self, row: Row | None) -> None:
        """Another photo is looked at (None: one that is on no list)."""
        self._row, self._own, self._shown = row, None, None
        self.layer.forget()  # nothing is painted on before its mask has come
        self._preview.mask = self.mask
        self._fill()

    def paint(self, on: bool) -> None:
        """Take the brush, or put it away."""
        if on and self._preview.now is None:
            self._bad(self.tr("Choose a photo to paint on first."))
            return
        if on:
            self._view.set_mode("divider")
            self._view.set_loupe(False)
        self.layer.activate(on)
        self.bar.setVisible(on)
        self.painting.emit(on)

    def ask_file(self) -> None:
        """Ask for a mask for all photos; of a label map, for what in it is protected."""
        kinds = self.tr("Pictures (*.png *.tif *.tiff *.webp *.bmp *.gif *.jpg *.jpeg);;All files (*)")
        start = self._settings.get("upscale.masks", self._settings.get("upscale.from", ""))
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("A mask: white is protected"), start, kinds)
        if not name:
            return
        path = Path(name)
        self._settings.set("upscale.masks", str(path.parent))
        labels = masks.labels_of(path)
        if not labels:
            self.take_file(path)
            return
        question = LabelQuestion(sorted(labels), self._window)
        if question.exec() == QDialog.DialogCode.Accepted and question.chosen:
            self.take_file(path, question.chosen)

    def take_file(self, path: Path, labels: Sequence[str] = ()) -> None:
        """Protect by this mask from now on, in all photos that have none of their own."""

        def kept(mask: Path) -> None:
            self._queue.choose(replace(self._queue.choices, protect=mask), self.tr("Protect"))

        def unread(error: Exception) -> None:
            said = str(error) if isinstance(error, PhotoError) else f"{getattr(error, 'strerror', None) or type(error).__name__}."
            self._bad(self.tr("The mask {0} cannot be used.").format(path.name), said)

        self._files.run(lambda: masks.keep(masks.read_mask(path, labels)), kept, unread)

    def drop(self) -> None:
        """Protect nothing, in no photo."""
        self._own = None
        self._queue.protect({row: None for row in self._queue.rows if row.found.mask is not None}, self.tr("Protect nothing"))
        self._queue.choose(replace(self._queue.choices, protect=None), self.tr("Protect nothing"))
        self._changed()

    def _drawn(self, mask: NDArray[np.uint8]) -> None:
        row = self._row
        self._fills += 1  # what is on its way into the layer is older than this stroke

        def kept(path: Path | None) -> None:
            if row is None:
                self._own = path
            if row is self._row:
                self._shown = path
            if row is not None:
                self._queue.protect({row: path}, self.tr("Protect"))
            self._changed()

        def unwritten(error: Exception) -> None:
            self._bad(self.tr("The mask was not kept."), f"{getattr(error, 'strerror', None) or type(error).__name__}.")

        self._files.run(lambda: masks.keep(mask) if mask.any() else None, kept, unwritten)

    def _queue_changed(self, what: str) -> None:
        if what == "masks":
            self.again.emit([row for row in self._queue.rows if row.state == "looking" and row.planned is not None])
        if what in ("masks", "choices"):
            self._changed()

    def _changed(self) -> None:
        before, self._preview.mask = self._preview.mask, self.mask
        if self.mask != self._shown:
            self._fill()
        if before != self.mask:
            self.changed.emit()

    def _fill(self) -> None:
        """Bring the mask into the layer."""
        now, mask = self._preview.now, self.mask
        if now is None or self.layer.in_stroke:
            return
        self._shown = mask
        self._fills += 1
        fill = self._fills
        size = size_for(now.photo.width, now.photo.height)

        def ready(pixels: NDArray[np.uint8] | None) -> None:
            if fill == self._fills and self._preview.now is now and not self.layer.in_stroke:
                self.layer.show_mask(size, pixels)

        self._files.run(lambda: _readable(mask), ready)

    def _bad(self, what: str, why: str = "") -> None:
        self.noticed.emit(Notice(what, why, bad=True))

    def shut(self) -> None:
        """The window closes."""
        self._files.shut()


def _readable(mask: Path | None) -> NDArray[np.uint8] | None:
    """A mask that was kept; nothing where it is gone: the photo itself tells of that when its turn comes."""
    try:
        return masks.read_mask(mask) if mask is not None else None
    except (PhotoError, OSError):
        return None


class LabelQuestion(QDialog):
    """Which labels of a map are to be protected; `chosen` are their names."""

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What is protected?"))
        said = QLabel(self.tr("This is a label map. The plain resize is kept where these were painted:"))
        said.setWordWrap(True)
        self._list = QListWidget()
        for label in labels:
            item = QListWidgetItem(label)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self._list.addItem(item)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for part in (said, self._list, buttons):
            column.addWidget(part)

    @property
    def chosen(self) -> list[str]:
        items = [self._list.item(row) for row in range(self._list.count())]
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]
