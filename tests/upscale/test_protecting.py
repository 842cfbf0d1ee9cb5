"""What is painted over a photo stays as it is: in the view, in the result, after undo and after a crash."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtWidgets import QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from app.photos import masks
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.photos.resizing import resize
from app.upscale.journal import Journal
from app.upscale.mask_layer import MaskLayer
from app.upscale.panel import UpscalePanel
from app.upscale.plan import OnExists
from app.upscale.protecting import LabelQuestion
from app.upscale.queue import Row
from app.widgets.compare_view import CompareView
from app.widgets.panel import Notice
from app.widgets.picture_view import image_of, picture_of
from tests.upscale.belt import photos

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def painted(panel: UpscalePanel, until: Until, tmp_path: Path, qtbot: QtBot) -> Path:
    """Two photos, over the first of which a stroke was painted by hand across its middle."""
    named = photos(tmp_path / "in", 2, 60, 90)
    panel.add([tmp_path / "in"])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready", "ready"])
    until(lambda: panel.preview.now is not None and panel.preview.now.path == named[0])
    button = panel.findChild(QPushButton, "upscale:protect")
    assert button is not None
    button.click()
    paint(panel, until, qtbot)
    return named[0]


def paint(panel: UpscalePanel, until: Until, qtbot: QtBot) -> None:
    """A stroke over the first photo, by the brush that is out."""
    until(lambda: not panel.protector.layer._layer.isNull())
    view = panel.view
    panel.protector.layer.diameter = 40.0
    ends = [view.to_view(QPointF(x, 30)).toPoint() for x in (20, 70)]
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=ends[0])
    qtbot.mouseMove(view, QPoint((ends[0].x() + ends[1].x()) // 2, ends[0].y()))
    qtbot.mouseMove(view, ends[1])
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=ends[1])
    until(lambda: panel.queue.rows[0].found.mask is not None)


def stroke(photo: Path, result: Path) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the stroke in the result, and in the plain resize."""
    pixels = decode(photo).pixels
    part = (slice(58, 62), slice(44, 136))
    return decode(result).pixels[part], resize(pixels, pixels.shape[1] * 2, pixels.shape[0] * 2)[part]


def done(panel: UpscalePanel) -> Callable[[], bool]:
    return lambda: panel.runner.state == "idle" and {row.state for row in panel.queue.rows} == {"done"}


def test_what_was_painted_is_the_plain_resize_in_the_result_and_other_photos_are_not_touched(
    panel: UpscalePanel, until: Until, painted: Path
) -> None:
    panel.job.start()
    until(done(panel))
    first, second = (row.planned.output for row in panel.queue.rows if row.planned is not None)
    assert first is not None
    assert second is not None
    made, plain = stroke(painted, first)
    assert np.array_equal(made, plain)
    made, plain = stroke(panel.queue.rows[1].found.path, second)
    assert not np.array_equal(made, plain)


def test_the_view_shows_it_and_the_bar_says_it(panel: UpscalePanel, until: Until, painted: Path) -> None:
    assert panel.options.looks.protected.text() == "in one photo"
    veil = panel.view.grab().toImage()
    at = panel.view.to_view(QPointF(45, 30)).toPoint()
    panel.undo()
    assert panel.queue.rows[0].found.mask is None
    until(lambda: panel.protector.layer.mask().max() == 0)
    assert panel.view.grab().toImage().pixelColor(at) != veil.pixelColor(at)
    panel.redo()
    until(lambda: panel.protector.layer.mask().max() == 255)
    assert panel.options.looks.protected.text() == "in one photo"


def test_a_photo_that_is_done_is_done_again_when_its_mask_changes(panel: UpscalePanel, until: Until, painted: Path) -> None:
    panel.job.start()
    until(done(panel))
    panel.protector.drop()
    until(lambda: [row.state for row in panel.queue.rows] == ["ready", "done"])
    assert panel.queue.rows[0].planned is not None
    assert panel.queue.rows[0].planned.mask is None


def test_a_photo_that_was_taken_off_and_added_again_is_painted_on(
    panel: UpscalePanel, until: Until, painted: Path, qtbot: QtBot
) -> None:
    panel.side.clear_asked.emit()
    panel.add([painted.parent])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready", "ready"])
    until(lambda: panel.preview.now is not None)
    assert panel.protector.mask is None
    paint(panel, until, qtbot)
    assert panel.protector.painted == 1


