"""What a person does in the Upscale panel, with the real worker and real files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.photos import recipe
from app.photos.decoding import decode
from app.settings import Settings
from app.upscale import recall
from app.upscale.inputs import Found
from app.upscale.journal import JobFacts, Journal
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices
from app.upscale.queue import Row
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from tests.upscale.at_panel import Until, begun, done, idle, ready, states
from tests.upscale.belt import TWICE, doubled, photos, planned


def unfinished() -> list[JobFacts]:
    """The journal as another program would find it; it is written beside the window, a moment later."""
    with Journal() as journal:
        return journal.unfinished()


def test_the_first_visit_shows_a_photo_before_and_after(panel: UpscalePanel, until: Until) -> None:
    until(lambda: panel.view.has_picture() and bool(panel.view.patches) and not panel.preview.is_trying)
    assert panel.view.image.width() == 480
    assert panel.models.card is not None
    assert panel.models.card.name == TWICE
    until(lambda: panel.picture.crops.get(TWICE) is not None)


def test_a_folder_without_a_photo_is_said_to_have_none(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    (tmp_path / "my model").mkdir()
    (tmp_path / "my model" / "latest_net_G.pth").write_bytes(b"weights")
    assert panel.open_file(tmp_path / "my model")
    until(lambda: bool(notices))
    assert notices[-1] is not None
    assert notices[-1].what == "No new photo came from my model."
    assert "model" in notices[-1].hint


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
    again = recall.last_choices(Settings())
    assert (again.target, again.format, again.quality) == (parse_target("4096w"), "webp", 80)


def test_settings_that_somebody_broke_are_not_followed(panel: UpscalePanel) -> None:
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
    assert panel.list.chosen() == panel.queue.rows[2:3]  # the first that was to be done: it is seen to be made
    assert not panel.picture.on_sample
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 3
    until(lambda: not unfinished())


def test_a_job_that_another_program_took_in_the_last_moment_is_left_to_it(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    choices = Choices(TWICE, 2, parse_target("x2"), format="png")
    with Journal() as journal:
        job = journal.begin(choices, planned(photos(tmp_path / "in", 2), choices))
        found = recall.reopened(job)
        with journal.claimed(job):
            panel.job._go_on_with(job, *found)
            until(
                lambda: bool(notices) and notices[-1] is not None and notices[-1].what == "Another Ganvas is working on this job."
            )
            assert panel.runner.state == "idle"
        assert len(list(journal.entries(job, ["waiting"]))) == 2
    assert not list((tmp_path / "in").glob("upscaled/*"))


def test_photos_that_join_a_job_which_went_on_are_noted_as_their_own(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    choices = Choices(TWICE, 2, parse_target("x2"), format="png")
    plan = planned(photos(tmp_path / "in", 3, 300, 300), choices)
    with Journal() as journal:
        job = journal.begin(choices, plan)
        journal.mark(job, 2, "done")  # small ones overtake large ones
    panel.restore({})
    until(lambda: bool(notices) and notices[-1] is not None and notices[-1].action is not None)
    assert notices[-1] is not None
    assert notices[-1].action is not None
    notices[-1].action()
    until(lambda: panel.runner.state == "running")
    panel.add([photos(tmp_path / "more", 1)[0]])
    until(lambda: states(panel) == ["done"] * 4 and panel.runner.state == "idle")
    until(lambda: not unfinished())
    with Journal() as journal:
        assert [entry.state for entry in journal.entries(job)] == ["done"] * 4


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
    assert panel.runner.state == "idle"  # it is told before the network's work, not after it
    assert notices[-1] is not None
    assert "deep.jpg" in notices[-1].what
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


def test_what_is_not_made_is_neither_copied_nor_saved_as_the_picture_after(
    panel: UpscalePanel, until: Until, notices: list[Notice | None]
) -> None:
    until(lambda: bool(panel.view.patches))
    panel.view.clear_patches()
    QGuiApplication.clipboard().clear()
    said: list[str] = []
    panel.picture.message.connect(said.append)
    panel.picture.copy()
    assert QGuiApplication.clipboard().image().isNull()
    assert "Nothing is made" in said[-1]
    panel.saver.ask_comparison(panel.view)
    assert notices[-1] is not None
    assert "nothing after" in notices[-1].what


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


def test_photos_that_are_moved_amid_a_job_are_done_in_the_lists_order(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    begun(panel, until, photos(tmp_path / "in", 12, 160, 160)[0].parent, 12)
    ended: list[str] = []
    panel.runner.row_changed.connect(lambda row: ended.append(row.found.path.stem) if row.state == "done" else None)
    until(lambda: panel.runner.state == "running")
    panel.runner.pause()
    panel.list.move_asked.emit(panel.queue.rows[-1:], -12)
    panel.runner.resume()
    until(done(panel))
    assert ended.index("photo11") <= 3  # some were being read
