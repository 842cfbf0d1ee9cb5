"""The keys of a painter, wherever the focus is in the panel (unless something is being typed)."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.paint.keys import key_of
from app.paint.state.tools import Tool

TOOL_KEYS: dict[Qt.Key, Tool] = {
    Qt.Key.Key_B: "brush", Qt.Key.Key_E: "eraser", Qt.Key.Key_G: "fill", Qt.Key.Key_F: "fill", Qt.Key.Key_L: "line",
    Qt.Key.Key_R: "rectangle", Qt.Key.Key_O: "ellipse", Qt.Key.Key_P: "area", Qt.Key.Key_I: "pick",
}  # fmt: skip
LETTERS: dict[Qt.Key, str] = {
    Qt.Key.Key_X: "swap", Qt.Key.Key_D: "dice", Qt.Key.Key_M: "mirror", Qt.Key.Key_K: "pause", Qt.Key.Key_Pause: "pause",
    Qt.Key.Key_Plus: "closer", Qt.Key.Key_Equal: "closer", Qt.Key.Key_Minus: "farther", Qt.Key.Key_Home: "fit",
    Qt.Key.Key_V: "views",
}  # fmt: skip
SHIFTED = {"1": "own pixels", "2": "fit", "3": "fit width", "4": "left", "5": "upright", "6": "right"}


def do_key(
    event: QKeyEvent, tool: Callable[[Tool], object], label: Callable[[str], object], act: Callable[[str], object]
) -> bool:
    """Call what a key means: `tool(name)`, `label(digit)` or `act(name)`; False where it means nothing here."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if held & ~Qt.KeyboardModifier.ShiftModifier:
        return False
    shift, digit = bool(held), key_of(event)
    if digit is not None and digit in "[]":
        act("larger" if digit == "]" else "smaller")
    elif digit is not None and shift:
        if digit not in SHIFTED:
            return False
        act(SHIFTED[digit])
    elif digit is not None:
        label(digit)
    elif not shift and event.key() in TOOL_KEYS:
        tool(TOOL_KEYS[Qt.Key(event.key())])
    elif event.key() in LETTERS and (not shift or event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal)):
        act(LETTERS[Qt.Key(event.key())])
    else:
        return False
    return True
