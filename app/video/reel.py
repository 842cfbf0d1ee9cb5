"""A video result on its way: segments that are finished, in a folder beside the result, and their joining.

What is in the folder outlives this process: whoever goes on with the same plan goes on behind the last finished segment.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.holding import hold
from app.photos import placing
from app.photos.photo import PhotoError
from app.video import program
from app.video.facts import VideoFacts
from app.video.tracks import MUXERS, Kept, cover_of
from app.video.writing import ticks
from models.folders import state_folder

_LIST = "segments.json"
MOST_AT_ONCE = 16  # Results of one name that are worked on.
_A_BLINK = Fraction(1, 50)  # Of a second: nobody sees whether the last frame stays so much longer.


@dataclass(frozen=True)
class Segment:
    """A finished piece: its file's name, how many frames it holds, the times of the first and the last in ticks of the source's
    clock."""

    file: str
    frames: int
    begins: int
    ends: int


def folder_of(output: Path, number: int = 1) -> Path:
    """Where the segments of a result lie; hidden, and short whatever the result is called. The first is the one; there are more
    where several processes are at work on results that are to bear one name."""
    name = hashlib.sha256(os.fsencode(os.path.abspath(output))).hexdigest()[:16]
    return output.parent / f"{placing.PREFIX}video-{name}{f'-{number}' if number > 1 else ''}"


def forget(output: Path) -> None:
    """Remove what is finished of a result, but for what somebody is at work on."""
    for number in range(1, MOST_AT_ONCE + 1):
        folder = folder_of(output, number)
        if folder.exists() and (lock := _hold(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()


def _hold(folder: Path) -> sqlite3.Connection | None:
    return hold(state_folder() / "locks" / f"{folder.name.removeprefix(placing.PREFIX)}.sqlite")


class Reel:
    """The segments of one result. `plan` is all that they depend on (source, model, sizes, encoding): plain JSON values."""

    def __init__(self, output: Path, plan: Mapping[str, Any]) -> None:
        self.output, self.folder = output, folder_of(output)
        self._lock: sqlite3.Connection | None = None
        self._plan = json.loads(json.dumps(plan))
        self.segments: list[Segment] = []

    @property
    def frames(self) -> int:
        """How many frames are finished."""
        return sum(segment.frames for segment in self.segments)

    def open(self) -> None:
        """Take up what lies there of the same plan; anything else in the folder goes. `PhotoError` where too many are at work on
        results of this name."""
        self._choose()
        wanted = {_LIST, *(segment.file for segment in self.segments)}
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _choose(self) -> None:
        """The folder that nobody is at work in and that has frames of this plan, else the first that nobody is at work in."""
        for number in range(1, MOST_AT_ONCE + 1):
            folder = folder_of(self.output, number)
            if self._lock is not None and not folder.exists():
                break
            lock = _hold(folder)
            if lock is None:
                continue
            segments = self._known(folder)
            if self._lock is None or (segments and not self.segments):
                self.close()
                self.folder, self.segments, self._lock = folder, segments, lock
            else:
                lock.close()
        if self._lock is None:
            raise PhotoError("Too many others are at work on a video of this name.", "Wait until one of them has ended.")

    def close(self) -> None:
        """Let others go on with it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def part(self) -> Path:
        """Where the next segment is written until it is finished."""
        return self.folder / "next.part"

    def keep(self, frames: int, begins: int, ends: int) -> None:
        """The file at `part` is finished: flush it, name it, list it."""
        name = f"{len(self.segments):06d}.mp4"
        with self.part().open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.part(), self.folder / name)
        segments = [*self.segments, Segment(name, frames, begins, ends)]
        content = {"plan": self._plan, "segments": [asdict(segment) for segment in segments]}
        placing.write(self.folder / _LIST, [json.dumps(content).encode()])
        self.segments = segments

    def join(
        self,
        source: Path,
        facts: VideoFacts,
        format: str,
        kept: Kept,
        metadata: Sequence[str],
        result: AbstractContextManager[Path],
        end: Fraction | None = None,
    ) -> int:
        """Put the segments together as they are, with chapters of the source and what is `kept` of its tracks; the bytes written.

        `metadata` are ffmpeg's words about what the file tells of itself, `end` is when the last frame goes, in seconds, where
        that is to be said. `result` is entered for where to write (`placing.beside`). `PhotoError` where that
        fails; where a segment was damaged meanwhile (a disk, a power cut) all of them are forgotten, or nobody would ever get on.
        """
        if not self.segments:
            raise PhotoError("There is no frame in it.")
        first = self.segments[0].begins
        listing = ["ffconcat version 1.0"]
        for segment, after in zip(self.segments, [*self.segments[1:], None], strict=True):
            listing.append(f"file {segment.file}")
            if after is not None:
                listing.append(f"duration {float((after.begins - segment.begins) * facts.base):.9f}")
        (self.folder / "list.ffconcat").write_text("\n".join(listing) + "\n", encoding="ascii")
        muxer = MUXERS.get(format, format)
        covers = self._covers(source, facts, kept) if format == "mkv" else []
        with result as temporary:
            words = [
                *("-itsoffset", f"{float(first * facts.base):.6f}", "-protocol_whitelist", "file"),
                *("-f", "concat", "-i", "file:list.ffconcat"),
                *program.reading(source, facts.format),
                *("-map", "0:v:0", *kept.words(format), *covers, "-map_chapters", "1", *metadata),
                *(self._holding(end, facts) if end is not None else ()),
                *(("-video_track_timescale", str(ticks(facts.base))) if format in ("mp4", "mov") else ()),
                *("-progress", "pipe:1", "-f", muxer, "-y", f"file:{os.path.abspath(temporary)}"),
            ]
            # There, as ffmpeg takes what stands behind a ? in the path of a list for no part of the way to its files.
            code, told, report = program.run(words, folder=self.folder)
            if any("No space left" in line for line in report):
                raise OSError(errno.ENOSPC, "No space left on device")
            # ffmpeg ends well where a segment cannot be read: it stops before it.
            joined = re.findall(rb"^frame= *(\d+)", told, re.MULTILINE)
            short = code == 0 and joined and int(joined[-1]) < self.frames
            if short or any("Impossible to open" in line for line in report):
                self.segments = []
                raise PhotoError("Frames that were finished before are damaged.", "Try it again: it begins anew.")
            if code != 0:
                raise PhotoError(f"The video could not be put together ({program.complaint(report) or 'ffmpeg gave up'}).")
            return temporary.stat().st_size

    def lasts(self, facts: VideoFacts, end: Fraction | None) -> bool:
        """Whether the result would last until `end` without a word: the last frame stays for one of the rate. An end before the
        last frame is none."""
        stays = end - self.segments[-1].ends * facts.base if end is not None and self.segments else Fraction(0)
        return stays <= 0 or abs(stays - 1 / facts.rate) < _A_BLINK

    def _holding(self, end: Fraction, facts: VideoFacts) -> tuple[str, str]:
        """ffmpeg's words that keep the last frame until then. In MP4 the one that is stored last tells how long all of it is, in
        others the one that is seen last."""
        last = float((self.segments[-1].ends - Fraction(1, 2)) * facts.base)
        long = f"({float(end):.9f}-PTS*TB)/TB"
        when = f"gte(PTS*TB,{last:.9f})+eq(N,{self.frames - 1})"
        return "-bsf:v:0", f"setts=pts=PTS:dts=DTS:duration='if({when},{long},DURATION)'"

    def _covers(self, source: Path, facts: VideoFacts, kept: Kept) -> list[str]:
        """ffmpeg's words that attach the source's covers to a Matroska file: as tracks they would be videos of one frame."""
        words: list[str] = []
        for number, track in enumerate(kept.covers):
            file, (name, kind) = f"cover{number}", cover_of(track)
            copy = ["-map", f"0:{track.index}", "-c", "copy", "-frames:v", "1", "-update", "1", "-f", "image2"]
            code, _, report = program.run(
                [*program.reading(source, facts.format), *copy, "-y", f"file:{file}"], folder=self.folder
            )
            if code != 0:
                raise PhotoError(f"Its cover picture could not be kept ({program.complaint(report) or 'ffmpeg gave up'}).")
            place = f"s:t:{len(kept.attached) + number}"
            words += ["-attach", file, f"-metadata:{place}", f"mimetype={kind}", f"-metadata:{place}", f"filename={name}"]
        return words

    def discard(self) -> None:
        """Remove the segments: the result stands, or is not wanted any more."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def _known(self, folder: Path) -> list[Segment]:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            raw = json.loads((folder / _LIST).read_text(encoding="utf-8"))
            if raw["plan"] != self._plan:
                return []
            segments = [
                Segment(str(one["file"]), *(int(one[name]) for name in ("frames", "begins", "ends"))) for one in raw["segments"]
            ]
            whole = all(
                segment.file == f"{i:06d}.mp4" and (folder / segment.file).is_file() for i, segment in enumerate(segments)
            )
            return segments if whole else []
        return []
