"""The models at hand side by side, each with the same crop of the photo: see, compare, click.

Crops are made one after another in a lane of their own, the quick models first. A model that would take too long shows its
price instead and is tried when it is clicked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.inference.requests import TranslateRequest, UpscaleRequest
from app.inference.updates import ENDINGS, Cancelled, Done, Update
from app.photos.photo import Photo
from app.photos.showing import to_picture
from app.upscale.pace import Paces, duration
from app.upscale.prices import Price
from app.widgets.background import Background
from app.widgets.picture_view import image_of
from models.catalogue import Entry

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

LANE = "upscale:strip"
CROP = 128
UNASKED_SECONDS = 10.0
KEPT = 120  # crops: of 512 px some 120 MB at most
SIDE = 88
LINE = 16  # pixels of a price
HEIGHT = SIDE + 58 + 28 + 14
VISIBLE = 0.5  # of the crop's side: its middle, large enough to see what a model does to texture


class Crops(QObject):
    """Crops of the photo at hand by each model. `came(model)` tells that one can be had by `get`."""

    came = Signal(str)

    def __init__(self, worker: InferenceWorker, paces: Paces, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.device = "cpu"
        self.plain: QImage | None = None  # the crop as it is
        self._worker, self._paces = worker, paces
        self._background = Background(self)
        self._kept: OrderedDict[tuple[Any, ...], QImage] = OrderedDict()
        self._known: dict[str, tuple[str, str]] = {}  # by model, what tells it from another that had its name before
        self._icc: bytes | None = None
        self._key: tuple[Any, ...] = ()
        self._crop: NDArray[Any] | None = None
        self._waiting: list[Entry] = []
        # Of which crop, in which colours, of how many megapixels.
        self._asked: tuple[int, Entry, tuple[Any, ...], bytes | None, float] | None = None
        self._held = True
        worker.updated.connect(self._update)

    def look_at(self, path: Path, stamp: object, photo: Photo, at: QPoint) -> None:
        """Show this photo's crop around a point from now on; `stamp` tells its file from another of its name."""
        side = min(CROP, photo.width, photo.height)
        left = min(max(at.x() - side // 2, 0), photo.width - side)
        top = min(max(at.y() - side // 2, 0), photo.height - side)
        key = (path, stamp, left, top)
        if key == self._key:
            return
        self._key, self._icc = key, photo.icc
        self._crop = np.ascontiguousarray(photo.pixels[top : top + side, left : left + side])
        self.plain = image_of(to_picture(self._crop, photo.icc))

    def look_away(self) -> None:
        """There is no photo to be seen, and no crop of one."""
        self._key, self._crop, self.plain = (), None, None
        self._waiting.clear()

    def get(self, model: str) -> QImage | None:
        """The crop by a model, or None while it is not made."""
        return self._kept.get((*self._key, model, self._known.get(model)))

    def wish(self, entries: Sequence[Entry], unasked: bool = True) -> None:
        """Make crops by these models (`unasked`: only those that are quick)."""
        self._known |= {entry.name: _known_by(entry) for entry in entries}
        missing = [entry for entry in entries if self.get(entry.name) is None]
        if unasked:
            missing = [entry for entry in missing if self.seconds(entry) <= UNASKED_SECONDS]
        self._waiting = sorted(missing, key=self.seconds)
        self._next()

    def seconds(self, entry: Entry) -> float:
        """About how long a crop by this model takes."""
        return CROP * CROP / 1e6 / self._paces.expected(entry.card, self.device)

    def hold(self, held: bool) -> None:
        """Ask for nothing while something more important is being made: what is at work gives way to it."""
        self._held = held
        if held and self._asked is not None:
            self._worker.cancel(self._asked[0])
        self._next()

    def shut(self) -> None:
        """The window closes."""
        self._worker.updated.disconnect(self._update)
        self._background.shut()

    def _next(self) -> None:
        if self._held or self._asked is not None or not self._waiting or self._crop is None:
            return
        entry = self._waiting.pop(0)
        card, crop = entry.card, self._crop
        request = TranslateRequest(entry.name, crop) if card.task == "translation" else UpscaleRequest(entry.name, crop)
        megapixels = crop.shape[0] * crop.shape[1] / 1e6
        self._asked = (self._worker.submit(request, LANE), entry, self._key, self._icc, megapixels)

    def _update(self, ticket: int, update: Update) -> None:
        if self._asked is None or ticket != self._asked[0] or not isinstance(update, ENDINGS):
            return
        (_, entry, key, icc, megapixels), self._asked = self._asked, None
        if isinstance(update, Cancelled) and key == self._key and entry not in self._waiting:
            self._waiting.insert(0, entry)
        elif isinstance(update, Done):
            pixels = np.atleast_3d(update.result)
            self._paces.note(entry.name, self.device, megapixels, update.seconds)

            def keep(image: QImage) -> None:
                self._kept[(*key, entry.name, _known_by(entry))] = image
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
                self.came.emit(entry.name)

            self._background.run(lambda: image_of(to_picture(pixels, icc)), keep)
        self._next()


def _known_by(entry: Entry) -> tuple[str, str]:
    return entry.card.sha256, entry.card.key


def _middle(image: QImage) -> QRectF:
    """The part of a crop that a card shows."""
    part = QRectF(0, 0, image.width() * VISIBLE, image.height() * VISIBLE)
    part.moveCenter(QRectF(image.rect()).center())
    return part


class _Card(QAbstractButton):
    """One model: its crop, its title, its price."""

    def __init__(self, entry: Entry, crops: Crops, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry, self._crops = entry, crops
        self.price = self.job = ""
        self.setObjectName(f"strip:{entry.name}")
        self.setCheckable(True)
        self.setText(entry.card.title)
        self.setAccessibleName(entry.card.title)
        licence = entry.card.licence_said + (", non-commercial" if entry.card.non_commercial else "")
        self.setToolTip("\n".join(filter(None, (entry.card.title, entry.card.description, licence))))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        return QSize(SIDE + 32, SIDE + 58 + (LINE if self.job else 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            place = QRectF((self.width() - SIDE) / 2, 4, SIDE, SIDE)
            outline = QPainterPath()
            outline.addRoundedRect(place, 6, 6)
            painter.fillPath(outline, theme.colour("raised"))
            image = self._crops.get(self.entry.name)
            plain = None if image is not None else self._crops.plain
            painter.save()
            painter.setClipPath(outline)
            if image is not None:
                painter.drawImage(place, image, _middle(image))
            elif plain is not None:
                painter.setOpacity(0.35)
                painter.drawImage(place, plain, _middle(plain))
            painter.restore()
            if self.isChecked() or self.hasFocus() or self.underMouse():
                marked = self.isChecked() or self.hasFocus()
                painter.setPen(QPen(theme.colour("accent" if marked else "dim"), 2.5 if self.isChecked() else 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(place.adjusted(-1.5, -1.5, 1.5, 1.5), 7, 7)
            painter.setFont(theme.remark_font())
            painter.setPen(theme.colour("text"))
            text = QRectF(2, place.bottom() + 4, self.width() - 4, 30)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(text, flags, self.entry.card.title)
            painter.setPen(theme.colour("dim"))
            below = QRectF(2, text.bottom() + 2, text.width(), 16)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.price)
            painter.drawText(below.translated(0, LINE), Qt.AlignmentFlag.AlignCenter, self.job)


class ModelStrip(QScrollArea):
    """The row of models under headings. `chosen(name)` on a click."""

    chosen = Signal(str)

    def __init__(self, crops: Crops, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName(self.tr("Models, each with a part of the photo"))
        self._crops = crops
        self._cards: dict[str, _Card] = {}
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._clicked)
        self.setWidgetResizable(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(HEIGHT)
        crops.came.connect(self._came)

    @property
    def entries(self) -> list[Entry]:
        return [card.entry for card in self._cards.values()]

    def show_models(self, groups: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """Show these models under their headings."""
        self._cards.clear()
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(12, 6, 12, 4)
        row.setSpacing(16)
        for title, entries in groups:
            if not entries:
                continue
            heading = QLabel(title)
            heading.setFont(theme.remark_font())
            heading.setProperty("tone", "dim")
            cards = QHBoxLayout()
            cards.setSpacing(4)
            for entry in entries:
                card = _Card(entry, self._crops)
                self._cards[entry.name] = card
                self._group.addButton(card)
                cards.addWidget(card)
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(heading)
            column.addLayout(cards)
            row.addLayout(column)
        row.addStretch(1)
        self.setWidget(inside)

    def select(self, name: str) -> None:
        """Mark a model, without a signal."""
        if name in self._cards:
            self._cards[name].setChecked(True)
            self.ensureWidgetVisible(self._cards[name], 24, 0)

    def show_prices(self, seconds: dict[str, float], jobs: Mapping[str, Price]) -> None:
        """Say below each model how long the photo takes with it, and what all of them cost, where there are some."""
        for name, card in self._cards.items():
            price = f"≈ {duration(seconds[name])}" if name in seconds else ""
            job = self.tr("all {0}").format(jobs[name]) if name in jobs else ""
            if (price, job) != (card.price, card.job):
                card.price, card.job = price, job
                card.updateGeometry()
                card.setAccessibleDescription(", ".join(filter(None, (price, job))))
                card.update()
        self.setFixedHeight(HEIGHT + (LINE if jobs else 0))

    def refresh(self) -> None:
        """Another crop is shown now."""
        for card in self._cards.values():
            card.update()

    def _came(self, name: str) -> None:
        if name in self._cards:
            self._cards[name].update()

    def _clicked(self, card: QAbstractButton) -> None:
        if isinstance(card, _Card):
            self._crops.wish([card.entry], unasked=False)
            self.chosen.emit(card.entry.name)
