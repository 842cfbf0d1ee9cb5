"""A watched folder as people use one: results go into it, what is dropped in is more than photos, and writers are slow."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.photos.decoding import decode
from app.upscale import recall, watching
from app.upscale.panel import UpscalePanel
from app.upscale.queue import Row
from app.upscale.watching import Watcher
from app.widgets.panel import Notice
from tests.upscale import belt
from tests.upscale.at_panel import Until, begun, done, states

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


def test_only_what_appears_is_enlarged_by_itself(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    panel.add(belt.photos(tmp_path / "only to look at", 2))
    until(lambda: states(panel) == ["ready", "ready"])
    belt.photos(folder, 1)
    look()
    until(lambda: "done" in states(panel) and panel.runner.state == "idle")
    assert states(panel) == ["ready", "ready", "done"]
    assert "One photo enlarged" in panel.run_bar.said.text()
    assert panel.run_bar.go.isEnabled()
    panel.job.begin()
    until(done(panel))


def test_what_a_person_stopped_stays_stopped_and_to_be_gone_on_with(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    begun(panel, until, belt.photos(tmp_path / "in", 6, 160, 160)[0].parent, 6)
    until(lambda: "done" in states(panel))
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    before, stopped = states(panel), panel.runner.stopped_job
    assert "ready" in before
    belt.photos(folder, 1)
    look()
    until(lambda: states(panel)[6:] == ["done"] and panel.runner.state == "idle")
    assert states(panel) == [*before, "done"]
    assert panel.runner.stopped_job == stopped
    until(lambda: (recall.interrupted() or (None,))[0] == stopped)


def test_photos_that_are_added_meanwhile_wait_and_what_appears_meanwhile_joins(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    (first,) = belt.photos(folder, 1, 400, 400)
    look()
    until(lambda: panel.runner.state == "running")
    panel.runner.pause()
    panel.add(belt.photos(tmp_path / "only to look at", 1))
    until(lambda: len(panel.queue.rows) == 2 and not panel.intake.busy)
    second = first.with_name("second.png")
    second.write_bytes(first.read_bytes())
    look()
    until(lambda: len(panel.queue.rows) == 3 and not panel.intake.busy)
    assert panel.runner.counts == (0, 2)
    panel.runner.resume()
    until(lambda: states(panel) == ["done", "ready", "done"] and panel.runner.state == "idle")


def test_the_list_that_a_person_starts_meanwhile_joins(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    begun(panel, until, belt.photos(tmp_path / "in", 3, 300, 300)[0].parent, 3)
    until(lambda: panel.runner.state == "running")
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    stopped = panel.runner.stopped_job
    assert stopped is not None
    belt.photos(folder, 3, 300, 300)
    look()
    until(lambda: panel.runner.state == "running" and len(panel.queue.rows) == 6)
    assert panel.run_bar.go.text() == "Start"
    until(panel.run_bar.go.isEnabled)
    panel.run_bar.go.click()
    until(lambda: not panel.run_bar.go.isEnabled())
    assert panel.runner.counts[1] == 6
    until(done(panel))
    assert panel.runner.stopped_job is None
    until(lambda: recall.interrupted() is None)


def test_the_list_that_a_person_starts_before_them_follows_with_them(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    panel.add(belt.photos(tmp_path / "in", 2))
    until(lambda: states(panel) == ["ready", "ready"])
    belt.photos(folder, 1, 300, 300)
    look()
    until(lambda: panel.job._looking or panel.job.runs)
    panel.job.begin()
    until(done(panel))


def test_a_photo_that_fails_and_is_whole_later_starts_nothing_else(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    panel.add(belt.photos(tmp_path / "only to look at", 1))
    until(lambda: states(panel) == ["ready"])
    (whole,) = belt.photos(folder.parent / "camera", 1, 200, 200)
    data, photo = whole.read_bytes(), folder / "photo.png"
    photo.write_bytes(data[: len(data) // 2])
    look()
    until(lambda: states(panel)[1:] in (["failed"], ["refused"]) and panel.runner.state == "idle")
    photo.write_bytes(data)
    look()
    until(lambda: states(panel)[1:] == ["done"] and panel.runner.state == "idle")
    assert states(panel) == ["ready", "done"]


def test_stopping_is_for_what_appeared_until_then(panel: UpscalePanel, until: Until, folder: Path, look: Look) -> None:
    first, _ = belt.photos(folder, 2, 400, 400)
    look()
    until(lambda: panel.runner.state == "running")
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle" and not panel.intake.busy)
    before = states(panel)
    assert "ready" in before
    first.with_name("later.png").write_bytes(first.read_bytes())
    look()
    until(lambda: states(panel)[2:] == ["done"] and panel.runner.state == "idle")
    assert states(panel)[:2] == before


def test_a_photo_that_is_replaced_after_it_was_done_is_enlarged_again(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    (photo,) = belt.photos(folder, 1)
    look()
    until(done(panel))
    (other,) = belt.photos(tmp_path / "other", 1, 40, 50)
    os.replace(other, photo)
    look()
    until(lambda: len(list((folder / "upscaled").glob("*.png"))) == 2 and panel.runner.state == "idle")
    assert states(panel) == ["done"]
    assert sorted(decode(path).width for path in (folder / "upscaled").iterdir()) == [60, 100]
    look()
    assert states(panel) == ["done"]


def test_a_photo_that_was_taken_off_the_list_and_is_replaced_is_a_new_one(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    (photo,) = belt.photos(folder, 1)
    look()
    until(done(panel))
    panel._remove(list(panel.queue.rows))
    os.replace(belt.photos(tmp_path / "other", 1, 40, 50)[0], photo)
    look()
    until(lambda: len(panel.queue.rows) == 1 and panel.queue.rows[0].state == "done")


def test_photos_that_are_replaced_before_and_amid_their_work_are_made_of_what_is_there_now(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    first, *others = belt.photos(folder, 6, 300, 300)
    look()
    shares: list[float] = []

    def paused(row: Row) -> None:
        if row.found.path == first and row.state == "working" and row.share > 0.5 and not shares:
            shares.append(row.share)  # rows of it are made: a pause keeps them
            panel.runner.pause()

    panel.runner.row_changed.connect(paused)
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)  # or it was too late, and it is being written
    for photo in (first, others[-1]):
        os.replace(belt.photos(tmp_path / "other", 1, 40, 50)[0], photo)
    look()
    panel.runner.resume()
    until(lambda: done(panel)() and panel.queue.rows[0].facts is not None and panel.queue.rows[0].facts.width == 50)
    results = [row.planned.output for row in panel.queue.rows if row.planned is not None and row.planned.output is not None]
    assert [decode(result).width for result in results] == [100, 600, 600, 600, 600, 100]


def test_a_photo_that_waits_for_a_person_waits_still_when_it_is_replaced(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    (photo,) = belt.photos(folder, 1, 400, 400)
    look()
    until(lambda: panel.runner.state == "running")
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle" and states(panel) == ["ready"])
    os.replace(belt.photos(tmp_path / "other", 1, 40, 50)[0], photo)
    look()
    until(lambda: panel.queue.rows[0].facts is not None and panel.queue.rows[0].facts.width == 50)
    until(lambda: not panel.intake.busy)
    assert (states(panel), panel.runner.state) == (["ready"], "idle")


def test_who_paints_what_is_protected_is_not_taken_to_a_photo_that_appears(
    panel: UpscalePanel, until: Until, folder: Path, look: Look, tmp_path: Path
) -> None:
    (painted,) = belt.photos(tmp_path / "in", 1)
    panel.add([painted])
    until(lambda: panel.preview.now is not None and panel.preview.now.path == painted)
    panel.protector.paint(True)
    (first,) = belt.photos(folder, 1)
    look()
    until(lambda: "done" in states(panel) and panel.runner.state == "idle")
    assert panel.picture.row is panel.queue.rows[0]
    panel.protector.paint(False)
    second = first.with_name("second.png")
    second.write_bytes(first.read_bytes())
    look()
    until(lambda: panel.preview.now is not None and panel.preview.now.path == second)
