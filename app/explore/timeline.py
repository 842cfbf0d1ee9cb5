"""The timeline of a morph: its keys on a line, a playhead that is dragged, and what is set around it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.explore.morph import SECONDS
from app.widgets.icon_button import icon_button
from app.widgets.slider_row import SliderRow

SIDE = 44
KEY_STEP = 0.02  # of the whole, by an arrow key


class Timeline(QWidget):
    """Keys as thumbnails along a line; `scrubbed(share)` 0..1 while a hand moves the playhead."""

    scrubbed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("morph:timeline")
        self.setAccessibleName(self.tr("Timeline: arrow keys move through the morph"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(SIDE + 20)
        self._images: list[QImage | None] = []
        self._loop, self._share = True, 0.0

    def sizeHint(self) -> QSize:
        return QSize(320, SIDE + 20)

    def set_keys(self, images: Sequence[QImage | None], loop: bool) -> None:
        """The thumbnails of the keys, in order (None: not there yet). A loop ends on the first one again."""
        self._images, self._loop = list(images), loop
        self.update()

    def set_share(self, share: float) -> None:
        """Where the playhead is; no signal comes back."""
        self._share = share
        self.update()

    def _span(self) -> tuple[float, float]:
        """From the middle of the first key to that of the last."""
        return SIDE / 2 + 2, self.width() - SIDE / 2 - 2

    def _key_at(self, number: int, count: int) -> float:
        first, last = self._span()
        return first + (last - first) * number / max(count - 1, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = [*self._images, self._images[0]] if self._loop and self._images else self._images
        first, last = self._span()
        line = SIDE + 12
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            playhead = first + (last - first) * self._share
            painter.setPen(QPen(theme.colour("border"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(first, line), QPointF(last, line))
            painter.setPen(QPen(theme.colour("accent"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(first, line), QPointF(playhead, line))
            for number, image in enumerate(shown):
                self._paint_key(painter, self._key_at(number, len(shown)), image, again=number == len(self._images))
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(theme.colour("accent" if self.hasFocus() else "raised"))
            painter.drawEllipse(QPointF(playhead, line), 6, 6)

    def _paint_key(self, painter: QPainter, x: float, image: QImage | None, again: bool) -> None:
        place = QRectF(x - SIDE / 2, 0, SIDE, SIDE)
        shape = QPainterPath()
        shape.addRoundedRect(place, 6, 6)
        painter.save()
        painter.setOpacity(0.5 if again else 1.0)
        painter.fillPath(shape, theme.colour("raised"))
        if image is not None:
            painter.setClipPath(shape)
            painter.drawImage(place, image)
        painter.restore()
        painter.setPen(QPen(theme.colour("border"), 1))
        painter.drawLine(QPointF(x, SIDE + 2), QPointF(x, SIDE + 8))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -KEY_STEP, Qt.Key.Key_Right: KEY_STEP}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self._move(self._share + step)

    def _go_to(self, x: float) -> None:
        first, last = self._span()
        self._move((x - first) / max(last - first, 1.0))

    def _move(self, share: float) -> None:
        self.set_share(min(max(share, 0.0), 1.0))
        self.scrubbed.emit(self._share)


class MorphRow(QFrame):
    """The timeline and its settings, in the place of the strip. `changed()` when pace, loop or size is another."""

    play = Signal()
    changed = Signal()
    export = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.timeline = Timeline()
        self.button = icon_button("play", self.tr("Play (and stop)"), "morph:play")
        self.button.clicked.connect(self.play)
        self.pace = SliderRow("morph:seconds", self.tr("Seconds a step"), *SECONDS, 2.0, decimals=1, label_width=100)
        self.pace.setFixedWidth(248)
        self.pace.changed.connect(lambda _: self.changed.emit())
        self.loop = QCheckBox(self.tr("Loop"))
        self.loop.setObjectName("morph:loop")
        self.loop.setChecked(True)
        self.loop.toggled.connect(self.changed)
        self.size_box = QComboBox()
        self.size_box.setObjectName("morph:size")
        self.size_box.setAccessibleName(self.tr("Size of the exported pictures"))
        self.size_box.setToolTip(self.tr("Size of the exported pictures"))
        self.save = QPushButton(self.tr("Save the morph…"))
        self.save.setObjectName("morph:save")
        theme.give_icon(self.save, "export")
        self.save.clicked.connect(self.export)
        close = icon_button("close", self.tr("Back to the history"), "morph:close")
        close.clicked.connect(self.closed)
        self.length = QLabel()
        self.length.setProperty("tone", "dim")
        self.length.setFont(theme.remark_font())
        settings = QHBoxLayout()
        settings.setSpacing(12)
        settings.addWidget(self.pace)
        settings.addWidget(self.loop)
        settings.addWidget(self.length, 1)
        settings.addWidget(self.size_box)
        settings.addWidget(self.save)
        settings.addWidget(close)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.timeline, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(4)
        column.addLayout(line)
        column.addLayout(settings)
        self.hide()

    def set_sizes(self, sizes: Sequence[int]) -> None:
        """The sizes a model can make, ascending; the largest is chosen unless another was."""
        old = self.size_box.currentData()
        self.size_box.clear()
        for size in sizes:
            self.size_box.addItem(f"{size} px", size)
        self.size_box.setCurrentIndex(sizes.index(old) if old in sizes else len(sizes) - 1)

    def show_playing(self, playing: bool) -> None:
        self.button.setIcon(theme.icon("pause" if playing else "play"))
