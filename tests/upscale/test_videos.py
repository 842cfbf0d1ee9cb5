"""Videos go through the same belt: every frame, at its time, in its colours, with its sound; and go on after a stop."""

import errno
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.photos.decoding import decode, probe
from app.photos.photo import PhotoError
from app.upscale import moving
from app.upscale.conveyor import Conveyor
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from app.video import program
from app.video.facts import look
from app.video.reading import FrameReader
from app.video.reel import Reel, folder_of
from app.video.tracks import Kept
from tests.upscale.belt import TWICE, drive, planned

X2 = Choices(TWICE, 2, parse_target("x2"))
COLOURS = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


def make(path: Path, *words: str, frames: int = 12, filters: str = f"{COLOURS},{TAGS}", size: str = "48x32") -> Path:
    """A video of soft moving colours, with a tone."""
    inputs = ["-f", "lavfi", "-i", f"gradients=s={size}:r=24:d={frames / 24}:speed=0.2:seed=5:n=3"]
    inputs += ["-f", "lavfi", "-i", f"sine=440:d={frames / 24}"]
    codec = ["-c:v", "libx264", "-crf", "8"] if "-c:v" not in words else []
    done = subprocess.run(
        [str(program.find()), "-v", "error", "-y", *inputs, "-vf", filters, *codec, *words, str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.skipif(os.name != "posix", reason="there are no groups of processes")
def test_ctrl_c_in_a_terminal_does_not_reach_what_is_started() -> None:
    process = program.start(["-f", "matroska", "-i", "pipe:0", "-f", "null", "-"], subprocess.PIPE, subprocess.DEVNULL)
    with process:
        assert os.getpgid(process.pid) != os.getpgrp()
        process.kill()


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


@pytest.mark.skipif(os.name != "posix", reason="what is started is made executable by its mode")
def test_no_program_is_started_that_only_lies_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    own = program.find()
    for path in ("", ".", "sub/.."):
        monkeypatch.setenv("PATH", os.pathsep.join([path, os.path.dirname(own)]))
        assert program.find() == own
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.find() == tmp_path / "ffmpeg"


@pytest.mark.skipif(os.name != "posix", reason="what is started is made executable by its mode")
def test_on_macos_it_is_found_where_finder_does_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brew").mkdir()
    (tmp_path / "brew/ffmpeg").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "brew/ffmpeg").chmod(0o755)
    monkeypatch.setattr(program, "_OF_MAC", [str(tmp_path / "brew")])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert program.find() == tmp_path / "brew/ffmpeg"
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(PhotoError, match="need the program ffmpeg"):
        program.find()


def packets(path: Path, stream: str) -> list[tuple[float, int]]:
    """Times in seconds and sizes of a stream's packets, in order of time."""
    words = ["-v", "error", "-i", str(path), "-map", f"0:{stream}", "-c", "copy", "-f", "framecrc", "-"]
    text = subprocess.run([str(program.find()), *words], capture_output=True, text=True, check=True).stdout
    found = re.search(r"#tb 0: (\d+)/(\d+)", text)
    assert found is not None
    tick = Fraction(int(found.group(1)), int(found.group(2)))
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return sorted((float(int(row[2]) * tick), int(row[4])) for row in rows)


def pixels_of(path: Path) -> list[np.ndarray]:
    return [pixels for _, pixels in frames_of(path)]


def frames_of(path: Path) -> list[tuple[float, np.ndarray]]:
    """With their times in seconds."""
    facts = look(path, probe(path).format)
    reader = FrameReader(path, facts, deep=facts.bits > 8)
    try:
        return [(float(frame.time * facts.base), frame.pixels) for frame in iter(reader.next, None)]
    finally:
        reader.close()


def enlarge(running: Engine, path: Path, choices: Choices = X2) -> Path:
    """The result, which must come without a failure."""
    (one,) = planned([path], choices)
    assert one.state == "ready", one.reason
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert [str(event.failure) for event in events if event.failure] == []
    shares = [event.share for event in events if event.stage == "working"]
    assert shares == sorted(shares)
    assert one.output is not None
    assert [other.name for other in one.output.parent.iterdir()] == [one.output.name]
    return one.output


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


def test_an_older_ffmpeg_is_told_not_to_turn_it_once_more(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", frames=2)
    (one,) = planned([path], X2)
    words = moving.metadata(look(path, "mp4"), one, X2, "", Kept())
    assert words[words.index("-metadata:s:v:0") + 1] == "rotate="


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


def test_without_ffmpeg_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(program.sys.modules, "imageio_ffmpeg", None)
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(400))
    (one,) = planned([tmp_path / "a.mp4"], X2)
    assert one.state == "refused"
    assert one.reason == "Videos need the program ffmpeg. Install it, or get it with: pip install 'ganvas[video]'."
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # the packaged program takes no packages
    (one,) = planned([tmp_path / "a.mp4"], X2)
    assert one.reason == "Videos need the program ffmpeg. Install it, then start Ganvas again."
