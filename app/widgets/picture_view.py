"""A picture that can be zoomed and panned. Knows nothing of where pictures come from.

Coordinates: *picture* means pixels of the picture shown (0, 0 its top left corner), *view* logical pixels of the widget. A
scale of 1 puts one pixel of the picture on one pixel of the screen, whatever the screen's device pixel ratio.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme

ZOOM_STEP = 1.25  # of one notch of the wheel, one press of + or -
SCALES = (0.02, 64.0)
CRISP_FROM = 3.0  # from this scale on a person wants to see pixels, not a blur

Overlay = Callable[[QPainter, "PictureView"], None]


def image_of(picture: NDArray[np.uint8]) -> QImage:
    """A picture uint8 `[H, W, 3]` (or grey `[H, W]`) as an RGB32 image with memory of its own: the fastest kind to paint."""
    pixels = np.ascontiguousarray(picture)
    if pixels.ndim == 2:
        kind = QImage.Format.Format_Grayscale8
    elif pixels.ndim == 3 and pixels.shape[2] == 3:
        kind = QImage.Format.Format_RGB888
    else:
        raise ValueError(f"a picture is [H, W, 3] or [H, W], not {picture.shape}")
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], pixels.strides[0], kind)
    return image.convertToFormat(QImage.Format.Format_RGB32)


def picture_of(image: QImage) -> NDArray[np.uint8]:
    """An image as a picture uint8 `[H, W, 3]` with memory of its own."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : rgb.width() * 3].reshape(rgb.height(), rgb.width(), 3).copy()


