"""What tools, keys and the buttons of the view do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.paint.desk import Desk
from app.paint.frame import Frame
from app.paint.label_list import label_menu
from app.paint.shortcuts import do_key
from app.paint.state.tools import Tool
from app.paint.viewport import TURN_STEP, ZOOM_STEP


class Tooling(QObject):
    """`rolled()` and `paused()` are wanted by keys alone: another look, and the landscape's pause."""

    rolled = Signal()
    paused = Signal()

    def __init__(self, desk: Desk, frame: Frame, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._frame, self._window = desk, frame, parent
        frame.tools.chosen.connect(self.choose_tool)
        frame.options.sized.connect(self._resize_brush)
        frame.options.toggled.connect(self._toggle)
        frame.options.viewed.connect(self.act)
        frame.options.shown.connect(self.show_views)
        frame.side.labels.chosen.connect(desk.choose_label)
        desk.menu_wanted.connect(self._pop_labels)

    def choose_tool(self, tool: Tool) -> None:
        self._desk.tools.tool = tool
        self._desk.change_tools()

    def key(self, event: QKeyEvent) -> bool:
        """Do what a key means; False where it means nothing here."""
        return do_key(event, self.choose_tool, self._choose_by_key, self.act)

    def act(self, name: str) -> None:
        """What keys and buttons of the view ask for, by name."""
        viewport, canvas, tools = self._desk.viewport, self._frame.views.canvas, self._desk.tools
        acts: dict[str, Callable[[], object]] = {
            "larger": lambda: tools.step_size(True), "smaller": lambda: tools.step_size(False), "swap": tools.swap,
            "dice": self.rolled.emit, "pause": self.paused.emit, "mirror": viewport.mirror, "fit": viewport.reset,
            "closer": lambda: canvas.zoom_by(ZOOM_STEP), "farther": lambda: canvas.zoom_by(1 / ZOOM_STEP),
            "own pixels": lambda: canvas.zoom_to(1.0), "fit width": canvas.fit_width, "upright": viewport.turn_upright,
            "left": lambda: viewport.turn(-TURN_STEP), "right": lambda: viewport.turn(TURN_STEP),
            "views": lambda: self.show_views(self._frame.views.next_view()),
        }  # fmt: skip
        acts[name]()
        if name in ("larger", "smaller", "swap"):
            self._desk.change_tools()

    def show_views(self, which: str) -> None:
        """Show "both" drawing and landscape, or one of them alone, as large as it goes."""
        self._frame.views.show_only(which)
        self._frame.options.show_views(which)

    def _resize_brush(self, size: float) -> None:
        self._desk.tools.resize(size)
        self._desk.change_tools()

    def _toggle(self, name: str, on: bool) -> None:
        setattr(self._desk.tools, name, on)
        self._desk.change_tools()

    def _choose_by_key(self, digit: str) -> None:
        number = self._frame.side.labels.number_of_key(digit)
        if number is not None:
            self._desk.choose_label(number)

    def _pop_labels(self, at: QPoint) -> None:
        menu = label_menu(self._desk.document.drawing.palette, self._desk.tools.recent, self._window)
        menu.triggered.connect(lambda action: self._desk.choose_label(int(action.data())))
        menu.popup(at)
