"""Keys by their position where a keyboard layout hides them: digits of a French layout, brackets of a German one.

On X11 and Wayland a scan code is that of the kernel plus 8, on Windows it is the plain one (the main block has the same
numbers in both: they descend from the IBM PC keyboard); macOS tells a virtual key of the US layout.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_PC = {2: "1", 3: "2", 4: "3", 5: "4", 6: "5", 7: "6", 8: "7", 9: "8", 10: "9", 11: "0", 26: "[", 27: "]"}
_MAC = {18: "1", 19: "2", 20: "3", 21: "4", 23: "5", 22: "6", 26: "7", 28: "8", 25: "9", 29: "0", 33: "[", 30: "]"}
_SYMBOLS = {Qt.Key.Key_BracketLeft: "[", Qt.Key.Key_BracketRight: "]"}


def key_of(event: QKeyEvent, platform: str = sys.platform) -> str | None:
    """A digit or bracket, if this key is one by its name or (but for the number pad) by its position; else None."""
    key = event.key()
    if Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
        return chr(key)
    if key in _SYMBOLS:
        return _SYMBOLS[Qt.Key(key)]
    if event.modifiers() & Qt.KeyboardModifier.KeypadModifier or Qt.Key.Key_A <= key <= Qt.Key.Key_Z:
        return None
    if platform == "darwin":
        return _MAC.get(event.nativeVirtualKey()) if event.nativeVirtualKey() else None
    code = event.nativeScanCode()
    return _PC.get(code if platform == "win32" else code - 8)
