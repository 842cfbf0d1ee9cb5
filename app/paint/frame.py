"""Where everything of the Paint panel stands; what it does is told in `panel.py`."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.paint.canvas import Canvas
from app.paint.desk import Desk
from app.paint.label_list import LabelList
from app.paint.layer_list import LayerList
from app.paint.look_bar import LookBar
from app.paint.option_bar import OptionBar
from app.paint.tool_column import ToolColumn
from app.widgets.section import Section

SIDE, SIDE_WIDE = 216, 264  # width of the column of labels and layers, in a common and in a very wide window
VERY_WIDE = 1900
VIEWS = ("both", "landscape", "drawing")


class Views(QWidget):
    """Drawing and landscape: side by side or one above the other, whichever shows them larger."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.shown = VIEWS[0]
        self.canvas, self.landscape = Canvas(desk, "drawing", self), Canvas(desk, "landscape", self)
        self.canvas.setObjectName("canvas")
        self.canvas.setAccessibleName(self.tr("Drawing"))
        self.landscape.setObjectName("landscape")
        self.landscape.setAccessibleName(self.tr("Landscape"))
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)  # the window's ground shows through as a hairline
        self._row.addWidget(self.canvas, 1)
        self._row.addWidget(self.landscape, 1)
        desk.viewport.changed.connect(self.arrange)

    def show_only(self, which: str) -> None:
        """Show "both", the "drawing" or the "landscape"; both can be painted on."""
        self.canvas.setVisible(which != "landscape")
        self.landscape.setVisible(which != "drawing")
        self.shown = which
        self.setFocusProxy(self.landscape if which == "landscape" else self.canvas)
        self.setFocus()

    def next_view(self) -> str:
        """What comes after what is shown, round and round."""
        return VIEWS[(VIEWS.index(self.shown) + 1) % len(VIEWS)]

    def arrange(self) -> None:
        """Choose the better direction for this canvas in this room."""
        size, room = self._desk.viewport.turned().mapRect(self._desk.viewport.bounds).size(), self.size()
        beside = min(room.width() / 2 / size.width(), room.height() / size.height())
        above = min(room.width() / size.width(), room.height() / 2 / size.height())
        # A little better is not worth the jump.
        stacked = self._row.direction() == QBoxLayout.Direction.TopToBottom
        if above > beside * (0.95 if stacked else 1.05):
            self._row.setDirection(QBoxLayout.Direction.TopToBottom)
        else:
            self._row.setDirection(QBoxLayout.Direction.LeftToRight)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()


class Side(QFrame):
    """Labels above layers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")  # the ground and the line of a column at the right
        self.labels, self.layers = LabelList(self), LayerList(self)
        heading = QLabel(self.tr("Labels"), self)
        heading.setFont(theme.heading(0))
        self.section = Section("layers", self.tr("Layers"))
        self.add = self.section.add_action("plus", self.tr("A new layer to draw on"), "layer:add")
        self.photo = self.section.add_action("picture", self.tr("A photo to trace …"), "layer:photo")
        self.section.body.addWidget(self.layers)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 12, 8, 8)
        column.setSpacing(6)
        column.addWidget(heading)
        column.addWidget(self.labels, 1)
        column.addWidget(self.section)


class Frame(QWidget):
    """All parts in their places: tools, options, views, looks, labels and layers."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools, self.options, self.views = ToolColumn(self), OptionBar(self), Views(desk, self)
        self.looks, self.side = LookBar(self), Side(self)
        middle = QVBoxLayout()
        middle.addWidget(self.options)
        middle.addWidget(self.views, 1)
        middle.addWidget(self.looks)
        row = QHBoxLayout(self)
        row.addWidget(self.tools)
        row.addLayout(middle, 1)
        row.addWidget(self.side)
        for layout in (middle, row):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.setFixedWidth(SIDE_WIDE if self.width() >= VERY_WIDE else SIDE)


class EmptyPage(QWidget):
    """What stands here while there is no model that paints: `add()` and `get()` are its two buttons."""

    add = Signal()
    get = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        mark = QLabel(self)
        mark.setPixmap(theme.icon("paint", "dim").pixmap(QSize(48, 48), self.devicePixelRatioF()))
        title = QLabel(self.tr("No model that paints landscapes is at hand"), self)
        title.setFont(theme.heading(3))
        text = QLabel(self.tr("Add the file of one (SPADE, or one trained with Ganvas), or see which models can be had."), self)
        text.setProperty("tone", "dim")
        add, get = QPushButton(self.tr("Add a model file…"), self), QPushButton(self.tr("Models"), self)
        add.setProperty("look", "primary")
        add.clicked.connect(self.add)
        get.clicked.connect(self.get)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (add, get):
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(1)
        for part in (mark, title, text):
            column.addWidget(part, 0, Qt.AlignmentFlag.AlignHCenter)
        holder = QWidget(self)
        holder.setLayout(buttons)
        column.addWidget(holder, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
