"""The tools at the left of the canvas."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.paint.state.tools import Tool, Tools
from app.widgets.keys import as_here

WIDTH = 48


class ToolColumn(QFrame):
    """One button a tool. `chosen(tool)` comes when a person picks one; `swap()` for the two labels at its foot."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sheet")  # the ground and the line of a column at the left
        self.setFixedWidth(WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 8, 6, 8)
        column.setSpacing(4)
        tools: tuple[tuple[Tool, str, str], ...] = (
            (
                "brush",
                "paint",
                self.tr("Brush (B)\n[ and ] or Shift and drag: size\nShift and click: a straight line from the last stroke"),
            ),
            ("eraser", "eraser", self.tr("Eraser (E)\nwhat lies below shows again")),
            ("fill", "bucket", self.tr("Fill (G)\nfills what hangs together")),
            ("line", "line", self.tr("Line (L)\nShift: in steps of 15 degrees")),
            ("rectangle", "rectangle", self.tr("Rectangle (R)\nShift: a square")),
            ("ellipse", "ellipse", self.tr("Ellipse (O)\nShift: a circle")),
            ("area", "lasso", self.tr("Area (P)\ndraw an outline, it is filled")),
            ("pick", "picker", self.tr("Pick a label (I)\nor Ctrl and click with any tool")),
        )
        for tool, icon, tip in tools:
            button = QToolButton(self)
            button.setObjectName(f"tool:{tool}")
            button.setIcon(theme.icon(icon))
            button.setIconSize(QSize(22, 22))
            button.setFixedSize(36, 36)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setToolTip(as_here(tip))
            button.setAccessibleName(tip.split("\n")[0])
            button.clicked.connect(lambda _=False, tool=tool: self.chosen.emit(tool))
            self._group.addButton(button)
            self._buttons[tool] = button
            column.addWidget(button)
        column.addStretch(1)

    def show_tools(self, tools: Tools) -> None:
        self._buttons[tools.tool].setChecked(True)
