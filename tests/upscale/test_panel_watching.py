"""A watched folder as people use one: results go into it, what is dropped in is more than photos, and writers are slow."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.upscale import watching
from app.upscale.panel import UpscalePanel
from app.upscale.watching import Watcher
from app.widgets.panel import Notice
from tests.upscale import belt
from tests.upscale.at_panel import Until, done, states

Look = Callable[[], None]


@pytest.fixture
def folder(panel: UpscalePanel, until: Until, tmp_path: Path) -> Path:
    """A folder that the panel watches, and looks at only when it is told."""
    made = tmp_path / "watched"
    made.mkdir()
    panel.watch(made)
    panel.watcher._timer.stop()
    until(lambda: panel.watcher._told is not None)
    return made


@pytest.fixture
def look(panel: UpscalePanel, until: Until) -> Look:
    def look() -> None:
        """Look twice: what rested between is told."""
        for _ in range(2):
            before = panel.watcher._last
            panel.watcher.look()
            until(lambda: panel.watcher._last is not before)  # noqa: B023 - waited for at once

    return look


@pytest.mark.parametrize("into", ["", "large"])
def test_results_that_go_into_the_watched_folder_are_not_enlarged_again(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, into: str
) -> None:
    panel.options.changed.emit(replace(panel.queue.choices, into=folder / into), "Folder")
    belt.photos(folder, 1)
    look()
    until(done(panel))
    assert len(list(folder.rglob("*.png"))) == 2
    look()
    assert len(panel.queue.rows) == 1


def test_results_are_known_where_their_folder_has_two_names(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    photo, result = belt.photos(folder, 2)
    link.symlink_to(folder)
    assert list(watching._files(folder, {result.name: (link / result.name,)})) == [photo]


def test_what_appears_in_sub_folders_keeps_them(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    panel.options.changed.emit(replace(panel.queue.choices, into=tmp_path / "large"), "Folder")
    belt.photos(folder / "sea" / "north", 1)
    belt.photos(folder, 1)
    look()
    until(done(panel))
    made = sorted(path.relative_to(tmp_path / "large").as_posix() for path in (tmp_path / "large").rglob("*.png"))
    assert made == ["photo0_twice_x2.png", "sea/north/photo0_twice_x2.png"]


def test_what_is_no_photo_is_passed_over_without_a_word(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, notices: list[Notice | None]
) -> None:
    notices.clear()
    (folder / "photo.xmp").write_text("<x/>")
    look()
    until(lambda: not panel.intake.busy)
    assert panel.queue.rows == []
    assert not [notice for notice in notices if notice]
    assert panel.run_bar.said.text() == ""
    photo = belt.photos(folder.parent / "by hand", 1)  # nobody waits any more to start what is put on the list
    panel.add(photo)
    until(lambda: states(panel) == ["ready"])
    assert panel.runner.state == "idle"


def test_a_photo_that_was_not_whole_yet_is_tried_again_once_it_is(
    panel: UpscalePanel, until: Until, folder: Path, look: Look
) -> None:
    (whole,) = belt.photos(folder.parent / "camera", 1, 200, 200)
    data, photo = whole.read_bytes(), folder / "photo.png"
    photo.write_bytes(data[: len(data) // 2])
    look()
    until(lambda: states(panel) in (["failed"], ["refused"]) and panel.runner.state == "idle")
    photo.write_bytes(data)
    look()
    until(done(panel))


def test_a_sub_folder_that_cannot_be_read_does_not_end_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    (photo,) = belt.photos(tmp_path / "watched", 1)
    (photo.parent / "closed").mkdir()
    scandir = watching.os.scandir

    def some(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(watching.os, "scandir", some)
    assert list(watching._files(photo.parent, {})) == [photo]


def test_a_folder_that_is_gone_ends_the_watching_still(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "watched").mkdir()
    watcher = Watcher()
    watcher.watch(tmp_path / "watched")
    qtbot.waitUntil(lambda: watcher._told is not None)
    (tmp_path / "watched").rmdir()
    with qtbot.waitSignal(watcher.lost):
        watcher.look()
    watcher.shut()
