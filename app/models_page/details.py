"""The right half of the Models page: everything that is known of one model, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.models_page.badges import Badges
from app.models_page.listing import TASKS, Listed, size_text
from app.models_page.sheets import Sheets, size_of

SHEET_HEIGHT = 320
SURE_MS = 4000


class _Sheet(QWidget):
    """The sample sheet, as wide as there is room. It has its size before it has its picture: nothing below it jumps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size, self._picture = QSize(), QImage()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)  # asked by the layout: a height set while resizing comes too late for what is below
        self.setSizePolicy(policy)

    def show_sheet(self, size: QSize, picture: QImage) -> None:
        """`picture` is null while it is being read."""
        self._size, self._picture = size, picture
        self.setVisible(not size.isEmpty())
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if self._size.isEmpty():
            return 0
        return min(round(width * self._size.height() / self._size.width()), SHEET_HEIGHT)

    def sizeHint(self) -> QSize:
        return QSize(SHEET_HEIGHT, self.heightForWidth(SHEET_HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self._size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            shape = QPainterPath()
            shape.addRoundedRect(0, 0, size.width(), size.height(), 8, 8)
            if self._picture.isNull():
                painter.fillPath(shape, theme.colour("canvas"))
                return
            painter.setClipPath(shape)
            painter.drawImage(QRect(QPoint(0, 0), size), self._picture)


class Details(QWidget):
    """`use(Listed)`, `get(Listed)` and `remove(Listed)` when their buttons are pressed; removing asks once more."""

    use = Signal(object)
    get = Signal(object)
    remove = Signal(object)

    def __init__(self, sheets: Sheets, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sheets = sheets
        sheets.came.connect(self._sheet_came)
        self._line: Listed | None = None
        self._busy = False
        self._sheet = _Sheet()
        self._title = QLabel()
        self._title.setTextFormat(Qt.TextFormat.PlainText)  # it may come from a stranger's file
        self._title.setFont(theme.heading(5))
        self._title.setWordWrap(True)
        self._badges = Badges()
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(8)
        self._facts.setColumnMinimumWidth(0, 96)
        self._facts.setColumnStretch(1, 1)
        self._do = QPushButton()
        self._do.setObjectName("model:use")
        self._do.setProperty("look", "primary")
        self._do.clicked.connect(self._done)
        self._remove = QPushButton()
        self._remove.setObjectName("model:remove")
        self._remove.setProperty("look", "danger")
        theme.give_icon(self._remove, "remove", "bad")
        self._remove.clicked.connect(self._ask_remove)
        self._sure = QTimer(self)
        self._sure.setSingleShot(True)
        self._sure.setInterval(SURE_MS)
        self._sure.timeout.connect(self._calm)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._do)
        buttons.addWidget(self._remove)
        buttons.addStretch(1)
        content = QWidget()
        content.setMaximumWidth(880)
        column = QVBoxLayout(content)
        column.setContentsMargins(32, 24, 32, 32)
        column.setSpacing(16)
        column.addWidget(self._sheet)
        column.addWidget(self._title)
        column.addWidget(self._badges)
        column.addWidget(self._text)
        column.addLayout(buttons)
        column.addLayout(self._facts)
        column.addStretch(1)
        self._content, self._middle = content, (middle := QWidget())
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(content, 1)
        row.addStretch(0)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(middle)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def show_line(self, line: Listed | None) -> None:
        """Show a model, or nothing."""
        self._line = line
        self.setVisible(line is not None)
        if line is None:
            return
        self._calm()
        self._show_sheet(line)
        self._title.setText(line.title)
        self._show_badges(line)
        self._text.setText(line.description)
        self._text.setVisible(bool(line.description))
        self._show_facts(line)
        if line.state == "offered":
            self._do.setText(self.tr("Get it ({})").format(size_text(line.bytes)))
            theme.give_icon(self._do, "download", "on_accent")
        elif line.task is not None:
            self._do.setText(self.tr("Use in {}").format(TASKS[line.task][0]))
            theme.give_icon(self._do, "send", "on_accent")
        self._do.setVisible(line.state != "broken")
        self._remove.setVisible(line.can_be_removed)
        self.set_busy(self._busy)
        self._settle()

    def _settle(self) -> None:
        """Give everything its place before it is painted: layouts would do so one after another, and texts jump."""
        for part in (self._content, self._middle):
            layout = part.layout()
            if layout is not None:
                layout.activate()
            QCoreApplication.sendPostedEvents(part, QEvent.Type.LayoutRequest)

    def set_busy(self, busy: bool) -> None:
        """While models are fetched or added, neither may be started again."""
        self._busy = busy
        self._remove.setEnabled(not busy)
        self._do.setEnabled(not busy or (self._line is not None and self._line.state != "offered"))

    def hideEvent(self, event: QHideEvent) -> None:
        self._calm()
        super().hideEvent(event)

    def _show_sheet(self, line: Listed) -> None:
        if line.sheet is None:
            self._sheet.show_sheet(QSize(), QImage())
            return
        sheet = self._sheets.get(line.sheet, first=True)
        size = size_of(line.sheet) if sheet is None else sheet.picture.size()
        self._sheet.show_sheet(size, QImage() if sheet is None else sheet.picture)

    def _sheet_came(self, path: Path) -> None:
        if self._line is not None and self._line.sheet == path:
            self._show_sheet(self._line)

    def _show_badges(self, line: Listed) -> None:
        badges: list[tuple[str, str]] = []
        if line.task is not None:
            badges.append((self.tr("{}: {}").format(*TASKS[line.task]), "accent"))
        if line.non_commercial:
            badges.append((self.tr("non-commercial"), "warn"))
        if line.bytes:
            badges.append((size_text(line.bytes), "plain"))
        if line.state == "embedded":
            badges.append((self.tr("comes along"), "plain"))
        self._badges.show_badges(badges)

    def _show_facts(self, line: Listed) -> None:
        _empty(self._facts)
        for row, (name, text) in enumerate(line.facts):
            what, value = QLabel(name), QLabel(text if name != "sha256" else f"{text[:16]}…")
            what.setProperty("tone", "dim")
            value.setWordWrap(True)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if name == "sha256":
                value.setToolTip(text)
            self._facts.addWidget(what, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, row, 1)
            what.show()
            value.show()

    def _done(self) -> None:
        if self._line is not None:
            (self.get if self._line.state == "offered" else self.use).emit(self._line)

    def _ask_remove(self) -> None:
        if self._sure.isActive() and self._line is not None:
            self._calm()
            self.remove.emit(self._line)
            return
        self._remove.setText(self.tr("Really remove it?"))
        self._sure.start()

    def _calm(self) -> None:
        self._sure.stop()
        self._remove.setText(self.tr("Remove"))

    def sizeHint(self) -> QSize:
        return QSize(560, 560)


def _empty(layout: QGridLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
