"""Photos go through decoding, network and encoding, and come out whole, or not at all and told why."""

import errno
import json
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
from app.photos import recipe
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale import making, results
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.plan import Choices, Planned
from app.upscale.sizes import parse_target
from tests.photos.test_recipes import PHONE
from tests.upscale.belt import TWICE, doubled, drive, photos, planned

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


def stages(events: list[Event], index: int) -> list[str]:
    seen = [event.stage for event in events if event.index == index]
    return [stage for i, stage in enumerate(seen) if i == 0 or seen[i - 1] != stage]


def run(running: Engine, named: list[Path], choices: Choices) -> tuple[list[Event], list[Path]]:
    plan = planned(named, choices)
    with Conveyor(choices, "abc") as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        return drive(belt, running), [one.output for one in plan if one.output]


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


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_every_kind_of_photo_comes_out_enlarged(tmp_path: Path, running: Engine, channels: int, kind: type) -> None:
    named = photos(tmp_path / "in", 3, channels=channels, kind=kind)
    events, outputs = run(running, named, replace(X2, into=tmp_path / "out"))
    for index, (source, output) in enumerate(zip(named, outputs, strict=True)):
        assert stages(events, index) == ["reading", "working", "writing", "done"]
        made, wanted = decode(output).pixels, doubled(decode(source).pixels)
        assert made.dtype == kind
        opaque = made[..., -1] > 0 if channels in (2, 4) else np.ones(made.shape[:2], bool)
        assert np.abs(made[opaque].astype(int) - wanted[opaque]).max() <= (1 if kind == np.uint8 else 2)


def test_the_result_has_exactly_the_size_that_was_asked_for(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1)
    for text, size in (("x2", (60, 40)), ("77w", (77, 51)), ("x5", (150, 100)), ("x1", (30, 20)), ("x0.5", (15, 10))):
        _, (output,) = run(running, named, replace(X2, target=parse_target(text), into=tmp_path / text))
        photo = decode(output)
        assert (photo.width, photo.height) == size


def test_a_result_tells_how_it_was_made_and_keeps_what_the_photo_told(tmp_path: Path, running: Engine) -> None:
    from tests.photos.test_faithful import exif_block

    records = b"\x1c\x02\x78\x00\x05Hello" + b"\x1c\x02\x5a\x00\x06Berlin"
    encode(Photo(np.zeros((20, 30, 3), np.uint8), exif=exif_block(dpi=100), iptc=records, dpi=(100, 100)), tmp_path / "a.jpg")
    choices = replace(X2, into=tmp_path / "out", format="jpeg")
    _, (output,) = run(running, [tmp_path / "a.jpg"], choices)
    made = recipe.read(output)
    assert made is not None
    assert (made["model"], made["model_sha256"], made["size"], made["target"]) == (TWICE, "abc", [60, 40], "x2")
    assert recipe.read_kind(output) == "enlarged"
    photo = decode(output)
    assert photo.exif
    assert photo.iptc == records
    assert photo.dpi == pytest.approx((200, 200))
    _, (placeless,) = run(running, [tmp_path / "a.jpg"], replace(choices, metadata="no-place"))
    kept = decode(placeless)
    assert kept.exif
    assert kept.iptc == records[:10]
    from PIL import Image

    tags = Image.Exif()
    tags.load(b"Exif\0\0" + kept.exif)
    assert tags[0x010F] == "A camera"
    assert not dict(tags.get_ifd(0x8825))
    _, (bare,) = run(running, [tmp_path / "a.jpg"], replace(choices, metadata="strip"))
    assert (decode(bare).exif, decode(bare).iptc) == (None, None)
    assert recipe.read(bare) is not None


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_what_a_format_has_no_room_for_is_told(tmp_path: Path, running: Engine, format: str) -> None:
    from PIL import Image

    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x927C] = bytes(70_000)  # a maker's note
    told = {"exif": tags.tobytes()[6:], "iptc": b"\x1c\x02\x78\x00\x05Hello"}
    encode(Photo(np.zeros((20, 30, 3), np.uint8), **told), tmp_path / "a.png")
    events, (output,) = run(running, [tmp_path / "a.png"], replace(X2, into=tmp_path / "out", format=format))
    warnings, made = " ".join(events[-1].warnings), decode(output)
    assert ("EXIF" in warnings) == (len(made.exif or b"") < 70_000)
    assert ("IPTC" in warnings) == (made.iptc is None)
    events, _ = run(running, [tmp_path / "a.png"], replace(X2, into=tmp_path / "bare", format=format, metadata="strip"))
    assert events[-1].warnings == ()


def test_what_lay_behind_a_phones_picture_is_told_and_the_result_does_not_promise_it(tmp_path: Path, running: Engine) -> None:
    encode(Photo(np.zeros((20, 30, 3), np.uint8), xmp=PHONE), tmp_path / "a.jpg")
    events, (output,) = run(running, [tmp_path / "a.jpg"], X2)
    assert ["moving" in said or "gain map" in said for said in events[-1].warnings] == [True, True]
    assert b"MotionPhoto" not in (decode(output).xmp or b"MotionPhoto")


def test_strength_blends_with_the_plain_resize(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1)
    made = {}
    for strength in (0.0, 0.5, 1.0):
        _, (output,) = run(running, named, replace(X2, strength=strength, into=tmp_path / str(strength)))
        made[strength] = decode(output).pixels.astype(float)
    assert np.abs(made[0.5] - (made[0.0] + made[1.0]) / 2).max() <= 1
    assert np.abs(made[0.0] - made[1.0]).max() > 20


