"""The pad: a map of seeds that is pulled about under a fixed mark."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.explore.variation import seed_at

SPAN = 3.0  # seeds across the width of the pad
KEY_STEP, KEY_LEAP = 0.1, 1.0


class Pad(QWidget):
    """Shows the lattice of seeds around a place, each with its thumbnail once there is one; the mark in the middle is the
    place. A drag pulls the map; arrow keys move by a tenth of a seed, with Shift by a whole one; a double click goes to the
    seed under the pointer.

    `moved(x, y)` comes with every movement by hand, `settled()` when it ends. `thumbnail(seed)` gives a seed's image or None.
    """

    moved = Signal(float, float)
    settled = Signal()

    def __init__(self, thumbnail: Callable[[int], QImage | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pad")
        self._thumbnail = thumbnail
        self._x, self._y = 0.0, 0.0
        self._grabbed: QPointF | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Pad: walk between seeds"))
        self.setToolTip(self.tr("Drag to walk between neighbouring seeds; arrow keys move a little, with Shift a whole seed"))
        self.setFixedHeight(144)

    def sizeHint(self) -> QSize:
        return QSize(272, 144)

    def set_place(self, x: float, y: float) -> None:
        """Show a place; no signal comes back."""
        if (x, y) != (self._x, self._y):
            self._x, self._y = x, y
            self.update()

    def seeds_in_view(self) -> list[int]:
        """The seeds whose thumbnails show, the nearest first."""
        wide, high = self.width() / self._cell() / 2 + 0.3, self.height() / self._cell() / 2 + 0.3
        spots = [
            (column, row)
            for column in range(math.ceil(self._x - wide), math.floor(self._x + wide) + 1)
            for row in range(math.ceil(self._y - high), math.floor(self._y + high) + 1)
        ]
        spots.sort(key=lambda spot: math.hypot(spot[0] - self._x, spot[1] - self._y))
        return [seed_at(*spot) for spot in spots]

    def _cell(self) -> float:
        return max(self.width(), 1) / SPAN

    def _at(self, column: float, row: float) -> QPointF:
        cell = self._cell()
        return QPointF(self.width() / 2 + (column - self._x) * cell, self.height() / 2 + (row - self._y) * cell)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            shape = QPainterPath()
            shape.addRoundedRect(frame, 6, 6)
            painter.fillPath(shape, theme.colour("field"))
            painter.setClipPath(shape)
            self._paint_seeds(painter)
            painter.setClipping(False)
            painter.setPen(QPen(theme.colour("accent" if self.hasFocus() else "border"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(shape)
            middle = QPointF(self.width() / 2, self.height() / 2)
            painter.setPen(QPen(theme.colour("field"), 5))
            painter.drawEllipse(middle, 8, 8)
            painter.setPen(QPen(theme.colour("accent"), 2.5))
            painter.drawEllipse(middle, 8, 8)

    def _paint_seeds(self, painter: QPainter) -> None:
        cell = self._cell()
        side = cell * 0.62
        painter.setFont(theme.remark_font())
        for column in range(math.floor(self._x - SPAN), math.ceil(self._x + SPAN) + 1):
            for row in range(math.floor(self._y - SPAN), math.ceil(self._y + SPAN) + 1):
                at = self._at(column, row)
                place = QRectF(at.x() - side / 2, at.y() - side / 2, side, side)
                if not place.intersects(QRectF(self.rect())):
                    continue
                seed = seed_at(column, row)
                image = self._thumbnail(seed)
                nearness = max(0.0, 1 - math.hypot(column - self._x, row - self._y) / 2.2)
                rounded = QPainterPath()
                rounded.addRoundedRect(place, 6, 6)
                painter.save()
                painter.setOpacity(0.35 + 0.65 * nearness)
                if image is None:
                    painter.fillPath(rounded, theme.colour("raised"))
                    painter.setPen(theme.colour("dim"))
                    number = painter.fontMetrics().elidedText(str(seed), Qt.TextElideMode.ElideMiddle, int(place.width()) - 4)
                    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, number)
                else:
                    painter.setClipPath(rounded, Qt.ClipOperation.IntersectClip)
                    painter.drawImage(place, image)
                painter.restore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None:
            return
        pulled = event.position() - self._grabbed
        self._grabbed = event.position()
        self._go(self._x - pulled.x() / self._cell(), self._y - pulled.y() / self._cell())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self.settled.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        away = (event.position() - QPointF(self.width() / 2, self.height() / 2)) / self._cell()
        self._go(float(round(self._x + away.x())), float(round(self._y + away.y())))
        self.settled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = KEY_LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else KEY_STEP
        key = Qt.Key
        ways = {key.Key_Left: (-1, 0), key.Key_Right: (1, 0), key.Key_Up: (0, -1), key.Key_Down: (0, 1)}
        way = ways.get(key(event.key()))
        if way is None:
            super().keyPressEvent(event)
            return
        # Rounded to the step, so that ten small steps end on a seed exactly.
        self._go(round(self._x + way[0] * step, 4), round(self._y + way[1] * step, 4))
        self.settled.emit()

    def _go(self, x: float, y: float) -> None:
        self.set_place(x, y)
        self.moved.emit(x, y)