def test_a_mask_is_in_the_journal_with_its_photo(panel: UpscalePanel, until: Until, painted: Path) -> None:
    panel.job.start()
    until(done(panel))
    with Journal() as journal:
        job = journal._base.execute("SELECT max(id) FROM jobs").fetchone()[0]
        kept = [entry.planned.mask for entry in journal.entries(job)]
    assert kept == [panel.queue.rows[0].found.mask, None]


def test_a_mask_from_a_file_protects_all_photos_of_its_shape(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 2, 60, 90)
    photos(tmp_path / "in/tall", 1, 90, 60)
    mask = np.zeros((60, 90, 1), np.uint8)
    mask[20:40, 10:80] = 255
    encode(Photo(mask), tmp_path / "mask.png")
    panel.add([tmp_path / "in"])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"] * 3)
    panel.protector.take_file(tmp_path / "mask.png")
    until(lambda: [row.state for row in panel.queue.rows] == ["ready", "ready", "refused"])
    assert "another shape" in panel.queue.rows[2].reason
    assert panel.options.looks.protected.text() == "by a mask"
    kept = panel.queue.choices.protect
    assert kept is not None
    assert np.array_equal(masks.read_mask(kept), mask[..., 0])
    panel.undo()
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"] * 3)


def test_a_mask_that_cannot_be_read_is_told(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    kept: list[Notice | None] = []
    panel.noticed.connect(kept.append)
    (tmp_path / "mask.png").write_text("no picture")
    panel.protector.take_file(tmp_path / "mask.png")
    until(lambda: any(notice is not None and "mask.png" in notice.what for notice in kept))
    assert panel.queue.choices.protect is None


def test_a_photo_and_a_part_of_it_that_are_saved_by_themselves_keep_what_is_protected(
    panel: UpscalePanel, until: Until, tmp_path: Path, painted: Path
) -> None:
    until(lambda: not panel.preview.is_trying)
    panel.saver.enlarge_into(tmp_path / "whole.png", painted, decode(painted), panel.preview.mask)
    until(lambda: (tmp_path / "whole.png").exists() and panel.runner.state == "idle")
    made, plain = stroke(painted, tmp_path / "whole.png")
    assert np.array_equal(made, plain)
    panel.preview.mark(QRect(10, 10, 70, 40))
    panel.saver.enlarge_part_into(tmp_path / "part.png")
    until(lambda: (tmp_path / "part.png").exists() and panel.runner.state == "idle")
    part = decode(painted).pixels[10:50, 10:80]
    assert np.array_equal(decode(tmp_path / "part.png").pixels[38:42, 24:116], resize(part, 140, 80)[38:42, 24:116])


def test_of_a_label_map_a_person_ticks_what_is_protected(qtbot: QtBot) -> None:
    question = LabelQuestion(["sand", "sea", "sky"])
    qtbot.addWidget(question)
    assert question.chosen == []
    question._list.item(1).setCheckState(Qt.CheckState.Checked)
    question._list.item(2).setCheckState(Qt.CheckState.Checked)
    assert question.chosen == ["sea", "sky"]


def test_a_brush_grows_by_keys_and_the_eraser_takes_away(panel: UpscalePanel, until: Until, painted: Path, qtbot: QtBot) -> None:
    layer, view = panel.protector.layer, panel.view
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert layer.diameter == 50
    layer.erases = True
    before = panel.queue.rows[0].found.mask
    at = view.to_view(QPointF(45, 30)).toPoint()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at)
    until(lambda: panel.queue.rows[0].found.mask not in (before, None))
    made = layer.mask()
    assert made[30, 45] == 0
    assert made[30, 22] == 255
    panel.protector.bar.findChild(QToolButton, "protect:clear").click()  # type: ignore[union-attr]
    until(lambda: panel.queue.rows[0].found.mask is None)
    assert panel.options.looks.protected.text() == ""


def whole(width: int, height: int) -> Path:
    """A mask that protects everything."""
    return masks.keep(np.full((height, width), 255, np.uint8))


def is_plain(panel: UpscalePanel, place: int) -> bool:
    row = panel.queue.rows[place]
    assert row.planned is not None
    assert row.planned.output is not None
    pixels = decode(row.found.path).pixels
    return bool(np.array_equal(decode(row.planned.output).pixels, resize(pixels, pixels.shape[1] * 2, pixels.shape[0] * 2)))


