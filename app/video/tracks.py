"""What a video has beside its picture, and how much of it the result's file can hold: this very ffmpeg is asked, ahead."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from app.photos.photo import PhotoError
from app.video import program

# "picture" is another video than the one that is enlarged, "data" what is neither seen nor heard.
Kind = Literal["sound", "subtitles", "attached", "cover", "picture", "data"]
_KINDS: dict[str, Kind] = {"Audio": "sound", "Subtitle": "subtitles", "Attachment": "attached", "Video": "picture"}
MUXERS = {"mkv": "matroska"}  # where a format's name is not ffmpeg's
# What sound and subtitles become where they cannot stay as they are: what players of such files expect.
_SOUND = {"webm": ("libopus", "Opus"), "mkv": ("aac", "AAC"), "mp4": ("aac", "AAC"), "mov": ("aac", "AAC")}
_TEXT = {"webm": "webvtt", "mkv": "srt", "mp4": "mov_text", "mov": "mov_text"}
_SOUND_RATE = "256k"  # more than enough for two channels
_PICTURES = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}  # Of what kinds a cover of Matroska may be.
_COVERED = ("mp4", "mkv")
_TRIAL_SECONDS = 60.0


@dataclass(frozen=True)
class Track:
    """`index` is its number in the file, `codec` ffmpeg's name of what is in it, `tag` the file's own, `name` that of an attached
    file."""

    index: int
    kind: Kind
    codec: str
    tag: str = ""
    name: str = ""


@dataclass(frozen=True)
class Kept:
    """What the result keeps, in the order of its tracks, and ffmpeg's name of what each becomes ("copy": as it is); `notes` say
    what does not stay as it is."""

    sounds: tuple[tuple[Track, str], ...] = ()
    subtitles: tuple[tuple[Track, str], ...] = ()
    attached: tuple[Track, ...] = ()
    covers: tuple[Track, ...] = ()
    notes: tuple[str, ...] = ()

    def tags(self, kinds: str) -> list[str]:
        """ffmpeg's words that keep the tags of these tracks (by its letters for them), their languages and titles: it leaves all
        of them out as soon as those of one track are asked for, and takes them for each track by its number alone."""
        of = {"a": self.sounds, "s": self.subtitles, "t": tuple((track, "copy") for track in self.attached)}
        tracks = [(f"s:{kind}:{i}", track) for kind in kinds for i, (track, _) in enumerate(of[kind])]
        return [word for into, track in tracks for word in (f"-map_metadata:{into}", f"1:s:{track.index}")]

    def words(self, format: str) -> list[str]:
        """ffmpeg's words that put the tracks of its second input behind the picture of its first. Matroska's covers are none."""
        ways = [*(("a", i, *one) for i, one in enumerate(self.sounds)), *(("s", i, *one) for i, one in enumerate(self.subtitles))]
        words = [word for _, _, track, _ in ways for word in ("-map", f"1:{track.index}")]
        words += [word for track in self.attached for word in ("-map", f"1:{track.index}")]
        words += [word for track in self.covers if format != "mkv" for word in ("-map", f"1:{track.index}")]
        words += ["-c", "copy"]
        words += [word for kind, i, _, way in ways if way != "copy" for word in (f"-c:{kind}:{i}", way)]
        return words + [word for i, (_, way) in enumerate(self.sounds) if way != "copy" for word in (f"-b:a:{i}", _SOUND_RATE)]


def listed(report: str) -> tuple[Track, ...]:
    """The tracks that ffmpeg's report of a file tells, without the one that it takes for the video."""
    source, _, mapping = report.partition("Stream mapping:")
    taken = re.search(r"Stream #0:(\d+) ->", mapping)
    parts = re.split(r"^\[info\] +Stream #0:(\d+)[^ ]*: ", source, flags=re.MULTILINE)[1:]
    tracks: dict[int, Track] = {}  # newer versions tell one that belongs to several groups more than once
    for number, told in zip(parts[::2], parts[1::2], strict=True):
        line = told.partition("\n")[0]
        found = re.match(r"(\w+): (\w+)[^,]*?(?:\((.{4}) / 0x|,|$)", line)
        if found is None or (taken is not None and number == taken.group(1)):
            continue
        kind = _KINDS.get(found.group(1), "data")
        if kind == "picture" and "(attached pic)" in line and "(timed thumbnails)" not in line:
            kind = "cover"
        name = re.search(r"^\[info\] +filename *: (.*)$", told, re.MULTILINE)
        track = Track(int(number), kind, found.group(2), found.group(3) or "", name.group(1) if name else "")
        tracks.setdefault(track.index, track)
    return tuple(tracks.values())


