"""How the canvas lies in its views: zoom, place, turn and mirror, shared by drawing and landscape. Pixels are never turned.

Coordinates: *canvas* means pixels of the drawing, *view* logical pixels of a widget. A scale of 1 puts one canvas pixel on
one pixel of the screen.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, QSizeF, Signal
from PySide6.QtGui import QTransform

ZOOM_STEP = 1.25  # of one notch of the wheel, one press of + or -
TURN_STEP = 15.0  # degrees of one press of a key
SCALES = (0.02, 64.0)
MARGIN = 8.0  # around the canvas where it is fitted, in view pixels


class Viewport(QObject):
    """While `fits`, every view shows the whole canvas at its own best size; else all share `scale` and `centre`."""

    changed = Signal()

    def __init__(self, width: int, height: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.size = QSize(width, height)
        self.fits = True
        self.scale = 1.0
        self.centre = QPointF(width / 2, height / 2)
        self.angle = 0.0
        self.mirrored = False

    def set_canvas(self, width: int, height: int) -> None:
        """Another canvas: shown whole and upright."""
        self.size = QSize(width, height)
        self.fits, self.angle, self.mirrored = True, 0.0, False
        self.centre = QPointF(width / 2, height / 2)
        self.changed.emit()

    @property
    def bounds(self) -> QRectF:
        """The canvas in its own pixels."""
        return QRectF(0, 0, self.size.width(), self.size.height())

    def turned(self) -> QTransform:
        """Turn and mirror alone."""
        return QTransform().scale(-1.0 if self.mirrored else 1.0, 1.0).rotate(self.angle)

    def scale_in(self, view: QSize, ratio: float) -> float:
        """The scale at which a view of this size (logical pixels, `ratio` screen pixels each) shows the canvas."""
        if not self.fits:
            return self.scale
        box = self.turned().mapRect(self.bounds)
        room = QSizeF(max(view.width() - 2 * MARGIN, 1.0), max(view.height() - 2 * MARGIN, 1.0))
        return min(room.width() / box.width(), room.height() / box.height()) * ratio

    def transform(self, view: QSize, ratio: float) -> QTransform:
        """Canvas to view coordinates of a view of this size."""
        step = self.scale_in(view, ratio) / ratio
        centre = QPointF(self.size.width() / 2, self.size.height() / 2) if self.fits else self.centre
        moved = QTransform().translate(view.width() / 2, view.height() / 2)
        return QTransform().translate(-centre.x(), -centre.y()) * self.turned() * QTransform().scale(step, step) * moved

    def fit(self) -> None:
        """Show the whole canvas, also when a view changes its size."""
        self.fits = True
        self.centre = QPointF(self.size.width() / 2, self.size.height() / 2)
        self.changed.emit()

    def reset(self) -> None:
        """Show the whole canvas upright."""
        self.angle = 0.0
        self.fit()

    def fit_width(self, view: QSize, ratio: float) -> None:
        """Show the canvas as wide as the view."""
        box = self.turned().mapRect(self.bounds)
        self.zoom_to((view.width() - 2 * MARGIN) / box.width() * ratio, view, ratio)

    def zoom_to(self, scale: float, view: QSize, ratio: float, at: QPointF | None = None) -> None:
        """Zoom; the canvas' point under `at` (view coordinates, None: the middle) stays where it is."""
        at = QPointF(view.width() / 2, view.height() / 2) if at is None else at
        fixed = self.to_canvas(at, view, ratio)
        self._let_go(view, ratio)
        self.scale = min(max(scale, SCALES[0]), SCALES[1])
        self._move_by(fixed - self.to_canvas(at, view, ratio))

    def pan(self, by: QPointF, view: QSize, ratio: float) -> None:
        """Move the canvas by so many view pixels."""
        before = self.to_canvas(QPointF(0, 0), view, ratio) - self.to_canvas(by, view, ratio)
        self._let_go(view, ratio)
        self._move_by(before)

    def turn(self, degrees: float) -> None:
        """Turn the view to the right, as it is seen."""
        self.angle = (self.angle + (-degrees if self.mirrored else degrees)) % 360.0
        self.changed.emit()

    def turn_upright(self) -> None:
        self.angle = 0.0
        self.changed.emit()

    def mirror(self) -> None:
        """Swap left and right, as it is seen."""
        self.mirrored = not self.mirrored
        self.changed.emit()

    def to_canvas(self, at: QPointF, view: QSize, ratio: float) -> QPointF:
        return self.transform(view, ratio).inverted()[0].map(at)

    def _let_go(self, view: QSize, ratio: float) -> None:
        if self.fits:
            self.scale, self.fits = self.scale_in(view, ratio), False

    def _move_by(self, canvas: QPointF) -> None:
        """Move the middle, but never off the canvas: it cannot be lost."""
        moved = self.centre + canvas
        self.centre = QPointF(
            min(max(moved.x(), 0.0), float(self.size.width())), min(max(moved.y(), 0.0), float(self.size.height()))
        )
        self.changed.emit()
