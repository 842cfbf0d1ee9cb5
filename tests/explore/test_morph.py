"""Favourites flow into one another: in time, on the timeline, and into files."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.explore import morphing
from app.explore.animation import FRAME_MS, GENERATED, GivenUp, assemble, folder_for, prepare, write_frame
from app.explore.morph import FRAMES_A_SECOND, Morph
from app.explore.morphing import UNWRITTEN
from app.explore.panel import ExplorePanel
from app.explore.variation import Variation
from app.inference.updates import ENDINGS, Frame
from app.inference.worker import InferenceWorker
from app.photos import recipe
from app.photos.photo import PhotoError
from app.video import program
from app.video.facts import look
from app.video.reading import FrameReader
from app.widgets.picture_view import picture_of

WAIT_MS = 60_000
LONG_AGO = time.time() - 2 * 24 * 3600
KEYS = tuple(Variation("m", x=float(x)) for x in range(3))
LATENTS = {key: np.full((1, 4, 2), number, np.float32) for number, key in enumerate(KEYS)}


@given(st.floats(0, 100), st.booleans(), st.integers(2, 3))
def test_at_any_time_it_is_between_two_neighbours(time: float, loop: bool, count: int) -> None:
    morph = Morph(KEYS[:count], 2.0, loop)
    one, other, share = morph.between(time)
    first, second = morph.keys.index(one), morph.keys.index(other)
    assert 0 <= share <= 1
    assert second == (first + 1) % count
    assert loop or second > first


def test_at_its_moment_a_key_is_shown_exactly() -> None:
    morph = Morph(KEYS, 2.0, loop=True)
    for number in range(3):
        ws = morph.request(number * 2.0, LATENTS).ws
        assert ws is not None
        assert np.array_equal(ws, LATENTS[KEYS[number]])
    assert np.array_equal(morph.request(6.0, LATENTS).ws, LATENTS[KEYS[0]])
    assert morph.request(1.0, LATENTS).ws.mean() == pytest.approx(0.5)


def test_a_loop_does_not_repeat_its_first_picture_and_a_line_ends_on_its_last() -> None:
    assert (Morph(KEYS, 2.0, True).legs, Morph(KEYS, 2.0, True).frames) == (3, 6 * FRAMES_A_SECOND)
    line = Morph(KEYS, 2.0, False)
    assert (line.legs, line.frames) == (2, 4 * FRAMES_A_SECOND + 1)
    last = line.request((line.frames - 1) / FRAMES_A_SECOND, LATENTS).ws
    assert np.array_equal(last, LATENTS[KEYS[2]])


def test_one_picture_alone_is_no_morph() -> None:
    assert Morph(KEYS[:1]).legs == 0
    assert Morph(KEYS[:1]).frames == 0
    with pytest.raises(ValueError, match="two keys"):
        Morph(()).between(0)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
@pytest.mark.parametrize("loop", [True, False])
def test_an_animation_has_its_frames_its_pace_and_its_recipe(tmp_path: Path, suffix: str, loop: bool) -> None:
    path = tmp_path / f"morph{suffix}"
    folder = folder_for(path)
    for number in range(5):
        write_frame(folder, number, np.full((16, 24, 3), 50 * number, np.uint8))
    assemble(folder, path, Morph(KEYS).to_recipe("ff", "Faces"), loop)
    with Image.open(path) as animation:
        assert animation.n_frames == 5
        assert animation.size == (24, 16)
        for number in range(5):
            animation.seek(number)
            animation.load()
            assert animation.info["duration"] == FRAME_MS
            assert abs(int(np.asarray(animation.convert("RGB")).mean()) - 50 * number) < 4
        assert ("loop" in animation.info) or suffix == ".gif"
        assert animation.info.get("loop", 1) == (0 if loop else 1)
    if suffix == ".gif":
        assert f"!\xfe{chr(len(GENERATED))}{GENERATED}\0;".encode("latin-1") == path.read_bytes()[-len(GENERATED) - 5 :]
    if suffix == ".webp":
        assert (recipe.read(path) or {})["morph"]["loop"] is True
        assert recipe.read_kind(path) == "generated"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_film_has_its_pictures_and_its_pace_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "morph.mp4"
    folder = folder_for(path)
    for number in range(5):
        write_frame(folder, number, np.full((17, 25, 3), 40 + 40 * number, np.uint8))
    assemble(folder, path, Morph(KEYS).to_recipe("ff", "Faces"), True)
    facts = look(path, "mp4")
    assert (facts.width, facts.height, facts.frames, facts.rate) == (26, 18, 5, FRAMES_A_SECOND)  # H.264 has even sides
    reader = FrameReader(path, facts, 0, deep=False)
    for number in range(5):
        frame = reader.next()
        assert frame is not None
        assert abs(float(frame.pixels.mean()) - 40 - 40 * number) < 3
    assert reader.next() is None
    reader.close()
    assert GENERATED in path.read_bytes().decode("latin-1")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["morph.webp", "morph.gif", "morph.mp4", "morph"])
def test_what_nobody_wants_any_more_is_given_up_amid_its_frames(tmp_path: Path, name: str) -> None:
    folder, asked = folder_for(tmp_path / name), []
    for number in range(200):
        write_frame(folder, number, np.full((64, 64, 3), number, np.uint8))

    def wanted() -> bool:
        asked.append(len(asked))
        return len(asked) < 3

    with pytest.raises(GivenUp):
        assemble(folder, tmp_path / name, {"panel": "explore"}, True, wanted)
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]
    assert len(asked) < 100


def test_frames_that_a_killed_program_left_go_before_the_next_morph_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    left, at_work, slow = (folder_for(tmp_path / "morph.webp") for _ in range(3))
    for folder in (left, at_work, slow):
        write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))
    for old in (left / "00001.png", left, slow):  # not every disk notes at a folder when something came into it
        os.utime(old, (LONG_AGO, LONG_AGO))
    prepare(tmp_path / "morph.webp")
    assert {entry.name for entry in tmp_path.iterdir()} == {at_work.name, slow.name}


def test_frames_become_a_folder_of_pictures_and_none_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "morph"
    for _ in range(2):
        folder = folder_for(path)
        write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))
        if path.exists():
            with pytest.raises(FileExistsError):
                assemble(folder, path, Morph(KEYS).to_recipe("", ""), True)
        else:
            assemble(folder, path, Morph(KEYS).to_recipe("", ""), True)
    assert [frame.name for frame in path.iterdir()] == ["00001.png"]
    (tmp_path / "plain").mkdir()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert recipe.read_kind(path / "00001.png") == "generated"


def length(animation: Image.Image) -> int:
    """Milliseconds of the whole."""
    whole = 0
    for number in range(animation.n_frames):
        animation.seek(number)
        animation.load()
        whole += animation.info["duration"]
    return whole


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


def test_a_morph_never_stands_there_without_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_for(tmp_path / "a.webp")
    write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))

    def refuse(*arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(recipe, "embed", refuse)
    with pytest.raises(OSError, match="No space"):
        assemble(folder, tmp_path / "a.webp", {"panel": "explore"}, loop=True)
    assert not (tmp_path / "a.webp").exists()
