"""The Models page: the list at the left, one model's details at the right, and what fetches and adds above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.model_files import ModelFiles
from app.models_page.details import Details
from app.models_page.listing import PANEL_OF, Listed, listing, offered_bytes, size_text
from app.models_page.model_list import ModelList
from app.models_page.sheets import Sheets

if TYPE_CHECKING:
    from models.catalogue import Catalogue


class ModelsPage(QWidget):
    """`use(panel, name)` asks to work with a model; `add_file()` for the dialog that adds one."""

    use = Signal(str, str)
    add_file = Signal()

    def __init__(self, catalogue: Catalogue, files: ModelFiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("models")
        self._catalogue, self._files = catalogue, files
        self._lines: list[Listed] = []
        self.sheets = Sheets(self)
        self.list = ModelList(
            {
                "recommended": self.tr("Recommended"),
                "embedded": self.tr("Come along with Ganvas"),
                "added": self.tr("Added by you"),
                "broken": self.tr("Broken"),
                "offered": self.tr("Can be fetched"),
            },
            self.sheets,
        )
        self.details = Details(self.sheets)
        self.list.chosen.connect(lambda name: self.details.show_line(self._line(name)))
        self.details.use.connect(lambda line: self.use.emit(PANEL_OF[line.task], line.name))
        self.details.get.connect(lambda line: files.get((line.name,)))
        self.details.remove.connect(lambda line: files.remove(line.name))
        files.changed.connect(self.refresh)
        files.busy.connect(self._show_busy)
        files.progressed.connect(self._show_progress)
        upper = self._bar()
        left = QFrame()
        left.setObjectName("sheet")
        left.setFixedWidth(360)
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 8, 0, 8)
        column.addWidget(self.list)
        lower = QHBoxLayout()
        lower.addWidget(left)
        lower.addWidget(self.details, 1)
        whole = QVBoxLayout(self)
        whole.addWidget(upper)
        whole.addLayout(lower, 1)
        for layout in (lower, whole):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        self.refresh()
        self._show_busy(files.is_busy)

    def _bar(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("toolbar")
        self._remark = QLabel()
        self._remark.setProperty("tone", "dim")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(160)
        self._stop = QPushButton(self.tr("Stop"))
        self._stop.setObjectName("models:stop")
        self._stop.clicked.connect(self._files.stop)
        self._get = QPushButton()
        self._get.setObjectName("models:get")
        self._get.setProperty("look", "primary")
        theme.give_icon(self._get, "download", "on_accent")
        self._get.clicked.connect(lambda: self._files.get())
        add = QPushButton(self.tr("Add a model file…"))
        add.setObjectName("models:add")
        theme.give_icon(add, "plus")
        add.clicked.connect(self.add_file)
        row = QHBoxLayout(frame)
        row.setContentsMargins(20, 10, 16, 10)
        row.setSpacing(8)
        row.addWidget(self._remark, 1)
        for part in (self._progress, self._stop, add, self._get):
            row.addWidget(part)
        return frame

    def refresh(self) -> None:
        """The catalogue is another: show it."""
        self._lines = listing(self._catalogue)
        self.list.set_lines(self._lines)
        offered = offered_bytes(self._lines)
        self._get.setText(self.tr("Get the recommended models ({})").format(size_text(offered)))
        self._show_busy(self._files.is_busy)
        if not self.list.name():
            self.details.show_line(None)

    def shut(self) -> None:
        """The window closes."""
        self.sheets.shut()

    def _line(self, name: str) -> Listed | None:
        return next((line for line in self._lines if line.name == name), None)

    def _show_busy(self, busy: bool) -> None:
        offered = any(line.state == "offered" for line in self._lines)
        self._get.setVisible(offered and not busy)
        self._stop.setVisible(busy)
        self._progress.setVisible(busy)
        self.details.set_busy(busy)
        if busy:
            self._progress.setRange(0, 0)
            self._remark.setText(self.tr("Working…"))
        else:
            count = sum(line.state not in ("offered", "broken") for line in self._lines)
            self._remark.setText(self.tr("{} models. Drop a model file on the window to add it.").format(count))

    def _show_progress(self, done: int, total: int, text: str) -> None:
        if total:
            self._progress.setRange(0, total)
            self._progress.setValue(done)
            self._remark.setText(text)
