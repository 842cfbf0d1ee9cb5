"""The header of the window: the page's title, the panel's model picker, undo and redo, Export, and the menu."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app import theme
from app.widgets.keys import as_here
from app.widgets.panel import Panel


class Header(QFrame):
    """Shows what belongs to the page in front. The window wires the buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setFixedHeight(56)
        self.title = QLabel()
        self.title.setObjectName("header:title")
        self.title.setFont(theme.heading(4))
        self.undo = self._tool("undo", "undo")
        self.redo = self._tool("redo", "redo")
        self._pickers: list[QWidget] = []
        self.export = QPushButton(self.tr("Export"))
        self.export.setObjectName("export")
        self.export.setProperty("look", "primary")
        theme.give_icon(self.export, "export", "on_accent")
        self.export.setToolTip(as_here(self.tr("Save the result (Ctrl+S)")))
        self.more = self._tool("more", "more")
        self.more.setToolTip(self.tr("Menu"))
        self.more.setAccessibleName(self.tr("Menu"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(20, 0, 12, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self.title)
        self._row.addSpacing(8)
        self._row.addWidget(self.undo)
        self._row.addWidget(self.redo)
        self._row.addStretch(1)
        self._row.addWidget(self.export)
        self._row.addWidget(self.more)
        self._can_export: dict[str, bool] = {}
        self._panel: Panel | None = None

    def show_page(self, title: str, panel: Panel | None) -> None:
        """Another page is in front; `panel` None for one that is no panel."""
        self.title.setText(title)
        self._panel = panel
        picker = panel.picker if panel is not None else None
        if picker is not None and picker not in self._pickers:
            self._pickers.append(picker)
            self._row.insertWidget(self._row.indexOf(self.export), picker)
        for other in self._pickers:
            other.setVisible(other is picker)
        for part in (self.undo, self.redo, self.export):
            part.setVisible(panel is not None)
        self._show_export()

    def show_history(self, undo: str | None, redo: str | None) -> None:
        """What can be undone and redone, None for nothing."""
        for button, title, plain, keys in (
            (self.undo, undo, self.tr("Undo"), "Ctrl+Z"),
            (self.redo, redo, self.tr("Redo"), "Ctrl+Shift+Z"),
        ):
            button.setEnabled(title is not None)
            tip = as_here(f"{plain} {title} ({keys})" if title else f"{plain} ({keys})")
            button.setToolTip(tip)
            button.setAccessibleName(tip)

    def set_exportable(self, name: str, can: bool) -> None:
        """Whether a panel has something to save. One that never said so is taken to have."""
        self._can_export[name] = can
        self._show_export()

    def _show_export(self) -> None:
        self.export.setEnabled(self._panel is not None and self._can_export.get(self._panel.name, True))

    def _tool(self, name: str, icon: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setIcon(theme.icon(icon))
        button.setIconSize(QSize(20, 20))
        return button
