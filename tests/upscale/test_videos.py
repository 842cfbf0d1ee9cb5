"""Videos go through the same belt: every frame, at its time, in its colours, with its sound."""

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.photos.decoding import decode, probe
from app.upscale import moving
from app.upscale.conveyor import Conveyor
from app.upscale.panel import UpscalePanel
from app.video import program
from app.video.facts import look
from app.video.reel import folder_of
from tests.upscale.belt import TWICE, drive, planned
from tests.upscale.films import COLOURS, TAGS, X2, enlarge, frames_of, make, packets, pixels_of


def test_every_frame_is_enlarged_at_its_time_in_its_colours_with_its_sound(tmp_path: Path, running: Engine) -> None:
    path = make(tmp_path / "a.mp4", "-c:a", "aac", "-metadata", "title=A walk")
    made = enlarge(running, path)
    assert made.suffix == ".mp4"
    assert [at for at, _ in packets(made, "V")] == [at for at, _ in packets(path, "V")]
    assert packets(made, "a") == packets(path, "a")
    before, after = pixels_of(path), pixels_of(made)
    assert len(before) == len(after) == 12
    for small, large in zip(before, after, strict=True):
        assert large.shape == (64, 96, 3)
        assert np.abs(large[::2, ::2].astype(int) - small).mean() < 3
        assert np.abs(large.mean((0, 1)) - small.mean((0, 1))).max() < 1
    facts = look(made, "mp4")
    assert (facts.colours, facts.rate) == (look(path, "mp4").colours, Fraction(24))
    report = subprocess.run([str(program.find()), "-i", str(made)], capture_output=True, text=True).stderr
    assert "bt709" in report
    assert "A walk" in report
    assert f'"model": "{TWICE}"' in report


OLD = {
    "a.avi": ("-c:v", "mpeg4", "-q:v", "1", "-c:a", "libmp3lame"),
    "a.ts": ("-c:a", "aac"),
    "a.mts": ("-c:a", "ac3", "-mpegts_m2ts_mode", "1", "-f", "mpegts"),
    "a.mpg": ("-c:v", "mpeg2video", "-q:v", "1", "-c:a", "mp2", "-f", "vob"),
    "a.wmv": ("-c:v", "wmv2", "-q:v", "1", "-c:a", "wmav2"),
    "a.flv": ("-c:v", "flv1", "-q:v", "1", "-c:a", "libmp3lame", "-ar", "44100"),
}


@pytest.mark.parametrize("name", OLD)
def test_what_old_cameras_and_recorders_wrote_comes_out_as_matroska(tmp_path: Path, running: Engine, name: str) -> None:
    path = make(tmp_path / name, *OLD[name], filters=COLOURS)
    path = path.rename(tmp_path / "b.jpg")  # what a file is, its bytes tell
    made = enlarge(running, path)
    assert made.suffix == ".mkv"
    before, after = frames_of(path), frames_of(made)
    assert len(before) == len(after) == 12
    for (at, small), (then, large) in zip(before, after, strict=True):
        assert np.abs(large[::2, ::2].astype(int) - small).mean() < 3
        assert then - after[0][0] == pytest.approx(at - before[0][0], abs=0.002)
    assert packets(made, "a")


@pytest.mark.skipif(os.name != "posix", reason="Windows allows no such names")
def test_a_folder_may_be_called_anything(tmp_path: Path, running: Engine) -> None:
    folder = tmp_path / "who? what#1 100%41 'it's'\n"
    folder.mkdir()
    assert len(pixels_of(enlarge(running, make(folder / "a.mp4", frames=4)))) == 4


def test_a_variable_rate_stays_as_it_is(tmp_path: Path, running: Engine) -> None:
    jumps = f"{COLOURS},{TAGS},settb=1/24000,setpts='N*1000+if(gt(N,5),3777,0)+mod(N*N,7)*31'"
    path = make(
        tmp_path / "a.mp4", "-fps_mode", "vfr", "-enc_time_base", "1:24000", "-video_track_timescale", "24000", filters=jumps
    )
    made = enlarge(running, path)
    times = [at for at, _ in packets(path, "V")]
    assert [at for at, _ in packets(made, "V")] == pytest.approx(times, abs=1e-6)
    assert len({round(b - a, 5) for a, b in itertools.pairwise(times)}) > 4


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "mpeg2video")])
def test_an_interlaced_video_keeps_its_times(tmp_path: Path, running: Engine, name: str, codec: str) -> None:
    words = ("-c:v", codec, "-flags", "+ildct+ilme", *(("-x264-params", "tff=1") if codec == "libx264" else ()))
    path = make(tmp_path / name, *words, frames=24, filters=f"{COLOURS},{TAGS},interlace", size="64x64")
    assert look(path, path.suffix[1:]).interlaced
    made = enlarge(running, path)
    times = [at for at, _ in packets(path, "V")]
    assert len(times) == 12
    assert [at for at, _ in packets(made, "V")] == pytest.approx(times, abs=1e-3)
    assert not look(made, path.suffix[1:]).interlaced


