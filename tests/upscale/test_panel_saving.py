"""Photos that are saved by themselves beside a list that others work on, or nobody."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from app.photos.decoding import decode
from app.upscale import results
from app.upscale.panel import UpscalePanel
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from tests.upscale import belt
from tests.upscale.at_panel import Until, begun, done, ready, states


@pytest.fixture
def shown(panel: UpscalePanel, until: Until, tmp_path: Path) -> Path:
    """The photo that is looked at: one of two on the list, which nobody started."""
    photo, _ = belt.photos(tmp_path / "in", 2)
    panel.add([tmp_path / "in"])
    until(ready(panel, 2))
    until(lambda: panel.preview.now is not None and not panel.intake.busy)
    return photo


def test_who_said_that_a_file_is_to_be_replaced_is_obeyed(panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(b"of yesterday")
    panel.saver.enlarge_into(tmp_path / "there.png", shown, decode(shown))
    until(lambda: (tmp_path / "there.png").stat().st_size > 100 and panel.runner.state == "idle")
    assert decode(tmp_path / "there.png").pixels.shape == (40, 60, 3)


def test_what_was_done_to_a_photo_that_is_on_no_list_is_told(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    first, *others = (Image.new("RGB", (30, 20), colour) for colour in ("red", "green"))
    first.save(tmp_path / "moving.gif", save_all=True, append_images=others)
    panel.saver.enlarge_into(tmp_path / "still.png", tmp_path / "moving.gif", decode(tmp_path / "moving.gif"))
    until(lambda: bool(notices) and notices[-1] is not None and notices[-1].what.startswith("One photo enlarged"))
    assert notices[-1] is not None
    assert notices[-1].why == "This is the first of 2 frames."


def test_what_comes_while_a_photo_is_saved_by_itself_does_not_start_the_list(
    panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path
) -> None:
    panel.saver.enlarge_into(tmp_path / "alone.png", shown, decode(shown))
    until(lambda: panel.runner.state != "idle")
    panel.intake.plan_again(panel.queue.rows[:1])
    until(lambda: panel.runner.state == "idle" and not panel.intake.busy)
    assert states(panel) == ["ready", "ready"]
    assert (tmp_path / "alone.png").exists()


def test_what_is_asked_for_while_a_photo_is_saved_by_itself_follows(
    panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path
) -> None:
    panel.saver.enlarge_into(tmp_path / "alone.png", shown, decode(shown))
    until(lambda: panel.runner.state != "idle")
    panel._again(panel.queue.rows)
    until(lambda: not panel.intake.busy)
    until(done(panel))
    assert len(panel.queue.rows) == 2


def test_a_full_disk_is_told_before_the_networks_work(
    panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path, notices: list[Notice | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.queue.choose(replace(panel.queue.choices, into=tmp_path / "elsewhere"), "Folder")
    asked: list[Path] = []
    monkeypatch.setattr(results, "free_bytes", lambda folder: asked.append(folder) or 1000)
    notices.clear()
    panel.saver.enlarge_into(tmp_path / "alone.png", shown, decode(shown))
    until(lambda: bool(notices))
    assert notices[-1] is not None
    assert notices[-1].bad
    assert "no room left" in notices[-1].what
    assert asked == [tmp_path]
    assert panel.runner.state == "idle"
    assert not (tmp_path / "elsewhere").exists()


def test_what_goes_wrong_beside_the_lists_folder_is_not_laid_at_its_door(
    panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path, notices: list[Notice | None]
) -> None:
    panel.queue.choose(replace(panel.queue.choices, into=tmp_path / "gone"), "Folder")
    notices.clear()
    panel.saver.enlarge_into(tmp_path / f"{'x' * 300}.png", shown, decode(shown))
    until(lambda: bool(notices) and notices[-1] is not None and notices[-1].bad)
    assert notices[-1] is not None
    assert (notices[-1].what, notices[-1].why) == ("The photo could not be enlarged.", "File name too long.")
    until(lambda: panel.runner.state == "idle")


def test_what_is_chosen_while_the_disk_is_looked_at_counts(
    panel: UpscalePanel, until: Until, shown: Path, tmp_path: Path
) -> None:
    panel.saver.enlarge_into(tmp_path / "alone.png", shown, decode(shown))
    panel.queue.choose(replace(panel.queue.choices, target=parse_target("x1")), "Size")
    until(lambda: (tmp_path / "alone.png").exists() and panel.runner.state == "idle")
    assert decode(tmp_path / "alone.png").pixels.shape == (20, 30, 3)


def test_a_job_that_began_while_the_file_was_asked_for_is_told(
    panel: UpscalePanel, until: Until, notices: list[Notice | None], tmp_path: Path
) -> None:
    begun(panel, until, belt.photos(tmp_path / "in", 3)[0].parent, 3)
    until(lambda: panel.runner.state != "idle")
    notices.clear()
    source = tmp_path / "in" / "photo0.png"
    panel.saver.enlarge_into(tmp_path / "alone.png", source, decode(source))
    assert [notice.what for notice in notices if notice] == ["A job is running."]
    until(done(panel))
