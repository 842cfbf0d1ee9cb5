"""What a person does in the Upscale panel, with the real worker and real files."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.inference.updates import Failure
from app.photos import recipe
from app.photos.decoding import decode, probe
from app.photos.photo import PhotoFacts
from app.settings import Settings
from app.upscale import finding, results
from app.upscale.inputs import Found
from app.upscale.journal import JobFacts, Journal
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices, OnExists, Planned, Planner
from app.upscale.queue import Row
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from models.catalogue import Catalogue
from tests.upscale.belt import TWICE, catalogue, doubled, photos, planned

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def notices(panel: UpscalePanel) -> list[Notice | None]:
    kept: list[Notice | None] = []
    panel.noticed.connect(kept.append)
    return kept


def ready(panel: UpscalePanel, count: int) -> Callable[[], bool]:
    return lambda: sum(row.state == "ready" for row in panel.queue.rows) == count


def idle(panel: UpscalePanel) -> Callable[[], bool]:
    return lambda: panel.runner.state == "idle" and any(row.state in ("done", "failed") for row in panel.queue.rows)


def begun(panel: UpscalePanel, until: Until, folder: Path, count: int) -> None:
    """All photos of a folder put on the list, and started."""
    panel.add([folder])
    until(ready(panel, count))
    panel.job.start()


def done(panel: UpscalePanel) -> Callable[[], bool]:
    return lambda: set(states(panel)) == {"done"} and panel.runner.state == "idle"


def unfinished() -> list[JobFacts]:
    """The journal as another program would find it; it is written beside the window, a moment later."""
    with Journal() as journal:
        return journal.unfinished()


def states(panel: UpscalePanel) -> list[str]:
    return [row.state for row in panel.queue.rows]


def test_the_first_visit_shows_a_photo_before_and_after(panel: UpscalePanel, until: Until) -> None:
    until(lambda: panel.view.has_picture() and bool(panel.view.patches) and not panel.preview.is_trying)
    assert panel.view.image.width() == 480
    assert panel.models.card is not None
    assert panel.models.card.name == TWICE
    until(lambda: panel.picture.crops.get(TWICE) is not None)


def test_a_folder_is_planned_started_and_done_and_bad_files_are_told(
    panel: UpscalePanel, until: Until, tmp_path: Path, qtbot: QtBot, notices: list[Notice | None]
) -> None:
    named = photos(tmp_path / "in", 4)
    (tmp_path / "in/deep").mkdir()
    named[3].rename(tmp_path / "in/deep/photo3.png")
    named[1].write_bytes(named[1].read_bytes()[:300])
    assert panel.open_file(tmp_path / "in")
    until(lambda: ready(panel, 4)() and bool(panel.view.has_picture()))
    start = panel.findChild(QPushButton, "upscale:start")
    assert start is not None
    qtbot.mouseClick(start, Qt.MouseButton.LeftButton)
    until(idle(panel))
    assert states(panel) == ["done", "failed", "done", "done"]
    assert "cut off" in panel.queue.rows[1].reason
    result = tmp_path / "in/deep/upscaled/photo3_twice_x2.png"
    assert np.abs(decode(result).pixels.astype(int) - doubled(decode(tmp_path / "in/deep/photo3.png").pixels)).max() <= 1
    assert notices[-1] is not None
    assert "One photo failed" in notices[-1].what
    assert panel.closing() == ""


def test_what_failed_is_done_again_when_asked(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    named = photos(tmp_path / "in", 2)
    whole = named[1].read_bytes()
    named[1].write_bytes(whole[:300])
    begun(panel, until, tmp_path / "in", 2)
    until(idle(panel))
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


def test_stopping_keeps_what_is_finished_and_the_rest_can_be_started_again(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    photos(tmp_path / "in", 30, 120, 160)
    begun(panel, until, tmp_path / "in", 30)
    until(lambda: "done" in states(panel))
    assert "of 30 photos are done" in panel.closing()
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    assert set(states(panel)) == {"done", "ready"}
    assert not list(tmp_path.rglob(".ganvas-*"))
    until(lambda: [job.done for job in unfinished()] == [states(panel).count("done")])
    panel.job.start()
    until(lambda: set(states(panel)) == {"done"} and panel.runner.state == "idle")
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 30
    until(lambda: not unfinished())


def test_a_pause_in_a_photo_goes_on_where_it_was(panel: UpscalePanel, until: Until, tmp_path: Path, qtbot: QtBot) -> None:
    named = photos(tmp_path / "in", 1, 1700, 420)
    begun(panel, until, tmp_path / "in", 1)
    until(lambda: panel.queue.rows[0].state == "working" and panel.queue.rows[0].share > 0)
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)
    share = panel.queue.rows[0].share
    assert 0 < share < 1
    panel.runner.resume()
    until(idle(panel))
    result = tmp_path / "in/upscaled/photo0_twice_x2.png"
    assert np.abs(decode(result).pixels.astype(int) - doubled(decode(named[0]).pixels)).max() <= 1


def test_in_a_pause_nothing_is_said_to_be_read(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 8, 400, 420)
    begun(panel, until, tmp_path / "in", 8)
    until(lambda: "done" in states(panel))
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)
    assert "reading" not in states(panel)
    panel.runner.resume()
    until(lambda: states(panel) == ["done"] * 8 and panel.runner.state == "idle")


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


def test_a_photo_is_seen_to_grow_and_then_shown_as_it_was_saved(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 1, 900, 420)
    panel.add([tmp_path / "in"])
    until(lambda: ready(panel, 1)() and panel.preview.now is not None and panel.preview.now.path.name == "photo0.png")
    until(lambda: not panel.preview.is_trying)
    counts: list[int] = []
    panel.view.clear_patches()
    panel.runner.tile_came.connect(lambda *_: counts.append(len(panel.view.patches)))
    panel.job.start()
    until(idle(panel))
    until(lambda: any(patch.place.height() == 900 for patch in panel.view.patches))
    assert len(counts) >= 3


def test_adding_removing_and_choosing_can_be_undone(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 3)
    panel.add([tmp_path / "in"])
    until(ready(panel, 3))
    panel._remove(panel.queue.rows[:1])
    assert len(panel.queue.rows) == 2
    panel.undo()
    assert [row.found.path.name for row in panel.queue.rows] == ["photo0.png", "photo1.png", "photo2.png"]
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("100w")), "Size")
    until(lambda: all(row.planned is not None and row.planned.size == (100, 67) for row in panel.queue.rows))
    panel.undo()
    until(lambda: all(row.planned is not None and row.planned.size == (60, 40) for row in panel.queue.rows))
    panel.queue.move(panel.queue.rows[2:], -2, "Move")
    assert panel.queue.rows[0].found.path.name == "photo2.png"
    panel.undo()
    panel.undo()
    assert panel.queue.rows == []
    panel.redo()
    assert len(panel.queue.rows) == 3


def test_a_size_that_is_none_is_told_and_changes_nothing(panel: UpscalePanel, qtbot: QtBot) -> None:
    edit = panel.options.how_much.lineEdit()
    assert edit is not None
    edit.selectAll()
    qtbot.keyClicks(edit, "large")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert "not a size" in panel.options.said.text()
    assert panel.queue.choices.target == parse_target("x2")


def test_choices_survive_a_restart(panel: UpscalePanel, until: Until) -> None:
    panel.options.changed.emit(replace(panel.queue.choices, target=parse_target("4096w"), format="webp", quality=80), "All")
    from app.upscale import recall

    again = recall.last_choices(Settings())
    assert (again.target, again.format, again.quality) == (parse_target("4096w"), "webp", 80)


def test_settings_that_somebody_broke_are_not_followed(panel: UpscalePanel) -> None:
    from app.upscale import recall

    settings = Settings()
    settings.set("upscale.template", "../{who}")
    assert recall.last_choices(settings) == Choices("", 4)


def test_an_interrupted_job_is_offered_and_goes_on(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    choices = Choices(TWICE, 2, parse_target("x2"), format="png")
    plan = planned(photos(tmp_path / "in", 5), choices)
    with Journal() as journal:
        job = journal.begin(choices, plan)
        journal.mark(job, 0, "done")
        journal.mark(job, 1, "done")
    panel.restore({})
    until(lambda: bool(notices) and notices[-1] is not None and "2 of 5" in notices[-1].what)
    assert notices[-1] is not None
    assert notices[-1].action is not None
    notices[-1].action()
    until(lambda: states(panel) == ["done"] * 5 and panel.runner.state == "idle")
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 3
    until(lambda: not unfinished())


def test_closing_in_the_middle_leaves_no_half_file_and_a_job_to_go_on_with(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    photos(tmp_path / "in", 8, 300, 300)
    begun(panel, until, tmp_path / "in", 8)
    until(lambda: "done" in states(panel))
    panel.runner.shut()
    assert not list(tmp_path.rglob(".ganvas-*"))
    (job,) = unfinished()
    assert 0 < job.done < 8
    assert len(list((tmp_path / "in/upscaled").iterdir())) == job.done


def test_export_enlarges_the_photo_that_is_shown(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    until(lambda: panel.preview.now is not None)
    now = panel.preview.now
    assert now is not None
    panel.saver.enlarge_into(tmp_path / "otter.png", now.path, now.photo)
    until(lambda: (tmp_path / "otter.png").exists() and panel.runner.state == "idle")
    assert (decode(tmp_path / "otter.png").width, decode(tmp_path / "otter.png").height) == (960, 640)
    made = recipe.read(tmp_path / "otter.png")
    assert made is not None
    assert made["model"] == TWICE


def test_a_photo_that_cannot_be_saved_as_asked_is_told_why(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    photos(tmp_path, 1, kind=np.uint16)
    source = tmp_path / "photo0.png"
    panel.saver.enlarge_into(tmp_path / "deep.jpg", source, decode(source))
    until(lambda: bool(notices) and notices[-1] is not None and "could not be enlarged" in notices[-1].what)
    assert notices[-1] is not None
    assert "8 bits" in notices[-1].why
    panel.saver.enlarge_into(tmp_path / "deep.exe", source, decode(source))
    assert notices[-1] is not None
    assert ".exe" in notices[-1].what


def test_only_the_part_that_was_marked_is_enlarged(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    until(lambda: panel.preview.now is not None)
    now = panel.preview.now
    assert now is not None
    assert not panel.picture.bar.crop.isEnabled()
    panel.view.region_chosen.emit(QRect(100, 50, 60, 40))
    assert panel.picture.bar.crop.isEnabled()
    panel.saver.enlarge_part_into(tmp_path / "part.png")
    until(lambda: (tmp_path / "part.png").exists() and panel.runner.state == "idle")
    made = decode(tmp_path / "part.png")
    wanted = doubled(now.photo.pixels[50:90, 100:160])
    assert made.pixels.shape == wanted.shape
    assert np.abs(made.pixels.astype(int) - wanted).max() <= 1
    assert made.icc == now.photo.icc


def test_a_picture_from_another_panel_comes_onto_the_list(panel: UpscalePanel, until: Until) -> None:
    panel.receive(np.full((20, 30, 3), 90, np.uint8))
    until(ready(panel, 1))
    row = panel.queue.rows[0]
    assert row.facts is not None
    assert (row.facts.width, row.facts.height) == (30, 20)
    assert row.planned is not None
    assert row.planned.output is not None
    assert row.planned.output.parent.name == "Ganvas"


def test_the_result_can_be_copied(panel: UpscalePanel, until: Until) -> None:
    until(lambda: bool(panel.view.patches))
    panel.view.fit()
    panel.picture.copy()
    assert QGuiApplication.clipboard().image().width() == 960


def test_fifty_thousand_rows_ask_only_for_what_is_seen(panel: UpscalePanel, tmp_path: Path, qtbot: QtBot) -> None:
    wished: list[Path] = []
    panel._thumbs.get = lambda path: wished.append(path)  # type: ignore[method-assign, assignment, func-returns-value]
    panel.queue.set_rows([Row(Found(tmp_path / f"{i}.jpg"), "ready") for i in range(50_000)])
    assert panel.list.queue_model.rowCount() == 50_000
    panel.list.scrollTo(panel.list.queue_model.index(40_000))
    panel.list.viewport().repaint()
    assert 0 < len(set(wished)) < 100
    row = panel.queue.rows[49_999]
    assert panel.list.queue_model.index_of(row).row() == 49_999


def test_without_a_model_the_panel_says_how_to_get_one(
    panel: UpscalePanel, home_catalogue: object, notices: list[Notice | None]
) -> None:
    home_catalogue.remove(TWICE)  # type: ignore[attr-defined]
    panel.catalogue_changed()
    assert notices[-1] is not None
    assert "no model" in notices[-1].what
    assert notices[-1].button == "Get models"
    assert not panel.run_bar.go.isEnabled()


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