def test_what_others_had_done_meanwhile_is_not_counted_as_work_on_a_photo(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path, 1), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2) as belt:
        request = first_request(belt, plan[0])
        time.sleep(0.3)  # the engine is busy with something else
        for update in running.run(request):
            belt.update(0, replace(update, seconds=0.125) if isinstance(update, Done) else update)
        (done,) = [event for event in drive(belt, running) if event.stage == "done"]
    assert done.network_seconds == 0.125


def test_one_bad_photo_does_not_stop_the_others(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 4)
    plan = planned(named, replace(X2, into=tmp_path / "out"))
    named[1].write_bytes(named[1].read_bytes()[:200])
    named[2].unlink()
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        events = drive(belt, running)
    ends = {event.index: event for event in events if event.stage in ("done", "failed")}
    assert [ends[i].stage for i in range(4)] == ["done", "failed", "failed", "done"]
    assert "cut off" in str(ends[1].failure)
    assert str(ends[2].failure) == "The file is gone."
    assert not list((tmp_path / "out").glob(".*"))


def test_a_model_that_fails_fails_each_photo_in_words(tmp_path: Path, running: Engine) -> None:
    events, _ = run(running, photos(tmp_path, 2), replace(X2, model="nothing", into=tmp_path / "out"))
    failures = [event.failure for event in events if event.stage == "failed"]
    assert len(failures) == 2
    assert "nothing" in str(failures[0])


def test_a_tile_that_could_not_be_laid_fails_the_photo_whatever_was_wrong(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, expected_warnings: list[str]
) -> None:
    expected_warnings.append("a photo failed")

    def put(*arguments: object) -> None:
        raise RuntimeError("never seen before")

    monkeypatch.setattr(results.Assembly, "put", put)
    events, (output,) = run(running, photos(tmp_path / "in", 1), replace(X2, into=tmp_path / "out"))
    assert events[-1].stage == "failed"
    assert "never seen before" in str(events[-1].failure)
    assert not output.exists()


def test_a_photo_that_changed_since_it_was_planned_is_told(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1)
    plan = planned(named, X2)
    photos(tmp_path, 1, height=50)
    with Conveyor(X2) as belt:
        belt.add(0, plan[0])
        events = drive(belt, running)
    assert "changed" in str(events[-1].failure)


def test_a_result_too_large_to_hold_is_streamed_and_is_the_same(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = photos(tmp_path / "in", 1, 90, 70)
    choices = replace(X2, target=parse_target("130w"), strength=0.7)
    _, (whole,) = run(running, named, replace(choices, into=tmp_path / "whole"))
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    _, (streamed,) = run(running, named, replace(choices, into=tmp_path / "streamed"))
    assert np.array_equal(decode(whole).pixels, decode(streamed).pixels)
    assert recipe.read(streamed) == recipe.read(whole)


def test_a_large_result_whose_folder_cannot_be_made_does_not_stop_the_others(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(photos(tmp_path / "in", 2), replace(X2, into=tmp_path / "out"))
    (tmp_path / "file").write_text("a file where a folder should be")
    plan[0] = replace(plan[0], output=tmp_path / "file/photo.png")
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        events = drive(belt, running)
    assert [(event.index, event.stage) for event in events if event.stage in ("done", "failed")] == [(0, "failed"), (1, "done")]


def test_a_large_result_waits_for_room_too(tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(photos(tmp_path / "in", 2), replace(X2, into=tmp_path / "out"))
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    with Conveyor(X2) as belt, monkeypatch.context() as full:
        full.setattr(results, "free_bytes", lambda path: 0)
        for index, one in enumerate(plan):
            belt.add(index, one)
        events = drive(belt, running)
        assert belt.halted is not None
        assert not [event for event in events if event.stage in ("done", "failed")]
        full.undo()
        belt.resume()
        events = drive(belt, running)
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1]


def tiles_of(running: Engine, request: UpscaleRequest, tile: int = 16) -> Iterator[object]:
    return running.run(replace(request, tile=tile))


def first_request(belt: Conveyor, photo: Planned) -> UpscaleRequest:
    """Put a photo on the belt, wait until it is read, and take what is to be asked for it."""
    belt.add(0, photo)
    belt.collect()
    belt.wait()
    belt.collect()
    job = belt.next_request()
    assert job is not None
    assert isinstance(job[1], UpscaleRequest)
    return job[1]


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


def test_progress_only_rises_and_ends_at_one(tmp_path: Path, running: Engine) -> None:
    events, _ = run(running, photos(tmp_path, 1, 200, 150), replace(X2, target=parse_target("x4"), into=tmp_path / "out"))
    shares = [event.share for event in events if event.stage in ("working", "writing", "done")]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_time_of_the_photo_is_kept_where_asked(tmp_path: Path, running: Engine) -> None:
    named = photos(tmp_path, 1)
    os.utime(named[0], (1_000_000, 1_000_000))
    _, (output,) = run(running, named, replace(X2, keep_time=True))
    assert output.stat().st_mtime == 1_000_000


def test_a_photo_can_be_taken_off_before_it_is_worked_on(tmp_path: Path, running: Engine) -> None:
    plan = planned(photos(tmp_path / "in", 4), replace(X2, into=tmp_path / "out"))
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        assert belt.remove(3)
        assert not belt.remove(3)
        events = drive(belt, running)
    assert sorted(event.index for event in events if event.stage == "done") == [0, 1, 2]


def test_recipes_of_results_are_plain_json(tmp_path: Path, running: Engine) -> None:
    _, (output,) = run(running, photos(tmp_path, 1), X2)
    assert json.loads(json.dumps(recipe.read(output))) == recipe.read(output)


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
