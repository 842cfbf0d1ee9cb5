"""Small marks in a row that goes on in a second one where there is no more room."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app import theme

GAP = 8


class Badges(QWidget):
    """Shows what `show_badges` is given, each as wide as its text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._labels: list[QLabel] = []

    def show_badges(self, badges: list[tuple[str, str]]) -> None:
        """Texts, and the kind of each: "accent", "warn" or "plain"."""
        for old in self._labels:
            old.hide()
            old.deleteLater()
        self._labels = []
        for text, kind in badges:
            label = QLabel(text, self)
            label.setProperty("badge", kind)
            label.setFont(theme.remark_font())
            label.show()
            self._labels.append(label)
        self.updateGeometry()
        self._place(self.width())

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._places(width)[1]

    def sizeHint(self) -> QSize:
        return QSize(GAP, self.heightForWidth(max(self.width(), GAP)))

    def minimumSizeHint(self) -> QSize:
        return QSize(max((label.sizeHint().width() for label in self._labels), default=0), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place(event.size().width())

    def _place(self, width: int) -> None:
        for label, place in zip(self._labels, self._places(width)[0], strict=True):
            label.move(place)
            label.resize(label.sizeHint())

    def _places(self, width: int) -> tuple[list[QPoint], int]:
        """Where each stands, and how high all are, in a width."""
        places: list[QPoint] = []
        left = top = high = 0
        for label in self._labels:
            size = label.sizeHint()
            if left and left + size.width() > width:
                left, top = 0, top + high + GAP
            places.append(QPoint(left, top))
            left, high = left + size.width() + GAP, size.height()
        return places, top + high