def test_side_by_side_the_brush_paints_where_it_is_held_and_both_halves_show_it(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    view.show_before(image_of(np.full((60, 90, 3), 128, np.uint8)))
    view.set_mode("side")
    layer = MaskLayer(view)
    layer.show_mask(QSize(90, 60), None)
    layer.activate(True)
    layer.diameter = 20.0
    bare = picture_of(view.grab().toImage()).astype(int)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(350, 150))
    qtbot.mouseMove(
        view, QPoint(100, 150)
    )  # on into the other half: it leaves its own, and paints nothing at the right edge there
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 150))
    layer.activate(False)
    columns = np.nonzero(layer.mask().any(0))[0]
    assert (columns.min(), columns.max()) == (0, pytest.approx(view.to_picture(QPointF(260, 150)).x(), abs=2))
    veil = np.abs(picture_of(view.grab().toImage()) - bare).max(2) > 30
    assert (veil[:, :200] == veil[:, 200:]).mean() > 0.99
    assert veil[150, 150]
    assert veil[150, 350]
    assert not veil[150, 175]


def test_what_is_painted_while_a_job_runs_is_protected_by_it(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 8, 160, 160)
    panel.add([tmp_path / "in"])
    until(lambda: {row.state for row in panel.queue.rows} == {"ready"})
    panel.job.start()
    until(lambda: panel.runner.state == "running")
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused" and panel.runner.is_quiet)
    panel.queue.protect({panel.queue.rows[-1]: whole(160, 160)}, "Protect")
    with Journal() as journal:
        (job,) = journal.unfinished()
        until(lambda: [entry.planned.mask for entry in journal.entries(job.id)][-1] == whole(160, 160))
    panel.runner.resume()
    until(done(panel))
    assert is_plain(panel, 7)
    assert not is_plain(panel, 6)


def test_what_is_painted_over_a_photo_at_work_has_it_done_again(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 2, 160, 160)
    panel.add([tmp_path / "in"])
    until(lambda: {row.state for row in panel.queue.rows} == {"ready"})
    panel.job.start()
    until(lambda: panel.queue.rows[0].state == "working")
    panel.queue.protect({panel.queue.rows[0]: whole(160, 160)}, "Protect")
    until(done(panel))
    assert is_plain(panel, 0)
    assert sorted(path.name for path in (tmp_path / "in" / "upscaled").iterdir()) == [
        "photo0_twice_x2.png",
        "photo1_twice_x2.png",
    ]


@pytest.mark.parametrize("exists", ["rename", "skip"])
def test_a_photo_that_is_painted_over_again_and_again_at_its_work_has_one_result(
    panel: UpscalePanel, until: Until, tmp_path: Path, exists: OnExists
) -> None:
    panel.queue.choose(replace(panel.queue.choices, on_exists=exists), "Names")
    photos(tmp_path / "in", 1, 160, 160)
    panel.add([tmp_path / "in"])
    until(lambda: {row.state for row in panel.queue.rows} == {"ready"})
    panel.job.start()
    until(lambda: panel.queue.rows[0].state == "working")
    half = np.zeros((160, 160), np.uint8)
    half[:80] = 255
    panel.queue.protect({panel.queue.rows[0]: masks.keep(half)}, "Protect")

    def paint_on(row: Row) -> None:
        if row.state == "done":
            panel.queue.protect({row: whole(160, 160)}, "Protect")

    panel.runner.row_changed.connect(paint_on)
    until(lambda: done(panel)() and not panel.intake.busy and is_plain(panel, 0))
    assert [path.name for path in (tmp_path / "in" / "upscaled").iterdir()] == ["photo0_twice_x2.png"]


def test_a_photo_that_is_painted_over_after_its_job_keeps_its_first_result(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    photos(tmp_path / "in", 1)
    panel.add([tmp_path / "in"])
    until(lambda: {row.state for row in panel.queue.rows} == {"ready"})
    panel.job.start()
    until(done(panel))
    said = panel.run_bar.said.text()
    panel.queue.protect({panel.queue.rows[0]: whole(30, 20)}, "Protect")
    until(lambda: {row.state for row in panel.queue.rows} == {"ready"} and not panel.intake.busy)
    assert panel.runner.state == "idle"
    assert panel.run_bar.said.text() == said  # and not that it starts by itself
    panel.job.start()
    until(done(panel))
    assert len(list((tmp_path / "in" / "upscaled").iterdir())) == 2


def test_a_photo_that_the_mask_of_all_does_not_suit_may_have_its_own(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    photos(tmp_path / "in", 1, 60, 90)
    panel.add([tmp_path / "in"])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"])
    panel.queue.choose(replace(panel.queue.choices, protect=whole(90, 90)), "Protect")
    until(lambda: [row.state for row in panel.queue.rows] == ["refused"])
    panel.queue.protect({panel.queue.rows[0]: whole(90, 60)}, "Protect")
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"])
    panel.undo()
    until(lambda: [row.state for row in panel.queue.rows] == ["refused"])
