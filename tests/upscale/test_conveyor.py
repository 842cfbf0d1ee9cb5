"""Photos go through decoding, network and encoding, and come out whole, or not at all and told why."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.updates import Done
from app.photos import recipe
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale import making, results
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.photos.test_recipes import PHONE
from tests.upscale.belt import TWICE, doubled, drive, first_request, photos, planned

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


def test_recipes_of_results_are_plain_json(tmp_path: Path, running: Engine) -> None:
    _, (output,) = run(running, photos(tmp_path, 1), X2)
    assert json.loads(json.dumps(recipe.read(output))) == recipe.read(output)
