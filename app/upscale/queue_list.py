"""The queue as a list that scrolls fifty thousand photos: thumbnail, name, size before and after, state, error in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from app import theme
from app.upscale.pace import duration
from app.upscale.queue import AT_WORK, Queue, Row
from app.upscale.thumbs import Thumbs

HEIGHT, THUMB = 52, 40
ROW = Qt.ItemDataRole.UserRole + 1
INDEX = QModelIndex | QPersistentModelIndex
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # A file's name may hold line ends: it is shown in one line all the same.


class QueueModel(QAbstractListModel):
    """The rows of a queue for Qt. Where a row is, is looked up once after each change of order."""

    def __init__(self, queue: Queue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._shown: list[Row] = []
        self._places: dict[int, int] = {}
        queue.changed.append(self._queue_changed)

    def rowCount(self, parent: INDEX = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: INDEX, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._shown[index.row()] if index.isValid() and index.row() < len(self._shown) else None
        if row is None:
            return None
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.found.path.name
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = [str(row.found.path)]
            if row.planned and row.planned.output:
                lines.append(f"→ {row.planned.output}")
            return "\n".join(filter(None, (*lines, row.reason)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (row.found.path.name, sizes(row), state_text(row), row.reason)))
        return None

    def flags(self, index: INDEX) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Files to drag out: results where there are some, else the photos."""
        rows = [row for index in indexes if (row := self.row_at(index)) is not None]
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(result_of(row) or row.found.path)) for row in rows])
        return data

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def row_at(self, index: INDEX) -> Row | None:
        found = self.data(index, ROW)
        return found if isinstance(found, Row) else None

    def index_of(self, row: Row) -> QModelIndex:
        """Where a row is; an invalid index where it is not."""
        place = self._places.get(id(row))
        return self.index(place) if place is not None else QModelIndex()

    def touch(self, row: Row) -> None:
        """What is known of a row has changed."""
        index = self.index_of(row)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def touch_all(self) -> None:
        """What is known of many rows has changed."""
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))

    def _queue_changed(self, what: str) -> None:
        if what != "rows":
            return
        new = list(self._queue.rows)
        grown = len(new) - len(self._shown)
        if grown > 0 and (not self._shown or (new[len(self._shown) - 1] is self._shown[-1] and new[0] is self._shown[0])):
            first = len(self._shown)
            self.beginInsertRows(QModelIndex(), first, len(new) - 1)
            self._places |= {id(row): i for i, row in enumerate(new[first:], first)}
            self._shown = new
            self.endInsertRows()
        else:
            self.beginResetModel()
            self._places = {id(row): i for i, row in enumerate(new)}
            self._shown = new
            self.endResetModel()


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last of each run of places that follow each other."""
    for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0]):
        members = [place for _, place in run]
        yield members[0], members[-1]


def result_of(row: Row) -> Path | None:
    """The finished result of a row, or None."""
    return row.planned.output if row.state == "done" and row.planned is not None else None


def sizes(row: Row) -> str:
    """Size before and after: "1,200 × 800 → 4,800 × 3,200"."""
    if row.facts is None:
        return ""
    before = f"{row.facts.width:,} × {row.facts.height:,}"
    if row.planned is None or not row.planned.size[0]:
        return before
    frames = f", {row.planned.frames} frames" if row.planned.frames > 1 else ""
    return f"{before} → {row.planned.size[0]:,} × {row.planned.size[1]:,}{frames}"


def state_text(row: Row) -> str:
    """The state in a word or a figure."""
    if row.state == "working":
        return f"{row.share:.0%}"
    if row.state == "done":
        return duration(row.seconds)
    return {"reading": "reading…", "writing": "saving…", "skipped": "skipped", "looking": "…"}.get(row.state, "")


class _Painter(QStyledItemDelegate):
    def __init__(self, thumbs: Thumbs, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbs = thumbs

    def sizeHint(self, option: QStyleOptionViewItem, index: INDEX) -> QSize:
        return QSize(200, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: INDEX) -> None:
        row = index.data(ROW)
        if not isinstance(row, Row):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(area.adjusted(4, 1, -4, -1), 6, 6)
        self._thumbnail(painter, QRect(area.left() + 12, area.top() + (HEIGHT - THUMB) // 2, THUMB, THUMB), row)
        left = area.left() + 12 + THUMB + 12
        right = area.right() - 16 - self._state(painter, area, row)
        upper = QRect(left, area.top() + 6, right - left, 20)
        lower = QRect(left, area.top() + 26, right - left, 18)
        painter.setPen(theme.colour("text"))
        self._line(painter, upper, row.found.path.name, Qt.TextElideMode.ElideMiddle)
        painter.setFont(theme.remark_font())
        wrong = row.state in ("failed", "refused")
        painter.setPen(theme.colour("bad" if wrong else "dim"))
        said = row.reason if wrong or row.state == "skipped" else sizes(row) or row.reason or row.found.folder
        self._line(painter, lower, said, Qt.TextElideMode.ElideRight)
        painter.restore()

    def _line(self, painter: QPainter, area: QRect, text: str, elide: Qt.TextElideMode) -> None:
        line = painter.fontMetrics().elidedText(_CONTROL.sub(" ", text), elide, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)

    def _thumbnail(self, painter: QPainter, place: QRect, row: Row) -> None:
        image = self._thumbs.get(row.found.path) if row.state != "refused" else None
        if image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(place, 4, 4)
            if row.state in ("refused", "failed"):
                theme.draw_icon(painter, QRectF(place.adjusted(10, 10, -10, -10)), "warning", "bad")
            return
        size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(QRectF(place).center())
        target.moveTopLeft(QPointF(target.topLeft().toPoint()))  # a line of one pixel would be two faint ones
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, image)

    def _state(self, painter: QPainter, area: QRect, row: Row) -> int:
        """Draw the state at the right end; the width it takes."""
        middle = area.center().y()
        if row.state in ("working", "writing"):
            bar = QRectF(area.right() - 16 - 72, middle + 5, 72, 4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(bar, 2, 2)
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(bar.topLeft(), bar.bottomLeft() + QPointF(bar.width() * row.share, 0)), 2, 2)
        text = state_text(row)
        painter.save()
        painter.setFont(theme.remark_font())
        painter.setPen(theme.colour("dim"))
        width = painter.fontMetrics().horizontalAdvance(text)
        if row.state == "done":
            icon = QRectF(area.right() - 16 - 16, middle - 8, 16, 16)
            theme.draw_icon(painter, icon, "check", "accent_text")
            place = QRect(area.right() - 40 - width, middle - 10, width, 20)
            width += 24
        elif row.state in ("working", "writing"):
            place = QRect(area.right() - 16 - 72, middle - 16, 72, 18)
            width = 72
        else:
            place = QRect(area.right() - 16 - width, middle - 10, width, 20)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
        return width + 12


class QueueList(QTableView):
    """The list. `current_row(Row or None)` follows the selection; the other signals ask for what a menu or a key chose."""

    current_row = Signal(object)
    remove_asked = Signal(list)
    move_asked = Signal(list, int)
    retry_asked = Signal(list)
    paste_asked = Signal()

    def __init__(self, queue: Queue, thumbs: Thumbs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("upscale:queue")
        self.setAccessibleName(self.tr("Photos to enlarge"))
        self.setProperty("look", "bare")
        self.queue_model = QueueModel(queue, self)
        self.setModel(self.queue_model)
        self.setItemDelegate(_Painter(thumbs, self))
        # A table of one column: a list view looks at all its rows whenever one of them changes (0.4 s with 50,000).
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(HEIGHT)
        self.verticalHeader().setMinimumSectionSize(HEIGHT)
        self.horizontalHeader().hide()
        self.horizontalHeader().setStretchLastSection(True)
        self.setShowGrid(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setDragEnabled(True)
        self.empty_text = ""
        self.selectionModel().currentChanged.connect(self._current_changed)
        # While the order changes: the selection, the current row, and whether it is in view.
        self._before: tuple[list[Row], Row | None, bool] = [], None, False
        self.queue_model.modelAboutToBeReset.connect(self._remember)
        self.queue_model.modelReset.connect(self._choose_again)
        self.doubleClicked.connect(lambda index: self._open_result(self.queue_model.row_at(index)))
        thumbs.came.connect(lambda path: self.viewport().update())

    def chosen(self) -> list[Row]:
        """The selected rows, in the list's order."""
        places = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        rows = (self.queue_model.row_at(self.queue_model.index(place)) for place in places)
        return [row for row in rows if row is not None]

    def choose(self, rows: Sequence[Row]) -> None:
        """Select rows; the first one becomes the current one, and is scrolled to."""
        indices = [index for row in rows if (index := self.queue_model.index_of(row)).isValid()]
        chosen = QItemSelection()
        for index in indices:
            chosen.select(index, index)
        self.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if indices:  # one alone is shown: each would be read
            self.selectionModel().setCurrentIndex(indices[0], QItemSelectionModel.SelectionFlag.NoUpdate)

    def _remember(self) -> None:
        current = self.currentIndex()
        seen = self.viewport().rect().intersects(self.visualRect(current))
        self._before = self.chosen(), self.queue_model.row_at(current), seen

    def _choose_again(self) -> None:
        """Photos that were moved, or stand elsewhere now, stay selected: who moves them moves them further, by a key."""
        (rows, current, seen), self._before = self._before, ([], None, False)
        places = sorted(index.row() for row in rows if (index := self.queue_model.index_of(row)).isValid())
        chosen = QItemSelection()
        for first, last in _runs(places):
            chosen.select(self.queue_model.index(first), self.queue_model.index(last))
        self.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if current is not None and (index := self.queue_model.index_of(current)).isValid():
            with QSignalBlocker(self.selectionModel()):  # the same photo is shown as before
                self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            if seen:
                self.scrollTo(index)

    def _current_changed(self, index: QModelIndex) -> None:
        self.current_row.emit(self.queue_model.row_at(index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_asked.emit(self.chosen())
        elif alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_asked.emit(self.chosen(), -1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open_result(self.queue_model.row_at(self.currentIndex()))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        rows = self.chosen()
        if rows:
            self.menu_for(rows).popup(event.globalPos())

    def menu_for(self, rows: list[Row]) -> QMenu:
        """What can be done with these rows."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        first = rows[0]
        result = result_of(first)
        open_ = menu.addAction(self.tr("Open the result"), lambda: self._open_result(first))
        open_.setEnabled(result is not None)
        menu.addAction(self.tr("Show in folder"), lambda: show_in_folder(result or first.found.path))
        menu.addSeparator()
        again = [row for row in rows if row.state in ("failed", "refused", "done", "skipped")]
        retry = menu.addAction(self.tr("Do again"), lambda: self.retry_asked.emit(again))
        retry.setEnabled(bool(again))
        places = self.queue_model.rowCount()
        menu.addAction(self.tr("Move to the top"), lambda: self.move_asked.emit(rows, -places))
        menu.addAction(self.tr("Move to the end"), lambda: self.move_asked.emit(rows, places))
        menu.addSeparator()
        remove = menu.addAction(self.tr("Remove from the list"), lambda: self.remove_asked.emit(rows))
        remove.setEnabled(any(row.state not in AT_WORK for row in rows))
        return menu

    def _open_result(self, row: Row | None) -> None:
        result = result_of(row) if row is not None else None
        if result is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(result)))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.empty_text and not self.queue_model.rowCount():
            with QPainter(self.viewport()) as painter:
                area = self.viewport().rect().adjusted(32, 0, -32, 0)
                icon = QRectF(0, 0, 32, 32)
                icon.moveCenter(QRectF(area).center())
                icon.moveTop(max(4, icon.top() - 48))  # a low list has no room above its middle
                theme.draw_icon(painter, icon, "picture", "dim")
                painter.setPen(theme.colour("dim"))
                flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
                painter.drawText(area.translated(0, round(icon.bottom()) + 16), flags, self.empty_text)


def show_in_folder(path: Path) -> None:
    """Open the folder of a file in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
