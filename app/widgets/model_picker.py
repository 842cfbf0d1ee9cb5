"""Chooses a model of those at hand: its title, what it is for, its licence, and a mark where that forbids commercial use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QListView, QSizePolicy, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app import theme

CHOICE = Qt.ItemDataRole.UserRole + 1
DOES = Qt.ItemDataRole.UserRole + 2  # "add" or "get" for the two lines that are no models
BADGE = "non-commercial"


@dataclass(frozen=True)
class Choice:
    """A model that can be chosen: `name` is its key, `remark` a few words (licence, size), `group` a heading ("" for none)."""

    name: str
    title: str
    remark: str = ""
    non_commercial: bool = False
    group: str = ""


class _Painter(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        if isinstance(index.data(CHOICE), Choice):
            return QSize(300, 48)
        return QSize(300, 36 if index.data(DOES) else 28)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        choice, text = index.data(CHOICE), str(index.data(Qt.ItemDataRole.DisplayRole))
        area: QRect = option.rect.adjusted(8, 0, -8, 0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver)
        if lit and index.flags() & Qt.ItemFlag.ItemIsEnabled:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_soft"))
            painter.drawRoundedRect(option.rect.adjusted(2, 1, -2, -1), 4, 4)
        if isinstance(choice, Choice):
            painter.setPen(theme.colour("text"))
            upper, lower = QRect(area), QRect(area)
            upper.setBottom(area.center().y())
            lower.setTop(area.center().y() + 1)
            room = upper.width() - (draw_badge(painter, upper) + 8 if choice.non_commercial else 0)
            line = painter.fontMetrics().elidedText(choice.title, Qt.TextElideMode.ElideRight, room)
            painter.drawText(upper, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, line)
            painter.setFont(theme.remark_font())
            painter.setPen(theme.colour("dim"))
            line = painter.fontMetrics().elidedText(choice.remark, Qt.TextElideMode.ElideRight, lower.width())
            painter.drawText(lower.adjusted(0, 2, 0, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, line)
        elif index.data(DOES):
            painter.setPen(theme.colour("line"))
            if index.data(DOES) == "add":
                painter.drawLine(option.rect.topLeft(), option.rect.topRight())
            painter.setPen(theme.colour("accent_text"))
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        else:
            painter.setFont(theme.remark_font())
            painter.setPen(theme.colour("dim"))
            painter.drawText(area.adjusted(0, 0, 0, -2), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, text)
        painter.restore()


def draw_badge(painter: QPainter, area: QRect) -> int:
    """Draw the "non-commercial" mark at the right end of an area; its width."""
    painter.save()
    painter.setFont(theme.remark_font())
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(BADGE) + 12, metrics.height() + 2
    place = QRect(area.right() - width, area.center().y() - height // 2 + 1, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("warn_soft"))
    painter.drawRoundedRect(place, 4, 4)
    painter.setPen(theme.colour("warn"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, BADGE)
    painter.restore()
    return width


class ModelPicker(QComboBox):
    """A combo box of models under their headings, with "Add a model file…" and "Get more models…" at its end.

    `chosen(name)` comes when a person picks another model, not by `choose`. `add_file()` and `get_more()` are the last two lines.
    """

    chosen = Signal(str)
    add_file = Signal()
    get_more = Signal()

    def __init__(self, name: str = "model", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(self.tr("Model"))
        self.setToolTip(self.tr("The model that makes the picture"))
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        view = QListView(self)
        view.setMouseTracking(True)
        self.setView(view)
        self.setItemDelegate(_Painter(self))
        self.setMaxVisibleItems(12)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(112)
        self._name = ""
        self.activated.connect(self._pick)
        self.set_choices(())

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Fill the list; the chosen model stays chosen where it is still there."""
        self._items.clear()
        group = ""
        for choice in choices:
            if choice.group != group:
                group = choice.group
                head = QStandardItem(group)
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                self._items.appendRow(head)
            item = QStandardItem(choice.title)
            item.setData(choice, CHOICE)
            item.setToolTip(choice.remark)
            item.setData(", ".join(filter(None, (choice.title, choice.remark, BADGE if choice.non_commercial else ""))),
                         Qt.ItemDataRole.AccessibleTextRole)  # fmt: skip
            self._items.appendRow(item)
        for does, text in (("add", self.tr("Add a model file…")), ("get", self.tr("Get more models…"))):
            item = QStandardItem(text)
            item.setData(does, DOES)
            self._items.appendRow(item)
        self.view().setMinimumWidth(340)
        self.choose(self._name)

    def choices(self) -> list[Choice]:
        """The models in the list, in its order."""
        found = (self._items.item(row).data(CHOICE) for row in range(self._items.rowCount()))
        return [choice for choice in found if isinstance(choice, Choice)]

    def choose(self, name: str) -> bool:
        """Show a model as the chosen one, without a signal; False (and nothing chosen) if it is not in the list."""
        for row in range(self._items.rowCount()):
            choice = self._items.item(row).data(CHOICE)
            if isinstance(choice, Choice) and choice.name == name:
                self._name = name
                self.setCurrentIndex(row)
                self.setToolTip("\n".join(filter(None, (choice.title, choice.remark))))
                return True
        self._name = ""
        self.setCurrentIndex(-1)
        return False

    def name(self) -> str:
        """The chosen model's name, "" for none."""
        return self._name

    def _pick(self, row: int) -> None:
        item = self._items.item(row)
        choice, does = item.data(CHOICE), item.data(DOES)
        if isinstance(choice, Choice):
            if choice.name != self._name:
                self.choose(choice.name)
                self.chosen.emit(choice.name)
            return
        self.choose(self._name)  # the two last lines act and are never the chosen one
        if does == "add":
            self.add_file.emit()
        elif does == "get":
            self.get_more.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # a wheel that passes by must not load another model

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        choice = self._current()
        width = metrics.horizontalAdvance(choice.title if choice else self.tr("No model")) + 56
        if choice and choice.non_commercial:
            width += QFontMetrics(theme.remark_font()).horizontalAdvance(BADGE) + 24
        return QSize(min(max(width, 160), 420), super().sizeHint().height())

    def setCurrentIndex(self, index: int) -> None:
        super().setCurrentIndex(index)
        self.updateGeometry()
        self.update()

    def _current(self) -> Choice | None:
        item = self._items.item(self.currentIndex()) if self.currentIndex() >= 0 else None
        choice = item.data(CHOICE) if item is not None else None
        return choice if isinstance(choice, Choice) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        choice = self._current()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            frame = self.rect().adjusted(0, 0, -1, -1)
            painter.setPen(theme.colour("accent" if self.hasFocus() else "border"))
            painter.setBrush(theme.colour("hover" if self.underMouse() else "raised"))
            painter.drawRoundedRect(frame, 6, 6)
            area = self.rect().adjusted(12, 0, -32, 0)
            if choice and choice.non_commercial and area.width() > 200:
                area.setRight(area.right() - draw_badge(painter, area) - 8)
            painter.setPen(theme.colour("text" if choice else "dim"))
            text = choice.title if choice else self.tr("No model")
            line = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)
            arrow = QRect(self.width() - 28, (self.height() - 16) // 2, 16, 16)
            theme.draw_icon(painter, arrow.toRectF(), "down", "dim")
