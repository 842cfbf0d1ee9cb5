"""The list of models: a heading for each group, a line of two rows for each model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app import theme
from app.models_page.listing import TASKS, Listed, State, size_text
from app.models_page.sheets import Sheet, Sheets
from app.widgets.model_picker import draw_badge

LINE = Qt.ItemDataRole.UserRole + 1
PICTURE = Qt.ItemDataRole.UserRole + 2
ICONS = {"latent": "explore", "painting": "paint", "upscaling": "upscale", "translation": "upscale", "labelling": "paint",
         None: "warning"}  # fmt: skip


class _Painter(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(240, 72 if isinstance(index.data(LINE), Listed) else 36)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        line, area = index.data(LINE), QRect(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not isinstance(line, Listed):
            painter.setFont(theme.remark_font())
            painter.setPen(theme.colour("dim"))
            words = area.adjusted(12, 0, -12, -6)
            painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, str(index.data()))
            painter.restore()
            return
        state = option.state
        place = QRectF(area).adjusted(4, 2, -4, -2)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_soft" if state & QStyle.StateFlag.State_Selected else "hover"))
            painter.drawRoundedRect(place, 8, 8)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._picture(painter, QRectF(place.left() + 8, place.top() + 8, 52, 52), line, index.data(PICTURE))
        words = QRect(int(place.left()) + 72, int(place.top()) + 10, int(place.width()) - 84, 24)
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.heading(0))
        text = painter.fontMetrics().elidedText(line.title, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        words.translate(0, 24)
        room = words.width() - (draw_badge(painter, words) + 8 if line.non_commercial else 0)
        painter.setFont(theme.remark_font())
        painter.setPen(theme.colour("bad" if line.state == "broken" else "dim"))
        task = TASKS[line.task][0] if line.task else "broken"
        licence = "" if line.non_commercial else line.licence  # the mark says it already
        remark = " · ".join(filter(None, (task, size_text(line.bytes) if line.bytes else "", licence)))
        text = painter.fontMetrics().elidedText(remark, Qt.TextElideMode.ElideRight, room)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _picture(self, painter: QPainter, place: QRectF, line: Listed, picture: QImage | None) -> None:
        shape = QPainterPath()
        shape.addRoundedRect(place, 6, 6)
        painter.fillPath(shape, theme.colour("raised" if picture is None else "canvas"))
        if picture is None:
            theme.draw_icon(painter, place.adjusted(14, 14, -14, -14), ICONS[line.task], "dim")
            return
        if not picture.isNull():  # the upper left of a sheet, so that one or two samples can be made out
            painter.save()
            painter.setClipPath(shape)
            painter.drawImage(place, picture)
            painter.restore()


class ModelList(QListView):
    """Shows `Listed` lines; `chosen(name)` when another one is selected, by hand or by `select`."""

    chosen = Signal(str)

    def __init__(self, titles: dict[State, str], sheets: Sheets, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sheets = sheets
        sheets.came.connect(self._sheet_came)
        self.setObjectName("models:list")
        self.setAccessibleName(self.tr("Models"))
        self.setProperty("look", "bare")
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._titles = titles
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        self.setItemDelegate(_Painter(self))
        self.selectionModel().currentChanged.connect(self._current)

    def set_lines(self, lines: Sequence[Listed]) -> None:
        """Fill the list; the selected model stays selected where it is still there."""
        name = self.name()
        self.blockSignals(True)
        self._items.clear()
        state: State | None = None
        for line in lines:
            if line.state != state:
                state = line.state
                head = QStandardItem(self._titles[state])
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                self._items.appendRow(head)
            item = QStandardItem(line.title)
            item.setData(line, LINE)
            item.setEditable(False)
            if line.sheet is not None:
                sheet = self._sheets.get(line.sheet)
                item.setData(_corner(sheet), PICTURE)
            self._items.appendRow(item)
        self.blockSignals(False)
        if not self.select(name):
            first = next((line.name for line in lines), "")
            self.select(first)

    def select(self, name: str) -> bool:
        """Select a model; False if it is not in the list."""
        for row in range(self._items.rowCount()):
            line = self._items.item(row).data(LINE)
            if isinstance(line, Listed) and line.name == name:
                index = self._items.index(row, 0)
                if self.currentIndex() == index:
                    self.chosen.emit(name)
                self.setCurrentIndex(index)
                return True
        return False

    def _sheet_came(self, path: Path) -> None:
        for row in range(self._items.rowCount()):
            item = self._items.item(row)
            line = item.data(LINE)
            if isinstance(line, Listed) and line.sheet == path:
                item.setData(_corner(self._sheets.get(path)), PICTURE)

    def name(self) -> str:
        """The selected model, "" for none."""
        line = self.currentIndex().data(LINE)
        return line.name if isinstance(line, Listed) else ""

    def _current(self) -> None:
        if self.name():
            self.chosen.emit(self.name())


def _corner(sheet: Sheet | None) -> QImage | None:
    """What stands for a model: a null image while its sheet is being read, None where that shows nothing."""
    if sheet is None:
        return QImage()
    return None if sheet.corner.isNull() else sheet.corner
