"""The belt amid its work: paused, closed, halted, put in another order; nothing is lost or made twice."""

import errno
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import UpscaleRequest
from app.inference.updates import Cancelled, Done, Tile, Update
from app.photos.decoding import decode
from app.upscale import making, results
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.plan import Choices, Planned
from app.upscale.sizes import parse_target
from tests.upscale.belt import TWICE, doubled, drive, first_request, photos, planned

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


def test_what_is_not_begun_is_done_in_the_order_of_now(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 8), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2, "abc") as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        begun = [event.index for event in belt.collect()]
        belt.arrange(range(8, 0, -1))
        events = drive(belt, running)
    assert begun == [0, 1]
    assert [event.index for event in events if event.stage == "reading"] == [7, 6, 5, 4, 3, 2]


def test_what_a_pause_lets_go_of_comes_in_the_order_of_now_too(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 6), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2, "abc") as belt:
        for index, one in enumerate(plan[:5]):
            belt.add(index, one)
        belt.collect()
        belt.arrange([2, 5, 1, 4, 3])
        while not belt.idle:  # the first two are decoded
            belt.wait(0.1)
            belt.collect()
        belt.pause()
        belt.add(5, plan[5])
        belt.resume()
        events = drive(belt, running)
    assert [event.index for event in events if event.stage == "reading"] == [2, 0, 4, 3, 1, 5]


def tiles_of(running: Engine, request: UpscaleRequest, tile: int = 16) -> Iterator[object]:
    return running.run(replace(request, tile=tile))


def interrupt(belt: Conveyor) -> list[Event]:
    """Pause while a request is at work, and wait until nothing is; what happened meanwhile."""
    belt.pause()
    belt.update(0, Cancelled())
    events = []
    while not belt.idle:
        belt.wait()
        events += belt.collect()
    return events


def check_doubled(one: Planned) -> None:
    assert one.output is not None
    assert np.array_equal(decode(one.output).pixels, doubled(decode(one.source).pixels))


