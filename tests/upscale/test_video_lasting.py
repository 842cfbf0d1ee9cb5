"""A video's last frame stays as long as the source says, whatever kind of file says it."""

import os
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from app.inference.engine import Engine
from app.upscale import moving
from app.upscale.conveyor import Conveyor
from app.video import program
from app.video.facts import look
from app.video.lasting import end_of
from app.video.writing import Codec
from tests.upscale.belt import drive, planned
from tests.upscale.films import X2, enlarge, make, packets


def held(path: Path, *words: str, sound: float = 0.0) -> Path:
    """A video of half a second whose last frame stays until the fifth."""
    plain = make(path.with_name(f"plain{path.suffix}"), "-an", *words)
    last = "'if(gte(PTS*TB,0.45)+eq(N,11),5/TB-PTS,DURATION)'"
    tone = ("-f", "lavfi", "-i", f"sine=d={sound}") if sound else ()
    stays = ("-c:v", "copy", "-bsf:v", f"setts=pts=PTS:dts=DTS:duration={last}")
    subprocess.run([str(program.find()), "-v", "error", "-i", str(plain), *tone, *stays, str(path)], check=True)
    return path


def lasts(path: Path) -> float:
    """Seconds of the picture."""
    end = end_of(path, look(path, path.suffix[1:]))
    assert end is not None
    return float(end)


VP9 = ("-c:v", "libvpx-vp9", "-crf", "10")
KINDS = [("a.mp4", ()), ("a.mov", ()), ("a.mkv", ()), ("a.webm", VP9), ("b.mp4", ("-bf", "0"))]


@pytest.mark.parametrize("sound", [0.0, 1.0, 9.0])
@pytest.mark.parametrize(("name", "words"), KINDS)
def test_a_last_frame_that_is_held_stays_as_long(
    tmp_path: Path, running: Engine, name: str, words: tuple[str, ...], sound: float
) -> None:
    path = held(tmp_path / name, *words, sound=sound)
    assert lasts(path) == pytest.approx(5, abs=0.03)
    made = enlarge(running, path)
    assert made.suffix == path.suffix
    assert lasts(made) == pytest.approx(5, abs=0.03)
    report = subprocess.run([str(program.find()), "-i", str(made)], capture_output=True, text=True).stderr
    whole = re.search(r"Duration: 00:00:(\S+),", report)
    assert whole is not None
    assert float(whole.group(1)) == pytest.approx(max(5, sound), abs=0.05)
    assert [at for at, _ in packets(made, "V")] == pytest.approx([at for at, _ in packets(path, "V")], abs=1e-3)


@pytest.mark.parametrize("codec", ["h265", "av1", "vp9"])
def test_it_stays_in_another_kind_of_file_and_codec(tmp_path: Path, running: Engine, codec: Codec) -> None:
    made = enlarge(running, held(tmp_path / "a.mov", sound=1.0), replace(X2, codec=codec))
    assert lasts(made) == pytest.approx(5, abs=0.03)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_it_stays_where_only_the_pieces_tell(tmp_path: Path, running: Engine, name: str) -> None:
    whole, path = held(tmp_path / f"whole{Path(name).suffix}", "-bf", "0", sound=1.0), tmp_path / name
    loose = ("-movflags", "frag_keyframe+empty_moov") if path.suffix == ".mp4" else ("-f", "matroska", "-live", "1")
    subprocess.run([str(program.find()), "-v", "error", "-i", str(whole), "-c", "copy", *loose, str(path)], check=True)
    assert lasts(path) == pytest.approx(5, abs=0.03)
    assert lasts(enlarge(running, path)) == pytest.approx(5, abs=0.03)


def test_a_video_that_says_nothing_of_its_length_ends_with_its_last_frame(tmp_path: Path, running: Engine) -> None:
    path = make(tmp_path / "a.webm", "-an", "-live", "1", *VP9)
    assert look(path, "webm").lasts is None
    assert lasts(enlarge(running, path)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("told", [1.0, 1.4])  # the first is what older ffmpegs write
def test_a_picture_that_begins_late_ends_as_late(tmp_path: Path, running: Engine, told: float) -> None:
    plain, path = make(tmp_path / "plain.mp4", "-an", frames=24), tmp_path / "a.mp4"
    tone = ("-f", "lavfi", "-i", "sine=d=1.5", "-map", "0", "-map", "1", "-c:v", "copy")
    subprocess.run([str(program.find()), "-v", "error", "-itsoffset", "0.4", "-i", str(plain), *tone, str(path)], check=True)
    data = bytearray(path.read_bytes())
    clock, at = data.index(b"mvhd") + 16, data.index(b"tkhd") + 24
    ticks = int.from_bytes(data[clock : clock + 4], "big")
    assert int.from_bytes(data[at : at + 4], "big") == pytest.approx(1.4 * ticks, rel=1e-3)
    data[at : at + 4] = round(told * ticks).to_bytes(4, "big")
    path.write_bytes(data)
    assert lasts(path) == pytest.approx(1.4, abs=0.01)
    assert lasts(enlarge(running, path)) == pytest.approx(1.4, abs=0.01)


def test_an_end_before_the_last_frame_is_none(tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a.mp4", "-an")
    monkeypatch.setattr(moving, "end_of", lambda path, facts: Fraction(1, 10))
    assert lasts(enlarge(running, path)) == pytest.approx(0.5, abs=0.01)


def test_an_ordinary_video_is_joined_as_it_is(tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "can_hold", None)  # is not even asked for
    for name in ("a.mp4", "a.mkv", "a.mov"):
        path = make(tmp_path / name, "-c:a", "aac")
        made = enlarge(running, path, replace(X2, into=tmp_path / path.suffix[1:]))
        assert lasts(made) == pytest.approx(lasts(path), abs=0.01)


def test_an_ffmpeg_that_cannot_say_so_is_told(tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "can_hold", lambda path: False)
    (one,) = planned([held(tmp_path / "a.mp4")], X2)
    with Conveyor(X2) as belt:
        belt.add(0, one)
        done = drive(belt, running)[-1]
    assert (done.stage, done.warnings) == ("done", (moving._TOO_OLD,))


def test_a_job_that_was_stopped_before_it_was_joined_keeps_it(tmp_path: Path, running: Engine) -> None:
    path = held(tmp_path / "a.mp4")
    (one,) = planned([path], X2)
    assert one.output is not None
    film = moving.Film(look(path, "mp4"), one, X2, "")
    while (pixels := film.first) is not None and film.take(pixels.repeat(2, 0).repeat(2, 1)) is not None:
        pass
    film.close()
    assert not os.path.exists(one.output)
    assert lasts(enlarge(running, path)) == pytest.approx(5, abs=0.03)
