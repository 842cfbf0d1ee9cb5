"""The part of Explore's tools that drags points: how they are set, what may move, start and stop, and how it goes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QWidget

from app import theme
from app.widgets.section import Section
from app.widgets.slider_row import SliderRow

BRUSH = (2.0, 30.0, 10.0)  # radius in percent of the picture's side: smallest, largest, at first


class DragSection(Section):
    """`armed(on)` when the tool is taken or put away, `mode_chosen("points" | "area")`, `brush_changed(share of the side)`,
    `started()`, `stopped()`, `cleared()` for the arrows, `freed()` for the area."""

    armed = Signal(bool)
    mode_chosen = Signal(str)
    brush_changed = Signal(float)
    started = Signal()
    stopped = Signal()
    cleared = Signal()
    freed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("drag", self.tr("Point drag"), open_=False, parent=parent)
        self._running = False
        self.clear = self.add_action("reset", self.tr("Take all points away"), "drag:clear")
        self.clear.clicked.connect(self.cleared)
        modes = QHBoxLayout()
        modes.setSpacing(4)
        self._modes = QButtonGroup(self)
        self._modes.setExclusive(False)
        self.points = self._chip(
            "points",
            self.tr("Set points"),
            self.tr(
                "Press on the picture, drag to where that spot should go, release. Delete takes a point away, arrow keys move "
                "its target, Enter starts, Escape stops. (DragGAN: handle and target points)"
            ),
        )
        self.area = self._chip(
            "area",
            self.tr("What may move"),
            self.tr(
                "Paint what may move; the rest stays as it is. The right button takes away again. Left out, everything may move. "
                "(DragGAN: the mask of the movable region)"
            ),
        )
        for chip in (self.points, self.area):
            modes.addWidget(chip)
        self.body.addLayout(modes)
        self.brush = SliderRow(
            "drag:brush",
            self.tr("Brush"),
            *BRUSH,
            decimals=0,
            label_width=104,
            remark=self.tr("Its size, in percent of the picture's width"),
        )
        self.brush.changed.connect(lambda percent: self.brush_changed.emit(percent / 100))
        self.free = QPushButton(self.tr("Let everything move again"))
        self.free.setObjectName("drag:free")
        theme.give_icon(self.free, "reset")
        self.free.setProperty("look", "quiet")
        self.free.clicked.connect(self.freed)
        self.start = QPushButton()
        self.start.setObjectName("drag:start")
        self.start.setProperty("look", "primary")
        self.start.clicked.connect(lambda: (self.stopped if self._running else self.started).emit())
        self.remark = QLabel()
        self.remark.setObjectName("drag:remark")
        self.remark.setProperty("tone", "dim")
        self.remark.setWordWrap(True)
        for part in (self.brush, self.free, self.start, self.remark):
            self.body.addWidget(part)
        self.toggled.connect(self._folded)
        self.show_running(False)
        self.show_tool(None, False)

    def show_tool(self, mode: str | None, has_area: bool) -> None:
        """Which of the two is in the hand (None: neither)."""
        self.points.setChecked(mode == "points")
        self.area.setChecked(mode == "area")
        self.brush.setVisible(mode == "area")
        self.free.setVisible(has_area)

    def show_running(self, running: bool) -> None:
        """Whether points are on their way; the button then stops them."""
        self._running = running
        self.start.setText(self.tr("Stop") if running else self.tr("Start"))
        theme.give_icon(self.start, "stop" if running else "play", "on_accent")
        self.start.setToolTip(
            self.tr("Stop here and keep what is reached (Escape)")
            if running
            else self.tr("Change the picture step by step until the points are where they should be (Enter)")
        )
        for part in (self.points, self.area, self.brush, self.free):
            part.setEnabled(not running)

    def _chip(self, name: str, text: str, tip: str) -> QPushButton:
        chip = QPushButton(text)
        chip.setObjectName(f"drag:{name}")
        chip.setToolTip(tip)
        chip.setCheckable(True)
        chip.setProperty("look", "chip")
        chip.clicked.connect(lambda on, name=name: self._choose(name, on))
        self._modes.addButton(chip)
        return chip

    def _choose(self, name: str, on: bool) -> None:
        if on:
            self.mode_chosen.emit(name)
        self.armed.emit(on)

    def _folded(self, open_: bool) -> None:
        if not open_:
            self.armed.emit(False)
