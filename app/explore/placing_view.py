"""A photo that is moved, turned and enlarged under a square until its face lies where a model's faces do."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.explore.framing import CHIN, EYES, MOUTH, Framing, middle

MARGIN = 28  # logical pixels around the square, in which the rest of the photo is seen
ZOOM_STEP, TURN_STEP = 1.08, 1.0  # of one notch of the wheel
LARGEST_SIDE = 3.0  # of the square, in the photo's shorter sides
SMALLEST_SIDE = 16.0  # pixels of the photo
MOST_TURN = 180.0
EYE, LIPS = 0.034, 0.075  # half sizes of the guide's rings and mouth, in shares of the square


class PlacingView(QWidget):
    """`changed()` when the photo was moved, turned or enlarged. Drag moves it, the wheel enlarges it, with Ctrl it turns."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("project:place")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 260)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(self.tr("The photo: drag it until the face lies under the guide"))
        self.placeholder = ""
        self.face_guide = True
        self.framing = Framing(0, 0, 1)
        self._image = QImage()
        self._drag_from: QPointF | None = None

    def sizeHint(self) -> QSize:
        return QSize(400, 400)

    def show_photo(self, image: QImage) -> None:
        """Show another photo, its middle square under the guide."""
        self._image = image
        self.framing = middle(max(image.width(), 1), max(image.height(), 1))
        self.changed.emit()
        self.update()

    @property
    def has_photo(self) -> bool:
        return not self._image.isNull()

    def set_face_guide(self, on: bool) -> None:
        """Whether eyes, mouth and chin are drawn in the square."""
        self.face_guide = on
        self.update()

    def enlarge(self, factor: float) -> None:
        """Make the photo so many times as large, about the middle of the square."""
        shorter = min(self._image.width(), self._image.height())
        side = min(max(self.framing.side / factor, min(SMALLEST_SIDE, shorter)), LARGEST_SIDE * shorter)
        self._take(replace(self.framing, side=side))

    def turn_to(self, angle: float) -> None:
        """Turn the photo to an angle in degrees (the square lies turned clockwise by it in the photo)."""
        self._take(replace(self.framing, angle=math.remainder(angle, 2 * MOST_TURN)))

    def square(self) -> QRectF:
        """Where the square lies, in view coordinates."""
        side = min(self.width(), self.height()) - 2 * MARGIN
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _take(self, framing: Framing) -> None:
        if self._image.isNull() or framing == self.framing:
            return
        x = min(max(framing.x, 0.0), float(self._image.width()))
        y = min(max(framing.y, 0.0), float(self._image.height()))
        self.framing = replace(framing, x=x, y=y)
        self.changed.emit()
        self.update()

    def _move(self, right: float, down: float) -> None:
        """Move the photo by so many logical pixels of the view."""
        framing, scale, turn = self.framing, self.square().width() / self.framing.side, math.radians(self.framing.angle)
        x = framing.x - (right * math.cos(turn) - down * math.sin(turn)) / scale
        y = framing.y - (right * math.sin(turn) + down * math.cos(turn)) / scale
        self._take(replace(framing, x=x, y=y))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.fillRect(self.rect(), theme.colour("canvas"))
            if self._image.isNull():
                painter.setPen(theme.colour("text"))
                area = self.rect().adjusted(24, 24, -24, -24)
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.placeholder)
            else:
                self._paint_photo(painter)
                self._paint_guide(painter)
            if self.hasFocus():
                painter.setPen(theme.colour("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_photo(self, painter: QPainter) -> None:
        square, framing = self.square(), self.framing
        painter.save()
        painter.translate(square.center())
        painter.scale(square.width() / framing.side, square.width() / framing.side)
        painter.rotate(-framing.angle)
        painter.drawImage(QPointF(-framing.x, -framing.y), self._image)
        painter.restore()
        around = QPainterPath()
        around.addRect(QRectF(self.rect()))
        inside = QPainterPath()
        inside.addRect(square)
        shade = theme.colour("canvas")
        shade.setAlphaF(0.66)
        painter.fillPath(around - inside, shade)

    def _paint_guide(self, painter: QPainter) -> None:
        square = self.square()
        guide = QPainterPath()
        if self.face_guide:
            for eye in EYES:
                guide.addEllipse(_at(square, eye), EYE * square.width(), EYE * square.width())
            guide.moveTo(_at(square, (MOUTH[0] - LIPS, MOUTH[1])))
            guide.quadTo(_at(square, (MOUTH[0], MOUTH[1] + 0.03)), _at(square, (MOUTH[0] + LIPS, MOUTH[1])))
            guide.moveTo(_at(square, (0.5 - LIPS, CHIN - 0.012)))
            guide.quadTo(_at(square, (0.5, CHIN + 0.012)), _at(square, (0.5 + LIPS, CHIN - 0.012)))
        guide.addRect(square)
        # Dark under light, so that the guide is seen on every skin and ground.
        for colour, width in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.4)):
            painter.setPen(QPen(colour, width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(guide)

    # Gestures

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._image.isNull():
            self._drag_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is not None:
            moved = event.position() - self._drag_from
            self._drag_from = event.position()
            self._move(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag_from = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.turn_to(self.framing.angle - TURN_STEP * notches)
        else:
            self.enlarge(ZOOM_STEP**notches)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = 10.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        moves = {
            Qt.Key.Key_Left: (-step, 0.0),
            Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Up: (0.0, -step),
            Qt.Key.Key_Down: (0.0, step),
        }
        key = Qt.Key(event.key())
        if key in moves:
            self._move(*moves[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.enlarge(ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.enlarge(1 / ZOOM_STEP)
        else:
            super().keyPressEvent(event)


def _at(square: QRectF, place: tuple[float, float]) -> QPointF:
    return QPointF(square.x() + place[0] * square.width(), square.y() + place[1] * square.height())