def cover_of(track: Track) -> tuple[str, str]:
    """What a cover is called in a Matroska file, and the kind of picture that it is."""
    ending, kind = _PICTURES[track.codec]
    return track.name or f"cover.{ending}", kind


def kept(path: Path, demuxed: str, tracks: Sequence[Track], format: str) -> Kept:
    """What a result of this `format` keeps of the tracks of a file (of the format `demuxed`). `PhotoError` where it has sound
    that can neither stay as it is nor be converted: better told now than when all frames are made. `OSError` where the disk is
    full."""
    asked = [track for track in tracks if track.kind in ("sound", "subtitles")]
    with tempfile.TemporaryDirectory(prefix="ganvas-") as folder:
        trial = _Trial(path, demuxed, format, Path(folder))
        whole = not asked or trial.holds([(track, "copy") for track in asked])
        ways = [(track, "copy" if whole else trial.way(track)) for track in asked]
    title = format.upper()
    for track, way in ways:
        if track.kind == "sound" and not way:
            what = f"Its sound ({track.codec}) is of a kind that {title} does not hold, and this ffmpeg cannot convert it."
            raise PhotoError(what, "Choose another codec, or convert its sound first.")
    held = tuple((track, way) for track, way in ways if way)
    attached = tuple(track for track in tracks if track.kind == "attached" and format == "mkv")
    covers = tuple(track for track in tracks if track.kind == "cover" and format in _COVERED and track.codec in _PICTURES)
    return Kept(
        tuple((track, way) for track, way in held if track.kind == "sound"),
        tuple((track, way) for track, way in held if track.kind == "subtitles"),
        attached,
        covers,
        tuple(_told(tracks, ways, attached, covers, format)),
    )


def _told(
    tracks: Sequence[Track], ways: Sequence[tuple[Track, str]], attached: Sequence[Track], covers: Sequence[Track], format: str
) -> Iterator[str]:
    """What does not stay as it is."""
    title = format.upper()
    converted = sorted({track.codec for track, way in ways if track.kind == "sound" and way != "copy"})
    if converted:
        yield f"Its sound ({', '.join(converted)}) became {_SOUND[format][1]}, as {title} does not hold it."
    count = {kind: sum(track.kind == kind for track in tracks) for kind in get_args(Kind)}
    if lost := sum(not way for _, way in ways):
        yield _not_kept(lost, "track of subtitles", "tracks of subtitles", f"{title} does not hold their kind")
    if lost := count["attached"] - len(attached):
        yield _not_kept(lost, "attached file", "attached files", f"{title} holds none")
    if lost := count["cover"] - len(covers):
        yield _not_kept(lost, "cover picture", "cover pictures", f"{title} does not hold {'it' if lost == 1 else 'them'}")
    if count["picture"]:
        yield f"It holds {count['picture'] + 1} videos: the first alone is in the result."
    # Chapters stay chapters, and a timecode is written anew by what the video tells of it.
    if lost := sum(track.kind == "data" and track.tag not in ("tmcd", "text") for track in tracks):
        yield _not_kept(lost, "track of data beside picture and sound", "tracks of data beside picture and sound")


def _not_kept(number: int, one: str, many: str, why: str = "") -> str:
    return f"{number} {one if number == 1 else many} {'is' if number == 1 else 'are'} not kept{': ' if why else ''}{why}."


@dataclass(frozen=True)
class _Trial:
    """The first second of some tracks, put into a file of the kind that the result will be."""

    path: Path
    demuxed: str
    format: str
    folder: Path

    def way(self, track: Track) -> str:
        """What a track becomes: "copy", ffmpeg's name of what it can be converted to, "" where there is none."""
        other = _SOUND[self.format][0] if track.kind == "sound" else _TEXT[self.format]
        return next((way for way in ("copy", other) if self.holds([(track, way)])), "")

    def holds(self, ways: Sequence[tuple[Track, str]]) -> bool:
        """Whether ffmpeg can do so."""
        words = [word for i, (track, way) in enumerate(ways) for word in ("-map", f"0:{track.index}", f"-c:{i}", way)]
        made = self.folder / "trial"
        file = ("-t", "1", "-f", MUXERS.get(self.format, self.format), "-y", f"file:{made}")
        words = [*program.reading(self.path, self.demuxed), *words, *file]
        try:
            code, _, report = program.run(words, _TRIAL_SECONDS)
        except PhotoError:
            return True  # Text that comes late in a long film is looked for until then, and nothing was refused.
        if any("No space left" in line for line in report):
            raise OSError(errno.ENOSPC, "No space left on device")
        return code == 0
