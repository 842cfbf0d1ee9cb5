"""The Help page: first steps and keys, on one screen."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.widgets.keys import as_here


def tr(text: str) -> str:
    return QCoreApplication.translate("Help", text)


def steps() -> tuple[tuple[str, str, str], ...]:
    """(icon, title, text) of the first steps."""
    return (
    (
        "explore",
        tr("Explore"),
        tr("Choose a seed from the sheet, or press R. Drag a direction to change one thing about the "
            "picture, or pull the map of seeds to walk from one to another. Star pictures with F, and "
            "Morph lets them flow into one another. Under Point drag, pull spots of the picture to where they "
            "should be: a mouth opens, a head turns. Drop a photo of a face, and the picture nearest to it is "
            "found: sliders change that too. Every step can be undone."),
    ),
    (
        "paint",
        tr("Paint"),
        tr("Choose a label (sky, water, mountain), draw where it should be, and watch the landscape "
            "follow. Another look is one click away."),
    ),
    (
        "upscale",
        tr("Upscale"),
        tr("Drop photos or whole folders, choose how much larger, and press Start. The results lie "
            "beside the photos; colours and camera data are kept. Under More you can paint over what must "
            "not change."),
    ),
    (
        "models",
        tr("Models"),
        tr("Some models come along; better ones are one download away. Drop a model file of your own "
            "anywhere on the window: it is read, never run."),
    ),
)  # fmt: skip


def keys() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """(title, ((keys, what they do), ...)) of each group."""
    return (
    (
        tr("Everywhere"),
        (
            ("Ctrl+1 … Ctrl+3", tr("Explore, Paint, Upscale")),
            ("Ctrl+4, F1", tr("Models, this page")),
            ("Ctrl+Z, Ctrl+Shift+Z", tr("Undo, redo")),
            ("Ctrl+O", tr("Open a photo, a map, a model, or a picture made by Ganvas")),
            ("Ctrl+S", tr("Save the picture with its making-of inside")),
            ("F11", tr("Full screen")),
        ),
    ),
    (
        tr("Pictures"),
        (
            (tr("wheel, + and −"), tr("Zoom")),
            (tr("drag, middle drag"), tr("Move the picture about")),
            ("0, 1", tr("Whole picture, its own pixels")),
            ("Tab", tr("The picture alone (in Explore)")),
        ),
    ),
    (
        tr("Explore"),
        (
            ("R", tr("Roll the dice")),
            ("P", tr("Pin; hold Space on the picture to compare")),
            ("F", tr("Favourite")),
            ("Ctrl+C, Ctrl+V", tr("Copy the picture; find a photo in the model")),
            (tr("Delete, Enter, Escape"), tr("Point drag: take a point away, start, stop")),
            (tr("double click"), tr("A slider back to its default")),
            (tr("Ctrl and wheel, arrows"), tr("Move a slider in steps")),
        ),
    ),
    (
        tr("Paint"),
        (
            ("B, E, G", tr("Brush, eraser, bucket")),
            ("L, R, O, P", tr("Line, rectangle, ellipse, area")),
            ("[, ]", tr("Smaller and larger brush (or Shift and drag)")),
            ("1 … 9, 0, X", tr("A label; swap the last two")),
            (tr("Ctrl or Alt and click"), tr("Pick a label from the map (or I)")),
            (tr("Shift and click"), tr("A straight line from the last stroke")),
            (tr("right click"), tr("The labels, under the pen")),
            (tr("Space and drag"), tr("Move the map about; with Shift turn it")),
            ("Shift+1, 2, 3", tr("Its own pixels, all of it, its full width")),
            ("Shift+4, 5, 6; M", tr("Turn the view; mirror it")),
            (tr("Tab, held"), tr("The map lies over the landscape")),
            ("D, K, V", tr("Another look; pause the landscape; change the views")),
            ("Ctrl+N, Ctrl+Shift+S", tr("New drawing; save the drawing")),
            ("Ctrl+C", tr("Copy the landscape")),
        ),
    ),
    (
        tr("Upscale"),
        (
            ("D, S, F", tr("Divider, side by side, flicker")),
            ("L", tr("Loupe; Ctrl and wheel change it")),
            (tr("B, held"), tr("The photo before")),
            (tr("Shift and drag"), tr("Try a part; it can be saved by itself")),
            ("[, ]", tr("Smaller and larger brush, while protecting")),
            ("Ctrl+C, Ctrl+V", tr("Copy the result; add a picture or photos")),
        ),
    ),
)  # fmt: skip


def _card() -> tuple[QFrame, QVBoxLayout]:
    frame = QFrame()
    frame.setProperty("look", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(20, 16, 20, 20)
    column.setSpacing(8)
    return frame, column


class HelpPage(QWidget):
    """First steps above, keys below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("help")
        content = QWidget()
        content.setMaximumWidth(1120)
        column = QVBoxLayout(content)
        column.setContentsMargins(32, 24, 32, 32)
        column.setSpacing(16)
        column.addWidget(self._heading(self.tr("First steps")))
        first = QGridLayout()
        first.setColumnStretch(0, 1)
        first.setColumnStretch(1, 1)
        first.setSpacing(16)
        for number, (icon, title, text) in enumerate(steps()):
            first.addWidget(self._step(icon, title, text), number // 2, number % 2)
        column.addLayout(first)
        column.addSpacing(8)
        column.addWidget(self._heading(self.tr("Keys")))
        groups = QGridLayout()
        groups.setColumnStretch(0, 1)
        groups.setColumnStretch(1, 1)
        groups.setSpacing(16)
        for number, (title, rows) in enumerate(keys()):
            groups.addWidget(self._keys(title, rows), number // 2, number % 2)
        column.addLayout(groups)
        column.addStretch(1)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(content, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(middle)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def _heading(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setFont(theme.heading(3))
        return label

    def _step(self, icon: str, title: str, text: str) -> QFrame:
        frame, column = _card()
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(theme.Drawing(icon, 24))
        name = QLabel(title)
        name.setFont(theme.heading(1))
        head.addWidget(name, 1)
        words = QLabel(text)
        words.setWordWrap(True)
        words.setProperty("tone", "dim")
        words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column.addLayout(head)
        column.addWidget(words, 1)
        return frame

    def _keys(self, title: str, rows: tuple[tuple[str, str], ...]) -> QFrame:
        frame, column = _card()
        name = QLabel(title)
        name.setFont(theme.heading(1))
        column.addWidget(name)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 152)
        grid.setColumnStretch(1, 1)
        for number, (name_of_key, does) in enumerate(rows):
            key = QLabel(as_here(name_of_key))
            key.setProperty("tone", "accent")
            text = QLabel(as_here(does))
            text.setWordWrap(True)
            grid.addWidget(key, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, number, 1, Qt.AlignmentFlag.AlignTop)
        column.addLayout(grid)
        column.addStretch(1)
        return frame