class PictureView(QWidget):
    """Shows an image: the wheel zooms at the pointer; middle drag, Space and drag (where `space_pans`) and left drag (where
    `left_pans`) pan; a double click (where `left_pans`) changes between the whole picture and its own pixels; `+` `-` `0` `1`
    zoom by keys (where `zoom_keys`).

    `overlays` are painted over the picture, in view coordinates: `overlay(painter, view)`. A subclass that draws tools on it
    overrides the mouse events and leaves to `super()` what it does not use.
    """

    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left_pans, self.space_pans, self.zoom_keys = True, True, True
        self.overlays: list[Overlay] = []
        self.placeholder = ""
        self.crisp_from = CRISP_FROM
        self._image = QImage()
        self._fit, self._scale = True, 1.0
        self._centre = QPointF()  # the picture's point in the middle of the view
        self._drag_from: QPointF | None = None
        self._space = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)

    # What is shown

    def show_image(self, image: QImage) -> None:
        """Show an image; the view stays where it was, also when a preview is replaced by a larger one."""
        old, self._image = self._image.size(), image
        if not old.isEmpty() and not image.isNull() and old != image.size():
            factor = image.width() / old.width()
            self._scale /= factor
            self._centre *= factor
        if self._fit or old.isEmpty():
            self._fit_now()
        self.update()

    def clear(self) -> None:
        """Show no picture but the placeholder."""
        self._image, self._fit = QImage(), True
        self.update()

    @property
    def image(self) -> QImage:
        """What is shown; a null image if there is none."""
        return self._image

    def has_picture(self) -> bool:
        return not self._image.isNull()

    # Where it is shown

    @property
    def scale(self) -> float:
        """Pixels of the screen a pixel of the picture."""
        return self._scale

    @property
    def fits(self) -> bool:
        """Whether the whole picture is kept in view."""
        return self._fit

    def fit(self) -> None:
        """Show the whole picture, also when the window changes its size."""
        self._fit = True
        self._fit_now()
        self._moved()

    def set_scale(self, scale: float, at: QPointF | None = None) -> None:
        """Zoom to a scale; the picture's point under `at` (view coordinates, None: the middle) stays where it is."""
        if not self.has_picture():
            return
        at = QPointF(self.rect().center()) if at is None else at
        fixed = self.to_picture(at)
        self._fit, self._scale = False, min(max(scale, SCALES[0]), SCALES[1])
        self._centre += fixed - self.to_picture(at)
        self._hold_inside()
        self._moved()

    def show_pixels(self, at: QPointF | None = None) -> None:
        """Zoom to the picture's own pixels, around a point of the view (None: its middle)."""
        self.set_scale(1.0, at)

    @property
    def centre(self) -> QPointF:
        """The picture's point in the middle of the view."""
        return QPointF(self._centre)

    def to_picture(self, at: QPointF) -> QPointF:
        """View coordinates to picture coordinates."""
        step = self._scale / self.devicePixelRatioF()
        return QPointF(
            self._centre.x() + (at.x() - self.width() / 2) / step, self._centre.y() + (at.y() - self.height() / 2) / step
        )

    def to_view(self, at: QPointF) -> QPointF:
        """Picture coordinates to view coordinates."""
        step = self._scale / self.devicePixelRatioF()
        return QPointF(
            (at.x() - self._centre.x()) * step + self.width() / 2, (at.y() - self._centre.y()) * step + self.height() / 2
        )

    def picture_rect(self) -> QRectF:
        """Where the whole picture lies, in view coordinates. Its corner is put on a whole pixel of the screen; a very thin one
        covers one pixel there."""
        ratio = self.devicePixelRatioF()
        corner = self.to_view(QPointF(0, 0))
        corner = QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio)
        step = self._scale / ratio
        width, height = (max(side * step, 1 / ratio) for side in (self._image.width(), self._image.height()))
        return QRectF(corner.x(), corner.y(), width, height)

    def _fit_now(self) -> None:
        if not self.has_picture():
            return
        room, size = QSize(max(self.width() - 16, 1), max(self.height() - 16, 1)), self._image.size()
        self._scale = min(room.width() / size.width(), room.height() / size.height()) * self.devicePixelRatioF()
        self._centre = QPointF(size.width() / 2, size.height() / 2)

    def _hold_inside(self) -> None:
        """Keep the middle of the view on the picture, so that it cannot be lost."""
        self._centre.setX(min(max(self._centre.x(), 0.0), float(self._image.width())))
        self._centre.setY(min(max(self._centre.y(), 0.0), float(self._image.height())))

    def _moved(self) -> None:
        self.update()
        self.view_changed.emit()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setClipRect(event.rect())
            painter.fillRect(event.rect(), theme.colour("canvas"))
            if self.has_picture():
                self.paint_picture(painter, event.rect())
            elif self.placeholder:
                painter.setPen(theme.colour("text"))
                area = self.rect().adjusted(24, 24, -24, -24)
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.placeholder)
            self.paint_overlays(painter)
            if self.hasFocus():
                painter.setPen(theme.colour("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def paint_picture(self, painter: QPainter, dirty: QRect) -> None:
        """Paint the part of the picture that `dirty` (view coordinates) shows."""
        whole = self.picture_rect()
        area = whole.intersected(QRectF(dirty))
        if area.isEmpty():
            return
        step = self._scale / self.devicePixelRatioF()
        # Whole pixels of the picture, and one around for the smooth filter: a part looks as it does in the whole.
        source = QRectF((area.x() - whole.x()) / step, (area.y() - whole.y()) / step, area.width() / step, area.height() / step)
        pixels = source.toAlignedRect().adjusted(-1, -1, 1, 1).intersected(self._image.rect())
        corner = whole.topLeft() + QPointF(pixels.topLeft()) * step
        least = 1 / self.devicePixelRatioF()
        target = QRectF(corner.x(), corner.y(), max(pixels.width() * step, least), max(pixels.height() * step, least))
        smooth = abs(self._scale - 1) > 1e-6 and (self._scale < self.crisp_from or self._fit)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, self._image, QRectF(pixels))

    def paint_overlays(self, painter: QPainter) -> None:
        """Paint what lies over the picture."""
        for overlay in self.overlays:
            painter.save()
            overlay(painter, self)
            painter.restore()

    # Gestures

    def in_pane(self, at: QPointF, begun: QPointF | None = None) -> QPointF:
        """Where a point of the view lies for `to_picture`, and for overlays: a subclass may show the picture more than once. A
        gesture that has `begun` somewhere stays in the picture that it began in."""
        return at

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._fit:
            self._fit_now()
        self.view_changed.emit()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.DevicePixelRatioChange and self._fit:
            self._fit_now()
        super().changeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if self.has_picture() and notches:
            self.set_scale(self._scale * ZOOM_STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        button = event.button()
        pans = button == Qt.MouseButton.MiddleButton or (
            button == Qt.MouseButton.LeftButton and (self.left_pans or (self.space_pans and self._space))
        )
        if pans and self.has_picture():
            self._drag_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            event.accept()
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is None:
            event.ignore()
            return
        step = self._scale / self.devicePixelRatioF()
        self._centre -= (event.position() - self._drag_from) / step
        self._drag_from, self._fit = event.position(), False
        self._hold_inside()
        self._moved()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is None:
            event.ignore()
            return
        self._drag_from = None
        self._show_hand()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.left_pans and event.button() == Qt.MouseButton.LeftButton and self.has_picture():
            if self._fit:
                self.show_pixels(self.in_pane(event.position()))
            else:
                self.fit()
        else:
            event.ignore()

    def is_panning(self) -> bool:
        """Whether a drag or a held Space is moving the picture just now (a tool then keeps still)."""
        return self._drag_from is not None or (self._space and self.space_pans)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, zoom = event.key(), self.zoom_keys and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if key == Qt.Key.Key_Space and self.space_pans:
            if not event.isAutoRepeat():
                self._space = True
                self._show_hand()
        elif zoom and key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.set_scale(self._scale * ZOOM_STEP)
        elif zoom and key == Qt.Key.Key_Minus:
            self.set_scale(self._scale / ZOOM_STEP)
        elif zoom and key == Qt.Key.Key_0:
            self.fit()
        elif zoom and key == Qt.Key.Key_1:
            self.show_pixels()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.space_pans and not event.isAutoRepeat():
            self._space = False
            self._show_hand()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QEvent) -> None:
        self._space = False
        self._show_hand()
        self.update()

    def focusInEvent(self, event: QEvent) -> None:
        self.update()

    def _show_hand(self) -> None:
        if self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif self._drag_from is None:
            self.unsetCursor()
