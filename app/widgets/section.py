"""A part of a tool column that folds away under its title."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app import theme


class Section(QWidget):
    """A title that opens and closes what stands below it. Widgets go into `body`; `add_action` puts buttons beside the title."""

    toggled = Signal(bool)

    def __init__(self, name: str, title: str, *, open_: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"section:{name}")
        self._title = QToolButton(self)
        self._title.setText(title)
        self._title.setFont(theme.heading(0))
        self._title.setCheckable(True)
        self._title.setChecked(open_)
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setIconSize(QSize(14, 14))
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._title.setProperty("look", "section")
        self._title.setAccessibleName(title)
        self._head = QHBoxLayout()
        self._head.setSpacing(4)
        self._head.addWidget(self._title)
        self._content = QWidget(self)
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(4, 0, 0, 8)
        self.body.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._head)
        column.addWidget(self._content)
        self._title.toggled.connect(self._show)
        self._show(open_)

    def add_action(self, icon: str, tip: str, name: str) -> QToolButton:
        """A small icon button at the right of the title."""
        button = QToolButton(self)
        button.setObjectName(name)
        button.setIcon(theme.icon(icon))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        self._head.addWidget(button)
        return button

    def is_open(self) -> bool:
        return self._title.isChecked()

    def set_open(self, open_: bool) -> None:
        self._title.setChecked(open_)

    def _show(self, open_: bool) -> None:
        self._title.setIcon(theme.icon("down" if open_ else "right", "dim"))
        self._content.setVisible(open_)
        self.toggled.emit(open_)
