"""A photo is found in the model at hand: placed on the sheet, looked for, taken as a step that can be undone; or left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from pytestqt.qtbot import QtBot

from app.explore.framing import Framing, framed
from app.explore.panel import ExplorePanel
from app.explore.placing_view import PlacingView
from app.explore.project_sheet import ProjectSheet
from app.widgets.picture_view import image_of
from models.errors import BadInput
from models.latents import projecting

WAIT_MS = 300_000  # a busy machine serves the engine last


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "STEPS", (2, 2))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (60, 80, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def ready(panel: ExplorePanel, at_rest: Callable[[], None], direction: str) -> ExplorePanel:
    at_rest()
    return panel


def sheet_of(panel: ExplorePanel, qtbot: QtBot) -> ProjectSheet:
    """The sheet, once its photo is there."""
    qtbot.waitUntil(lambda: panel.project.sheet is not None and panel.project.sheet.place.has_photo, timeout=WAIT_MS)
    assert panel.project.sheet is not None
    return panel.project.sheet


def test_what_is_found_becomes_a_step_that_can_be_undone(
    ready: ExplorePanel, photo: Path, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    before = ready.document.now
    assert ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    sheet.start.click()
    assert sheet.is_running
    assert not sheet.place.isEnabled()
    qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    assert "Found in" in sheet.remark.text()
    assert sheet.nearest.has_picture()
    sheet.use.click()
    found = ready.document.now
    assert found.point is not None
    assert ready.project.sheet is None
    at_rest()
    ready.undo()
    assert ready.document.now == before
    ready.redo()
    assert ready.document.now == found


def test_stopped_it_leaves_everything_as_it_was_and_can_begin_anew(
    ready: ExplorePanel, photo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ready.document.now
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    monkeypatch.setattr(projecting, "STEPS", (2000, 2))
    sheet.start.click()
    qtbot.waitUntil(lambda: sheet.bar.value() > 1, timeout=WAIT_MS)
    sheet.start.click()
    assert not sheet.is_running
    assert not sheet.use.isVisible()
    monkeypatch.setattr(projecting, "STEPS", (1, 1))
    sheet.start.click()
    qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    assert sheet.use.isVisible()
    sheet.reject()
    assert ready.project.sheet is None
    assert ready.document.now == before


def test_the_square_is_cut_out_beside_the_window_and_a_search_that_is_stopped_meanwhile_does_not_begin(
    ready: ExplorePanel, photo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, cutters = threading.Event(), []

    def slow(*arguments: Any) -> np.ndarray:
        cutters.append(threading.current_thread())
        held.wait(1)
        return framed(*arguments)

    monkeypatch.setattr("app.explore.project_desk.framed", slow)
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    sheet.start.click()
    assert sheet.is_running
    sheet.start.click()
    assert not sheet.is_running
    sheet.start.click()
    held.set()
    qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    assert sheet.use.isVisible()
    assert len(cutters) == 2
    assert threading.current_thread() not in cutters


def test_a_search_that_fails_says_so_and_can_begin_anew(
    ready: ExplorePanel, photo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object, **named: object) -> None:
        raise BadInput("There is no way.")

    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    with monkeypatch.context() as broken:
        broken.setattr(projecting, "projected", failing)
        sheet.start.click()
        qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    assert "There is no way." in sheet.remark.text()
    assert not sheet.use.isVisible()
    sheet.start.click()
    qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    assert sheet.use.isVisible()


def test_it_says_beforehand_how_long_it_takes(ready: ExplorePanel, photo: Path, qtbot: QtBot) -> None:
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    qtbot.waitUntil(lambda: "on this computer" in sheet.remark.text(), timeout=WAIT_MS)


def test_a_file_that_is_no_photo_is_named_on_the_sheet(ready: ExplorePanel, tmp_path: Path, qtbot: QtBot) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut off")
    ready.open_file(broken)
    sheet = ready.project.sheet
    assert sheet is not None
    opening = sheet.place.placeholder
    qtbot.waitUntil(lambda: sheet.place.placeholder != opening, timeout=WAIT_MS)
    assert not sheet.start.isEnabled()


def test_a_photo_that_is_gone_is_said_in_words(ready: ExplorePanel, tmp_path: Path, qtbot: QtBot) -> None:
    ready.project.open(tmp_path / "gone.jpg")  # as from a clipboard that still names it
    sheet = ready.project.sheet
    assert sheet is not None
    qtbot.waitUntil(lambda: sheet.place.placeholder == "No such file or directory.", timeout=WAIT_MS)


def test_a_file_that_is_no_photo_takes_the_place_of_the_photo_before_it(
    ready: ExplorePanel, photo: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut off")
    ready.open_file(broken)
    qtbot.waitUntil(lambda: not sheet.place.has_photo, timeout=WAIT_MS)  # its place says why
    assert not sheet.start.isEnabled()


def test_a_photo_that_comes_while_the_one_before_is_looked_for_stops_that(
    ready: ExplorePanel, photo: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    Image.new("RGB", (30, 40)).save(tmp_path / "other.png")
    monkeypatch.setattr(projecting, "STEPS", (2000, 2))
    ready.open_file(tmp_path / "other.png")
    sheet.start.click()
    assert sheet.is_running
    qtbot.waitUntil(lambda: sheet.framing == Framing(15, 20, 30), timeout=WAIT_MS)
    assert not sheet.is_running


def test_a_measurement_that_a_search_put_an_end_to_is_not_waited_for(ready: ExplorePanel, photo: Path, qtbot: QtBot) -> None:
    ready.open_file(photo)
    sheet = sheet_of(ready, qtbot)
    ready.project._took.clear()
    ready.project._ask_time()  # the search ends it before it has begun
    sheet.start.click()
    qtbot.waitUntil(lambda: not sheet.is_running, timeout=WAIT_MS)
    ready.project.receive(np.full((30, 40, 3), 200, np.uint8))
    assert "being measured" not in sheet.remark.text()


def test_a_picture_on_the_clipboard_is_taken(ready: ExplorePanel, qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setImage(image_of(np.full((30, 40, 3), 200, np.uint8)))
    ready.paste()
    assert sheet_of(ready, qtbot).framing == Framing(20, 15, 30)


def test_with_a_model_that_cannot_a_photo_is_left_to_others(ready: ExplorePanel, photo: Path) -> None:
    assert ready.bar.photo.isVisible()
    assert ready.facts is not None
    ready.facts = replace(ready.facts, projectable=False)
    assert not ready.open_file(photo)
    heard: list[Any] = []
    ready.noticed.connect(heard.append)
    ready.paste()
    assert heard[-1].what == "This model cannot look for photos."
    assert ready.project.sheet is None


@pytest.fixture
def place(qtbot: QtBot) -> PlacingView:
    view = PlacingView()
    qtbot.addWidget(view)
    view.resize(456, 456)  # the square is 400 px
    view.show_photo(QImage(800, 600, QImage.Format.Format_RGB32))
    return view


def test_the_photo_follows_the_hand_also_where_it_is_turned(place: PlacingView, qtbot: QtBot) -> None:
    def drag() -> None:
        qtbot.mousePress(place, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
        qtbot.mouseMove(place, QPoint(240, 200))
        qtbot.mouseRelease(place, Qt.MouseButton.LeftButton, pos=QPoint(240, 200))

    assert place.framing == Framing(400, 300, 600)
    drag()
    assert place.framing.x == pytest.approx(400 - 60)
    place.turn_to(90)
    drag()
    assert place.framing.x == pytest.approx(340)
    assert place.framing.y == pytest.approx(240)


def test_wheel_and_keys_enlarge_turn_and_move(place: PlacingView, qtbot: QtBot) -> None:
    def wheel(keys: Qt.KeyboardModifier) -> None:
        at, none = QPointF(200, 200), Qt.MouseButton.NoButton
        place.wheelEvent(QWheelEvent(at, at, QPoint(), QPoint(0, 120), none, keys, Qt.ScrollPhase.NoScrollPhase, False))

    wheel(Qt.KeyboardModifier.NoModifier)
    assert place.framing.side == pytest.approx(600 / 1.08)
    wheel(Qt.KeyboardModifier.ControlModifier)
    assert place.framing.angle == -1
    qtbot.keyClick(place, Qt.Key.Key_Minus)
    assert place.framing.side == pytest.approx(600)
    qtbot.keyClick(place, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert place.framing.y < 300


def test_the_middle_of_the_square_never_leaves_the_photo(place: PlacingView, qtbot: QtBot) -> None:
    for _ in range(80):
        qtbot.keyClick(place, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert place.framing.x == 0
