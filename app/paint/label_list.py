"""The labels to paint with: colour, name and key; in one column or two, as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QIcon,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QGridLayout,
    QLineEdit,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.paint.state.palette import PATTERN, Palette
from models.card import Label

ROW = 28  # height of a label
SWATCH = 18
NARROWER = 36  # what a label saves in width where its digit stands on the colour
KEYS = "1234567890"
SEARCH_FROM = 25  # a list of so many labels can be searched


class LabelButton(QAbstractButton):
    """One label. `key` is the digit that chooses it, "" for none; `background` marks the one that shows where all is clear.
    Where it is `compact` the digit stands on the colour.
    """

    menu_wanted = Signal(QPoint)

    def __init__(self, label: Label, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.key, self.background, self.other, self.compact = label, key, False, False, False
        self.swatch = QImage()
        self.setObjectName(f"label:{label.name}")
        self.setText(label.name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(ROW)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.describe()

    def describe(self) -> None:
        """Say in words what the marks say."""
        tips = [self.label.name]
        if self.key:
            tips.append(self.tr("key {0}").format(self.key))
        if self.background:
            tips.append(self.tr("the background: shows where nothing is painted"))
        if self.other:
            tips.append(self.tr("X swaps to it"))
        self.setToolTip("\n".join(tips))
        self.setAccessibleName(", ".join(tips))

    def sizeHint(self) -> QSize:
        """With the digit beside the name; `NARROWER` less where it is compact."""
        return QSize(self.fontMetrics().horizontalAdvance(self.label.name) + SWATCH + 14 + NARROWER + 4, ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ground = "accent_soft" if self.isChecked() else "hover" if self.underMouse() else None
            if ground is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(ground))
                painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
            if self.isChecked() or self.hasFocus():
                painter.setPen(QPen(theme.colour("accent"), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            place = QRectF(6, (self.height() - SWATCH) / 2, SWATCH, SWATCH)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*self.label.colour))
            painter.drawRoundedRect(place, 4, 4)
            if not self.swatch.isNull():
                painter.drawImage(place.adjusted(1, 1, -1, -1), self.swatch)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("border"), 1))
            painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            right = self.width() - (2 if self.compact else 8)
            painter.setFont(theme.remark_font())
            if self.key and self.compact:
                red, green, blue = self.label.colour
                light = 0.299 * red + 0.587 * green + 0.114 * blue > 140
                painter.setPen(QColor(0, 0, 0, 190) if light else QColor(255, 255, 255, 230))
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.key)
            elif self.key:
                painter.setPen(theme.colour("dim"))
                painter.drawText(
                    QRectF(right - 12, 0, 12, self.height()),
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    self.key,
                )
                right -= 16
            if self.background and not self.compact:
                theme.draw_icon(painter, QRectF(right - 14, (self.height() - 14) / 2, 14, 14), "tool-ground", "dim")
                right -= 18
            painter.setFont(self.font())
            painter.setPen(theme.colour("accent_text" if self.isChecked() else "text"))
            left = SWATCH + 14
            name = painter.fontMetrics().elidedText(self.label.name, Qt.TextElideMode.ElideRight, round(right - left))
            painter.drawText(
                QRectF(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name
            )

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())


class LabelList(QWidget):
    """All labels of a palette. `chosen(number)` comes when a person picks one, `background_wanted(number)` from its menu."""

    chosen = Signal(int)
    background_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("labels")
        self._buttons: list[LabelButton] = []
        self._group = QButtonGroup(self)
        self._columns = 0
        self._search = QLineEdit(self)
        self._search.setObjectName("labels:search")
        self._search.setPlaceholderText(self.tr("Find a label"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._lay)
        self._inside = QWidget(self)
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._search)
        column.addWidget(self._scroll, 1)
        self._group.buttonClicked.connect(self._click)

    def set_palette(self, palette: Palette, patterns: bool) -> None:
        """Show these labels."""
        for button in self._buttons:
            self._group.removeButton(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        table = palette.patterned() if patterns else None
        for position, label in enumerate(palette.labels):
            button = LabelButton(label, KEYS[position] if position < len(KEYS) else "", self._inside)
            if table is not None:
                tile = table[label.id]
                button.swatch = QImage(tile.data, PATTERN, PATTERN, tile.strides[0], QImage.Format.Format_RGB32).copy()
            button.menu_wanted.connect(lambda at, number=label.id: self._menu(number, at))
            self._group.addButton(button, label.id)
            self._buttons.append(button)
            button.show()
        self._search.setVisible(len(self._buttons) >= SEARCH_FROM)
        self._search.clear()
        self._columns = 0
        self._lay()

    def show_choice(self, number: int, other: int, background: int) -> None:
        """Mark the chosen label, the one that X swaps to, and the background."""
        for button in self._buttons:
            button.setChecked(button.label.id == number)
            marks = (button.label.id == background, button.label.id == other)
            if marks != (button.background, button.other):
                button.background, button.other = marks
                button.describe()
                button.update()
            if button.isChecked():
                self._scroll.ensureWidgetVisible(button, 0, ROW)

    def number_of_key(self, digit: str) -> int | None:
        """The label that a digit chooses."""
        return next((button.label.id for button in self._buttons if button.key == digit), None)

    def _click(self, button: QAbstractButton) -> None:
        self.chosen.emit(self._group.id(button))

    def _menu(self, number: int, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Make it the background"), lambda: self.background_wanted.emit(number))
        menu.popup(at)

    def _lay(self) -> None:
        """One column where all labels fit into the height, two where their names are short enough, else one that scrolls."""
        wanted = self._search.text().strip().lower()
        shown = [button for button in self._buttons if wanted in button.label.name.lower()]
        for button in self._buttons:
            button.setVisible(button in shown)
        search = self._search.sizeHint().height() + 4 if self._search.isVisibleTo(self) else 0
        needed = max((button.sizeHint().width() for button in shown), default=0)
        fits = self.width() >= 2 * (needed - NARROWER) + 2  # two columns need no scroll bar
        columns = 2 if len(shown) * (ROW + 2) > self.height() - search and fits else 1
        order = [(index % -(-len(shown) // columns), index // -(-len(shown) // columns)) for index in range(len(shown))]
        while self._grid.count():
            self._grid.takeAt(0)
        for button, (row, column) in zip(shown, order, strict=True):
            button.compact = columns > 1
            button.update()
            self._grid.addWidget(button, row, column)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        self._grid.setRowStretch(-(-len(shown) // columns) if shown else 0, 1)
        self._columns = columns

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()


def label_menu(palette: Palette, recent: Sequence[int], parent: QWidget) -> QMenu:
    """A pop-up of labels under the pen, those used last first; its actions carry the label's number."""
    menu = QMenu(parent)
    menu.setObjectName("labels:popup")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    last = [number for number in recent if number in palette]
    rest = [label.id for label in palette.labels if label.id not in last]
    for index, number in enumerate(last + rest):
        if index == len(last) and last:
            menu.addSeparator()
        label = palette.label(number)
        image = QImage(16, 16, QImage.Format.Format_RGB32)
        image.fill(QColor(*label.colour))
        action = menu.addAction(QIcon(QPixmap.fromImage(image)), label.name)
        action.setData(number)
    return menu
