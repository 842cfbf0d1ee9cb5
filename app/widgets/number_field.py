"""A field for a number: typed, or stepped by arrow keys or Ctrl and the wheel. (A style sheet blanks Qt's spin boxes.)"""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget


class NumberField(QLineEdit):
    """Holds a number between `low` and `high` with `decimals` digits behind the point (0: whole numbers).

    `changed(value)` comes when a person has typed or stepped to another number; `set_value` changes it without a signal. What
    is no number is put back; what is out of range is brought to its edge. `prefix` and `suffix` frame the number while the
    field has no focus.
    """

    changed = Signal(float)

    def __init__(
        self, name: str, title: str, low: float, high: float, *, decimals: int = 0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setAcceptDrops(False)  # a dropped file is for the window
        self._low, self._high, self._decimals = low, high, decimals
        self.step = 1.0 if decimals == 0 else 10.0**-decimals
        self.prefix = self.suffix = ""
        self._value = min(max(0.0, low), high)
        self.editingFinished.connect(self._typed)
        self._show()

    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        """Show a number, brought into the range; no signal comes back."""
        self._value = self._fit(value)
        self._show()

    def set_range(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self.set_value(self._value)

    def set_prefix(self, prefix: str) -> None:
        """What stands before the number ("near ")."""
        self.prefix = prefix
        self._show()

    def _fit(self, value: float) -> float:
        return round(min(max(value, self._low), self._high), self._decimals)

    def _bare(self) -> str:
        return f"{self._value:.{self._decimals}f}"

    def _show(self) -> None:
        text = self._bare() if self.hasFocus() else f"{self.prefix}{self._bare()}{self.suffix}"
        if text != self.text():
            self.setText(text)
            self.setCursorPosition(0)

    def _typed(self) -> None:
        text = self.text().strip().removeprefix(self.prefix.strip()).removesuffix(self.suffix.strip())
        try:
            wanted = float(text.strip().replace(",", ".").replace("−", "-"))
        except ValueError:
            wanted = math.nan
        self._go(self._value if math.isnan(wanted) else wanted)

    def _go(self, value: float) -> None:
        value = self._fit(value)
        different = value != self._value
        self.set_value(value)
        if different:
            self.changed.emit(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        step = steps.get(Qt.Key(event.key()))
        if step is not None:
            self._go(self._value + step * self.step)
        elif event.key() == Qt.Key.Key_Escape:
            self._show()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._go(self._value + (1 if event.angleDelta().y() > 0 else -1) * self.step)
            event.accept()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show()
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show()
