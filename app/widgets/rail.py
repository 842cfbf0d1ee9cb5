"""The rail at the left of the window: one entry a page, and a hint of running work on each."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.widgets.keys import as_here

WIDTH = 80


class RailEntry(QToolButton):
    """An icon over its name. `set_progress` draws a thin bar below: a share 0..1, or None for nothing."""

    def __init__(self, name: str, title: str, icon: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"rail:{name}")
        self._icon_name = icon
        self._share: float | None = None
        self.setText(title)
        self.setToolTip(as_here(tip))
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFont(theme.remark_font())

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 64)

    def set_progress(self, share: float | None) -> None:
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        place = QRectF(self.rect()).adjusted(8, 2, -8, -2)
        ink = "accent_text" if self.isChecked() else "text" if self.underMouse() else "dim"
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            if self.isChecked() or self.underMouse():
                painter.setBrush(theme.colour("accent_soft" if self.isChecked() else "hover"))
                painter.drawRoundedRect(place, 8, 8)
            if self.hasFocus():
                painter.setPen(theme.colour("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            theme.draw_icon(painter, QRectF(self.width() / 2 - 11, place.top() + 9, 22, 22), self._icon_name, ink)
            painter.setPen(theme.colour(ink))
            painter.setFont(self.font())
            words = QRectF(place.left(), place.top() + 34, place.width(), 18)
            painter.drawText(words, Qt.AlignmentFlag.AlignCenter, self.text())
            if self._share is not None:
                track = QRectF(place.left() + 8, place.bottom() - 5, place.width() - 16, 3)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour("border"))
                painter.drawRoundedRect(track, 1.5, 1.5)
                track.setWidth(track.width() * min(max(self._share, 0.0), 1.0))
                painter.setBrush(theme.colour("accent"))
                painter.drawRoundedRect(track, 1.5, 1.5)


class Rail(QFrame):
    """Entries from the top, and from the bottom up after `add_gap`. `chosen(name)` when one is clicked."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH + 1)
        self.entries: dict[str, RailEntry] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 8, 0, 8)
        self._column.setSpacing(4)

    def add(self, name: str, title: str, icon: str, tip: str) -> RailEntry:
        entry = RailEntry(name, title, icon, tip, self)
        entry.clicked.connect(lambda: self.chosen.emit(name))
        self._group.addButton(entry)
        self._column.addWidget(entry)
        self.entries[name] = entry
        return entry

    def add_gap(self) -> None:
        """What is added from here on stands at the bottom."""
        self._column.addStretch(1)

    def show_chosen(self, name: str) -> None:
        self.entries[name].setChecked(True)
