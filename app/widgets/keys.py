"""Keys as this system names them: what is written "Ctrl+Shift+Z" is read "⇧⌘Z" on a Mac."""

from __future__ import annotations

import re

from PySide6.QtGui import QKeySequence

# Keys held together, or one that is held while the mouse does something. "Shift" alone is what stands on every keyboard.
_KEYS = re.compile(r"\b(?:(?:Ctrl|Shift|Alt)\+)+[^\s,;:.)]+|\b(?:Ctrl|Alt)\b")


def native(keys: str) -> str:
    """Keys in Qt's spelling as the system's own menus show them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def as_here(text: str) -> str:
    """A text for a person in which keys are named as on this system; they are written as Qt spells them."""

    def named(found: re.Match[str]) -> str:
        keys = found[0]
        return native(keys) if "+" in keys else native(f"{keys}+A").removesuffix("A").removesuffix("+")

    return _KEYS.sub(named, text)
