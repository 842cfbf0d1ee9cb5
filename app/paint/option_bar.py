"""Above the canvas: the drawing's menu, the brush, mirrors, the view, and whether the landscape is up to date."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from app import theme
from app.paint.live import State
from app.paint.state.tools import LARGEST_BRUSH, SMALLEST_BRUSH, Tools
from app.widgets.keys import as_here
from app.widgets.slider_row import Slider

STEPS = 200  # of the size slider, which is logarithmic: small brushes need finer steps


class Light(QWidget):
    """A small light: what the landscape is doing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(12, 12)
        self._role = "border"

    def show_role(self, role: str) -> None:
        self._role = role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(self._role))
            painter.drawEllipse(QRectF(2, 2, 8, 8))


class BrushDot(QWidget):
    """The brush as it would paint, no larger than its place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(28, 28)
        self.size_, self.square = 1.0, False

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("text"))
            radius = 1.5 + 11 * math.log(self.size_ / SMALLEST_BRUSH) / math.log(LARGEST_BRUSH / SMALLEST_BRUSH)
            middle = QPointF(14, 14)
            if self.square:
                painter.drawRect(QRectF(14 - radius, 14 - radius, 2 * radius, 2 * radius))
            else:
                painter.drawEllipse(middle, radius, radius)


class OptionBar(QFrame):
    """`sized(pixels)`, `toggled(name, on)` for "square", "use_pressure", "mirror_x", "mirror_y", `viewed(name)` for "fit",
    "left", "right", "mirror", `paused(on)`, `shown(view)` for "both", "drawing", "landscape". `menu` is the drawing's menu,
    filled by the panel."""

    sized = Signal(float)
    toggled = Signal(str, bool)
    viewed = Signal(str)
    paused = Signal(bool)
    shown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("options")
        self.setProperty("look", "bar")
        self.menu = QMenu(self)
        self.menu.setObjectName("drawing:menu")
        self.setMinimumWidth(320)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        drawing = self._button("drawing", "folder", self.tr("New, open, save …"))
        drawing.setText(self.tr("Drawing"))
        drawing.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        drawing.setMenu(self.menu)
        drawing.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row.addWidget(drawing)
        row.addWidget(_gap(self))
        self._dot = BrushDot(self)
        row.addWidget(self._dot)
        self._slider = Slider(0, STEPS, 0, self)
        self._slider.setObjectName("brush:size")
        self._slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._slider.setAccessibleName(self.tr("Brush size"))
        self._slider.setToolTip(self.tr("Brush size ([ and ], or Shift and drag on the canvas)"))
        self._slider.setMaximumWidth(160)
        self._slider.valueChanged.connect(lambda step: self.sized.emit(_size_at(step)))
        row.addWidget(self._slider, 1)
        self._size = QLabel(self)
        self._size.setFixedWidth(50)
        row.addWidget(self._size)
        self._toggles = {
            "square": self._toggle("square", "square", self.tr("Square brush")),
            "use_pressure": self._toggle("use_pressure", "tool-pressure", self.tr("The pen's pressure is the size")),
            "mirror_x": self._toggle("mirror_x", "tool-flip-x", self.tr("Paint both halves alike, left and right")),
            "mirror_y": self._toggle("mirror_y", "tool-flip-y", self.tr("Paint both halves alike, above and below")),
        }
        for button in self._toggles.values():
            row.addWidget(button)
        row.addWidget(_gap(self))
        turns = []
        for name, icon, tip in (
            ("left", "tool-turn-left", self.tr("Turn the view to the left (Shift+4)")),
            ("right", "tool-turn-right", self.tr("Turn the view to the right (Shift+6)")),
            ("mirror", "mirror", self.tr("Mirror the view (M)")),
            ("fit", "fit", self.tr("Show everything, upright (Shift+2)")),
        ):
            button = self._button(f"view:{name}", icon, tip)
            button.clicked.connect(lambda _=False, name=name: self.viewed.emit(name))
            row.addWidget(button)
            turns.append(button)
        row.addStretch(1)
        self._views = {
            "both": self._button("show:both", "tool-both", self.tr("Drawing and landscape (V changes)")),
            "drawing": self._button("show:drawing", "tool-drawing", self.tr("The drawing alone")),
            "landscape": self._button("show:landscape", "tool-landscape", self.tr("The landscape alone")),
        }
        for view, button in self._views.items():
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, view=view: self.shown.emit(view))
            row.addWidget(button)
        row.addWidget(_gap(self))
        self._light = Light(self)
        self._word = QLabel(self)
        self._word.setObjectName("live:state")
        self._word.setProperty("tone", "dim")
        self._word.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._word.setMinimumWidth(72)
        self._pause = self._button("live:pause", "pause", self.tr("Pause the landscape (K)"))
        self._pause.setCheckable(True)
        self._pause.clicked.connect(self.paused)
        row.addWidget(self._light)
        row.addWidget(self._word)
        row.addWidget(self._pause)
        self._views["landscape"].setToolTip(self.tr("The landscape alone\npaint on it, hold Tab to see the map"))
        # What goes first where there is no room for all; its keys still work.
        self._spare: list[QWidget] = [
            self._word,
            *turns[:2],
            self._toggles["mirror_y"],
            turns[2],
            self._toggles["use_pressure"],
            self._size,
        ]
        self.show_views("both")
        self.show_state("idle")

    def show_views(self, which: str) -> None:
        """Mark which view is shown; no signal comes back."""
        for view, button in self._views.items():
            button.setChecked(view == which)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for part in self._spare:
            part.show()
        for part in self._spare:
            if self._row.minimumSize().width() <= self.width():
                return
            part.hide()

    def show_tools(self, tools: Tools) -> None:
        """Show brush and mirrors as they are; no signal comes back."""
        for name, button in self._toggles.items():
            button.setChecked(bool(getattr(tools, name)))
        self._slider.blockSignals(True)
        self._slider.setValue(_step_of(tools.size))
        self._slider.blockSignals(False)
        self._size.setText(f"{tools.size:.0f} px")
        self._dot.size_, self._dot.square = tools.size, tools.square
        self._dot.update()

    def show_state(self, state: State) -> None:
        """Show what the landscape is doing."""
        word, role = {
            "idle": (self.tr("up to date"), "border"),
            "working": (self.tr("painting …"), "accent"),
            "finishing": (self.tr("finishing …"), "accent"),
            "paused": (self.tr("paused"), "warn"),
            "failed": (self.tr("failed"), "bad"),
        }[state]
        self._word.setText(word)
        self._light.show_role(role)
        self._pause.setChecked(state == "paused")
        self._pause.setIcon(theme.icon("play" if state == "paused" else "pause"))

    def _button(self, name: str, icon: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setIcon(theme.icon(icon))
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolTip(as_here(tip))
        button.setAccessibleName(as_here(tip))
        return button

    def _toggle(self, name: str, icon: str, tip: str) -> QToolButton:
        button = self._button(f"brush:{name}", icon, tip)
        button.setCheckable(True)
        button.clicked.connect(lambda on: self.toggled.emit(name, on))
        return button


def _gap(parent: QWidget) -> QWidget:
    rule = QFrame(parent)
    rule.setProperty("look", "gap")
    rule.setFixedSize(1, 20)
    return rule


def _size_at(step: int) -> float:
    return SMALLEST_BRUSH * math.exp(math.log(LARGEST_BRUSH / SMALLEST_BRUSH) * step / STEPS)


def _step_of(size: float) -> int:
    return round(STEPS * math.log(size / SMALLEST_BRUSH) / math.log(LARGEST_BRUSH / SMALLEST_BRUSH))
