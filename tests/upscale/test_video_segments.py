"""A video goes on behind what is finished of it, whatever stopped it."""

import errno
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.photos.photo import PhotoError
from app.upscale import moving
from app.upscale.conveyor import Conveyor
from app.video.facts import look
from app.video.reel import Reel, folder_of
from tests.upscale.belt import drive, planned
from tests.upscale.films import X2, enlarge, make, packets, pixels_of


def test_a_video_whose_parts_are_put_together_as_all_is_ended_goes_on_behind_them(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed, and all that was made of it was removed."""
    choices = replace(X2, into=tmp_path / "out")
    (plan,) = planned([make(tmp_path / "a.mp4", frames=6)], choices)
    joins, wait = threading.Event(), Conveyor.wait
    belt = Conveyor(choices)

    def join(*words: object) -> int:
        joins.set()
        while not belt._closed:
            time.sleep(0.01)
        raise PhotoError("The video could not be put together (ffmpeg gave up).")

    def stopped(belt: Conveyor, seconds: float | None = None) -> None:
        wait(belt, 0.05)
        if joins.is_set():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Reel, "join", join)
        patch.setattr(Conveyor, "wait", stopped)
        belt.add(0, plan)
        with pytest.raises(KeyboardInterrupt), belt:
            drive(belt, running)
    assert [event.stage for event in belt.collect() if event.stage in ("done", "failed")] == []
    assert plan.output is not None
    assert list(folder_of(plan.output).glob("*.mp4"))
    with Conveyor(choices) as belt:
        belt.add(0, plan)
        assert drive(belt, running)[-1].stage == "done"


def test_a_stopped_video_goes_on_behind_its_last_segment(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_FRAMES", 4)
    path = make(tmp_path / "a.mp4", frames=14)
    whole = enlarge(running, path, replace(X2, into=tmp_path / "whole"))
    (one,) = planned([path], X2)
    assert one.output is not None
    belt = Conveyor(X2)
    belt.add(0, one)
    frames = 0
    while frames < 10:
        belt.collect()
        job = belt.next_request()
        if job is None:
            belt.wait(30)
            continue
        frames += 1
        for update in running.run(job[1]):
            belt.update(job[0], update)
    belt.close()
    assert not one.output.exists()
    kept = sorted(other.name for other in folder_of(one.output).iterdir() if other.suffix == ".mp4")
    assert kept in (["000000.mp4"], ["000000.mp4", "000001.mp4"])
    with Conveyor(X2) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    first = next(event for event in events if event.stage == "working")
    assert first.share == pytest.approx(4 * len(kept) / 14)
    assert events[-1].stage == "done"
    assert packets(one.output, "V") == packets(whole, "V")
    assert all(np.array_equal(a, b) for a, b in zip(pixels_of(one.output), pixels_of(whole), strict=True))
    assert not folder_of(one.output).exists()


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("left", [0, 400, "shorter"])
def test_a_damaged_segment_is_told_and_made_again(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, number: int, left: int | str
) -> None:
    monkeypatch.setattr(moving, "MOST_FRAMES", 2)
    path = make(tmp_path / "a.mp4", frames=6)
    (one,) = planned([path], X2)
    assert one.output is not None
    film = moving.Film(look(path, "mp4"), one, X2, "")
    while film.take(np.zeros((64, 96, 3), np.uint8)) is not None:
        pass
    film.close()  # as a kill leaves it that comes before they are joined
    segment = folder_of(one.output) / f"00000{number}.mp4"
    if left == "shorter":
        make(segment, frames=1, size="96x64")
    else:
        os.truncate(segment, int(left))
    again = moving.Film(look(path, "mp4"), one, X2, "")
    assert again.complete
    with pytest.raises(PhotoError, match="it begins anew"):
        again.finish()
    again.close()
    assert list(one.output.parent.iterdir()) == []
    assert len(pixels_of(enlarge(running, path))) == 6


def test_two_that_make_a_result_of_one_name_at_once_leave_each_other_alone(tmp_path: Path, running: Engine) -> None:
    path = make(tmp_path / "a.mp4")
    (one,) = planned([path], X2)
    other = moving.Film(look(path, "mp4"), one, X2, "")
    pixels = other.first
    with Conveyor(X2) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert [str(event.failure) for event in events if event.failure] == []
    while pixels is not None:
        pixels = other.take(pixels.repeat(2, 0).repeat(2, 1))
    _, made = other.finish()
    assert one.output is not None
    assert made.name == f"{one.output.stem} (2).mp4"
    assert len(pixels_of(made)) == len(pixels_of(one.output)) == 12
    assert sorted(left.name for left in made.parent.iterdir()) == sorted([made.name, one.output.name])


def test_segments_of_another_plan_are_not_used(tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOST_FRAMES", 1)
    path = make(tmp_path / "a.mp4", frames=6)
    (one,) = planned([path], X2)
    assert one.output is not None
    other = moving.Film(look(path, "mp4"), one, replace(X2, crf=40), "")
    other.take(np.zeros((64, 96, 3), np.uint8))
    assert other._hand is not None
    other._hand.result()
    other.close()
    assert folder_of(one.output).exists()
    assert len(pixels_of(enlarge(running, path))) == 6


def test_a_full_disk_waits_and_goes_on_behind_the_last_segment(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_FRAMES", 4)
    path = make(tmp_path / "a.mp4", frames=10)
    (one,) = planned([path], X2)
    need, asked = moving.Film._need, []

    def full(film: moving.Film, size: int) -> None:
        asked.append(size)
        if len(asked) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        need(film, size)

    monkeypatch.setattr(moving.Film, "_need", full)
    with Conveyor(X2) as belt:
        belt.add(0, one)
        drive(belt, running)
        assert belt.halted is not None
        assert belt.halted.what == "The disk is full."
        belt.resume()
        events = drive(belt, running)
    assert events[-1].stage == "done"
    assert one.output is not None
    assert len(pixels_of(one.output)) == 10