@pytest.fixture(params=[False, True], ids=["False", "True"])
def streamed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are held, or (True) written as they are made."""
    if request.param:
        monkeypatch.setattr(making, "STREAM_BYTES", 0)


@pytest.mark.usefixtures("streamed")
def test_a_pause_keeps_what_was_made_and_goes_on_from_there(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1, 64, 48)
    plan = planned(named, X2)
    with Conveyor(X2) as belt:
        request = first_request(belt, plan[0])
        made = np.zeros((128, 96), bool)
        for update in tiles_of(running, request):
            belt.update(0, update)  # type: ignore[arg-type]
            if isinstance(update, Tile):
                rows, columns = update.pixels.shape[:2]
                made[update.top : update.top + rows, update.left : update.left + columns] = True
            if made.mean() > 0.45:
                break
        whole = int(np.logical_and.accumulate(made.all(axis=1)).sum())
        interrupt(belt)
        assert belt.next_request() is None
        belt.resume()
        job = belt.next_request()
        assert job is not None
        assert isinstance(job[1], UpscaleRequest)
        assert job[1].region is not None
        assert job[1].region[0] == whole // 2 > 20
        for update in tiles_of(running, job[1]):
            belt.update(0, update)  # type: ignore[arg-type]
        assert drive(belt, running)[-1].stage == "done"
    check_doubled(plan[0])


@pytest.mark.usefixtures("streamed")
@pytest.mark.parametrize("rows", [25, 2 * 256 + 1])
def test_a_photo_goes_on_amid_a_source_row_where_a_device_was_lost_between_two_parts_of_a_tile(
    tmp_path: Path, running: Engine, rows: int
) -> None:
    (plan,) = planned(photos(tmp_path, 1, 300, 48), X2)
    with Conveyor(X2) as belt:
        request = first_request(belt, plan)
        whole = doubled(request.pixels)
        belt.update(0, Tile(whole[:rows], 0, 0))
        interrupt(belt)
        belt.resume()
        assert drive(belt, running)[-1].stage == "done"
    check_doubled(plan)


@pytest.mark.usefixtures("streamed")
def test_a_pause_after_the_last_tile_leaves_nothing_to_ask_for(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1, 64, 48)
    plan = planned(named, X2)
    with Conveyor(X2) as belt:
        request = first_request(belt, plan[0])
        for update in tiles_of(running, request):
            if isinstance(update, Tile):
                belt.update(0, update)
        events = interrupt(belt)
        belt.resume()
        assert belt.next_request() is None
        events += drive(belt, running)
        assert events[-1].stage == "done"
    check_doubled(plan[0])


@pytest.mark.usefixtures("streamed")
def test_closing_in_the_middle_leaves_nothing_on_the_disk(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 3, 64, 48), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        while (job := belt.next_request()) is None:
            belt.wait()
            belt.collect()
        updates = tiles_of(running, job[1])  # type: ignore[arg-type]
        while not isinstance(update := next(updates), Tile):
            pass
        belt.update(0, update)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_photos_that_come_back_together_keep_their_order(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path / "in", 3)
    with Conveyor(replace(X2, into=tmp_path / "out"), hands=3) as belt:
        for index, one in enumerate(planned(named, belt.choices)):
            belt.add(index, one)

        def taken(count: int) -> list[int]:
            indices: list[int] = []
            while len(indices) < count:
                belt.collect()
                job = belt.next_request()
                if job is not None:
                    indices.append(job[0])
                belt.wait(0.05)
            return indices

        assert sorted(taken(3)) == [0, 1, 2]  # whichever was decoded sooner
        for index in (0, 1, 2):  # a hand that had two was lost, and one was paused
            belt.update(index, Cancelled())
        while not belt.idle:
            belt.collect()
        assert taken(3) == [0, 1, 2]


@pytest.mark.parametrize("ending", [Cancelled(), Done(None, 0.0)])
def test_closing_while_the_last_tiles_still_wait_for_a_slow_disk_leaves_nothing_there(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, ending: Update
) -> None:
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    plan = planned(photos(tmp_path / "in", 1, 64, 48), replace(X2, into=tmp_path / "out"))
    put = results.StreamedAssembly.put

    def slowly(assembly: results.StreamedAssembly, tile: Tile, below: int = 0) -> None:
        while not belt._beside.tiles._shutdown:  # until the belt is being closed
            time.sleep(0.001)
        put(assembly, tile, below)

    monkeypatch.setattr(results.StreamedAssembly, "put", slowly)
    with Conveyor(X2, patient=False) as belt:
        for update in tiles_of(running, first_request(belt, plan[0])):
            if isinstance(update, Tile):
                belt.update(0, update)
        assert list((tmp_path / "out").iterdir())
        belt.update(0, ending)
    assert not list((tmp_path / "out").iterdir())


def test_a_full_disk_halts_the_belt_and_nothing_is_computed_twice(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(photos(tmp_path / "in", 3), replace(X2, into=tmp_path / "out"))
    real, full, computed = results.write, [True], []

    def write(*arguments: object) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(results, "write", write)
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)

        class Counting:
            def run(self, request: UpscaleRequest) -> Iterator[object]:
                computed.append(request)
                return running.run(request)

        events = drive(belt, Counting())  # type: ignore[arg-type]
        assert belt.halted is not None
        assert "disk is full" in belt.halted.what
        assert not [event for event in events if event.stage in ("done", "failed")]
        full[0] = False
        belt.resume()
        events = drive(belt, Counting())  # type: ignore[arg-type]
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1, 2]
    assert len(computed) == 3


def test_a_photo_can_be_taken_off_before_it_is_worked_on(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 4), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        assert belt.remove(3)
        assert not belt.remove(3)
        events = drive(belt, running)
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1, 2]


def test_what_is_done_in_the_last_moment_before_closing_is_let_go(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 1), replace(X2, into=tmp_path / "out"))
    belt = Conveyor(X2)
    belt.add(0, plan[0])
    while (job := belt.next_request()) is None:
        belt.wait()
        belt.collect()
    for update in running.run(job[1]):
        belt.update(0, update)
    belt.close()
    assert [event.stage for event in belt.collect()][-1] == "working"
    assert not (tmp_path / "out").exists()
