"""The left half of the panel: the list with its head, what is chosen for all photos, and the bar that starts it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.upscale.bars import RunBar
from app.upscale.option_bar import OptionBar
from app.upscale.queue import Counts, Queue
from app.upscale.queue_list import QueueList
from app.upscale.thumbs import Thumbs
from app.widgets.elided import Elided

NARROWEST, LOWEST = 396, 96


class _Yielding(QScrollArea):
    """As high as what is in it, but where a low window has no room for that it scrolls, instead of pushing the list away."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setMinimumHeight(LOWEST)
        self._inside = inside
        self.setWidget(inside)
        inside.installEventFilter(self)

    def sizeHint(self) -> QSize:
        hint, width = self._inside.sizeHint(), self.viewport().width()
        # Sentences wrap: how high they are depends on how wide this is.
        return QSize(hint.width(), self._inside.heightForWidth(width) if self._inside.hasHeightForWidth() else hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class QueueSide(QFrame):
    """See the module. Signals ask for what the menu offers: photos, a folder, the clipboard, a folder to watch; to clear."""

    photos_asked = Signal()
    folder_asked = Signal()
    paste_asked = Signal()
    watch_asked = Signal()
    clear_asked = Signal()

    def __init__(self, queue: Queue, thumbs: Thumbs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sheet")
        self.setMinimumWidth(NARROWEST)
        self.list = QueueList(queue, thumbs)
        self.list.empty_text = self.tr("Drop photos or folders here")
        self.options, self.run_bar = OptionBar(queue.choices), RunBar()
        self._count = Elided()
        self._count.setObjectName("upscale:count")
        self._count.setProperty("tone", "dim")
        self._count.setFont(theme.remark_font())
        add = QPushButton(self.tr("Add"))
        add.setObjectName("upscale:add")
        theme.give_icon(add, "plus")
        menu = QMenu(add)
        menu.addAction(self.tr("Photos…"), self.photos_asked.emit)
        menu.addAction(self.tr("A folder…"), self.folder_asked.emit)
        menu.addAction(self.tr("Paste from the clipboard"), self.paste_asked.emit)
        menu.addSeparator()
        self._watch = menu.addAction(self.tr("Watch a folder…"), self.watch_asked.emit)
        add.setMenu(menu)
        self._clear = QPushButton(self.tr("Clear"))
        self._clear.setObjectName("upscale:clear")
        self._clear.setProperty("look", "quiet")
        self._clear.clicked.connect(self.clear_asked)
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 16, 8)
        head.addWidget(self._count, 1)
        head.addWidget(self._clear)
        head.addWidget(add)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        self.list.setMinimumHeight(LOWEST)
        column.addWidget(self.list, 1)
        column.addWidget(_Yielding(self.options))
        column.addWidget(self.run_bar)

    def show_counts(self, counts: Counts, watched: Path | None) -> None:
        """How many photos there are, and what became of them."""
        parts = [self.tr("{0:,} photos").format(counts.total) if counts.total != 1 else self.tr("1 photo")]
        for count, text in (
            (counts.done, self.tr("{0:,} done")),
            (counts.failed, self.tr("{0:,} failed")),
            (counts.skipped, self.tr("{0:,} skipped")),
        ):
            if count:
                parts.append(text.format(count))
        nothing = self.tr("Photos and folders can be dropped anywhere")
        if watched is not None:
            nothing = self.tr("Watching {0}").format(watched.name)
            parts.append(nothing)
        self._count.setText(" · ".join(parts) if counts.total else nothing)
        self._count.setToolTip(str(watched) if watched is not None else "")
        self._clear.setVisible(counts.total > 0)

    def show_watched(self, folder: Path | None) -> None:
        """Which folder is watched, for the menu."""
        text = self.tr("Watch a folder…") if folder is None else self.tr("Stop watching {0}").format(folder.name)
        self._watch.setText(text)
