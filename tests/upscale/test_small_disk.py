"""A disk that is really full: a small one is mounted where this process may do so (Linux, root)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.inference.engine import Engine
from app.photos.decoding import decode
from app.upscale import driving, making, moving
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.upscale.belt import TWICE, drive, photos, planned
from tests.upscale.films import make, pixels_of

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, 600 kB, of which 560 kB are taken."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("a small disk is mounted under Linux alone")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        (folder / "ballast").write_bytes(bytes(560_000))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_photos_wait_for_room_and_nothing_half_is_left(
    tmp_path: Path, running: Engine, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_check_room", lambda planned, choices: None)  # so that the disk itself says no
    named = photos(tmp_path / "in", 4, 60, 80)
    plan = planned(named, replace(X2, into=small))
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        events = drive(belt, running)
        assert belt.halted is not None
        assert belt.halted.what == "The disk is full."
        assert [event for event in events if event.stage == "failed"] == []
        whole = {path.name for path in small.iterdir()} - {"ballast"}
        assert whole == {plan[event.index].output.name for event in events if event.stage == "done"}  # type: ignore[union-attr]
        (small / "ballast").unlink()
        belt.resume()
        events += drive(belt, running)
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1, 2, 3]
    for one in plan:
        assert one.output is not None
        assert decode(one.output).width == 160


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "avif"])
def test_large_photos_that_fill_the_disk_amid_their_rows_wait_for_room(
    tmp_path: Path, running: Engine, small: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], format: str
) -> None:
    """Of TIFF and AVIF each one failed, one after the other, in libvips' words."""
    monkeypatch.setattr(making, "_check_room", lambda planned, choices: None)
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    choices = replace(X2, into=small, format=format)
    with Conveyor(choices) as belt:
        for index, one in enumerate(planned(photos(tmp_path / "in", 2, 150, 200), choices)):
            belt.add(index, one)
        events = drive(belt, running)
        assert belt.halted is not None, [str(event.failure) for event in events if event.failure]
        assert belt.halted.what == "The disk is full."
        (small / "ballast").unlink()
        belt.resume()
        events += drive(belt, running)
    assert [str(event.failure) for event in events if event.failure] == []
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1]
    assert "Traceback" not in capfd.readouterr().err


def test_a_video_waits_for_room_too(tmp_path: Path, running: Engine, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving.Film, "_need", lambda film, size: None)
    path = make(tmp_path / "a.mp4", frames=24, size="160x120", filters="noise=alls=60:allf=t,format=yuv420p")
    choices = replace(X2, into=small, crf=30)
    (one,) = planned([path], choices)
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
        assert belt.halted is not None, [str(event.failure) for event in events if event.failure]
        assert belt.halted.what == "The disk is full."
        (small / "ballast").unlink()
        belt.resume()
        events = drive(belt, running)
    assert [str(event.failure) for event in events if event.failure] == []
    assert events[-1].stage == "done"
    assert one.output is not None
    assert len(pixels_of(one.output)) == 24
    assert {other.name for other in small.iterdir()} == {one.output.name}


def test_photos_wait_for_a_disk_that_was_taken_off(
    tmp_path: Path, running: Engine, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_check_room", lambda planned, choices: None)
    (small / "ballast").unlink()
    named = photos(tmp_path / "in", 6)
    choices = replace(X2, into=small)
    plan, events = planned(named, choices), []

    def told(event: Event) -> None:
        events.append(event)
        if event.stage == "done" and os.path.ismount(small):
            subprocess.run(["umount", "-l", str(small)], check=True)

    with Conveyor(choices) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        driving.drive(belt, running, told)
        assert belt.halted is not None
        assert belt.halted.what == f"{small} is not there any more."
        assert list(small.iterdir()) == []  # not on the disk beneath
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(small)], check=True)
        belt.resume()
        driving.drive(belt, running, told)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(small)], check=True)
        belt.resume()
        driving.drive(belt, running, events.append)
    assert [event for event in events if event.stage == "failed"] == []
    assert sorted(event.index for event in events if event.stage == "done") == list(range(6))
