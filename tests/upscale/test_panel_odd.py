"""What a person may drop that is no ordinary photo: the panel says what it is, and shows nothing of another one beside it."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from app.photos.decoding import decode, probe
from app.photos.photo import PhotoFacts
from app.upscale.panel import UpscalePanel
from app.upscale.queue import Row
from app.upscale.queue_list import HEIGHT
from app.upscale.queue_side import LOWEST
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of
from tests.upscale.at_panel import Until, begun, done, states
from tests.upscale.belt import TWICE, SlowDisk, doubled, photos


def row(panel: UpscalePanel, name: str) -> Row:
    return next(one for one in panel.queue.rows if one.found.path.name == name)


def test_beside_a_photo_that_cannot_be_shown_no_model_shows_another_or_has_a_price(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    photos(tmp_path / "in", 2, 90, 120)
    (tmp_path / "in" / "zero.png").write_bytes(b"")
    panel.add([tmp_path / "in"])
    until(lambda: [one.state for one in panel.queue.rows] == ["ready", "ready", "refused"])
    crops, card = panel.picture.crops, panel.picture.strip._cards[TWICE]
    until(lambda: crops.get(TWICE) is not None and card.price.startswith("≈"))
    job = card.job
    panel.list.choose([row(panel, "zero.png")])
    until(lambda: card.price == "")
    assert crops.get(TWICE) is None
    assert crops.plain is None
    assert card.job == job != ""  # what the others cost is known still
    panel.list.choose([row(panel, "photo1.png")])
    until(lambda: crops.get(TWICE) is not None and card.price.startswith("≈"))


def test_what_nobody_foresaw_costs_one_photo_alone(
    panel: UpscalePanel, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_warnings: list[str]
) -> None:
    expected_warnings.append("a photo failed")
    photos(tmp_path / "in", 3)

    def looked(path: Path) -> PhotoFacts:
        if path.name == "photo1.png":
            raise RuntimeError("never seen before")
        return probe(path)

    monkeypatch.setattr("app.upscale.plan.probe", looked)
    panel.add([tmp_path / "in"])
    until(lambda: [one.state for one in panel.queue.rows] == ["ready", "refused", "ready"])
    until(lambda: not panel.intake.busy)
    assert "never seen before" in row(panel, "photo1.png").reason


def test_a_large_result_does_not_pile_up_before_a_slow_disk(
    panel: UpscalePanel, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowDisk(monkeypatch)
    (named,) = photos(tmp_path / "in", 1, 4000, 300)
    panel.queue.set_choices(replace(panel.queue.choices, into=tmp_path / "out"))
    begun(panel, until, tmp_path / "in", 1)
    until(done(panel))
    (made,) = (tmp_path / "out").iterdir()
    assert np.abs(decode(made).pixels.astype(int) - doubled(decode(named).pixels)).max() <= 1
    slow.check()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_name_with_a_line_end_is_shown_in_one_line(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    (plain,) = photos(tmp_path / "in", 1)

    def shown() -> QImage:
        until(lambda: [one.state for one in panel.queue.rows] == ["ready"])
        panel.list.clearSelection()
        panel.list.resize(400, 200)
        return panel.list.grab(QRect(64, 0, 236, HEIGHT)).toImage()  # beside the thumbnail, which comes in its own time

    plain.rename(tmp_path / "in" / "new name.png")
    panel.add([tmp_path / "in"])
    expected = shown()
    panel.queue.set_rows([])
    (tmp_path / "in" / "new name.png").rename(tmp_path / "in" / "new\nname.png")
    panel.add([tmp_path / "in"])
    assert shown() == expected


def test_what_was_refused_and_is_dropped_again_is_on_the_list_once(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    (photo,) = photos(tmp_path / "in", 1)
    whole, broken = photo.read_bytes(), tmp_path / "in" / "zero.png"
    broken.write_bytes(b"")
    panel.add([tmp_path / "in"])
    until(lambda: [one.state for one in panel.queue.rows] == ["ready", "refused"])
    panel.add([tmp_path / "in"])
    until(lambda: panel.intake.busy)
    until(lambda: not panel.intake.busy)
    assert [one.state for one in panel.queue.rows] == ["ready", "refused"]
    notices.clear()
    broken.write_bytes(whole)
    panel.add([broken])
    until(lambda: [one.state for one in panel.queue.rows] == ["ready", "ready"])
    assert notices == []


def test_a_very_thin_photo_has_a_thumbnail(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    Image.new("RGB", (6000, 2), "red").save(tmp_path / "thin.png")
    panel.resize(1200, 800)
    panel.show()
    panel.add([tmp_path / "thin.png"])
    until(lambda: states(panel) == ["ready"])

    def lit() -> bool:
        seen = picture_of(panel.list.viewport().grab().toImage())
        return bool(((seen[..., 0] > 200) & (seen[..., 1] < 60)).sum() >= 40)

    until(lit)


def test_a_photo_that_became_another_is_shown_anew_when_it_is_done_again(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    (photo,) = photos(tmp_path / "in", 1)
    panel.add([photo])
    until(lambda: panel.preview.now is not None and panel.preview.now.path == photo and states(panel) == ["ready"])
    panel.job.start()
    until(done(panel))
    crop = panel.picture.crops.plain
    before = panel.preview.now
    panel.list.retry_asked.emit(panel.queue.rows)  # the same file: what is seen stays
    until(lambda: panel.runner.state != "idle")
    until(done(panel))
    assert panel.preview.now is before
    photos(tmp_path / "other", 1, 40, 50)[0].replace(photo)
    panel.list.retry_asked.emit(panel.queue.rows)
    until(lambda: panel.preview.now is not None and panel.preview.now.photo.width == 50)
    until(done(panel))
    assert panel.view.image.width() == 50
    assert panel.picture.crops.plain is not crop
    until(lambda: [patch.image.width() for patch in panel.view.patches] == [100])


def test_a_photo_that_could_not_be_shown_is_shown_once_it_is_whole(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    (photo,) = photos(tmp_path / "in", 1, 200, 200)
    whole = photo.read_bytes()
    photo.write_bytes(whole[: len(whole) // 2])
    panel.add([photo])
    until(lambda: panel.picture._unseen and not panel.intake.busy)
    photo.write_bytes(whole)
    panel.list.retry_asked.emit(panel.queue.rows)
    until(lambda: panel.preview.now is not None and panel.preview.now.path == photo)
    until(done(panel))


def test_in_a_low_window_the_empty_list_shows_all_that_it_says(panel: UpscalePanel) -> None:
    def ink(height: int) -> int:
        panel.list.setFixedHeight(height)
        picture = picture_of(panel.list.viewport().grab().toImage())
        rows = np.nonzero((picture != picture[0, 0]).any((1, 2)))[0]
        return int(rows.max() - rows.min())

    assert ink(LOWEST) == ink(300)
