"""Small pictures in a row or a grid, to choose from. Pictures may come later than their places."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QListView, QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app import theme

GAP = 8
IMAGE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex


class Thumbs(QAbstractListModel):
    """The places of a strip: a key, a caption (tooltip and accessible name), and an image once there is one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys: list[str] = []
        self.captions: list[str] = []
        self.images: dict[str, QImage] = {}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own signature)
        return 0 if parent.isValid() else len(self.keys)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.keys):
            return None
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.captions[index.row()]
        return self.images.get(self.keys[index.row()]) if role == IMAGE else None


class _Painter(QStyledItemDelegate):
    """A rounded picture; chosen ones have a frame in the accent."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        strip = self.parent()
        assert isinstance(strip, ThumbnailStrip)
        return QSize(strip.side + GAP, strip.side + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        area: QRect = option.rect
        state: QStyle.StateFlag = option.state
        place = QRectF(area).adjusted(GAP / 2, GAP / 2, -GAP / 2, -GAP / 2)
        shape = QPainterPath()
        shape.addRoundedRect(place, 6, 6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = index.data(IMAGE)
        painter.fillPath(shape, theme.colour("raised"))
        if isinstance(image, QImage):
            painter.setClipPath(shape)
            side = min(image.width(), image.height())
            middle = QRectF((image.width() - side) / 2, (image.height() - side) / 2, side, side)
            painter.drawImage(place, image, middle)
            painter.setClipping(False)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("border"))
            for step in (-1, 0, 1):
                painter.drawEllipse(place.center() + QPointF(step * 8.0, 0), 1.5, 1.5)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        if chosen or focused or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(theme.colour("accent" if chosen or focused else "dim"), 2.5 if chosen else 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place.adjusted(-1.5, -1.5, 1.5, 1.5), 7, 7)
        painter.restore()


class ThumbnailStrip(QListView):
    """Thumbnails in one row (`columns` 0) or as a grid of `columns`. `chosen(key)` on a click or Enter; `removed(key)` on Delete
    or by the menu of a right click, whose words are `removing` ("": nothing can be removed).

    `side` is the edge of a thumbnail in logical pixels; a grid works it out from its width.
    """

    chosen = Signal(str)
    removed = Signal(str)

    def __init__(self, name: str, title: str, *, columns: int = 0, side: int = 56, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.side, self._columns = side, columns
        self.empty = self.removing = ""  # `empty`: what to say while there is nothing
        self.thumbs = Thumbs(self)
        self.setModel(self.thumbs)
        self.setItemDelegate(_Painter(self))
        self.setProperty("look", "bare")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setWrapping(columns > 0)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        if columns:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        else:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setFixedHeight(side + GAP + 4)
        self.clicked.connect(self._click)

    def set_columns(self, columns: int) -> None:
        """How many thumbnails stand side by side in a grid."""
        if columns != self._columns:
            self._columns = columns
            self._lay()

    def set_places(self, places: Sequence[tuple[str, str]]) -> None:
        """Show these (key, caption) places; images of keys that stay are kept."""
        model, keys, captions = self.thumbs, [key for key, _ in places], [caption for _, caption in places]
        if keys == model.keys:
            model.captions = captions
            return
        kept = set(keys)
        model.beginResetModel()
        model.keys, model.captions = keys, captions
        model.images = {key: image for key, image in model.images.items() if key in kept}
        model.endResetModel()

    def set_image(self, key: str, image: QImage) -> None:
        """The picture of a place has come; keys that are no longer there are passed over."""
        if key in self.thumbs.keys:
            self.thumbs.images[key] = image
            index = self.thumbs.index(self.thumbs.keys.index(key))
            self.thumbs.dataChanged.emit(index, index)

    def clear_images(self, keys: Collection[str]) -> None:
        """The pictures of these places are no longer right."""
        self.thumbs.images = {key: image for key, image in self.thumbs.images.items() if key not in keys}
        self.viewport().update()

    def select(self, key: str | None) -> None:
        """Mark a place (no signal comes back), or none."""
        if key is None or key not in self.thumbs.keys:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
            return
        index = self.thumbs.index(self.thumbs.keys.index(key))
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def _click(self, index: QModelIndex) -> None:
        self.chosen.emit(self.thumbs.keys[index.row()])

    def _lay(self) -> None:
        if self._columns:
            # Two pixels less than fit: Qt's icon mode breaks the row where the last column ends on the edge or just before it.
            self.side = max((self.viewport().width() - 2) // self._columns - GAP, 24)
            self.setGridSize(QSize(self.side + GAP, self.side + GAP))
        self.doItemsLayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.empty and not self.thumbs.keys:
            with QPainter(self.viewport()) as painter:
                painter.setPen(theme.colour("dim"))
                painter.setFont(theme.remark_font())
                painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.empty)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.thumbs.keys[index.row()])
        elif self.removing and index.isValid() and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self.thumbs.keys[index.row()])
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._columns:
            super().wheelEvent(event)
            return
        bar, turned = self.horizontalScrollBar(), event.angleDelta()
        bar.setValue(bar.value() - (turned.y() or turned.x()) // 2)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        if self.removing and index.isValid():
            key, menu = self.thumbs.keys[index.row()], QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction(theme.icon("remove"), self.removing).triggered.connect(lambda: self.removed.emit(key))
            menu.popup(event.globalPos())

    def viewportEvent(self, event: QEvent) -> bool:
        # A right click opens the menu of a thumbnail; it must not choose it first.
        pressed = event.type() == QEvent.Type.MouseButtonPress
        if pressed and isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.RightButton:
            return True
        return super().viewportEvent(event)
