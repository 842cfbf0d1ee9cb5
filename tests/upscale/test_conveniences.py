"""Presets, a watched folder, the machine kept awake, speeds that are remembered."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.upscale.awake import Awake, inhibitor
from app.upscale.pace import JobProgress, Paces, best_within, disk_size, duration, speed, work_a_pixel
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices
from app.upscale.presets import Presets
from app.upscale.sizes import parse_target
from app.upscale.watching import Watcher
from models.card import Card
from models.catalogue import Entry
from tests.upscale.belt import TWICE, photos

Until = Callable[[Callable[[], bool]], None]


def test_a_preset_survives_a_restart_and_can_be_removed() -> None:
    choices = Choices(TWICE, 2, parse_target("30x20cm@300"), Path("/prints"), "tiff", strength=0.8)
    Presets().save("Prints", choices)
    Presets().save("aa", replace(choices, into=None))
    again = Presets()
    assert again.names() == ["aa", "Prints"]
    assert again.get("Prints") == choices
    again.remove("Prints")
    assert Presets().names() == ["aa"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": 1}', '{"a": {"model": "m"}}', '{"a": {"model": "m", "scale": 4, "format": "exe"}}']
)
def test_presets_that_somebody_broke_are_left_out(text: str) -> None:
    presets = Presets()
    presets.path.parent.mkdir(parents=True, exist_ok=True)
    presets.path.write_text(text)
    assert Presets().names() == []


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1', '"' + "x" * (1 << 20) + '"'])
def test_a_file_of_presets_that_cannot_be_read_is_set_aside(text: str) -> None:
    presets = Presets()
    presets.path.parent.mkdir(parents=True, exist_ok=True)
    presets.path.write_text(text)
    Presets().save("Prints", Choices(TWICE, 2))
    assert Presets().names() == ["Prints"]
    assert presets.path.with_name(presets.path.name + ".broken").read_text() == text


def test_presets_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    later = {"model": "m", "scale": 4, "metadata": "of a later version"}
    known = Choices(TWICE, 2, into=tmp_path / "\udcff").to_dict() | {"new": 1}
    file = tmp_path / "presets.json"
    file.write_bytes(json.dumps({"later": later, "known": known, "odd": [1]}).encode())
    presets = Presets(file)
    assert presets.names() == ["known"]
    assert presets.has("later")
    presets.save("Prints", Choices(TWICE, 2, into=tmp_path / "\udcff"))
    presets.remove("Prints")
    presets.save("mine", Choices(TWICE, 2))
    assert json.loads(file.read_bytes()) == {
        "later": later,
        "known": known,
        "odd": [1],
        "mine": Choices(TWICE, 2).to_dict(),
    }


@pytest.mark.parametrize("replaced", [True, False])
def test_a_preset_is_not_replaced_unasked(
    panel: UpscalePanel, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, replaced: bool
) -> None:
    options = panel.options
    options.save_preset("mine")
    options.show_choices(replace(panel.queue.choices, quality=50))
    monkeypatch.setattr(QInputDialog, "getText", lambda *asked: (" mine ", True))

    def answer() -> None:
        box = options.findChild(QMessageBox, "upscale:preset-there")
        assert box is not None
        button = next(button for button in box.buttons() if (button.text() == "Replace") == replaced)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    QTimer.singleShot(200, answer)
    options._ask_preset()
    kept = Presets().get("mine")
    assert kept is not None
    assert (kept.quality == 50) == replaced


def test_a_preset_is_used_with_one_click_and_undone_with_one(panel: UpscalePanel) -> None:
    before = panel.queue.choices
    panel.options.show_choices(replace(before, format="webp", quality=70))
    panel.options.save_preset("small")
    panel.options.preset_chosen.emit(Presets().get("small"))
    assert (panel.queue.choices.format, panel.queue.choices.quality) == ("webp", 70)
    panel.undo()
    assert panel.queue.choices.format == before.format


def test_only_what_appears_and_rests_is_told(tmp_path: Path, qtbot: QtBot, until: Until) -> None:
    told: list[list[Path]] = []
    photos(tmp_path, 1)
    watcher = Watcher()
    watcher.appeared.connect(told.append)
    watcher.watch(tmp_path)
    until(lambda: watcher._told is not None)
    (tmp_path / "new.png").write_bytes(b"a beginning")
    watcher.look()
    until(lambda: tmp_path / "new.png" in watcher._last)
    assert told == []
    (tmp_path / "new.png").write_bytes(b"a beginning and an end")
    os.utime(tmp_path / "new.png", ns=(1, 1))
    stamp = watcher._last
    watcher.look()
    until(lambda: watcher._last is not stamp)
    assert told == []
    watcher.look()
    until(lambda: told == [[tmp_path / "new.png"]])
    watcher.shut()


def test_a_watched_folder_that_goes_away_is_told(tmp_path: Path, qtbot: QtBot) -> None:
    watcher = Watcher()
    with qtbot.waitSignal(watcher.lost) as lost:
        watcher.watch(tmp_path / "gone")
    assert lost.args == ["It is gone."]
    assert watcher.folder is None
    watcher.shut()


def test_what_appears_in_a_watched_folder_is_enlarged(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    panel.watch(folder)
    until(lambda: panel.watcher._told is not None)
    photos(folder, 2)
    until(lambda: [row.state for row in panel.queue.rows] == ["done", "done"] and panel.runner.state == "idle")
    assert len(list((folder / "upscaled").iterdir())) == 2
    panel.watch(None)


def test_the_machine_is_kept_awake_only_while_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.upscale.awake.inhibitor", lambda platform, process: [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    awake = Awake()
    awake.keep()
    awake.keep()
    helper = awake._helper
    assert awake.kept
    assert helper is not None
    assert helper.poll() is None
    awake.release()
    assert helper.poll() is not None
    awake.release()


def test_what_keeps_awake_ends_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "77" in " ".join(inhibitor("darwin", 77) or [])
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    assert "--pid=77" in (inhibitor("linux", 77) or [])
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert inhibitor("linux", 77) is None


def entry(name: str, blocks: int, data: str = "") -> Entry:
    config = {"features": 64, "growth": 32, "blocks": blocks, "doublings": 2, "unshuffle": 1}
    card = Card(name, name, "upscaling", "esrgan", config, scale=4, data=data)
    return Entry(name, card, Path("weights"), "added")


def test_the_best_model_is_the_one_that_thinks_hardest_and_is_done_in_time(tmp_path: Path) -> None:
    paces = Paces(tmp_path / "paces.json")
    for name, pace in (("large", 0.01), ("middle", 0.1), ("small", 1.0), ("anime", 2.0)):
        paces.note(name, "cpu", pace, 1.0)
    entries = [entry("large", 23), entry("small", 2), entry("middle", 6), entry("anime", 6)]
    assert work_a_pixel(entries[0].card) > work_a_pixel(entries[2].card) > 0

    def best(size: tuple[int, int]) -> str:
        found = best_within(entries, paces, "cpu", size)
        assert found is not None
        return found.name

    assert best((700, 700)) == "large"
    assert best((2000, 1000)) == "middle"
    assert best((5000, 4000)) == "small"
    assert best((20_000, 5_000)) == "anime"
    assert best_within([], paces, "cpu", (10, 10)) is None


def test_speeds_are_remembered_and_a_broken_file_is_no_harm(tmp_path: Path) -> None:
    paces = Paces(tmp_path / "paces.json")
    paces.note("a", "cpu", 2.0, 4.0)
    paces.note("a", "cpu", 0.0, 4.0)
    paces.keep()
    assert Paces(tmp_path / "paces.json").measured("a", "cpu") == 0.5
    for text in ("{", "[1]", json.dumps({"a@cpu": "fast"}), json.dumps({"a@cpu": -1})):
        (tmp_path / "paces.json").write_text(text)
        assert Paces(tmp_path / "paces.json").measured("a", "cpu") is None


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20), st.data())
def test_progress_counts_what_the_network_reads(sizes: list[float], data: st.DataObject) -> None:
    progress = JobProgress(sizes)
    for index in range(len(sizes)):
        progress.at(index, data.draw(st.floats(0, 1)))
        assert 0 <= progress.share <= 1
    for index in range(len(sizes)):
        progress.at(index, 1.0)
    assert progress.share == pytest.approx(1)
    progress.extend([sum(sizes)])
    assert progress.share == pytest.approx(0.5)


def test_a_pause_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = JobProgress([10.0])
    now[0] += 10
    progress.at(0, 0.5)
    assert progress.seconds_left == pytest.approx(10)
    progress.pause(True)
    now[0] += 1000
    assert progress.seconds == pytest.approx(10)
    progress.pause(False)
    now[0] += 10
    assert progress.seconds == pytest.approx(20)


def test_what_fails_or_is_taken_off_makes_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = JobProgress([10.0] * 10)
    now[0] += 10
    progress.follow(0, "done", 1.0)
    progress.follow(1, "working", 0.5)
    for index in range(1, 8):
        progress.follow(index, "failed", 0.0)
    assert progress.rate == pytest.approx(1.5)
    assert progress.seconds_left == pytest.approx(20 / 1.5)
    for index in (8, 9):
        progress.give_up(index)
    assert progress.share == pytest.approx(1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (120, "2 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (57_000, "16 h"), (400_000, "5 days")],
)
def test_times_are_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert disk_size(4.12e9) == "4.1 GB"
    assert disk_size(10) == "1 MB"


@pytest.mark.parametrize(
    ("rate", "words"), [(0.00784, "0.0078 MP/s"), (99.4, "99 MP/s"), (129.7, "130 MP/s"), (1234.0, "1,234 MP/s")]
)
def test_speeds_are_told_in_plain_figures(rate: float, words: str) -> None:
    assert speed(rate) == words
