"""How long a video lasts, which is how long its last frame stays: the times of frames alone do not tell it."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

from app.video import program
from app.video.facts import VideoFacts

_MOST_EDITS = 10_000
_LISTING_SECONDS = 6 * 3600.0  # It reads the whole file, from a slow disk too.


def end_of(path: Path, facts: VideoFacts) -> Fraction | None:
    """When the last frame goes, in seconds of the clock that its frames' times are of; None where the file does not tell."""
    end: Fraction | None = None
    if facts.format in ("mp4", "mov"):
        end = _end_in_boxes(path)
    elif facts.lasts is not None:
        end = facts.lasts
    return end - facts.start if end else _end_of_packets(path, facts)


def _end_of_packets(path: Path, facts: VideoFacts) -> Fraction | None:
    """By the duration of each packet: where the head does not tell, as in a file that was recorded piece by piece."""
    words = [*program.reading(path, facts.format), "-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    code, told, _ = program.run(words, _LISTING_SECONDS)
    tick = re.search(rb"^#tb 0: (\d+)/(\d+)", told, re.MULTILINE)
    rows = re.findall(rb"^0, *-?\d+, *(-?\d+), *(\d+),", told, re.MULTILINE)
    if code != 0 or tick is None or not rows:
        return None
    at, length = max(((int(at), int(length)) for at, length in rows), key=sum)
    return (at + length) * Fraction(int(tick.group(1)), int(tick.group(2))) if length else None


def _end_in_boxes(path: Path) -> Fraction | None:
    """Of MP4 and QuickTime (ISO/IEC 14496-12): what the first track of pictures says of its length, its edits counted."""
    with path.open("rb") as file:
        for kind, start, stop in _boxes(file, 0, path.stat().st_size):
            if kind == b"moov":
                return _end_in_movie(file, start, stop)
    return None


def _end_in_movie(file: IO[bytes], start: int, stop: int) -> Fraction | None:
    ticks = 0
    for kind, begins, ends in _boxes(file, start, stop):
        if kind == b"mvhd":
            ticks = _number(file, begins, 12, 20, wide=False)
        elif kind == b"trak":
            inner = {name: place for name, *place in _boxes(file, begins, ends)}
            handler = next((at for name, at, _ in _boxes(file, *inner.get(b"mdia", (0, 0))) if name == b"hdlr"), None)
            if handler is None or b"tkhd" not in inner or _read(file, handler + 8, 4) != b"vide":
                continue
            edits = next((at for name, at, _ in _boxes(file, *inner.get(b"edts", (0, 0))) if name == b"elst"), None)
            # Older ffmpegs leave out of the track's own length what it begins later than others.
            length = _number(file, inner[b"tkhd"][0], 20, 28) if edits is None else _edited(file, edits)
            # All bits set say that it is not known, and none does where the pieces come one by one.
            return Fraction(length, ticks) if ticks and 0 < length < 2**32 - 1 else None
    return None


def _edited(file: IO[bytes], box: int) -> int:
    """What the edits of a track add up to; 0 where the last goes on for as long as pieces come."""
    entry, width = (20, 8) if _read(file, box, 1) == b"\x01" else (12, 4)
    count = int.from_bytes(_read(file, box + 4, 4), "big")
    lengths = [_read(file, box + 8 + entry * number, width) for number in range(min(count, _MOST_EDITS))]
    return sum(int.from_bytes(length, "big") for length in lengths) if lengths and any(lengths[-1]) else 0


def _boxes(file: IO[bytes], start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the content of each box between two places."""
    while start + 8 <= stop:
        head = _read(file, start, 16)
        if len(head) < 8:
            return
        size, name, inside = *struct.unpack(">I4s", head[:8]), start + 8
        if size == 1 and len(head) == 16:
            size, inside = struct.unpack(">Q", head[8:])[0], start + 16
        end = stop if size == 0 else start + size
        if not inside <= end <= stop:
            return
        yield name, inside, end
        start = end


def _number(file: IO[bytes], box: int, at: int, wide_at: int, wide: bool = True) -> int:
    """A number of a box that begins with its version: it stands elsewhere in version 1, and is there of 64 bits where `wide`."""
    new = _read(file, box, 1) == b"\x01"
    return int.from_bytes(_read(file, box + (wide_at if new else at), 8 if new and wide else 4), "big")


def _read(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


@functools.cache
def can_hold(ffmpeg: Path) -> bool:
    """Whether this program can say of a frame how long it stays, without encoding it again: older ones cannot."""
    return "-duration" in program.said(ffmpeg, "-hide_banner", "-h", "bsf=setts")
