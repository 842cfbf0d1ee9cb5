"""The painter's hand: raw points are kept until the next frame, and turned into pixels once a frame.

Pens deliver up to a thousand points a second; painting each by itself would swamp the window, and dropping some would cut
corners.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.paint.state.document import CannotPaint, Document
from app.paint.state.gestures import Gesture, begin
from app.paint.state.stroke import PenPoint
from app.paint.state.tools import Tools

FRAME_MS = 8  # half a frame of a 60 Hz screen: no point waits a whole one
REST_MS = 60  # a hand that sends nothing for so long holds still


class Hand(QObject):
    """One gesture at a time. `began()` and `ended()` frame it, `refused(CannotPaint)` says why there is none."""

    began = Signal()
    ended = Signal()
    refused = Signal(object)

    def __init__(self, document: Document, tools: Tools, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document, self.tools = document, tools
        self._gesture: Gesture | None = None
        self._points: list[PenPoint] = []
        self._straight = False
        self._last: PenPoint | None = None  # where the last stroke ended, for a straight line from there
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._draw)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._hold)

    @property
    def busy(self) -> bool:
        """Whether a gesture is under way."""
        return self._gesture is not None

    def press(self, point: PenPoint, straight: bool = False) -> bool:
        """Pen down; False where there is nothing to paint on."""
        self.cancel()
        self._straight = straight
        try:
            self._gesture = begin(self.document, self.tools, point)
        except CannotPaint as refusal:
            self.refused.emit(refusal)
            return False
        self._last = point
        self.began.emit()
        return True

    def move(self, point: PenPoint, straight: bool = False) -> None:
        """The pen moved; it is drawn within the next frame."""
        if self._gesture is None:
            return
        self._points.append(point)
        self._straight, self._last = straight, point
        self._rest.start()
        if not self._frame.isActive():
            self._frame.start()

    def release(self) -> None:
        """Pen up."""
        if self._gesture is None:
            return
        self._draw()
        gesture, self._gesture = self._gesture, None
        self._stop()
        gesture.finish()
        self.ended.emit()

    def cancel(self) -> None:
        """Put back what the gesture did so far (Escape, or the pen was taken away)."""
        if self._gesture is None:
            return
        gesture, self._gesture = self._gesture, None
        self._stop()
        gesture.cancel()
        self.ended.emit()

    def line_to(self, point: PenPoint) -> None:
        """A straight stroke from where the last one ended."""
        start = self._last
        if start is None or not self.press(start):
            return
        self.move(point)
        self.release()

    def forget(self) -> None:
        """Another drawing: nothing to draw on from."""
        self.cancel()
        self._last = None

    def _draw(self) -> None:
        points, self._points = self._points, []
        if self._gesture is not None and points:
            self._gesture.extend(points, self._straight)

    def _hold(self) -> None:
        if self._gesture is not None:
            self._draw()
            self._gesture.rest()

    def _stop(self) -> None:
        self._points.clear()
        self._frame.stop()
        self._rest.stop()
