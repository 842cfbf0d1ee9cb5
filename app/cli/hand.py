"""A hand that uses the window as a person does: real mouse events, at the pace of a hand where somebody watches. Qt."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QPointF, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QMouseEvent, QPointingDevice
from PySide6.QtWidgets import QWidget

POLL_MS = 15


class GaveUp(Exception):
    """Something that was waited for did not come."""


def rest(milliseconds: int) -> None:
    """Let the window live for a while."""
    loop, clock = QEventLoop(), QTimer()  # a timer that Python owns: see app/inference/worker.py on QTimer.singleShot
    clock.setSingleShot(True)
    clock.timeout.connect(loop.quit)
    clock.start(milliseconds)
    loop.exec()


def wait_until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    """Let the window live until something holds; `GaveUp` where it does not within so many seconds."""
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            raise GaveUp(f"{what} did not come within {seconds:.0f} seconds.")
        rest(POLL_MS)


class Hand:
    """Presses, drags and lets go. `pace` is the pause in milliseconds after each movement: 0 where nobody watches."""

    def __init__(self, pace: int) -> None:
        self._pace = pace

    def click(self, widget: QWidget, at: QPointF | None = None) -> None:
        """Click a widget, in its middle unless said otherwise."""
        self.drag(widget, [at if at is not None else QPointF(widget.rect().center())])

    def drag(self, widget: QWidget, way: Sequence[QPointF]) -> None:
        """Press at the first point (coordinates of the widget), move through the others, let go at the last."""
        self._send(widget, QEvent.Type.MouseMove, way[0], Qt.MouseButton.NoButton, Qt.MouseButton.NoButton)
        self._send(widget, QEvent.Type.MouseButtonPress, way[0], Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton)
        for point in way[1:]:
            self._send(widget, QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton)
            rest(self._pace)
        self._send(widget, QEvent.Type.MouseButtonRelease, way[-1], Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton)
        rest(self._pace)

    def _send(self, widget: QWidget, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        everywhere = QPointF(widget.mapToGlobal(at))
        event = QMouseEvent(
            kind, at, everywhere, button, held, Qt.KeyboardModifier.NoModifier, QPointingDevice.primaryPointingDevice()
        )
        QCoreApplication.sendEvent(widget, event)
        QGuiApplication.processEvents()


def along(points: Sequence[tuple[float, float]], steps: int = 12) -> list[QPointF]:
    """Points of a way through corners, `steps` to a side."""
    way = [QPointF(*points[0])]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        way += [QPointF(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(1, steps + 1)]
    return way
