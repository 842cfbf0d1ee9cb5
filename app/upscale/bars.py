"""The bars of the panel: what starts the job and says how far it is, and how the picture is compared."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.upscale.afterwards import THENS, Then
from app.widgets.icon_button import icon_button


class RunBar(QFrame):
    """Start, pause, stop, and how far it is."""

    start = Signal()
    pause = Signal()
    resume = Signal()
    stop = Signal()
    then = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewbar")
        self.go = QPushButton(self.tr("Start"))
        self.go.setObjectName("upscale:start")
        self.go.setProperty("look", "primary")
        self.go.clicked.connect(self._go)
        self.halt = icon_button("pause", self.tr("Pause: the photo at work goes on from its last tile"), "upscale:pause")
        self.halt.clicked.connect(self.pause)
        self.end = icon_button("stop", self.tr("Stop: what is finished stays"), "upscale:stop")
        self.end.clicked.connect(self.stop)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.said = QLabel()
        self.said.setFont(theme.remark_font())
        self.said.setProperty("tone", "dim")
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.after = icon_button("power", "", "upscale:then")
        self.after.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.after)
        self._thens = QActionGroup(menu)
        for key, text in zip(
            THENS, (self.tr("When done: nothing"), self.tr("When done: sleep"), self.tr("When done: shut down")), strict=True
        ):
            action = menu.addAction(text, partial(self._choose_then, key))
            action.setCheckable(True)
            action.setData(key)
            self._thens.addAction(action)
        self.after.setMenu(menu)
        self.show_then("nothing")
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(self.said)
        texts.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(self.go)
        row.addWidget(self.halt)
        row.addWidget(self.end)
        row.addLayout(texts, 1)
        row.addWidget(self.after)
        self._state = "idle"
        self.show_state("idle", False)

    def _go(self) -> None:
        if self._state == "paused":
            self.resume.emit()
        else:
            self.start.emit()

    def _choose_then(self, then: Then) -> None:
        self.show_then(then)
        self.then.emit(then)

    def show_then(self, then: Then) -> None:
        """What the machine does when the job has ended, without a signal."""
        for action in self._thens.actions():
            if action.data() == then:
                action.setChecked(True)
                self.after.setToolTip(action.text())
                self.after.setAccessibleName(action.text())
        self.after.setChecked(then != "nothing")

    def show_state(self, state: str, startable: bool) -> None:
        """What can be pressed now. `startable`: there is something to do that is not being done."""
        self._state = state
        running = state in ("preparing", "running")
        self.go.setText(self.tr("Go on") if state == "paused" else self.tr("Start"))
        self.go.setEnabled((state in ("idle", "preparing", "running") and startable) or state == "paused")
        self.halt.setEnabled(state == "running")
        self.end.setEnabled(running or state == "paused")
        for part in (self.halt, self.end, self.bar, self.after):
            part.setVisible(state != "idle")

    def say(self, text: str, share: float = 0.0) -> None:
        """The line and the bar."""
        self.said.setText(text)
        self.said.setToolTip(text)
        self.bar.setValue(round(share * 1000))

    def sizeHint(self) -> QSize:
        return QSize(200, 52)


class ViewBar(QFrame):
    """How the picture is compared. `mode(str)`, and what its buttons say."""

    mode = Signal(str)
    loupe = Signal(bool)
    try_here = Signal()
    fit = Signal()
    full = Signal()
    copy = Signal()
    save = Signal()
    part = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewbar")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(4)
        self._modes: dict[str, QToolButton] = {}
        for key, icon, tip in (
            ("divider", "compare", self.tr("Divider (D)")),
            ("side", "layers", self.tr("Side by side (S)")),
            ("flicker", "flicker", self.tr("Flicker (F); B held shows before")),
        ):
            button = icon_button(icon, tip, f"compare:{key}", check=True)
            button.clicked.connect(lambda checked=False, key=key: self.mode.emit(key))
            self._modes[key] = button
            row.addWidget(button)
        self.glass = icon_button("loupe", self.tr("Loupe (L): Ctrl and wheel change it"), "compare:loupe", check=True)
        self.glass.clicked.connect(self.loupe)
        row.addWidget(self.glass)
        self.here = QPushButton(self.tr("Try here"))
        self.here.setObjectName("upscale:try")
        self.here.setProperty("look", "quiet")
        self.here.setToolTip(self.tr("Enlarge what is in view with the chosen model; Shift and drag marks a part"))
        self.here.clicked.connect(self.try_here)
        row.addWidget(self.here)
        self.crop = icon_button("rectangle", self.tr("Enlarge only the part that was marked by Shift and drag"), "upscale:part")
        self.crop.setEnabled(False)
        self.crop.clicked.connect(self.part)
        row.addWidget(self.crop)
        row.addStretch(1)
        self.zoom = QLabel()
        self.zoom.setFont(theme.remark_font())
        self.zoom.setProperty("tone", "dim")
        self.zoom.setMinimumWidth(48)
        self.zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.zoom)
        for icon, tip, name, signal in (
            ("fit", self.tr("Whole picture (0)"), "compare:fit", self.fit),
            ("square", self.tr("Each pixel of the result (1)"), "compare:full", self.full),
            ("copy", self.tr("Copy the result (Ctrl+C)"), "compare:copy", self.copy),
            ("export", self.tr("Save a picture of before and after"), "compare:save", self.save),
        ):
            button = icon_button(icon, tip, name)
            button.clicked.connect(signal)
            row.addWidget(button)
        self.show_mode("divider")

    def show_mode(self, mode: str) -> None:
        """Mark the mode that is in use."""
        for key, button in self._modes.items():
            button.setChecked(key == mode)
