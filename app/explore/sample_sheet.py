"""Sample sheets for the Models page, made of the first seeds' thumbnails, for models that came without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRect
from PySide6.QtGui import QImage, QImageWriter, QPainter

from app.explore.rendering import Thumbnails
from app.explore.variation import Variation
from app.widgets.background import Background

if TYPE_CHECKING:
    from models.catalogue import Catalogue, Entry

COLUMNS, ROWS, SIDE = 8, 2, 128
SEEDS = range(COLUMNS * ROWS)


def sample_sheet(images: Sequence[QImage]) -> bytes:
    """A WebP of `COLUMNS` x `ROWS` square pictures of `SIDE` px, from as many images, the first at the upper left."""
    if len(images) != len(SEEDS):
        raise ValueError(f"a sheet takes {len(SEEDS)} images, not {len(images)}")
    sheet = QImage(COLUMNS * SIDE, ROWS * SIDE, QImage.Format.Format_RGB32)
    with QPainter(sheet) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for number, image in enumerate(images):
            painter.drawImage(QRect(number % COLUMNS * SIDE, number // COLUMNS * SIDE, SIDE, SIDE), image)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"webp"))
    writer.setQuality(85)
    if not writer.write(sheet):
        raise OSError(writer.errorString())
    return bytes(data.data())


class SampleSheets(QObject):
    """Gives models of a catalogue their sheet as soon as the thumbnails of its seeds are there. `files` writes it."""

    def __init__(self, catalogue: Catalogue, thumbnails: Thumbnails, files: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._catalogue, self._thumbnails, self._files = catalogue, thumbnails, files
        self._without: set[str] = set()
        thumbnails.came.connect(self._came)

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """The models at hand. Those that come along with the program have theirs, or none that could be written."""
        self._without = {entry.name for entry in entries if entry.sheet is None and entry.origin != "embedded"}

    def _came(self, variation: Variation, image: QImage) -> None:
        name = variation.model
        if name not in self._without:
            return
        images = [self._thumbnails.get(Variation(model=name).at_seed(seed)) for seed in SEEDS]
        at_hand = [image for image in images if image is not None]
        if len(at_hand) == len(SEEDS):
            self._without.discard(name)
            self._files.run(lambda: self._catalogue.keep_sheet(name, sample_sheet(at_hand)), lambda _: None)
