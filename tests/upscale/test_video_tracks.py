"""What a video tells of itself and its tracks comes into the result, or goes where that is asked."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main
from app.inference.engine import Engine
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale.conveyor import Conveyor
from app.upscale.moving import notes_ahead
from app.upscale.plan import Choices
from app.video import program, tracks
from app.video.facts import Mastering, look
from app.video.writing import Codec
from tests.upscale.belt import TWICE, catalogue, drive, planned
from tests.upscale.films import X2, enlarge, make, packets


def with_tracks(tmp_path: Path, name: str) -> Path:
    """A video with sound in two languages and subtitles in a third; in Matroska the letters for these are attached."""
    plain, path = make(tmp_path / "plain.mp4", "-c:a", "aac"), tmp_path / name
    (tmp_path / "text.srt").write_text("1\n00:00:00,100 --> 00:00:00,400\nGood day\n")
    (tmp_path / "letters.ttf").write_bytes(b"letters" * 50)
    attached = ("-attach", str(tmp_path / "letters.ttf"), "-metadata:s:t", "mimetype=font/ttf") if path.suffix == ".mkv" else ()
    words = [
        *("-i", str(plain), "-i", str(tmp_path / "text.srt"), *attached),
        *("-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1"),
        *("-c", "copy", "-c:s", "srt" if path.suffix == ".mkv" else "mov_text"),
        *("-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=ita", "-metadata:s:s:0", "language=spa", str(path)),
    ]
    subprocess.run([str(program.find()), "-v", "error", *words], check=True)
    return path


def tracks_of(path: Path) -> list[str]:
    report = subprocess.run([str(program.find()), "-i", str(path)], capture_output=True, text=True).stderr
    found = re.findall(r"Stream #0:\S+?(\(\w+\))?: (Audio|Subtitle|Attachment): (\w+)", report)
    return ["".join(one) for one in found] + re.findall(r"(?:filename|mimetype) *: (\S+)", report)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_tracks_keep_their_languages_and_attached_files_their_names(tmp_path: Path, running: Engine, name: str) -> None:
    path = with_tracks(tmp_path, name)
    assert len(before := tracks_of(path)) == (6 if name == "a.mkv" else 3)
    assert before[:2] == ["(fra)Audioaac", "(ita)Audioaac"]
    assert tracks_of(enlarge(running, path)) == before
    stripped = tracks_of(enlarge(running, path, replace(X2, metadata="strip", into=tmp_path / "bare")))
    assert len(stripped) == len(before)
    assert stripped[4:] == before[4:]


def test_quicktimes_subtitles_become_such_as_matroska_holds(tmp_path: Path, running: Engine) -> None:
    made = enlarge(running, with_tracks(tmp_path, "a.mov"), replace(X2, codec="vp9"))
    assert made.suffix == ".mkv"
    assert tracks_of(made) == ["(fra)Audioaac", "(ita)Audioaac", "(spa)Subtitlesubrip"]


def mixed(tmp_path: Path, name: str, *more: str, inputs: tuple[str, ...] = (), maps: tuple[str, ...] = ()) -> Path:
    """A video of few frames with other inputs and tracks beside it."""
    plain, path = make(tmp_path / "plain.mp4", "-c:a", "aac", frames=4), tmp_path / name
    words = ["-v", "error", "-i", str(plain), *inputs, "-map", "0", *maps, "-c", "copy", *more, str(path)]
    subprocess.run([str(program.find()), *words], check=True)
    return path


def warned(running: Engine, path: Path, choices: Choices = X2) -> tuple[Path, tuple[str, ...]]:
    """The result, and what was told of it, which is what was told ahead."""
    (one,) = planned([path], choices)
    ahead = notes_ahead(one, choices)
    with Conveyor(choices) as belt:
        belt.add(0, one)
        done = drive(belt, running)[-1]
    assert (done.stage, done.warnings) == ("done", ahead), str(done.failure)
    assert one.output is not None
    return one.output, ahead


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_cover_picture_is_kept(tmp_path: Path, running: Engine, name: str, kind: str) -> None:
    cover = tmp_path / f"front.{kind}"
    encode(Photo(np.full((16, 16, 3), 200, np.uint8)), cover)
    if name == "a.mp4":
        path = mixed(tmp_path, name, "-disposition:v:1", "attached_pic", inputs=("-i", str(cover)), maps=("-map", "1"))
    else:
        mime = f"mimetype=image/{'jpeg' if kind == 'jpg' else kind}"
        path = mixed(tmp_path, name, "-attach", str(cover), "-metadata:s:t", mime)
    before = covers_of(path)
    assert len(before) == 1
    for choices in (X2, replace(X2, metadata="strip", into=tmp_path / "bare")):
        made, told = warned(running, path, choices)
        assert told == ()
        assert covers_of(made) == before
        assert tracks_of(made)[0].endswith("Audioaac")
    if name == "a.mkv":
        assert f"front.{kind}" in tracks_of(made)
    made, told = warned(running, path, replace(X2, codec="vp9", into=tmp_path / "other"))
    assert (covers_of(made), told) == (before, ())


def covers_of(path: Path) -> list[bytes]:
    """The bytes of its cover pictures."""
    report = subprocess.run([str(program.find()), "-i", str(path)], capture_output=True, text=True).stderr
    words = ["-c", "copy", "-frames:v", "1", "-f", "image2pipe", "-"]
    return [
        subprocess.run(
            [str(program.find()), "-v", "error", "-i", str(path), "-map", f"0:{i}", *words], capture_output=True, check=True
        ).stdout
        for i in re.findall(r"Stream #0:(\d+).*attached pic", report)
    ]


def test_a_cover_that_the_file_cannot_hold_is_told(tmp_path: Path, running: Engine) -> None:
    cover = tmp_path / "front.jpg"
    encode(Photo(np.full((16, 16, 3), 200, np.uint8)), cover)
    plain = make(tmp_path / "plain.webm", "-c:v", "libvpx-vp9", frames=4)
    path = tmp_path / "a.mkv"
    words = ["-v", "error", "-i", str(plain), "-c", "copy", "-attach", str(cover), "-metadata:s:t", "mimetype=image/jpeg"]
    subprocess.run([str(program.find()), *words, str(path)], check=True)
    path.write_bytes(path.read_bytes().replace(b"\x42\x82\x88matroska", b"\x42\x82\x84webm\xec\x82\0\0", 1))  # calls itself WebM
    made, told = warned(running, path)
    assert made.suffix == ".webm"
    assert told == ("1 cover picture is not kept: WEBM does not hold it.",)


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 cover picture is not kept: WEBM does not hold it."), (2, "2 cover pictures are not kept: WEBM does not hold them.")],
)
def test_covers_are_counted(count: int, said: str) -> None:
    covers = [tracks.Track(number, "cover", "png") for number in range(count)]
    assert list(tracks._told(covers, (), (), (), "webm")) == [said]


def test_a_second_video_and_data_are_told_and_a_timecode_is_kept(tmp_path: Path, running: Engine) -> None:
    second = make(tmp_path / "second.mp4", "-an", frames=4)
    path = mixed(tmp_path, "a.mov", "-timecode", "01:02:03:04", inputs=("-i", str(second)), maps=("-map", "1"))
    for choices in (X2, replace(X2, codec="vp9", into=tmp_path / "other")):
        made, told = warned(running, path, choices)
        assert "It holds 2 videos: the first alone is in the result." in told
        assert not any("data" in one for one in told)
        report = subprocess.run([str(program.find()), "-i", str(made)], capture_output=True, text=True).stderr
        assert re.search(r"timecode +: 01:02:03:0?4", report, re.IGNORECASE)
        assert report.count(": Video:") == 1


def test_what_a_camera_recorded_beside_it_is_told(tmp_path: Path, running: Engine) -> None:
    path = mixed(tmp_path, "a.mp4", "-timecode", "01:02:03:04")
    path.write_bytes(path.read_bytes().replace(b"tmcd", b"gpmd"))
    _, told = warned(running, path)
    assert told == ("1 track of data beside picture and sound is not kept.",)


@pytest.mark.parametrize(("codec", "way"), [("av1", "aac"), ("vp9", "aac"), ("h264", "adpcm_ima_qt")])
def test_sound_that_the_result_cannot_hold_is_converted_and_told(tmp_path: Path, running: Engine, codec: Codec, way: str) -> None:
    path = make(tmp_path / "a.mov", "-c:a", "adpcm_ima_qt", frames=12)
    made, told = warned(running, path, replace(X2, codec=codec))
    assert [one.removeprefix("(und)") for one in tracks_of(made)] == [f"Audio{way}"]
    assert ("Its sound (adpcm_ima_qt) became AAC, as MKV does not hold it." in told) == (codec != "h264")
    assert sum(size for _, size in packets(made, "a")) > 1000


def test_sound_that_can_neither_stay_nor_be_converted_is_refused_ahead(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(tracks._SOUND, "mkv", ("no such encoder", "none"))
    path = make(tmp_path / "a.mov", "-c:a", "adpcm_ima_qt", frames=2)
    choices = replace(X2, codec="vp9")
    (one,) = planned([path], choices)
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert not any(event.stage == "working" for event in events)
    assert "Its sound (adpcm_ima_qt) is of a kind that MKV does not hold" in str(events[-1].failure)
    catalogue(Path(os.environ["GANVAS_HOME"]) / "data" / "catalogue")
    words = ("upscale", str(path), "--model", TWICE, "--codec", "vp9", "--out", str(tmp_path / "out"), "--dry-run")
    assert main(list(words)) == 3
    said = capsys.readouterr().err
    assert "Its sound (adpcm_ima_qt)" in said
    assert "No photos." in said


def told_of(path: Path) -> dict[str, str]:
    """What a video tells of itself, its names in small letters."""
    words = [str(program.find()), "-v", "error", "-i", str(path), "-map_metadata", "0", "-f", "ffmetadata", "-"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout.partition("\n[")[0]
    return {tag.lower(): value for tag, equal, value in (line.partition("=") for line in text.splitlines()) if equal}


def test_what_an_iphone_tells_is_kept_and_its_place_goes_where_that_is_asked(tmp_path: Path, running: Engine) -> None:
    apple = "com.apple.quicktime."
    tags = {"make": "Apple", "creationdate": "2023-01-02T03:04:05+0900"}
    tags |= {"location.ISO6709": "+35.0+139.0/", "location.name": "home"}
    words = [word for tag, value in tags.items() for word in ("-metadata", f"{apple}{tag}={value}")]
    dated = ("-metadata", "creation_time=2023-01-01T18:04:05Z", "-movflags", "use_metadata_tags")
    path = make(tmp_path / "a.mov", *words, *dated, frames=2)
    for choices in (replace(X2, into=tmp_path / "a"), replace(X2, codec="vp9", into=tmp_path / "b")):
        told = told_of(enlarge(running, path, choices))
        assert {tag: told.get(f"{apple}{tag}".lower()) for tag in tags} == tags
        assert told["creation_time"].startswith("2023-01-01T18:04:05")
        assert TWICE in told.get("comment", told.get("ganvas", ""))
        told = told_of(enlarge(running, path, replace(choices, metadata="no-place", into=tmp_path / f"{choices.codec} bare")))
        assert [tag for tag in told if "location" in tag] == []
        assert told[f"{apple}make"] == "Apple"


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_place_that_bears_a_language_goes_too(tmp_path: Path, running: Engine, codec: Codec) -> None:
    place = "+35.0000+139.0000/"
    path = make(tmp_path / "a.mov", "-metadata", f"location={place}", "-metadata", f"location-jpn={place}", frames=2)
    assert told_of(path)["location-jpn"] == place
    made = enlarge(running, path, replace(X2, codec=codec, metadata="no-place"))
    assert [tag for tag in told_of(made) if "location" in tag] == []


SCREEN = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.mark.parametrize("codec", ["h265", "av1", "vp9"])
def test_what_an_hdr_video_tells_of_its_screen_is_kept_or_its_loss_is_told_ahead(
    tmp_path: Path, running: Engine, codec: Codec, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    words = ("-c:v", "libx265", "-x265-params", f"log-level=error:master-display={SCREEN}:max-cll=1000,400")
    path = make(tmp_path / "a.mkv", *words, filters=f"format=yuv420p10le,{tags}", size="128x96", frames=4)
    told = look(path, "mkv").mastering
    screen = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
    assert told == Mastering(screen, (0.005, 1000.0), (1000, 400))
    made = enlarge(running, path, replace(X2, codec=codec))
    kept = look(made, "mkv").mastering
    catalogue(Path(os.environ["GANVAS_HOME"]) / "data" / "catalogue")
    words = ("upscale", str(path), "--model", TWICE, "--codec", codec, "--out", str(tmp_path / "out"), "--dry-run")
    assert main(list(words)) == 0
    lost = "It is HDR: its curve is kept, what it tells of the screen it was made for is not: H.265 keeps it."
    assert (lost in capsys.readouterr().err) == (codec == "vp9")
    if codec == "vp9":
        assert kept is None
        return
    assert kept is not None
    assert kept.light == told.light
    assert kept.primaries == pytest.approx(screen, abs=2e-4)
    assert kept.luminance == pytest.approx((0.005, 1000.0), abs=2e-4)
