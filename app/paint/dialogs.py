"""The two questions that Paint asks: how large a canvas, and what unknown labels of a map are to be."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.paint.state.palette import Palette, UnknownLabel

# The smallest that is offered is the smallest at which a landscape shows anything.
SMALLEST, LARGEST = 128, 4096
SIZES = ((1024, 1024), (1024, 768), (1152, 768), (1280, 720), (1536, 768), (768, 1024))


def swatch(colour: tuple[int, int, int] | None, side: int = 16) -> QIcon:
    """A square of a label's colour."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(*colour) if colour is not None else theme.colour("border"))
    return QIcon(pixmap)


def fill_labels(box: QComboBox, palette: Palette, number: int) -> None:
    """Put all labels into a combo box; their numbers are its data."""
    for label in palette.labels:
        box.addItem(swatch(label.colour), label.name, label.id)
    box.setCurrentIndex(box.findData(number))


def choice(dialog: QDialog, text: str) -> QDialogButtonBox:
    """A button that accepts a dialog, called `text`, and one that leaves it."""
    accept = QPushButton(text, dialog)
    accept.setProperty("look", "primary")
    accept.setDefault(True)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, dialog)
    buttons.addButton(accept, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons


class CanvasDialog(QDialog):
    """A size for a new canvas, or for the one there is (`resizing`). Read `size_`, `background` and `stretch` when accepted."""

    def __init__(self, palette: Palette, width: int, height: int, background: int, resizing: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas:size" if resizing else "canvas:new")
        self.setWindowTitle(self.tr("Size of the canvas") if resizing else self.tr("New drawing"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        self._shapes = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for shape in SIZES:
            button = QToolButton(self)
            button.setObjectName(f"canvas:{shape[0]}x{shape[1]}")
            button.setIcon(_shape_icon(*shape))
            button.setIconSize(QSize(56, 56))
            button.setText(f"{shape[0]} × {shape[1]}")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, shape=shape: self._take(*shape))
            self._shapes.addButton(button)
            row.addWidget(button)
        column.addLayout(row)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self._width, self._height = self._number(width, "width"), self._number(height, "height")
        for line, (text, field) in enumerate(((self.tr("Width"), self._width), (self.tr("Height"), self._height))):
            label = QLabel(text, self)
            label.setBuddy(field)
            grid.addWidget(label, line, 0)
            grid.addWidget(field, line, 1)
            field.valueChanged.connect(self._mark)
        grid.setColumnStretch(2, 1)
        column.addLayout(grid)
        self._ground = QComboBox(self)
        self._crop, self._stretch = (
            QRadioButton(self.tr("Keep the drawing as large as it is, in the middle"), self),
            QRadioButton(self.tr("Stretch the drawing"), self),
        )
        self._crop.setChecked(True)
        fill_labels(self._ground, palette, background)
        if resizing:
            column.addWidget(self._crop)
            column.addWidget(self._stretch)
            self._ground.hide()
        else:
            self._crop.hide()
            self._stretch.hide()
            label = QLabel(self.tr("Begin with"), self)
            label.setBuddy(self._ground)
            grid.addWidget(label, 2, 0)
            grid.addWidget(self._ground, 2, 1)
        column.addWidget(choice(self, self.tr("Change the size") if resizing else self.tr("New drawing")))
        self._width.setFocus()
        self._mark()

    @property
    def size_(self) -> tuple[int, int]:
        return self._width.value(), self._height.value()

    @property
    def background(self) -> int:
        return int(self._ground.currentData())

    @property
    def stretch(self) -> bool:
        return self._stretch.isChecked()

    def _number(self, value: int, name: str) -> QSpinBox:
        field = QSpinBox(self)
        field.setObjectName(f"canvas:{name}")
        field.setRange(SMALLEST, LARGEST)
        field.setSingleStep(64)
        field.setSuffix(" px")
        field.setValue(value)
        field.setFixedSize(128, 32)
        return field

    def _take(self, width: int, height: int) -> None:
        self._width.setValue(width)
        self._height.setValue(height)

    def _mark(self) -> None:
        self._shapes.setExclusive(False)
        for button, shape in zip(self._shapes.buttons(), SIZES, strict=True):
            button.setChecked(shape == self.size_)
        self._shapes.setExclusive(True)


def _shape_icon(width: int, height: int) -> QIcon:
    pixmap = QPixmap(112, 112)
    pixmap.fill(Qt.GlobalColor.transparent)
    scale = 104 / max(width, height, 1024)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.colour("dim"))
        painter.setBrush(theme.colour("field"))
        place = QRectF(0, 0, width * scale, height * scale)
        place.moveCenter(QRectF(pixmap.rect()).center())
        painter.drawRoundedRect(place, 4, 4)
    return QIcon(pixmap)


class MappingDialog(QDialog):
    """What each unknown label of a map is to become. Read `answers` when accepted."""

    def __init__(self, name: str, unknown: Sequence[UnknownLabel], pixels: int, palette: Palette, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("map:unknown")
        self.setWindowTitle(self.tr("Labels that this model does not know"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        one = self.tr("{0} holds a label that this model does not know. What shall it be?").format(name)
        many = self.tr("{0} holds {1} labels that this model does not know. What shall they be?").format(name, len(unknown))
        text = QLabel(one if len(unknown) == 1 else many, self)
        text.setTextFormat(Qt.TextFormat.PlainText)  # these names may come from a stranger's file
        text.setWordWrap(True)
        column.addWidget(text)
        inside = QWidget(self)
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self._boxes: dict[int, QComboBox] = {}
        for line, label in enumerate(unknown):
            mark = QLabel(inside)
            mark.setPixmap(swatch(label.colour, 20).pixmap(20, 20))
            count = QLabel(self.tr("{0:,} px ({1:.1%})").format(label.pixels, label.pixels / max(pixels, 1)), inside)
            count.setProperty("tone", "dim")
            box = QComboBox(inside)
            box.setObjectName(f"map:unknown:{label.number}")
            box.setAccessibleName(self.tr("{0} becomes").format(label.name))
            fill_labels(box, palette, label.nearest)
            grid.addWidget(mark, line, 0)
            named = QLabel(label.name, inside)
            named.setTextFormat(Qt.TextFormat.PlainText)
            grid.addWidget(named, line, 1)
            grid.addWidget(count, line, 2)
            grid.addWidget(box, line, 3)
            self._boxes[label.number] = box
        grid.setColumnStretch(3, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        scroll.setMinimumSize(420, min(60 + 40 * len(unknown), 360))
        column.addWidget(scroll, 1)
        column.addWidget(choice(self, self.tr("Use these labels")))

    @property
    def answers(self) -> dict[int, int]:
        """The chosen label's number for each unknown one."""
        return {number: int(box.currentData()) for number, box in self._boxes.items()}
