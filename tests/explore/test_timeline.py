"""The timeline of Explore: a morph is played, scrubbed and saved behind everything else."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.explore import morphing
from app.explore.animation import FRAME_MS, assemble, folder_for, write_frame
from app.explore.morphing import UNWRITTEN
from app.explore.panel import ExplorePanel
from app.inference.updates import ENDINGS, Frame
from app.inference.worker import InferenceWorker
from app.photos import recipe
from app.photos.photo import PhotoError
from app.video import program
from app.widgets.picture_view import picture_of
from tests.explore.animations import LONG_AGO, length

WAIT_MS = 60_000


@pytest.fixture
def two_favourites(panel: ExplorePanel, at_rest: Callable[[], None]) -> ExplorePanel:
    """Explore with two favourites, the timeline not open yet."""
    at_rest()
    panel.document.favour()
    panel.tools.seed.changed.emit(9)
    at_rest()
    assert not panel.strip.morph.isEnabled()
    panel.document.favour()
    assert panel.strip.morph.isEnabled()
    return panel


@pytest.fixture
def starred(two_favourites: ExplorePanel) -> ExplorePanel:
    """Explore with two favourites, the timeline open."""
    two_favourites.strip.morph.click()
    return two_favourites


def test_favourites_play_until_they_are_stopped(starred: ExplorePanel, qtbot: QtBot) -> None:
    assert starred.morph_row.isVisible()
    assert not starred.strip.isVisible()
    seen: list[bytes] = []
    starred.morph.shown.connect(lambda frame: seen.append(frame.picture.tobytes()))
    qtbot.waitUntil(lambda: len(set(seen)) > 3, timeout=WAIT_MS)
    starred.morph_row.button.click()
    assert not starred.morph._player.is_playing


def test_the_timeline_is_scrubbed_and_ends_show_the_keys(
    starred: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    timeline = starred.morph_row.timeline
    starred.morph_row.loop.setChecked(False)
    frames = []
    starred.morph.shown.connect(frames.append)
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(timeline.width() // 2, 50))
    qtbot.mouseMove(timeline, QPoint(timeline.width() + 50, 50))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(timeline.width() + 50, 50))
    last = starred.document.favourites[-1]
    expected = picture_of(starred._renderer.full(last))
    qtbot.waitUntil(
        lambda: bool(frames) and frames[-1].picture.shape == expected.shape
        and np.abs(frames[-1].picture.astype(int) - expected).max() <= 1,
        timeout=WAIT_MS,
    )  # fmt: skip


def test_a_hand_that_scrubs_before_the_keys_are_known_is_answered_once_they_are(
    two_favourites: ExplorePanel, qtbot: QtBot
) -> None:
    panel, player = two_favourites, two_favourites.morph._player
    # What the worker answers waits for the event loop, which does not run before `waitSignal`.
    panel.strip.morph.click()
    panel.morph_row.timeline.scrubbed.emit(0.5)
    player._rest.stop()
    player._finish()  # the hand has rested already
    assert not panel.morph._latents.known
    assert player._ticket < 0  # nothing is asked for
    with qtbot.waitSignal(panel.morph.shown, timeout=WAIT_MS):
        pass


@pytest.fixture
def told(two_favourites: ExplorePanel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, str]]:
    """What is said while keys are awaited, where any wait is a long one."""
    monkeypatch.setattr(morphing, "PATIENCE", 0.0)
    told: list[tuple[int, int, str]] = []
    two_favourites.progressed.connect(lambda *what: told.append(what))
    return told


def test_a_first_picture_that_takes_long_is_said_to_be_prepared(
    two_favourites: ExplorePanel, told: list[tuple[int, int, str]], qtbot: QtBot
) -> None:
    with qtbot.waitSignal(two_favourites.morph.shown, timeout=WAIT_MS):
        two_favourites.strip.morph.click()
    assert told == [(1, 2, "Preparing the morph 1/2"), (0, 0, "")]


def test_a_morph_that_is_left_while_it_is_prepared_says_nothing_more(
    two_favourites: ExplorePanel, told: list[tuple[int, int, str]], qtbot: QtBot
) -> None:
    panel = two_favourites
    panel.morph._latents.late.connect(panel.morph.close)
    with qtbot.waitSignal(panel.morph._latents.ready, timeout=WAIT_MS):
        panel.strip.morph.click()
    assert told == [(1, 2, "Preparing the morph 1/2"), (0, 0, "")]


def test_leaving_the_timeline_brings_the_picture_at_hand_back(
    starred: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    now = picture_of(starred._renderer.full(starred.document.now))
    starred.morph.close()
    qtbot.waitUntil(lambda: np.array_equal(picture_of(starred.view.image), now), timeout=WAIT_MS)
    assert starred.strip.isVisible()


def test_a_picture_that_stands_alone_does_so_after_a_morph_too(starred: ExplorePanel, at_rest: Callable[[], None]) -> None:
    starred.view.alone.emit()
    assert starred.morph_row.isHidden()
    starred.roll()
    at_rest()
    assert starred.strip.isHidden()
    starred.view.alone.emit()
    assert not starred.strip.isHidden()
    assert starred.morph_row.isHidden()


def test_no_picture_of_the_morph_comes_once_it_was_left(starred: ExplorePanel, worker: InferenceWorker, qtbot: QtBot) -> None:
    full = picture_of(starred._renderer.full(starred.document.now))
    late, player = [], starred.morph._player
    qtbot.waitUntil(lambda: player._ticket >= 0, timeout=WAIT_MS)
    on_its_way = player._ticket
    with qtbot.waitSignal(
        worker.updated,
        timeout=WAIT_MS,
        check_params_cb=lambda ticket, update: ticket == on_its_way and isinstance(update, ENDINGS),
    ):
        starred.morph.close()
        starred.morph.shown.connect(late.append)
        assert starred.is_full
    assert late == []
    assert starred.is_full
    assert np.array_equal(picture_of(starred.view.image), full)


def test_a_preview_is_not_taken_for_the_full_picture(starred: ExplorePanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: starred.shown is None, timeout=WAIT_MS)  # a picture of the morph is in view
    assert not starred.is_full


def test_keys_work_on_once_the_timeline_was_closed(starred: ExplorePanel, qtbot: QtBot) -> None:
    close = starred.morph_row.findChild(QToolButton, "morph:close")
    close.setFocus()
    qtbot.waitUntil(close.hasFocus)
    qtbot.keyClick(close, Qt.Key.Key_Space)
    assert not starred.morph.is_open
    assert starred.view.hasFocus()
    before = starred.document.now.seed
    qtbot.keyClick(starred.view, Qt.Key.Key_R)
    assert starred.document.now.seed != before


def test_any_other_gesture_ends_the_playing(starred: ExplorePanel, at_rest: Callable[[], None]) -> None:
    starred.roll()
    assert not starred.morph.is_open
    at_rest()


def test_a_morph_is_saved_behind_everything_else(starred: ExplorePanel, tmp_path: Path, qtbot: QtBot) -> None:
    starred.morph_row.pace.set_value(0.4)
    told: list[tuple[int, int, str]] = []
    starred.progressed.connect(lambda *progress: told.append(progress))
    shown: list[Frame] = []
    starred.morph.shown.connect(shown.append)
    os.utime(folder_for(tmp_path / "killed.webp"), (LONG_AGO, LONG_AGO))
    with qtbot.waitSignal(starred.morph.message, timeout=WAIT_MS):
        starred.morph.save(tmp_path / "morph.webp")
    assert not starred.morph._player.is_playing
    qtbot.waitUntil(lambda: bool(shown) and shown[-1].final, timeout=WAIT_MS)  # no blurred preview stays in view meanwhile
    with Image.open(tmp_path / "morph.webp") as animation:
        # Pictures that are alike at the keys may become one that stands longer.
        assert 10 <= animation.n_frames <= starred.morph.morph.frames == 20
        assert length(animation) == 20 * FRAME_MS
        assert animation.size == (64, 64)
    assert told[0][1] == 20
    assert told[-1] == (0, 0, "")
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "catalogue"] == ["morph.webp"]
    starred.roll()
    assert starred.open_file(tmp_path / "morph.webp")
    assert starred.document.now == starred.document.favourites[0]


def test_a_film_without_ffmpeg_is_refused_before_its_first_picture(
    starred: ExplorePanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise PhotoError("Videos need the program ffmpeg.", "Install it.")

    monkeypatch.setattr(program, "find", nowhere)
    frames: list[object] = []
    monkeypatch.setattr("app.explore.animation.write_frame", lambda *arguments: frames.append(arguments))
    with qtbot.waitSignal(starred.morph.noticed, timeout=WAIT_MS) as told:
        starred.morph.save(tmp_path / "morph.mp4")
    assert told.args[0].why == "Videos need the program ffmpeg. Install it."
    assert not frames
    assert not starred.morph.saver.is_busy
    qtbot.waitUntil(lambda: [entry.name for entry in tmp_path.iterdir() if entry.name != "catalogue"] == [], timeout=WAIT_MS)


def test_what_is_saved_is_the_morph_of_that_moment_whatever_a_hand_does_next(
    two_favourites: ExplorePanel, tmp_path: Path, qtbot: QtBot
) -> None:
    panel = two_favourites
    panel.morph_row.pace.set_value(0.4)
    panel.strip.morph.click()
    panel.morph.save(tmp_path / "morph.webp")  # the latents of its keys are on their way: the event loop has not run yet
    assert panel.closing() == "A morph is still being saved."
    keys = panel.morph.morph.keys
    for key in keys:
        panel.document.unfavour(key)  # as is another model, which has other favourites, or none
    assert not panel.morph.is_open
    qtbot.waitUntil((tmp_path / "morph.webp").exists, timeout=WAIT_MS)
    made = recipe.read(tmp_path / "morph.webp")
    assert made is not None
    assert made["morph"]["keys"] == [key.to_dict() for key in keys]
    qtbot.waitUntil(lambda: panel.closing() == "", timeout=WAIT_MS)


def test_a_save_that_waits_for_latents_is_stopped_by_its_button_and_no_other_takes_its_place(
    two_favourites: ExplorePanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, told = two_favourites, list[tuple[int, int, str]]()
    monkeypatch.setattr("app.explore.morph_desk.ask_where", lambda *arguments: tmp_path / "second.webp")
    panel.progressed.connect(lambda *progress: told.append(progress))
    panel.strip.morph.click()
    panel.morph.save(tmp_path / "first.webp")  # the latents of its keys are on their way: the event loop has not run yet
    save = panel.morph_row.save
    assert save.text() == "Stop saving"
    save.click()
    assert save.text() == "Save the morph…"
    assert told[-1] == (0, 0, "")
    assert panel.closing() == ""
    qtbot.waitUntil(lambda: all(key in panel.morph._latents.known for key in panel.morph.morph.keys), timeout=WAIT_MS)
    assert not panel.morph.busy
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "catalogue"] == []
    panel.morph.save(tmp_path / "no such folder" / "third.webp")
    assert save.text() == "Save the morph…"
    assert told[-1] == (0, 0, "")


def test_frames_do_not_gather_in_memory_where_the_disk_is_slow(
    starred: ExplorePanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, saver = threading.Event(), starred.morph.saver

    def slow(folder: Path, number: int, picture: np.ndarray) -> None:
        held.wait(WAIT_MS / 1000)
        write_frame(folder, number, picture)

    monkeypatch.setattr("app.explore.animation.write_frame", slow)
    starred.morph_row.pace.set_value(0.4)
    starred.morph.save(tmp_path / "morph.gif")
    qtbot.waitUntil(lambda: saver._number >= UNWRITTEN, timeout=WAIT_MS)
    qtbot.wait(300)
    asked_for = saver._number
    held.set()
    assert asked_for == UNWRITTEN
    qtbot.waitUntil((tmp_path / "morph.gif").exists, timeout=WAIT_MS)
    with Image.open(tmp_path / "morph.gif") as animation:
        assert length(animation) == 20 * FRAME_MS


def test_a_stopped_save_leaves_nothing_behind(starred: ExplorePanel, tmp_path: Path, qtbot: QtBot) -> None:
    starred.morph_row.pace.set_value(10)
    with qtbot.waitSignal(starred.progressed, timeout=WAIT_MS, check_params_cb=lambda done, total, text: done > 2):
        starred.morph.save(tmp_path / "morph.gif")
    starred.morph_row.save.click()
    qtbot.waitUntil(lambda: [entry.name for entry in tmp_path.iterdir() if entry.name != "catalogue"] == [], timeout=WAIT_MS)
    assert not starred.morph.saver.is_busy


def test_a_save_that_follows_one_which_was_stopped_at_its_end_comes_to_its_own(
    starred: ExplorePanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, held = starred.morph.saver, threading.Event()

    def slow(folder: Path, path: Path, recipe: dict[str, Any], loop: bool, wanted: Callable[[], bool]) -> None:
        held.wait(WAIT_MS / 1000)
        assemble(folder, path, recipe, loop, wanted)

    monkeypatch.setattr("app.explore.animation.assemble", slow)
    starred.morph_row.pace.set_value(0.4)
    saved: list[Path] = []
    saver.saved.connect(saved.append)
    starred.morph.save(tmp_path / "first.gif")
    qtbot.waitUntil(lambda: saver.is_busy and saver._number == saver._total, timeout=WAIT_MS)
    saver.stop()
    starred.morph.save(tmp_path / "second.gif")
    assert saver.is_busy
    held.set()
    qtbot.waitUntil(lambda: saved == [tmp_path / "second.gif"], timeout=WAIT_MS)
    assert not saver.is_busy
    assert not (tmp_path / "first.gif").exists()
