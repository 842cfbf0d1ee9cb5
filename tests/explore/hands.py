"""What a hand does in Explore, and what an eye sees there."""

import numpy as np
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.explore.panel import ExplorePanel
from app.widgets.picture_view import picture_of


def drag(qtbot: QtBot, panel: ExplorePanel, name: str, values: list[float], release: bool = True) -> None:
    """Take a direction's slider through values, in sigmas."""
    slider = panel.tools.row(name).slider
    spots = [QPoint(round(slider.at(round(value * 10))), 10) for value in values]
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=spots[0])
    for spot in spots[1:]:
        qtbot.mouseMove(slider, spot)
    if release:
        qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=spots[-1])


def shown(panel: ExplorePanel) -> np.ndarray:
    return picture_of(panel.view.image)
