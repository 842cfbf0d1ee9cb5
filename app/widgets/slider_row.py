"""A named number that is dragged: label, slider, and a field to type into."""

from __future__ import annotations

import html

from PySide6 import QtGui
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QSlider, QWidget

from app import theme
from app.widgets.number_field import NumberField

KNOB = 14


class Slider(QSlider):
    """A horizontal slider that goes where it is pressed, fills from its neutral value and ignores the wheel without Ctrl (so
    that a column of sliders can be scrolled)."""

    reset = Signal()

    def __init__(self, low: int, high: int, neutral: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(low, high)
        self.neutral = neutral
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        return QSize(120, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(64, 20)

    def at(self, value: int) -> float:
        """Where a value lies, in view coordinates."""
        span = max(self.maximum() - self.minimum(), 1)
        return KNOB / 2 + (value - self.minimum()) / span * (self.width() - KNOB)

    def value_at(self, x: float) -> int:
        """The value that lies at `x` (view coordinates)."""
        share = (x - KNOB / 2) / max(self.width() - KNOB, 1)
        return round(self.minimum() + min(max(share, 0.0), 1.0) * (self.maximum() - self.minimum()))

    def paintEvent(self, event: QPaintEvent) -> None:
        middle, knob, neutral = self.height() / 2, self.at(self.value()), self.at(self.neutral)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if not self.isEnabled():
                painter.setOpacity(0.45)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("border"))
            painter.drawRoundedRect(QRectF(KNOB / 2, middle - 2, self.width() - KNOB, 4), 2, 2)
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(min(knob, neutral), middle - 2, abs(knob - neutral), 4), 2, 2)
            if self.minimum() < self.neutral < self.maximum():
                painter.setBrush(theme.colour("dim"))
                painter.drawRoundedRect(QRectF(neutral - 1, middle - 4, 2, 8), 1, 1)
            lively = self.hasFocus() or self.isSliderDown() or self.underMouse()
            painter.setPen(QPen(theme.colour("accent" if lively else "dim"), 2 if self.hasFocus() else 1.5))
            painter.setBrush(theme.colour("accent" if self.isSliderDown() else "raised"))
            painter.drawEllipse(QPointF(knob, middle), KNOB / 2 - 1.5, KNOB / 2 - 1.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        self.setValue(self.value_at(event.position().x()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self.value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            notches = (event.angleDelta().y() or event.angleDelta().x()) / 120
            self.setValue(self.value() + round(notches * max(self.pageStep() // 4, 1)))
            event.accept()
        else:
            event.ignore()


class SliderRow(QWidget):
    """A label, a slider and a number between `low` and `high`, `default` after a double click on label or slider.

    With `label_width` all stand in one line, the label this wide; without, and where the label is longer, the slider stands
    below the others, so that nothing of the label is cut.
    `changed(value)` comes with every movement by hand, `settled()` when a gesture ends (a released slider, a typed number, a
    key, a notch of the wheel). `set_value` changes it without a signal, and so does `show_value`, which stretches the range for
    a value beyond its ends as long as that is there. The slider is named `name` for tests and scripts.
    """

    changed = Signal(float)
    settled = Signal()

    def __init__(
        self,
        name: str,
        label: str,
        low: float,
        high: float,
        default: float,
        *,
        decimals: int = 2,
        unit: str = "",
        remark: str = "",
        label_width: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"row:{name}")
        self.label_text, self.default, self._per = label, default, 10**decimals
        self._ends = low, high
        self.label = QLabel(label, self)
        self.label.setTextFormat(Qt.TextFormat.PlainText)  # the title of a direction may come from a stranger's file
        self.slider = Slider(round(low * self._per), round(high * self._per), round(default * self._per), self)
        self.slider.setObjectName(name)
        span = self.slider.maximum() - self.slider.minimum()
        self.slider.setSingleStep(max(round(span / 100), 1))
        self.slider.setPageStep(max(round(span / 10), 1))
        self.slider.setAccessibleName(label)
        self.number = NumberField(f"{name}:number", label, low, high, decimals=decimals, parent=self)
        self.number.step = self.slider.singleStep() / self._per
        self.number.suffix = unit
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.number.setProperty("look", "bare")
        self.number.setFixedWidth(44 + (12 if unit else 0))
        self.label.setBuddy(self.slider)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if remark:
            for part in (self, self.label, self.slider):
                part.setToolTip(html.escape(remark) if QtGui.Qt.mightBeRichText(remark) else remark)
            self.slider.setAccessibleDescription(remark)
        rows = QGridLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(4)
        rows.setVerticalSpacing(0)
        rows.addWidget(self.label, 0, 0)
        self.label.ensurePolished()  # its font is known
        if label_width >= self.label.fontMetrics().horizontalAdvance(label) + 4:
            self.label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            self.label.setFixedWidth(label_width)
            rows.addWidget(self.slider, 0, 1)
            rows.addWidget(self.number, 0, 2)
        else:
            self.label.setWordWrap(True)
            rows.addWidget(self.number, 0, 1)
            rows.addWidget(self.slider, 1, 0, 1, 2)
        self.set_value(default)
        self.label.installEventFilter(self)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self._released)
        self.slider.reset.connect(self.reset)
        self.number.changed.connect(self._typed)

    def value(self) -> float:
        return self.number.value()

    def set_value(self, value: float) -> None:
        """Show a value; no signal comes back."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * self._per))
        self.slider.blockSignals(False)
        self.number.set_value(value)
        self._mark()

    def show_value(self, value: float) -> None:
        """Show a value as it is, also one that no hand could set here (of a file, say); no signal comes back."""
        if not self.slider.isSliderDown():
            self._stretch(value)
        self.set_value(value)

    def _stretch(self, value: float) -> None:
        """Let the range hold a value, and give back what an earlier one had needed."""
        low, high = min(self._ends[0], value), max(self._ends[1], value)
        self.slider.blockSignals(True)
        self.slider.setRange(round(low * self._per), round(high * self._per))
        self.slider.blockSignals(False)
        self.number.set_range(low, high)

    def reset(self) -> None:
        """Back to the default, as one gesture."""
        if self.value() != self.default:
            self.show_value(self.default)
            self.changed.emit(self.default)
            self.settled.emit()

    def _slid(self, steps: int) -> None:
        self.set_value(steps / self._per)
        self.changed.emit(self.value())
        if not self.slider.isSliderDown():
            self._released()

    def _released(self) -> None:
        self._stretch(self.value())
        self.settled.emit()

    def _typed(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(value)
        self.settled.emit()

    def _mark(self) -> None:
        """A label in the accent says that the value was moved from its default."""
        tone = "accent" if abs(self.value() - self.default) * self._per >= 1 else ""
        if self.label.property("tone") != tone:
            self.label.setProperty("tone", tone)
            self.label.style().unpolish(self.label)
            self.label.style().polish(self.label)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.label and event.type() == QEvent.Type.MouseButtonDblClick:
            self.reset()
            return True
        return False
