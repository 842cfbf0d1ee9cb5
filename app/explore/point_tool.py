"""The tool that sets points on Explore's picture: arrows from what is dragged to where it goes, and a brush for what may move."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF

from app.explore.arrows import Arrows, End, Place
from app.widgets.picture_view import PictureView

Mode = Literal["points", "area"]

REACH = 12.0  # view pixels within which a press takes hold of a point
HANDLE, TARGET = 6.5, 5.5  # radii in view pixels
NUDGE = 1 / 256
# On a picture no theme helps: each line is drawn light on dark, which stands out from both.
INK, PAPER, HANDLE_FILL, CHOSEN_FILL = QColor(10, 12, 14, 210), QColor(255, 255, 255), QColor(214, 64, 69), QColor(255, 176, 46)
VEIL = QColor(12, 14, 18, 130)


class PointTool(QObject):
    """Takes the gestures of a `PictureView` while `active`, and paints over it.

    `changed()` when points, area or what is chosen changed; `go()` and `halt()` are asked for by keys, `left()` when Escape
    puts the tool away. `points` are those of the picture shown; `places` are where handles are while they are dragged.
    """

    changed = Signal()
    go = Signal()
    halt = Signal()
    left = Signal()

    def __init__(self, view: PictureView) -> None:
        super().__init__(view)
        self._view = view
        self.active = False
        self.mode: Mode = "points"
        self.brush = 0.1  # radius, as a share of the picture's side
        self.points = Arrows()
        self.places: tuple[Place, ...] | None = None
        self.chosen: int | None = None
        self._pulling: tuple[int, End] | None = None
        self._before: Arrows | None = None  # what Escape goes back to while a button is held
        self._brushing: tuple[Place, bool] | None = None
        self._hover: QPointF | None = None
        self._veil: tuple[object, QImage] = (None, QImage())
        view.overlays.append(self._paint)

    def set_active(self, active: bool) -> None:
        """Take the gestures of the view, or leave them to it."""
        self.active = active
        self._pulling = self._brushing = self._before = self._hover = None
        self._view.unsetCursor()
        self.show_cursor()
        self._view.update()

    def show_cursor(self) -> None:
        """The tool's pointer, where the view has shown another one meanwhile."""
        if self.active:
            self._view.setCursor(Qt.CursorShape.CrossCursor)

    def set_points(self, points: Arrows) -> None:
        """Show other points; nothing is told."""
        self.points = points
        self.chosen = self._pulling = self._brushing = self._before = None
        self._view.update()

    def set_places(self, places: tuple[Place, ...] | None) -> None:
        """Where the handles are while they are dragged; None: no drag is under way."""
        self.places = places
        if places is not None:  # a hand that still holds a point holds it no longer: a place belongs to each arrow
            self._pulling = self._brushing = self._before = None
        self._view.update()

    @property
    def is_dragging(self) -> bool:
        """Whether handles are on their way just now."""
        return self.places is not None

    # Gestures: each says whether it was the tool's

    def press(self, event: QMouseEvent) -> bool:
        button, hands = event.button(), (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
        if not self.active or not self._view.has_picture() or button not in hands:
            return False
        if self.is_dragging:
            return True
        at = self._place(event.position())
        self._before = self.points
        if self.mode == "area":
            may_move = button == Qt.MouseButton.LeftButton
            self._brushing = (at, may_move)
            self._become(self.points.painted(at, self.brush, may_move))
            return True
        found = self.points.at(at, REACH / self._view.picture_rect().width())
        if button == Qt.MouseButton.RightButton:
            self._before = None
            if found is not None:
                self.remove(found[0])
        elif found is not None:
            self.chosen, self._pulling = found[0], found
            self.changed.emit()
        elif 0 <= at[0] <= 1 and 0 <= at[1] <= 1:
            added = self.points.with_arrow(at)
            self.chosen = len(added.arrows) - 1
            self._pulling = (self.chosen, "target")
            self._become(added)
        self._view.update()
        return True

    def move(self, event: QMouseEvent) -> bool:
        if not self.active:
            return False
        self._hover = event.position()
        at = self._place(event.position())
        if self._brushing is not None:
            start, may_move = self._brushing
            self._brushing = (at, may_move)
            self._become(self.points.stroked(start, at, self.brush, may_move))
        elif self._pulling is not None:
            self._become(self.points.with_end(*self._pulling, at))
        self._view.update()
        return self._brushing is not None or self._pulling is not None

    def release(self, event: QMouseEvent) -> bool:
        if not self.active or (self._pulling is None and self._brushing is None):
            return False
        self._pulling = self._brushing = self._before = None
        self.changed.emit()
        return True

    def key(self, event: QKeyEvent) -> bool:
        if not self.active:
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self._escape()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if self.points.arrows and not self.is_dragging:
                self.remove(len(self.points.arrows) - 1 if self.chosen is None else self.chosen)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            (self.halt if self.is_dragging else self.go).emit()
        elif key in _NUDGES and self.chosen is not None and not self.is_dragging:
            x, y = self.points.arrows[self.chosen].target
            across, down = _NUDGES[Qt.Key(key)]
            self._become(self.points.with_end(self.chosen, "target", (x + across * NUDGE, y + down * NUDGE)))
        else:
            return False
        return True

    def leave(self) -> None:
        """The pointer has left the view."""
        self._hover = None
        self._view.update()

    def remove(self, number: int) -> None:
        """Take an arrow away; a hand that holds one holds it no longer, since their numbers are others now."""
        self.chosen = self._pulling = self._before = None
        self._become(self.points.without(number))

    def _escape(self) -> None:
        if self.is_dragging:
            self.halt.emit()
        elif self._before is not None:
            before = self._before
            self.chosen = self._pulling = self._brushing = self._before = None
            self._become(before)
        elif self.chosen is not None:
            self.chosen = None
            self.changed.emit()
            self._view.update()
        else:
            self.left.emit()

    def _become(self, points: Arrows) -> None:
        self.points = points
        self.changed.emit()
        self._view.update()

    def _place(self, at: QPointF) -> Place:
        """View coordinates to fractions of the picture."""
        picture, image = self._view.to_picture(at), self._view.image
        return picture.x() / max(image.width(), 1), picture.y() / max(image.height(), 1)

    # Painting

    def _paint(self, painter: QPainter, view: PictureView) -> None:
        if not self.active or not view.has_picture():
            return
        area = view.picture_rect()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.points.movable is not None and not self.is_dragging:  # then the whole picture is to be seen
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(area, self._veil_image())
        if self.mode == "area" and self._hover is not None and not self.is_dragging:
            radius = self.brush * area.width()
            _ring(painter, self._hover, radius)
        chosen = self.chosen if self.places is None else None
        arrows = self.points.long_enough if self.places is not None else self.points.arrows
        for number, arrow in enumerate(arrows):
            handle = arrow.handle if self.places is None else self.places[number]
            self._paint_arrow(painter, _spot(area, handle), _spot(area, arrow.target), number == chosen)

    def _paint_arrow(self, painter: QPainter, handle: QPointF, target: QPointF, chosen: bool) -> None:
        way = target - handle
        length = (way.x() ** 2 + way.y() ** 2) ** 0.5
        if length > HANDLE + TARGET:
            along = way / length
            across = QPointF(-along.y(), along.x())
            tip = target - along * (TARGET + 1)
            start, base = handle + along * HANDLE, tip - along * 9
            head = QPolygonF([tip, base + across * 4.5, base - across * 4.5])
            flat, round_, joined = Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
            for colour, shaft, edge in ((INK, 4.5, 3.0), (PAPER, 2.0, 0.5)):
                painter.setPen(QPen(colour, shaft, flat, round_, joined))
                painter.drawLine(start, base)
                painter.setPen(QPen(colour, edge, flat, round_, joined))
                painter.setBrush(colour)
                painter.drawPolygon(head)
        _ring(painter, target, TARGET)
        painter.setPen(QPen(INK, 4.0))
        painter.setBrush(CHOSEN_FILL if chosen else HANDLE_FILL)
        painter.drawEllipse(handle, HANDLE, HANDLE)
        painter.setPen(QPen(PAPER, 2.0))
        painter.drawEllipse(handle, HANDLE, HANDLE)

    def _veil_image(self) -> QImage:
        """Darkness over what may not move."""
        movable = self.points.movable
        if self._veil[0] is not movable and movable is not None:
            side = movable.shape[0]
            pixels = np.zeros((side, side, 4), np.uint8)
            pixels[~movable] = (VEIL.blue(), VEIL.green(), VEIL.red(), VEIL.alpha())
            image = QImage(pixels.data, side, side, 4 * side, QImage.Format.Format_ARGB32)
            self._veil = (movable, image.copy())
        return self._veil[1]


_NUDGES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


def _spot(area: QRectF, place: Place) -> QPointF:
    return QPointF(area.x() + place[0] * area.width(), area.y() + place[1] * area.height())


def _ring(painter: QPainter, at: QPointF, radius: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((INK, 4.0), (PAPER, 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(at, radius, radius)
