"""A place to try a pen: what arrives of its pressure, its tilt, its other end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from app import theme

MOST = 4000  # points that are kept


class _Pad(QWidget):
    """Draws what arrives, as wide as it is pressed."""

    def __init__(self, said: QLabel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = said
        self._points: list[tuple[QPointF, float]] = []
        self._pressures: set[float] = set()
        self._by_pen = False
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(480, 240)

    def sizeHint(self) -> QSize:
        return QSize(560, 280)

    def tabletEvent(self, event: QTabletEvent) -> None:
        self._by_pen = True
        if event.type() != QEvent.Type.TabletRelease and event.pressure() > 0:
            self._add(event.position(), event.pressure())
            self._pressures.add(round(event.pressure(), 3))
        end = self.tr("eraser") if event.pointerType() == QPointingDevice.PointerType.Eraser else self.tr("tip")
        self._said.setText(
            self.tr("{0}: {1}, pressure {2:.2f} ({3} steps seen), tilt {4:.0f}° {5:.0f}°").format(
                event.pointingDevice().name() or self.tr("Pen"),
                end,
                event.pressure(),
                len(self._pressures),
                event.xTilt(),
                event.yTilt(),
            )
        )
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._by_pen and event.buttons():
            self._add(event.position(), 0.4)
            self._said.setText(
                self.tr(
                    "This arrives as a mouse, without pressure. If it is a pen, see that its driver runs; "
                    "on Windows, try Windows Ink on or off."
                )
            )

    def _add(self, at: QPointF, pressure: float) -> None:
        self._points = [*self._points[-MOST:], (at, pressure)]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.colour("border"), 1))
            painter.setBrush(theme.colour("field"))
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 8, 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.colour("accent")))
            for at, pressure in self._points:
                painter.drawEllipse(at, 1 + 14 * pressure, 1 + 14 * pressure)


class PenTest(QDialog):
    """Tells what kind of events a pen sends, and whether its pressure arrives."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("pen:test")
        self.setWindowTitle(self.tr("Try the pen"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        said = QLabel(self.tr("Draw with the pen below."), self)
        said.setObjectName("pen:said")
        said.setWordWrap(True)
        said.setMinimumHeight(40)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(said)
        column.addWidget(_Pad(said, self), 1)
        column.addWidget(buttons)