def test_sixteen_bits_that_became_ten_are_not_told_to_choose_what_was_chosen(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", "-c:v", "ffv1", filters="format=gray16le", frames=2)
    (one,) = planned([path], X2)
    assert moving.notes_ahead(one, X2) == ("Its 16 bits became 10.",)


def test_a_phones_video_comes_out_upright(tmp_path: Path, running: Engine) -> None:
    plain = make(tmp_path / "plain.mp4")
    path = tmp_path / "turned.mp4"
    words = ["-v", "error", "-display_rotation", "90", "-i", str(plain), "-c", "copy", str(path)]
    subprocess.run([str(program.find()), *words], check=True)
    facts = probe(path)
    assert (facts.width, facts.height) == (32, 48)
    made = enlarge(running, path)
    assert pixels_of(made)[0].shape == (96, 64, 3)
    turned = np.rot90(pixels_of(plain)[3])
    assert np.abs(pixels_of(made)[3][::2, ::2].astype(int) - turned).mean() < 3


def test_ten_bits_stay_ten_bits_and_eight_are_said(tmp_path: Path, running: Engine) -> None:
    deep = "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le"
    tags = "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    words = ("-c:v", "libx265", "-x265-params", "log-level=error", "-crf", "8")
    path = make(tmp_path / "a.mkv", *words, filters=f"{deep},{tags}", size="128x96")
    made = enlarge(running, path)
    facts = look(made, "mkv")
    assert (facts.bits, facts.colours.space, facts.colours.transfer) == (10, "bt2020nc", "smpte2084")
    assert np.abs(pixels_of(made)[2][::2, ::2].astype(int) - pixels_of(path)[2]).mean() < 3 * 257
    choices = replace(X2, codec="h264", into=tmp_path / "flat")
    (one,) = planned([path], choices)
    with Conveyor(choices) as belt:
        belt.add(0, one)
        done = drive(belt, running)[-1]
    assert done.stage == "done"
    assert "Its 10 bits became 8: choose H.265 or AV1 to keep 10." in done.warnings


@pytest.mark.parametrize(("codec", "suffix"), [(None, ".webm"), ("h264", ".mkv")])
def test_webm_stays_webm_unless_a_codec_is_chosen_that_it_cannot_hold(
    tmp_path: Path, running: Engine, codec: str | None, suffix: str
) -> None:
    path = make(tmp_path / "a.webm", "-c:v", "libvpx-vp9", "-crf", "20", "-b:v", "0", "-c:a", "libopus", frames=6)
    made = enlarge(running, path, replace(X2, codec=codec))  # type: ignore[arg-type]
    assert made.suffix == suffix
    assert len(pixels_of(made)) == 6
    assert packets(made, "a") == packets(path, "a")


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_damaged_video_fails_alone_with_a_sentence(tmp_path: Path, running: Engine, kind: str) -> None:
    good = make(
        tmp_path / f"good.{kind}",
        "-movflags" if kind == "mp4" else "-cluster_time_limit",
        "faststart" if kind == "mp4" else "100",
    )
    bad = tmp_path / f"bad.{kind}"
    plan = planned([good, shutil.copy(good, bad)], X2)
    bad.write_bytes(good.read_bytes()[: good.stat().st_size * 6 // 10])
    with Conveyor(X2) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        events = drive(belt, running)
    ends = {event.index: event for event in events if event.stage in ("done", "failed")}
    assert (ends[0].stage, ends[1].stage) == ("done", "failed")
    assert re.search("It is (cut off|damaged)", str(ends[1].failure))
    assert plan[1].output is not None
    assert not folder_of(plan[1].output).exists()


def test_what_only_calls_itself_a_video_is_refused_ahead(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(400))
    (tmp_path / "b.mp4").write_text("#EXTM3U\nhttp://example.org/film.mp4\n")
    subprocess.run(
        [
            str(program.find()),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "sine=d=0.2",
            "-c:a",
            "aac",
            "-brand",
            "isom",
            str(tmp_path / "c.mp4"),
        ],
        check=True,
    )
    reasons = {one.source.name: one.reason for one in planned([tmp_path], X2)}
    assert "cut off" in reasons["a.mp4"]
    assert "not a picture" in reasons["b.mp4"]
    assert "only sound" in reasons["c.mp4"]


def test_a_frame_stands_for_the_video_where_a_photo_is_shown(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    photo = decode(path)
    assert (photo.width, photo.height, photo.format) == (48, 32, "mp4")
    assert any(np.array_equal(photo.pixels, frame) for frame in pixels_of(path))


def test_the_panel_shows_a_frame_counts_all_and_pauses_between_two(
    panel: UpscalePanel, until: Callable[[Callable[[], bool]], None], tmp_path: Path
) -> None:
    path = make(tmp_path / "a.mp4", frames=10)
    panel.open_file(path)
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"] and panel.view.has_picture())
    (row,) = panel.queue.rows
    assert row.planned is not None
    assert (row.planned.size, row.planned.frames) == ((96, 64), 10)
    panel.job.start()
    until(lambda: row.share > 0.25)
    panel.runner.pause()
    until(lambda: panel.runner.state == "paused")
    assert row.state == "working"
    panel.runner.resume()
    until(lambda: panel.runner.state == "idle")
    assert (row.state, row.reason) == ("done", "")
    assert row.planned.output is not None
    assert len(pixels_of(row.planned.output)) == 10
