"""The picture of Explore: Space shows the pinned one while it is held, Tab leaves the picture alone in the panel."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from app import theme
from app.explore.point_tool import PointTool
from app.widgets.picture_view import PictureView


class ExploreView(PictureView):
    """A `PictureView` with a pinned picture behind it, small remarks in its corners, and a tool that points are set with."""

    alone = Signal()  # Tab: show the picture alone, or everything again

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("picture")
        self.space_pans = False
        self.hint = ""  # one line for the first start
        self.preview_of = 0  # pixels of the preview that is shown, 0 for a full picture
        self._pinned: QImage | None = None
        self._beside = False
        self.tool = PointTool(self)
        self.overlays.append(self._remarks)

    def set_pinned(self, image: QImage | None) -> None:
        """The picture that Space shows."""
        self._pinned = image
        self.update()

    def is_showing_pinned(self) -> bool:
        return self._beside and self._pinned is not None

    def paint_picture(self, painter: QPainter, dirty: object) -> None:
        if self.is_showing_pinned() and self._pinned is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.picture_rect(), self._pinned)
        else:
            super().paint_picture(painter, self.rect())

    def _remarks(self, painter: QPainter, view: PictureView) -> None:
        painter.setFont(theme.remark_font())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.is_showing_pinned():
            self._chip(painter, self.tr("pinned"), top=True)
        elif self.preview_of and self.has_picture():
            self._chip(painter, self.tr("preview {} px").format(self.preview_of), top=True)
        if self.hint:
            self._chip(painter, self.hint, top=False)

    def _chip(self, painter: QPainter, text: str, top: bool) -> None:
        metrics = QFontMetricsF(painter.font())
        width, height = metrics.horizontalAdvance(text) + 24, metrics.height() + 10
        place = QRectF((self.width() - width) / 2, self.height() - height - 20, width, height)
        if top:
            place.moveTopLeft(self.rect().topLeft().toPointF())
            place.translate(16, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.setOpacity(0.92)
        painter.drawRoundedRect(place, height / 2, height / 2)
        painter.setOpacity(1)
        painter.setPen(theme.colour("text"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return False if forward else super().focusNextPrevChild(forward)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.tool.press(event):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.tool.move(event):
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self.tool.release(event):
            super().mouseReleaseEvent(event)
            self.tool.show_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self.tool.press(event):
            super().mouseDoubleClickEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.tool.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.tool.key(event):
            return
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._beside = True
                self.update()
        elif event.key() == Qt.Key.Key_Tab:
            self.alone.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._beside = False
                self.update()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: object) -> None:
        self._beside = False
        super().focusOutEvent(event)  # type: ignore[arg-type]
