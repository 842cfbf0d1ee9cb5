"""Nowhere does the window name a key otherwise than the system does."""

import re
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from app.widgets import keys
from app.window import MainWindow
from tests.widgets.test_keys import on_a_mac

ELSEWHERE = re.compile(r"\bCtrl\b|\bAlt\b|Shift\+")


def said(window: MainWindow) -> list[str]:
    texts = []
    for part in window.findChildren(QWidget):
        texts += [part.toolTip(), part.accessibleName()]
        if isinstance(part, QLabel | QAbstractButton):
            texts.append(part.text())
    return texts


def test_on_a_mac_no_page_speaks_of_ctrl(open_window: Callable[[], MainWindow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "native", on_a_mac)
    window = open_window()
    for page in ("explore", "paint", "upscale", "models", "help"):
        window.go_to(page)
    texts = said(window)
    assert any("⌘" in text for text in texts)
    assert [text for text in texts if ELSEWHERE.search(text)] == []
