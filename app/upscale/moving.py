"""Pictures that move: frames go to the network one after the other, and what it makes of them becomes one file."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.photos import placing
from app.photos.animation import Animation
from app.photos.formats import FORMATS
from app.photos.photo import Photo
from app.upscale import results
from app.upscale.plan import Choices, Planned
from app.video import program
from app.video.facts import VideoFacts, look
from app.video.lasting import can_hold, end_of
from app.video.reading import Frame, FrameReader
from app.video.reel import Reel
from app.video.tracks import Kept, kept
from app.video.writing import HELD, SegmentWriter, chosen, tells_mastering

# A segment is what a crash costs at most: it ends after so many seconds of work, but not before so many frames (each begins
# with a key frame, which takes room) and not after so many.
SEGMENT_SECONDS, LEAST_FRAMES, MOST_FRAMES = 60.0, 24, 600
SPARE_BYTES = 200 * 10**6  # Room that a segment must find on the disk when it begins.

_TOO_OLD = "Its last frame does not stay as long as it did: that takes a newer ffmpeg."


class Moving(Protocol):
    """Frames in, frames out. Its methods may take long and are called in the pool, one at a time."""

    done: int  # frames that are made
    notes: tuple[str, ...]  # What it loses or what was done to it on the way, in sentences: all of them when it is finished.

    @property
    def complete(self) -> bool:
        """Whether all frames are made, by an earlier run too."""
        ...

    def take(self, pixels: NDArray[Any]) -> NDArray[Any] | None:
        """Take what the network made of the frame at hand; the next one, or None where that was the last."""
        ...

    def finish(self) -> tuple[int, Path]:
        """Put the result in its place; the bytes written, and where they are."""
        ...

    def close(self, gone: bool = False) -> None:
        """Let go of everything. What can be gone on from is kept, unless the whole is `gone`."""
        ...


class MovingPicture:
    """An animated GIF or WebP: all its frames are held."""

    notes: tuple[str, ...] = ()

    def __init__(self, animation: Animation, photo: Photo, planned: Planned, choices: Choices) -> None:
        self._animation, self._photo, self._planned, self._choices = animation, photo, planned, choices
        self._made: list[NDArray[np.uint8]] = []
        self.done = 0

    @property
    def complete(self) -> bool:
        """See `Moving`."""
        return self.done == len(self._animation.frames)

    def take(self, pixels: NDArray[Any]) -> NDArray[Any] | None:
        """See `Moving`."""
        frames = self._animation.frames
        self._made.append(results.frame(pixels, frames[self.done], self._planned, self._choices, self.done))
        self.done += 1
        return frames[self.done] if self.done < len(frames) else None

    def finish(self) -> tuple[int, Path]:
        """See `Moving`."""
        return results.write_animation(self._made, self._animation, self._photo, self._planned, self._choices)

    def close(self, gone: bool = False) -> None:
        """See `Moving`."""
        self._made.clear()


class Film:
    """A video: one frame is read ahead and one is being encoded while the network is at work; nothing else is held.

    `first` is the frame to begin with: the one behind the last finished segment of an earlier run.
    """

    def __init__(self, facts: VideoFacts, planned: Planned, choices: Choices, sha256: str) -> None:
        """`PhotoError` where the file cannot be read or written, `OSError` where the folder cannot be."""
        assert planned.output is not None
        self._facts, self._planned, self._choices = facts, planned, choices
        self._encoding = chosen(facts.format, facts.bits, choices.codec, choices.crf)
        self._deep = self._encoding.bits > 8
        self._kept = kept(planned.source, facts.format, facts.tracks, self._encoding.format)
        self.notes = notes(facts, choices, self._kept)
        self._metadata = metadata(facts, planned, choices, sha256, self._kept)
        planned.output.parent.mkdir(parents=True, exist_ok=True)
        self._reel = Reel(planned.output, self._plan(sha256))
        self._reel.open()
        self.done = self._reel.frames
        self._writer: SegmentWriter | None = None
        self._written, self._begins, self._ends, self._began = 0, 0, 0, 0.0
        self._hand: Future[None] | None = None
        self._ahead: Future[Frame | None] | None = None
        self._lanes = [ThreadPoolExecutor(1, thread_name_prefix=name) for name in ("frames", "segments")]
        self._reader = FrameReader(planned.source, facts, self.done, self._deep)
        try:
            self._frame = self._reader.next()
        except BaseException:
            self.close()
            raise
        self._read_ahead()

    @property
    def first(self) -> NDArray[Any] | None:
        """The frame to begin with; None where an earlier run made them all and was stopped while it joined them."""
        return self._frame.pixels if self._frame is not None else None

    @property
    def complete(self) -> bool:
        """See `Moving`."""
        return self._frame is None

    def take(self, pixels: NDArray[Any]) -> NDArray[Any] | None:
        """See `Moving`. What went wrong with the frame before is raised here."""
        frame = self._frame
        assert frame is not None
        assert self._ahead is not None
        if self._hand is not None:
            self._hand.result()
        self._hand = self._lanes[1].submit(self._write, frame, pixels)
        self._frame = self._ahead.result()
        self.done += 1
        if self._frame is not None:
            self._read_ahead()
            return self._frame.pixels
        self._hand.result()
        self._end_segment()
        return None

    def finish(self) -> tuple[int, Path]:
        """See `Moving`."""
        written = sum((self._reel.folder / segment.file).stat().st_size for segment in self._reel.segments)
        self._need(written + SPARE_BYTES)
        planned, facts = self._planned, self._facts
        end = end_of(planned.source, facts)
        if self._reel.lasts(facts, end):
            end = None
        elif not can_hold(program.find()):
            end, self.notes = None, (*self.notes, _TOO_OLD)
        place = results.Place(planned, self._choices)
        result = placing.beside(place.path, planned.replaces, place.otherwise)
        size = self._reel.join(planned.source, facts, planned.format, self._kept, self._metadata, result, end)
        results.keep_time(place.path, planned, self._choices)
        self.close(gone=True)
        return size, place.path

    def close(self, gone: bool = False) -> None:
        """See `Moving`."""
        self._reader.stop()
        writer = self._writer
        if writer is not None:
            writer.stop()
        for lane in self._lanes:
            lane.shutdown(wait=True, cancel_futures=True)
        self._reader.close()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if gone or not self._reel.segments:  # nothing to go on behind
            self._reel.discard()
        self._reel.close()

    def _read_ahead(self) -> None:
        self._ahead = self._lanes[0].submit(self._reader.next)

    def _write(self, frame: Frame, pixels: NDArray[Any]) -> None:
        """In the lane of segments: fit, encode, and end the segment where it is long enough."""
        made = results.frame(pixels, frame.pixels, self._planned, self._choices, round(frame.time * 1e5))
        if self._writer is None:
            self._need(SPARE_BYTES)
            self._writer = SegmentWriter(self._reel.part(), self._planned.size, self._deep, self._facts, self._encoding)
            self._written, self._begins, self._began = 0, frame.time, time.monotonic()
        self._writer.write(made, frame.time - self._begins)
        self._written, self._ends = self._written + 1, frame.time
        old = self._written >= LEAST_FRAMES and time.monotonic() - self._began >= SEGMENT_SECONDS
        if old or self._written >= MOST_FRAMES:
            self._end_segment()

    def _end_segment(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.finish()
            self._reel.keep(self._written, self._begins, self._ends)

    def _need(self, size: int) -> None:
        if results.free_bytes(self._reel.folder) < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _plan(self, sha256: str) -> dict[str, Any]:
        """All that the frames of the result depend on."""
        about = os.stat(self._planned.source)
        return {
            "source": [os.path.abspath(self._planned.source), about.st_size, about.st_mtime_ns],
            "model": [self._choices.model, sha256, self._choices.task],
            "passes": [[run.width, run.height, run.scale] for run in self._planned.passes],
            "size": list(self._planned.size),
            **results.looks(self._planned, self._choices),
            "encoding": [self._encoding.codec, self._encoding.crf, self._encoding.bits],
        }


def metadata(facts: VideoFacts, planned: Planned, choices: Choices, sha256: str, held: Kept) -> list[str]:
    """ffmpeg's words for what the result tells of itself: the source's tags as far as they are kept, and the recipe."""
    kept = ["-map_metadata", "1", "-map_metadata:s:v:0", "1:s:V:0", *held.tags("ast")]
    changed: dict[str, str] = {}
    if choices.metadata == "strip":
        kept = ["-map_metadata", "-1", *held.tags("t")]  # an attached file is none without its name
    elif choices.metadata == "no-place":
        # "location-jpn", "com.apple.quicktime.location.name": the name may bear a language, and more than the figures.
        changed |= {tag: "" for tag in facts.tags if "location" in tag.lower()}
    flags = ""
    if planned.format in ("mp4", "mov"):
        flags = "+faststart"
        if choices.metadata != "strip" and any(tag.startswith(_APPLE) for tag in facts.tags):
            flags += "+use_metadata_tags"
            # With these, ffmpeg adds what is told of the source's file and not of the result's.
            changed |= dict.fromkeys(("major_brand", "minor_version", "compatible_brands"), "")
    date, twice, _ = facts.tags.get("creation_time", "").partition(";")
    if twice and choices.metadata != "strip":  # a file that tells it in two ways: joined it is no date
        changed["creation_time"] = date
    made = results.recipe_text(planned, choices, sha256)
    if not flags:
        changed["GANVAS"] = made
    elif "comment" not in facts.tags or choices.metadata == "strip":
        changed["comment"] = made
    if facts.format in ("mp4", "mov"):
        # The frames are upright. An ffmpeg from before version 5 tells the turn as a tag, and would write it again.
        kept += ["-metadata:s:v:0", "rotate="]
    words = [word for tag, value in changed.items() for word in ("-metadata", f"{tag}={value}")]
    return [*kept, *words, *(("-movflags", flags) if flags else ())]


# What an iPhone tells (its make, the place, the date with its zone) bears such names, which ffmpeg writes into MP4 and QuickTime
# only where it is asked to.
_APPLE = "com.apple.quicktime."


def notes(facts: VideoFacts, choices: Choices, held: Kept) -> tuple[str, ...]:
    """What a video loses or what was done to it on the way, in sentences."""
    encoding = chosen(facts.format, facts.bits, choices.codec, choices.crf)
    said = []
    if facts.bits > encoding.bits:
        keep = ": choose H.265 or AV1 to keep 10" if encoding.bits < 10 else ""
        said.append(f"Its {facts.bits} bits became {encoding.bits}{keep}.")
    if facts.mastering is not None and not tells_mastering(encoding, facts.mastering):
        keep = "" if encoding.codec == "h265" else ": H.265 keeps it"
        said.append(f"It is HDR: its curve is kept, what it tells of the screen it was made for is not{keep}.")
    if facts.interlaced:
        said.append("It was interlaced: its fields were put together first.")
    if facts.transparent:
        said.append("Its transparency is not kept.")
    if encoding.format != facts.format:
        why = "does not hold it" if facts.format in HELD else "is read here, not written"
        said.append(f"The result is an {encoding.format.upper()} file, as {FORMATS[facts.format].title} {why}.")
    return (*said, *held.notes)


def notes_ahead(planned: Planned, choices: Choices) -> tuple[str, ...]:
    """What a result will lose or have done to it, before anything is begun: of a video alone, whose file is looked at."""
    if planned.facts is None or not planned.facts.video:
        return ()
    facts = look(planned.source, planned.facts.format)
    return notes(facts, choices, kept(planned.source, facts.format, facts.tracks, planned.format))
