"""When the panel begins a job, with what, and what is done once more: with the real worker and real files."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.inference.updates import Failure
from app.photos.decoding import probe
from app.photos.photo import PhotoFacts
from app.upscale import finding, results
from app.upscale.inputs import Found
from app.upscale.items import Outcome
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices, OnExists, Planned, Planner
from app.upscale.queue import Row
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from models.catalogue import Catalogue
from tests.upscale.at_panel import Until, begun, done, idle, ready, states
from tests.upscale.belt import catalogue, photos


def test_what_failed_is_done_again_when_asked(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(panel.job.farewell, "tell", told.append)
    named = photos(tmp_path / "in", 2)
    whole = named[1].read_bytes()
    named[1].write_bytes(whole[:300])
    begun(panel, until, tmp_path / "in", 2)
    until(idle(panel))
    assert told[0].endswith(". One photo failed.")
    named[1].write_bytes(whole)
    assert notices[-1] is not None
    assert notices[-1].action is not None
    notices[-1].action()
    until(lambda: states(panel) == ["done", "done"] and panel.runner.state == "idle")
    assert {path.name for path in (tmp_path / "in/upscaled").iterdir()} == {"photo0_twice_x2.png", "photo1_twice_x2.png"}


@pytest.mark.parametrize(("on_exists", "results"), [("overwrite", 1), ("rename", 2)])
def test_done_again_a_photo_has_the_name_that_the_rule_for_existing_files_gives_it(
    panel: UpscalePanel, until: Until, tmp_path: Path, on_exists: OnExists, results: int
) -> None:
    photos(tmp_path / "in", 1)
    panel.queue.set_choices(replace(panel.queue.choices, on_exists=on_exists))
    begun(panel, until, tmp_path / "in", 1)
    until(done(panel))
    panel.job.again.emit(panel.queue.rows)
    until(lambda: panel.runner.state != "idle")
    until(done(panel))
    assert len(list((tmp_path / "in/upscaled").iterdir())) == results


def test_only_what_is_to_be_done_again_is_done(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 2)
    begun(panel, until, tmp_path / "in", 2)
    until(done(panel))
    panel.add(photos(tmp_path / "only to look at", 1))
    until(lambda: states(panel) == ["done", "done", "ready"])
    panel.list.retry_asked.emit(panel.queue.rows[:1])
    until(lambda: panel.runner.state != "idle")
    until(lambda: panel.runner.state == "idle" and not panel.intake.busy)
    assert states(panel) == ["done", "done", "ready"]
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 3


def test_with_another_choice_what_is_done_can_be_started_once_more(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 2)
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("80w")), "Size")
    begun(panel, until, tmp_path / "in", 2)
    until(done(panel))
    until(lambda: not panel.run_bar.go.isEnabled())
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("90w")), "Size")
    until(panel.run_bar.go.isEnabled)
    assert states(panel) == ["done", "done"]  # to look at another choice costs nothing
    panel.undo()
    until(lambda: not panel.run_bar.go.isEnabled())
    panel.redo()
    until(panel.run_bar.go.isEnabled)
    panel.run_bar.go.click()
    until(lambda: len(list((tmp_path / "in/upscaled").iterdir())) == 4 and done(panel)())
    until(lambda: not panel.run_bar.go.isEnabled())


def test_a_choice_that_changes_no_result_starts_nothing_again(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 2)
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("80w")), "Size")
    begun(panel, until, tmp_path / "in", 2)
    until(done(panel))
    counted: list[bool] = []
    plain_count = panel._show_counts
    panel._count_soon.timeout.connect(lambda: (plain_count(), counted.append(panel.run_bar.go.isEnabled())))
    for choices, again in (
        (replace(panel.queue.choices, quality=50, crf=20), False),  # PNG loses nothing, and nothing here moves
        (replace(panel.queue.choices, on_exists="overwrite", reduce=True), False),
        (replace(panel.queue.choices, format="png"), False),  # what it was anyway
        (replace(panel.queue.choices, format="jpeg"), True),
    ):
        counted.clear()
        panel.options.changed.emit(choices, "Something")
        until(lambda: bool(counted))
        assert counted[-1] is again, choices


def test_with_another_model_what_is_done_can_be_started_once_more(
    panel: UpscalePanel, home_catalogue: Catalogue, until: Until, tmp_path: Path
) -> None:
    photos(tmp_path / "in", 2)
    begun(panel, until, tmp_path / "in", 2)
    until(done(panel))
    catalogue(home_catalogue.home, "again")
    panel.catalogue_changed()
    panel.choose_model("again")
    until(panel.run_bar.go.isEnabled)
    panel.run_bar.go.click()
    until(lambda: (tmp_path / "in/upscaled/photo1_again_x2.png").exists() and done(panel)())


def test_what_is_planned_while_the_start_is_prepared_joins_the_job(
    panel: UpscalePanel, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(tmp_path / "a", 2)
    photos(tmp_path / "b", 3)
    obstacle = results.obstacle

    def slowly(choices: Choices, plans: list[Planned]) -> Failure | None:
        while len(panel.queue.rows) < 5 or panel.intake.busy:
            time.sleep(0.01)
        return obstacle(choices, plans)

    monkeypatch.setattr(results, "obstacle", slowly)
    panel.add([tmp_path / "a"])
    until(ready(panel, 2))
    panel.add([tmp_path / "b"])
    panel.job.start()
    until(lambda: panel.runner.state == "idle" and states(panel) == ["done"] * 5)


def test_a_start_right_after_another_choice_is_meant_with_that_choice(
    panel: UpscalePanel, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(tmp_path / "in", 4)
    panel.add([tmp_path / "in"])
    until(ready(panel, 4))
    plan = Planner.plan

    def slowly(planner: Planner, found: Found, facts: PhotoFacts | None = None) -> Planned:
        time.sleep(0.1)
        return plan(planner, found, facts)

    monkeypatch.setattr(Planner, "plan", slowly)
    monkeypatch.setattr(finding, "PLANNED_AT_ONCE", 1)
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("90w")), "Size")
    panel.run_bar.go.click()
    assert panel.run_bar.said.text() == "Starts as soon as every photo has been looked at…"
    until(lambda: panel.runner.state != "idle")
    assert "looked at" not in panel.run_bar.said.text()
    until(done(panel))
    assert [probe(path).width for path in (tmp_path / "in/upscaled").iterdir()] == [90] * 4


def test_photos_that_come_during_a_job_join_it(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "a", 6, 160, 160)
    photos(tmp_path / "b", 3)
    begun(panel, until, tmp_path / "a", 6)
    until(lambda: panel.runner.state == "running")
    panel.add([tmp_path / "b"])
    until(lambda: states(panel).count("done") == 9 and panel.runner.state == "idle")
    assert len(list((tmp_path / "b/upscaled").iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_told_before_the_start(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    photos(tmp_path / "in", 1)
    (tmp_path / "blocked").write_text("a file where the folder should be")
    panel.queue.set_choices(replace(panel.queue.choices, into=tmp_path / "blocked/out"))
    begun(panel, until, tmp_path / "in", 1)
    until(lambda: bool(notices) and notices[-1] is not None and "cannot be made" in notices[-1].what)
    assert panel.runner.state == "idle"


def test_it_is_told_once_also_where_the_list_is_still_being_planned(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    photos(tmp_path / "a", 1)
    photos(tmp_path / "b", 3)
    (tmp_path / "blocked").write_text("a file where the folder should be")
    panel.queue.set_choices(replace(panel.queue.choices, into=tmp_path / "blocked/out"))
    panel.add([tmp_path / "a"])
    until(ready(panel, 1))
    panel.add([tmp_path / "b"])
    panel.job.start()
    until(ready(panel, 4))
    until(lambda: not panel.intake.busy)
    looked: list[bool] = []
    panel.job._files.run(lambda: None, lambda _: looked.append(True))  # behind all that was looked at
    until(lambda: bool(looked))
    told = [notice.what for notice in notices if notice is not None]
    assert told == [f"{tmp_path}/blocked/out cannot be made: Not a directory."]


def test_what_failed_can_be_looked_at_among_many(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    named = photos(tmp_path / "in", 30)
    for path in (named[20], named[25]):
        path.write_bytes(path.read_bytes()[:300])
    begun(panel, until, tmp_path / "in", 30)
    until(idle(panel))
    notice = notices[-1]
    assert notice is not None
    ((text, show),) = notice.choices
    assert (notice.what, text, notice.button) == ("2 photos failed; the list says why.", "Show them", "Do them again")
    shown: list[Row | None] = []
    panel.list.current_row.connect(shown.append)
    show()
    failed = [row for row in panel.queue.rows if row.state == "failed"]
    assert [row.found.path for row in failed] == [named[20], named[25]]
    assert panel.list.chosen() == failed
    assert shown == [failed[0]]
    assert panel.list.viewport().rect().contains(panel.list.visualRect(panel.list.currentIndex()))


def test_undoing_that_photos_were_added_leaves_those_that_a_job_has(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "a", 8, 160, 160)
    begun(panel, until, tmp_path / "a", 8)
    until(lambda: panel.runner.state == "running")
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)
    panel.undo()
    assert len(panel.queue.rows) == 8
    panel.runner.resume()
    until(done(panel))
    panel.redo()
    panel.undo()  # now it is nobody's any more
    assert not panel.queue.rows


@pytest.fixture
def paused(panel: UpscalePanel, until: Until, tmp_path: Path) -> UpscalePanel:
    """A job of eight photos, of which the last ones are not begun."""
    photos(tmp_path / "a", 8, 160, 160)
    begun(panel, until, tmp_path / "a", 8)
    until(lambda: panel.runner.state == "running")
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)
    return panel


def test_small_photos_do_not_put_the_figures_off(panel: UpscalePanel, qtbot: QtBot, tmp_path: Path) -> None:
    row = Row(Found(tmp_path / "a.png"), "failed")
    timers = (panel.job._progress_soon, panel._count_soon)
    for timer in timers:
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(60_000)
    for _ in range(2):
        panel.runner.progressed.emit()
        panel.runner.row_changed.emit(row)
        left = [timer.remainingTime() for timer in timers]
        qtbot.wait(30)
    assert 0 < min(left) <= max(left) < 60_000 - 15  # the first one set them


def test_photos_that_are_moved_stay_selected(panel: UpscalePanel, until: Until, tmp_path: Path, qtbot: QtBot) -> None:
    panel.add([photos(tmp_path / "a", 6)[0].parent])
    until(ready(panel, 6))
    moved = panel.queue.rows[3:5]
    panel.list.choose(moved)
    for _ in range(2):
        qtbot.keyClick(panel.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert panel.queue.rows[1:3] == moved
    assert panel.list.chosen() == moved
    assert panel.list.currentIndex().row() == 1
    panel._remove(moved[:1])
    assert panel.list.chosen() == moved[1:]
    panel.undo()
    panel.undo()
    assert panel.list.chosen() == moved[1:]
    assert panel.list.queue_model.index_of(moved[1]).row() == 3


def test_photos_that_are_taken_off_a_job_are_not_counted(paused: UpscalePanel, until: Until) -> None:
    paused._remove(paused.queue.rows[-3:])
    assert paused.runner.counts[1] == 5
    paused.runner.resume()
    until(done(paused))
    assert paused.runner.counts == (5, 5)


def test_a_photo_that_was_taken_off_and_is_back_is_done_by_the_job(paused: UpscalePanel, until: Until, tmp_path: Path) -> None:
    paused._remove(paused.queue.rows[-2:])
    paused.undo()
    assert len(paused.queue.rows) == 8
    paused.runner.resume()
    until(done(paused))
    assert paused.runner.counts == (8, 8)
    assert len(list((tmp_path / "a" / "upscaled").iterdir())) == 8


def test_what_failed_can_be_done_again_while_the_job_runs(
    panel: UpscalePanel, until: Until, notices: list[Notice | None], tmp_path: Path
) -> None:
    named = photos(tmp_path / "a", 8, 160, 160)
    panel.add([tmp_path / "a"])
    until(ready(panel, 8))
    kept = named[0].read_bytes()
    named[0].unlink()
    panel.job.start()
    until(lambda: states(panel)[0] == "failed")
    panel.runner.pause()
    named[0].write_bytes(kept)
    panel._again(panel.queue.rows[:1])
    until(lambda: states(panel)[0] == "ready" and not panel.intake.busy)
    panel.runner.resume()
    until(done(panel))
    assert panel.runner.counts == (8, 8)
    assert not [notice for notice in notices if notice and notice.bad]


def test_the_message_at_the_end_counts_one_photo_as_one(panel: UpscalePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(panel.job.farewell, "tell", told.append)
    for failed in (0, 1, 2):
        panel.runner.ended.emit(Outcome(3, failed, 60))
    ends = ["", " One photo failed.", " 2 photos failed."]
    assert told == [f"3 photos enlarged in 60 s.{end}" for end in ends]
