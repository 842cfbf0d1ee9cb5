"""A label of one line that says what it has room for, and tells by "…" that there is more."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel


class Elided(QLabel):
    """Plain text, cut at its end. The whole of it is what `text()` gives."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        area, style = self.contentsRect(), self.style()
        line = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, area.width())
        with QPainter(self) as painter:
            style.drawItemText(
                painter, area, int(self.alignment()), self.palette(), self.isEnabled(), line, self.foregroundRole()
            )
