"""A button that is an icon alone, as the bars of all panels have them."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QToolButton

from app import theme
from app.widgets.keys import as_here

ICON = QSize(18, 18)


def icon_button(icon: str, tip: str, name: str, check: bool = False) -> QToolButton:
    """`tip` is also what a screen reader says; `name` is the object's; with `check` it stays down until pressed again."""
    button = QToolButton()
    button.setObjectName(name)
    button.setIcon(theme.icon(icon))
    button.setIconSize(ICON)
    button.setToolTip(as_here(tip))
    button.setAccessibleName(as_here(tip))
    button.setCheckable(check)
    return button
