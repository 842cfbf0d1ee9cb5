"""The veil over the window while a file hangs above it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app import theme


class DropVeil(QWidget):
    """Covers its parent and says what may be dropped. Lets all events through."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        over.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        self.resize(self._over.size())
        self.raise_()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.resize(self._over.size())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ground = theme.colour("window")
            ground.setAlphaF(0.86)
            painter.fillRect(self.rect(), ground)
            frame = QRectF(self.rect()).adjusted(24, 24, -24, -24)
            painter.setPen(QPen(theme.colour("accent"), 2, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(frame, 16, 16)
            theme.draw_icon(painter, QRectF(frame.center().x() - 24, frame.center().y() - 64, 48, 48), "download", "accent_text")
            painter.setPen(theme.colour("text"))
            painter.setFont(theme.heading(4))
            words = frame.adjusted(0, frame.height() / 2, 0, 0)
            text = self.tr("Drop it here")
            painter.drawText(words, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)
            painter.setPen(theme.colour("dim"))
            painter.setFont(self.font())
            words.adjust(0, 36, 0, 0)
            text = self.tr("Photos, label maps, model files, and pictures made by Ganvas")
            painter.drawText(words, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)
