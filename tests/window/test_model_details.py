"""The details of a model at the smallest window: nothing is cut off at the right, and nothing moves once it is shown."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from app.models_page.page import ModelsPage
from app.window import SMALLEST, MainWindow

WAIT_MS = 60_000


@pytest.fixture
def page(open_window: Callable[[], MainWindow], qtbot: QtBot) -> ModelsPage:
    window = open_window()
    qtbot.waitUntil(lambda: window._begun, timeout=WAIT_MS)
    window.resize(*SMALLEST)
    window.go_to("models")
    page = window.stack.currentWidget().content  # type: ignore[attr-defined]
    assert isinstance(page, ModelsPage)
    return page


def labels(page: ModelsPage) -> list[tuple[str, QPoint, int]]:
    """Visible texts, where they stand in the details, and how far they reach to the right."""
    shown = [label for label in page.details.findChildren(QLabel) if label.isVisible()]
    places = [(label.text(), label.mapTo(page.details, QPoint(0, 0)), label.width()) for label in shown]
    return sorted(places, key=lambda one: (one[1].y(), one[1].x()))


@pytest.mark.parametrize("name", ["landscapes", "landscapes-open", "portraits", "restore-x4"])
def test_at_the_smallest_window_nothing_is_cut_off(page: ModelsPage, name: str, qtbot: QtBot) -> None:
    assert page.list.select(name)
    for _ in range(10):
        QApplication.processEvents()
    scroll = page.details.findChild(QScrollArea)
    assert scroll is not None
    assert scroll.widget().width() <= scroll.viewport().width()
    for text, place, width in labels(page):
        assert place.x() + width <= scroll.viewport().width(), text
    badges = page.details._badges._labels
    assert len(badges) >= 3
    assert all(badge.width() >= badge.sizeHint().width() for badge in badges)


def test_what_is_shown_stands_where_it_stays(page: ModelsPage) -> None:
    """Texts that are broken into lines get their room before they are painted, not a moment after it."""
    page.list.select("restore-x4")
    for _ in range(10):
        QApplication.processEvents()
    page.list.select("landscapes")
    first = labels(page)
    for _ in range(10):
        QApplication.processEvents()
    assert labels(page) == first
