"""Animated GIF and WebP go through the same belt, frame by frame, and keep their times."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.inference.engine import Engine
from app.photos import animation, exif, recipe
from app.photos.animation import Animation, decode_animation, encode_animation
from app.photos.decoding import probe
from app.photos.photo import PhotoError
from app.photos.resizing import to_image
from app.upscale.conveyor import Conveyor
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.upscale.belt import TWICE, doubled, drive, planned

X2 = Choices(TWICE, 2, parse_target("x2"))
DELAYS = (100, 200, 50, 80)


def moving(path: Path, frames: int = 4) -> Path:
    """An animation whose frames all differ, in few colours."""
    colours = np.random.RandomState(0).randint(0, 255, (16, 3))
    pictures = [
        Image.fromarray(colours[np.random.RandomState(i).randint(0, 16, (20, 30))].astype(np.uint8)) for i in range(frames)
    ]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=list(DELAYS[:frames]), loop=2, lossless=True)
    return path


@pytest.mark.parametrize("source", ["gif", "webp"])
@pytest.mark.parametrize("format", [None, "webp"])
def test_every_frame_is_enlarged_and_keeps_its_time(tmp_path: Path, running: Engine, source: str, format: str | None) -> None:
    path = moving(tmp_path / f"a.{source}")
    choices = replace(X2, format=format, quality=100)
    (one,) = planned([path], choices)
    assert (one.frames, one.format, one.size) == (4, format or source, (60, 40))
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert [event.failure for event in events if event.failure] == []
    assert one.output is not None
    before, after = decode_animation(path), decode_animation(one.output)
    assert (after.delays, after.loop) == (DELAYS, before.loop)
    for small, large in zip(before.frames, after.frames, strict=True):
        assert np.abs(large[..., :3].astype(int) - doubled(small[..., :3])).max() <= 1
    shares = [event.share for event in events if event.stage == "working"]
    assert shares == sorted(shares)
    if one.format == "webp":
        assert recipe.read_kind(one.output) == "enlarged"


def test_an_animation_that_lies_comes_out_upright_and_keeps_what_it_tells(tmp_path: Path, running: Engine) -> None:
    pictures = [Image.fromarray(np.random.RandomState(i).randint(0, 255, (20, 30, 3)).astype(np.uint8)) for i in range(2)]
    told = Image.Exif()
    told[exif.ORIENTATION], told[0x0110] = 6, "Model 7"
    told.get_ifd(exif.GPS_IFD)[1] = "N"
    path = tmp_path / "a.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, lossless=True, exif=told)
    for metadata, kept in (("keep", True), ("no-place", True), ("strip", False)):
        choices = replace(X2, quality=100, metadata=metadata, into=tmp_path / metadata)
        (one,) = planned([path], choices)
        assert one.size == (40, 60)
        with Conveyor(choices) as belt:
            belt.add(0, one)
            assert [event.failure for event in drive(belt, running) if event.failure] == []
        assert one.output is not None
        for small, large in zip(pictures, decode_animation(one.output).frames, strict=True):
            assert np.abs(large.astype(int) - doubled(np.rot90(np.asarray(small), -1))).max() <= 1
        with Image.open(one.output) as opened:
            after = opened.getexif()
            assert (after.get(0x0110), after.get(exif.ORIENTATION)) == (("Model 7", 1) if kept else (None, None))
            assert bool(after.get_ifd(exif.GPS_IFD)) == (metadata == "keep")


def test_frames_of_a_wide_profile_come_in_srgb_and_those_of_a_broken_one_as_they_are(tmp_path: Path) -> None:
    red = to_image(np.full((4, 4, 3), (200, 50, 50), np.uint8)).copy(interpretation="srgb")
    wide = red.icc_transform("p3", input_profile="srgb")
    pixels = np.frombuffer(wide.write_to_memory(), np.uint8).reshape(4, 4, 3)
    assert np.abs(pixels[0, 0].astype(int) - (200, 50, 50)).max() > 5
    for name, profile, first in (("wide", wide.get("icc-profile-data"), (200, 50, 50)), ("broken", b"none", pixels[0, 0])):
        path, pictures = tmp_path / f"{name}.webp", [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], lossless=True, icc_profile=profile)
        assert np.abs(decode_animation(path).frames[0, 0, 0].astype(int) - first).max() <= 1


def test_as_a_still_format_the_first_frame_is_taken_and_told(tmp_path: Path, running: Engine) -> None:
    choices = replace(X2, format="png")
    (one,) = planned([moving(tmp_path / "a.gif")], choices)
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert events[-1].warnings == ("This is the first of 4 frames.",)
    assert one.output is not None
    assert probe(one.output).pages == 1


def test_an_animation_that_would_not_fit_into_memory_is_refused_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MAX_BYTES", 10_000)
    (one,) = planned([moving(tmp_path / "a.gif")], X2)
    assert one.state == "refused"
    assert "4 frames would take" in one.reason
    monkeypatch.setattr(animation, "MAX_BYTES", 1000)
    with pytest.raises(PhotoError, match="frames"):
        decode_animation(tmp_path / "a.gif")


@pytest.mark.parametrize("source", ["gif", "webp"])
def test_a_broken_animation_is_told_in_a_sentence(tmp_path: Path, source: str) -> None:
    path = moving(tmp_path / f"a.{source}")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(PhotoError, match="cut off"):
        decode_animation(path)


def test_half_transparency_survives_in_webp(tmp_path: Path) -> None:
    frames = np.random.RandomState(1).randint(0, 255, (3, 8, 9, 4)).astype(np.uint8)
    frames[..., 3] = 100 + frames[..., 3] // 2
    (tmp_path / "x").write_bytes(b"".join(encode_animation(Animation(frames, (50, 60, 70)), "webp", 100)))
    again = decode_animation(tmp_path / "x")
    assert again.delays == (50, 60, 70)
    assert np.array_equal(again.frames[..., 3], frames[..., 3])
