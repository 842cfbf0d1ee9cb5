"""What tests find in a Paint panel: its canvas, its buttons, what it tells."""

from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.paint.canvas import Canvas
from app.paint.panel import PaintPanel
from app.widgets.panel import Notice


def canvas_of(panel: PaintPanel) -> Canvas:
    found = panel.findChild(Canvas, "canvas")
    assert isinstance(found, Canvas)
    return found


def button(panel: PaintPanel, name: str) -> QAbstractButton:
    found = panel.findChild(QAbstractButton, name)
    assert isinstance(found, QAbstractButton), name
    return found


def done(qtbot: QtBot, panel: PaintPanel) -> None:
    qtbot.waitUntil(lambda: panel.live.up_to_date)


def notices(panel: PaintPanel) -> list[Notice]:
    heard: list[Notice] = []
    panel.noticed.connect(heard.append)
    return heard
