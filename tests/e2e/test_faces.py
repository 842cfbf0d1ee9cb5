"""The whole way with the recommended face model: a hand turns a head, and the window keeps up. Skipped without it."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from pytestqt.qtbot import QtBot

from app import theme
from app.inference.engine import Engine
from app.inference.updates import Frame, Update
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.widgets.picture_view import picture_of
from app.window import MainWindow
from models.catalogue import Catalogue

FACES = "faces"
HOME = Catalogue().home  # before each test gets a home of its own
WAIT_MS = 240_000


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    catalogue = Catalogue(HOME)
    if catalogue.find(FACES) is None:
        pytest.skip("the recommended face model is not here: `ganvas models get faces` fetches it")
    theme.start(theme.application(), "dark")
    settings = Settings()
    settings.set("explore.model", FACES)
    window = MainWindow(InferenceWorker(Engine(catalogue)), catalogue, settings)
    qtbot.addWidget(window)
    window.show()
    return window


def test_a_head_turns_under_the_hand_and_the_picture_is_saved_with_its_recipe(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, record_property: Callable[[str, object], None]
) -> None:
    panel = window.panel("explore")
    assert panel is not None
    qtbot.waitUntil(lambda: panel.is_full and panel.facts is not None, timeout=WAIT_MS)  # type: ignore[attr-defined]
    before = picture_of(panel.view.image)
    assert before.shape == (1024, 1024, 3)
    frames: list[Frame] = []

    def keep(ticket: int, update: Update) -> None:
        if isinstance(update, Frame):
            frames.append(update)

    window.worker.updated.connect(keep)
    pauses, last = [0.0], [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        pauses.append(now - last[0])
        last[0] = now

    heart = QTimer()
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(beat)
    heart.start(5)
    slider = panel.tools.row("yaw").slider
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.at(0)), 10))
    for step in range(1, 16):
        qtbot.mouseMove(slider, QPoint(round(slider.at(step)), 10))
        qtbot.wait(40)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.at(15)), 10))
    qtbot.waitUntil(lambda: panel.is_full, timeout=WAIT_MS)
    heart.stop()
    window.worker.updated.disconnect(keep)
    record_property("worst pause of the window in ms", 1000 * max(pauses))
    after = picture_of(panel.view.image)
    assert panel.document.now.direction("yaw") == pytest.approx(1.5, abs=0.1)
    assert frames[-1].final
    assert np.abs(after.astype(int) - before).mean() > 5
    with qtbot.waitSignal(panel.message, timeout=WAIT_MS):
        panel.save(tmp_path / "turned.png")
    panel.roll()
    assert panel.open_file(tmp_path / "turned.png")
    qtbot.waitUntil(lambda: panel.is_full, timeout=WAIT_MS)
    assert np.array_equal(picture_of(panel.view.image), after)
