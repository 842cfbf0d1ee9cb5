"""Hands for tests: a mouse and a pen on a canvas, in canvas pixels."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest

from app.paint.canvas import Canvas

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NOTHING_HELD = Qt.KeyboardModifier.NoModifier
_PENS: dict[QPointingDevice.PointerType, QPointingDevice] = {}  # devices must outlive every event


def at(canvas: Canvas, x: float, y: float) -> QPoint:
    """Where a place of the canvas lies in the view."""
    return canvas.to_view(QPointF(x, y)).toPoint()


def draw(canvas: Canvas, points: Sequence[tuple[float, float]], held: Qt.KeyboardModifier = NOTHING_HELD) -> None:
    """A stroke of the mouse."""
    places = [at(canvas, *point) for point in points]
    QTest.mousePress(canvas, LEFT, held, places[0])
    for place in places[1:]:
        _move(canvas, place, held)
    QTest.mouseRelease(canvas, LEFT, held, places[-1])


def _move(canvas: Canvas, place: QPoint, held: Qt.KeyboardModifier) -> None:
    """QTest.mouseMove cannot hold a key: the event is sent by hand then."""
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(QEvent.Type.MouseMove, QPointF(place), QPointF(canvas.mapToGlobal(place)), NO_BUTTON, LEFT, held)
    QCoreApplication.sendEvent(canvas, event)


def pen(kind: QPointingDevice.PointerType = QPointingDevice.PointerType.Pen) -> QPointingDevice:
    can = QInputDevice.Capability.Position | QInputDevice.Capability.Pressure
    if kind not in _PENS:
        number = 4711 + len(_PENS)
        _PENS[kind] = QPointingDevice("test pen", number, QInputDevice.DeviceType.Stylus, kind, can, 1, 3)
    return _PENS[kind]


def tablet(
    canvas: Canvas,
    kind: QEvent.Type,
    x: float,
    y: float,
    pressure: float,
    end: QPointingDevice.PointerType = QPointingDevice.PointerType.Pen,
    button: Qt.MouseButton = LEFT,
) -> QTabletEvent:
    """Send one event of a pen at a place of the canvas."""
    place = QPointF(canvas.to_view(QPointF(x, y)))
    moving, lifting = kind == QEvent.Type.TabletMove, kind == QEvent.Type.TabletRelease
    event = QTabletEvent(
        kind, pen(end), place, QPointF(canvas.mapToGlobal(place)), pressure, 0.0, 0.0, 0.0, 0.0, 0.0, NOTHING_HELD,
        NO_BUTTON if moving else button, NO_BUTTON if lifting else button,
    )  # fmt: skip
    QCoreApplication.sendEvent(canvas, event)
    return event
