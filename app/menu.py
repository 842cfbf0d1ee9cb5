"""The menu behind ⋯ in the header."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from app import theme


class Menu(QMenu):
    """Actions by name; `on(name, does)` wires one. Their keys work in the whole window. `theme_chosen(choice)`."""

    theme_chosen = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._named: dict[str, QAction] = {}
        self._add("open", self.tr("Open…"), "Ctrl+O")
        self._add("save", self.tr("Save the picture…"), "Ctrl+S")
        self._add("add", self.tr("Add a model file…"))
        self.addSeparator()
        self._add("undo", self.tr("Undo"), "Ctrl+Z")
        self._add("redo", self.tr("Redo"), "Ctrl+Shift+Z", "Ctrl+Y")
        self.addSeparator()
        self._add_themes()
        self.memory = self.addMenu(self.tr("Graphics memory"))  # app/graphics_memory.py fills it where there is a card
        self.memory.setToolTipsVisible(True)
        self.memory.menuAction().setVisible(False)
        self._add("full screen", self.tr("Full screen"), "F11")
        self.addSeparator()
        self._add("help", self.tr("Help"), "F1")
        self._add("quit", self.tr("Quit"), "Ctrl+Q")

    def on(self, name: str, does: Callable[[], object]) -> None:
        """What an action does."""
        self._named[name].triggered.connect(lambda: does())

    def show_history(self, undo: str | None, redo: str | None) -> None:
        """What can be undone and redone, None for nothing."""
        for name, plain, title in (("undo", self.tr("Undo"), undo), ("redo", self.tr("Redo"), redo)):
            self._named[name].setText(f"{plain} {title}" if title else plain)

    def _add(self, name: str, text: str, *keys: str) -> None:
        action = QAction(text, self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        self.addAction(action)
        self._window.addAction(action)
        self._named[name] = action

    def _add_themes(self) -> None:
        themes = self.addMenu(self.tr("Theme"))
        group = QActionGroup(self)
        titles = {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        for choice in theme.CHOICES:
            action = themes.addAction(titles[choice])
            action.setCheckable(True)
            action.setChecked(choice == theme.chosen())
            action.triggered.connect(lambda _=False, choice=choice: self.theme_chosen.emit(choice))
            group.addAction(action)
