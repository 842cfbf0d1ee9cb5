"""A view that is painted on: mouse, pen, wheel, trackpad and the keys that are held."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QElapsedTimer, QEvent, QPointF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.paint.desk import Desk
from app.paint.map_view import Kind, MapView
from app.paint.viewport import ZOOM_STEP

# Drivers that send a pen's events as mouse events too may send them a little later, or a little earlier.
ECHO_MS = 80
# A press with Shift that moves less than this is a click (a straight line), more is a change of the brush's size.
CLICK = 3.0

Doing = Literal["paint", "pan", "turn", "zoom", "size"]


class Canvas(MapView):
    """What a hand does on it goes to the desk: strokes to the hand, looks around to the viewport, picks to the tools."""

    def __init__(self, desk: Desk, kind: Kind, parent: QWidget | None = None) -> None:
        super().__init__(desk, kind, parent)
        self._doing: Doing | None = None
        self._button = Qt.MouseButton.NoButton  # the one that holds it: others come and go meanwhile
        self._from = QPointF()
        self._size_before, self._moved = 0.0, False
        self._space = False
        self._pen_down = False
        self._pen_clock = QElapsedTimer()
        self._mouse_clock = QElapsedTimer()
        desk.tools_changed.connect(self._show_cursor)
        desk.hand.ended.connect(self._hand_ended)
        self._show_cursor()

    # Pen and mouse

    def tabletEvent(self, event: QTabletEvent) -> None:
        kind, at = event.type(), event.position()
        if kind == QEvent.Type.TabletPress:
            if self._doing is not None and self._mouse_clock.isValid() and self._mouse_clock.elapsed() < ECHO_MS:
                self._give_up()  # the same press came as a mouse event first
            self._pen_down = True
            self.desk.tools.pen_erases = event.pointerType() == QPointingDevice.PointerType.Eraser
            self._down(at, event.button(), event.modifiers(), event.pressure())
        elif kind == QEvent.Type.TabletMove:
            self._move(at, event.modifiers(), event.pressure())
        elif kind == QEvent.Type.TabletRelease:
            self._up(at, event.button())
            if self._doing is None:
                self._pen_down = False
                self.desk.tools.pen_erases = False
        self._pen_clock.start()
        event.accept()  # or Qt turns it into a coarser mouse event

    def _is_echo(self) -> bool:
        return self._pen_down or (self._pen_clock.isValid() and self._pen_clock.elapsed() < ECHO_MS)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if not self._is_echo():
            self._mouse_clock.start()
            self._down(event.position(), event.button(), event.modifiers(), 1.0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._is_echo():
            return
        if self._doing is not None and not event.buttons():
            self._up(event.position(), self._button)  # it was let go while another window had the mouse
        self._move(event.position(), event.modifiers(), 1.0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if not self._is_echo():
            self._up(event.position(), event.button())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)  # two quick dots are two dots

    def _down(self, at: QPointF, button: Qt.MouseButton, held: Qt.KeyboardModifier, pressure: float) -> None:
        if self._doing is not None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._from, self._moved, self._button = at, False, button
        tools, canvas = self.desk.tools, self.to_canvas(at)
        shift, control = held & Qt.KeyboardModifier.ShiftModifier, held & Qt.KeyboardModifier.ControlModifier
        self.desk.touched.emit()
        if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and self._space):
            self._doing = "turn" if shift else "zoom" if control else "pan"
        elif button == Qt.MouseButton.RightButton:
            self.desk.menu_wanted.emit(self.mapToGlobal(at).toPoint())
        elif button != Qt.MouseButton.LeftButton:
            return
        elif tools.tool == "pick" or control or held & Qt.KeyboardModifier.AltModifier:
            self.desk.pick(canvas)
        elif shift and tools.tool in ("brush", "eraser"):
            self._doing, self._size_before = "size", tools.size
        elif self.desk.hand.press(self.desk.pen_point(canvas, pressure), bool(shift)):
            self._doing = "paint"
        self._show_cursor()

    def _move(self, at: QPointF, held: Qt.KeyboardModifier, pressure: float) -> None:
        canvas, viewport, ratio = self.to_canvas(at), self.desk.viewport, self.devicePixelRatioF()
        by = at - self._from
        if self._doing == "paint":
            self.desk.hand.move(self.desk.pen_point(canvas, pressure), bool(held & Qt.KeyboardModifier.ShiftModifier))
        elif self._doing == "size":
            self._moved = self._moved or abs(by.x()) > CLICK
            if self._moved:
                self.desk.tools.resize(self._size_before + 2 * by.x() / self.scale * ratio)
                self.desk.change_tools()
            return  # the outline grows where it is
        elif self._doing == "pan":
            viewport.pan(by, self.size(), ratio)
            self._from = at
        elif self._doing == "turn":
            viewport.turn(by.x() / 2)
            self._from = at
        elif self._doing == "zoom":
            viewport.zoom_to(self.scale * 1.01 ** (by.x() - by.y()), self.size(), ratio)
            self._from = at
        self.desk.point(canvas)

    def _up(self, at: QPointF, button: Qt.MouseButton) -> None:
        if button != self._button:
            return
        doing, self._doing = self._doing, None
        if doing == "paint":
            self.desk.hand.release()
        elif doing == "size" and not self._moved:
            self.desk.hand.line_to(self.desk.pen_point(self.to_canvas(at), 1.0))
        self._show_cursor()

    def _give_up(self) -> None:
        self._doing = None
        self.desk.hand.cancel()

    def _hand_ended(self) -> None:
        if self._doing == "paint":
            self._doing = None

    def leaveEvent(self, event: QEvent) -> None:
        self.desk.point(None)

    # Wheel and trackpad

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        self.desk.touched.emit()
        trackpad = event.phase() != Qt.ScrollPhase.NoScrollPhase and not event.pixelDelta().isNull()
        if trackpad and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.desk.viewport.pan(QPointF(event.pixelDelta()), self.size(), self.devicePixelRatioF())
        else:
            notches = (event.angleDelta().y() or event.angleDelta().x()) / 120
            self.zoom_by(ZOOM_STEP**notches, event.position())
        self.desk.point(self.to_canvas(event.position()))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_by(1 + event.value(), event.position())
                return True
            if event.gestureType() == Qt.NativeGestureType.RotateNativeGesture:
                self.desk.viewport.turn(event.value())
                return True
        return super().event(event)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom in (above 1) or out, the canvas' point under `at` (view coordinates) staying in place."""
        self.desk.viewport.zoom_to(self.scale * factor, self.size(), self.devicePixelRatioF(), at)

    def zoom_to(self, scale: float) -> None:
        self.desk.viewport.zoom_to(scale, self.size(), self.devicePixelRatioF())

    def fit_width(self) -> None:
        self.desk.viewport.fit_width(self.size(), self.devicePixelRatioF())

    # Keys that are held

    def focusNextPrevChild(self, forward: bool) -> bool:
        # Tab is a key of painting here; Shift+Tab still leads out.
        return False if forward else super().focusNextPrevChild(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            self._show_cursor()
        elif event.key() == Qt.Key.Key_Tab:
            self.desk.fade(True)
        elif event.key() == Qt.Key.Key_Escape and self._doing == "paint":
            self._give_up()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        if event.key() == Qt.Key.Key_Space:
            self._space = False
            self._show_cursor()
        elif event.key() == Qt.Key.Key_Tab:
            self.desk.fade(False)
        else:
            super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        self.desk.fade(False)
        self._show_cursor()
        self.update()

    def _show_cursor(self) -> None:
        if self._doing in ("pan", "turn", "zoom"):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif self.outline_radius() is not None:
            self.setCursor(Qt.CursorShape.BlankCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)
