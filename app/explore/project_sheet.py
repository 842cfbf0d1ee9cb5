"""The sheet on which a photo is placed and found in a model: the photo under a guide, beside it the picture that is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.explore.placing_view import PlacingView
from app.widgets.keys import as_here
from app.widgets.picture_view import PictureView
from app.widgets.slider_row import SliderRow

if TYPE_CHECKING:
    from app.explore.framing import Framing

LABEL_WIDTH = 76


class ProjectSheet(QDialog):
    """`started()`, `stopped()` and `taken()` are its buttons, `open_asked()` and `pasted()` ask for another photo; `left()` comes
    when it is closed without."""

    started = Signal()
    stopped = Signal()
    taken = Signal()
    open_asked = Signal()
    pasted = Signal()
    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("project")
        self.setWindowTitle(self.tr("Find a photo in this model"))
        self.place = PlacingView()
        self.place.placeholder = self.tr("The photo is being opened…")
        self.nearest = PictureView()
        self.nearest.setObjectName("project:nearest")
        self.nearest.placeholder = self.tr("The model's nearest picture will appear here.")
        self.turn = SliderRow("project:turn", self.tr("Turn"), -45, 45, 0, decimals=1, unit="°", label_width=LABEL_WIDTH)
        self.guide = QCheckBox(self.tr("Guide for a face"))
        self.guide.setObjectName("project:guide")
        self.guide.setChecked(True)
        self.guide.toggled.connect(self.place.set_face_guide)
        self.place.changed.connect(self._show_turn)
        self.turn.changed.connect(self.place.turn_to)
        self.remark = QLabel()
        self.remark.setObjectName("project:remark")
        self.remark.setWordWrap(True)
        self.remark.setProperty("tone", "dim")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self._arrange()
        self.show_running(False)
        self.show_photo(QImage())
        paste = QShortcut(QKeySequence.StandardKey.Paste, self)
        paste.activated.connect(self.pasted)

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        hint = QLabel(
            as_here(
                self.tr(
                    "Drag the photo, enlarge it by the wheel and turn it by Ctrl and the wheel until the eyes lie in the rings."
                )
            )
        )
        hint.setWordWrap(True)
        hint.setProperty("tone", "dim")
        for column, (text, view) in enumerate(((self.tr("Photo"), self.place), (self.tr("In the model"), self.nearest))):
            title = QLabel(text)
            title.setFont(theme.heading(0))
            grid.addWidget(title, 0, column)
            grid.addWidget(view, 1, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(8)
        line = QHBoxLayout()
        line.addWidget(self.guide)
        line.addStretch(1)
        open_, paste = self._button(self.tr("Open photo…"), "open"), self._button(self.tr("Paste"), "paste")
        open_.clicked.connect(self.open_asked)
        paste.clicked.connect(self.pasted)
        for button in (open_, paste):
            line.addWidget(button)
        left.addWidget(hint)
        left.addWidget(self.turn)
        left.addLayout(line)
        right.addWidget(self.remark, 1, Qt.AlignmentFlag.AlignTop)
        right.addWidget(self.bar)
        grid.addLayout(left, 2, 0)
        grid.addLayout(right, 2, 1)
        self.start, self.use, cancel = (
            self._button(self.tr("Find"), "find"),
            self._button(self.tr("Use this picture"), "use"),
            self._button(self.tr("Cancel"), "cancel"),
        )
        self.start.clicked.connect(self._start)
        self.use.clicked.connect(self.taken)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (cancel, self.start, self.use):
            buttons.addWidget(button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 20, 24, 20)
        whole.setSpacing(16)
        whole.addLayout(grid, 1)
        whole.addLayout(buttons)
        self.resize(880, 640)
        self.place.setFocus()

    def _button(self, text: str, name: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(f"project:{name}")
        button.setAutoDefault(False)
        return button

    @property
    def framing(self) -> Framing:
        """The square of the photo that is to be found."""
        return self.place.framing

    @property
    def is_running(self) -> bool:
        return self._running

    def show_photo(self, image: QImage) -> None:
        """Show a photo to be placed; a null image while there is none."""
        self.nearest.clear()
        self._found = False
        self.place.show_photo(image)
        self._show_buttons()

    def show_running(self, running: bool, found: bool = False) -> None:
        """Whether it is being looked for, and whether something was found that can be used."""
        self._running, self._found = running, found
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        for part in (self.place, self.turn, self.guide):
            part.setEnabled(not running)
        self._show_buttons()

    def show_progress(self, done: int, total: int, text: str) -> None:
        """How far it is."""
        self.bar.setRange(0, total if done else 0)
        self.bar.setValue(done)
        self.remark.setText(text)

    def reject(self) -> None:
        self.left.emit()
        super().reject()

    def _start(self) -> None:
        (self.stopped if self._running else self.started).emit()

    def _show_turn(self) -> None:
        self.turn.show_value(self.place.framing.angle)

    def _show_buttons(self) -> None:
        self.start.setText(self.tr("Stop") if self._running else self.tr("Find again") if self._found else self.tr("Find"))
        self.start.setEnabled(self._running or self.place.has_photo)
        self.use.setVisible(self._found)
        for button, leads in ((self.start, not self._found), (self.use, self._found)):
            button.setProperty("look", "primary" if leads else "")
            button.setDefault(leads)
            button.style().unpolish(button)
            button.style().polish(button)
