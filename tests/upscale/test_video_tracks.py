"""What a video tells of itself and its tracks comes into the result, or goes where that is asked."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from app.__main__ import main
from app.inference.engine import Engine
from app.video import program
from app.video.facts import Mastering, look
from app.video.writing import Codec
from tests.upscale.belt import TWICE, catalogue
from tests.upscale.test_videos import X2, enlarge, make


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
