"""A row of cells, one a layer of the generator, that are switched on and off by a click or a stroke."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme


class LayerBar(QWidget):
    """Shows `count` layers from coarse to fine. `changed(layers)` carries the tuple of those that are on, `settled()` ends a
    stroke. `sizes` are the pixels of each layer's grid, for the tooltip (empty: unknown)."""

    changed = Signal(object)
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self._count = 0
        self._sizes: tuple[int, ...] = ()
        self._on: frozenset[int] = frozenset()
        self._turning: bool | None = None
        self._at = 0
        self.setFixedHeight(28)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Layers that take the second seed's style"))

    def sizeHint(self) -> QSize:
        return QSize(240, 28)

    def set_layers(self, count: int, sizes: tuple[int, ...]) -> None:
        """How many layers there are."""
        self._count, self._sizes = count, sizes if len(sizes) == count else ()
        self.update()

    def set_on(self, layers: tuple[int, ...]) -> None:
        """Which are on; no signal comes back."""
        self._on = frozenset(layers)
        self.update()

    def cell(self, layer: int) -> QRectF:
        """Where a layer's cell lies."""
        width = self.width() / max(self._count, 1)
        return QRectF(layer * width + 1, 2, width - 2, self.height() - 4)

    def _layer_at(self, x: float) -> int:
        return min(max(int(x / max(self.width(), 1) * self._count), 0), max(self._count - 1, 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for layer in range(self._count):
                focused = self.hasFocus() and layer == self._at
                painter.setPen(theme.colour("accent") if focused or layer in self._on else theme.colour("border"))
                painter.setBrush(theme.colour("accent" if layer in self._on else "field"))
                painter.drawRoundedRect(self.cell(layer).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._count:
            self._at = self._layer_at(event.position().x())
            self._turning = self._at not in self._on
            self._turn()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        layer = self._layer_at(event.position().x())
        if self._turning is not None:
            self._at = layer
            self._turn()
        elif self._sizes:
            QToolTip.showText(event.globalPosition().toPoint(), self.tr("Layer {} · {} px").format(layer + 1, self._sizes[layer]))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._turning is not None:
            self._turning = None
            self.settled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._at = min(max(self._at + (1 if event.key() == Qt.Key.Key_Right else -1), 0), max(self._count - 1, 0))
            self.update()
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return) and self._count:
            self._turning = self._at not in self._on
            self._turn()
            self._turning = None
            self.settled.emit()
        else:
            super().keyPressEvent(event)

    def _turn(self) -> None:
        on = self._on | {self._at} if self._turning else self._on - {self._at}
        if on != self._on:
            self._on = on
            self.update()
            self.changed.emit(tuple(sorted(on)))
