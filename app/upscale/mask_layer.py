"""A brush that marks parts of a photo which are to stay as they are: a veil of colour over the picture, and the brush's bar.

While it is active the left button paints; wheel, middle button and keys of the view work as ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app import theme
from app.widgets.icon_button import icon_button
from app.widgets.picture_view import PictureView
from app.widgets.slider_row import SliderRow

LARGEST_SIDE = 2048  # of a mask: finer than a brush, and its edge is soft
VEIL = 0.5
FINEST, COARSEST, FIRST = 2, 200, 40  # brush diameters in pixels of the screen


def size_for(width: int, height: int) -> QSize:
    """The size of the mask of a photo."""
    factor = min(1.0, LARGEST_SIDE / max(width, height))
    return QSize(max(1, round(width * factor)), max(1, round(height * factor)))


class MaskLayer(QObject):
    """See the module. `drawn(mask)` comes after each stroke: uint8 `[H, W]`, 255 where it is protected."""

    drawn = Signal(object)

    def __init__(self, view: PictureView) -> None:
        super().__init__(view)
        self._view = view
        self._layer = QImage()
        self._active = False
        self._at: QPointF | None = None  # of the stroke, in pixels of the layer
        self._begun: QPointF | None = None  # where the stroke did, in the view
        self._pointer = QPointF(-1000, -1000)
        self.diameter, self.erases = float(FIRST), False
        view.overlays.append(self._paint)
        view.installEventFilter(self)

    @property
    def active(self) -> bool:
        return self._active

    def activate(self, active: bool) -> None:
        """Let the left button paint, or not."""
        self._active, self._at, self._begun = active, None, None
        if active:
            self._view.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self._view.unsetCursor()
        self._view.update()

    def show_mask(self, size: QSize, mask: NDArray[np.uint8] | None) -> None:
        """Another photo or another mask (None: nothing is protected), in this size from now on."""
        layer = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        layer.fill(Qt.GlobalColor.transparent)
        if mask is not None:
            kept = np.ascontiguousarray(mask)
            alpha = QImage(kept.data, kept.shape[1], kept.shape[0], kept.strides[0], QImage.Format.Format_Alpha8)
            with QPainter(layer) as painter:
                painter.fillRect(layer.rect(), self._colour())
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(QRectF(layer.rect()), alpha, QRectF(alpha.rect()))
        self._layer, self._at, self._begun = layer, None, None
        self._view.update()

    def forget(self) -> None:
        """There is no mask to paint on until `show_mask` brings one."""
        self._layer, self._at, self._begun = QImage(), None, None
        self._view.update()

    @property
    def in_stroke(self) -> bool:
        """Whether a hand is drawing just now."""
        return self._at is not None

    def clear(self) -> None:
        """Protect nothing."""
        if self._layer.isNull():
            return
        self._layer.fill(Qt.GlobalColor.transparent)
        self._view.update()
        self.drawn.emit(self.mask())

    def mask(self) -> NDArray[np.uint8]:
        """What is painted, uint8 `[H, W]`."""
        if self._layer.isNull():
            return np.zeros((1, 1), np.uint8)
        alpha = self._layer.convertToFormat(QImage.Format.Format_Alpha8)
        rows = np.frombuffer(alpha.constBits(), np.uint8).reshape(alpha.height(), alpha.bytesPerLine())
        return rows[:, : alpha.width()].copy()

    def _colour(self) -> QColor:
        return QColor(232, 40, 72)  # as the red foil that retouchers lay over: seen on nearly everything that is photographed

    # Painting

    def _paint(self, painter: QPainter, view: PictureView) -> None:
        if self._layer.isNull() or not view.has_picture():
            return
        painter.setOpacity(VEIL)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(view.picture_rect(), self._layer, QRectF(self._layer.rect()))
        painter.setOpacity(1)
        if self._active:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for colour, width in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.5)):
                painter.setPen(QPen(colour, width))
                painter.drawEllipse(self._pointer, self.diameter / 2, self.diameter / 2)

    def _to_layer(self, at: QPointF) -> QPointF:
        point, image = self._view.to_picture(at), self._view.image
        return QPointF(point.x() * self._layer.width() / image.width(), point.y() * self._layer.height() / image.height())

    def _stroke(self, to: QPointF) -> None:
        """From where the stroke was to here."""
        start = to if self._at is None else self._at
        wide = self._to_layer(QPointF(self.diameter, 0)) - self._to_layer(QPointF(0, 0))
        with QPainter(self._layer) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self.erases:
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
            pen = QPen(self._colour(), max(wide.x(), 1.0), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            if start == to:
                painter.drawPoint(to)
            else:
                painter.drawLine(start, to)
        self._at = to
        self._view.update()

    # Gestures

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self._active or self._layer.isNull():
            return False
        if isinstance(event, QMouseEvent):
            return self._mouse(event)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_BracketLeft: 1 / 1.25, Qt.Key.Key_BracketRight: 1.25}.get(Qt.Key(event.key()))
            if step is not None:
                self.diameter = min(max(self.diameter * step, FINEST), COARSEST)
                self._view.update()
                return True
        return False

    def _mouse(self, event: QMouseEvent) -> bool:
        # Side by side a stroke that comes into the other half goes on in its own, where it leaves the picture.
        self._pointer = self._view.in_pane(event.position(), self._begun)
        kind, left = event.type(), event.button() == Qt.MouseButton.LeftButton
        if self._view.is_panning() and self._at is None:
            return False
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick) and left:
            self._at, self._begun = None, event.position()
            self._stroke(self._to_layer(self._pointer))
            return True
        if kind == QEvent.Type.MouseMove:
            if self._at is not None:
                self._stroke(self._to_layer(self._pointer))
            self._view.update()
            return self._at is not None or not event.buttons()
        if kind == QEvent.Type.MouseButtonRelease and left and self._at is not None:
            self._at = self._begun = None
            self.drawn.emit(self.mask())
            return True
        return False


class MaskBar(QFrame):
    """The brush's bar: its size, an eraser, nothing at all, and an end. `done()` when a person has painted enough."""

    done = Signal()

    def __init__(self, layer: MaskLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewbar")
        said = QLabel(self.tr("Paint what stays"))
        said.setFont(theme.remark_font())
        self.size_row = SliderRow("protect:size", self.tr("Brush"), FINEST, COARSEST, FIRST, decimals=0, label_width=44)
        self.size_row.changed.connect(lambda value: setattr(layer, "diameter", value))
        self.size_row.setMaximumWidth(190)
        self.eraser = icon_button("eraser", self.tr("Rub out"), "protect:eraser", check=True)
        self.eraser.toggled.connect(lambda on: setattr(layer, "erases", on))
        clear = icon_button("remove", self.tr("Protect nothing in this photo"), "protect:clear")
        clear.clicked.connect(layer.clear)
        end = QPushButton(self.tr("Done"))
        end.setObjectName("protect:done")
        end.clicked.connect(self.done)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(8)
        row.addWidget(said, 1)
        for part in (self.size_row, self.eraser, clear, end):
            row.addWidget(part)
