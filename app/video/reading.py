"""Frames of a video, one after another, as ffmpeg decodes them: upright, RGB, each with its time."""

from __future__ import annotations

import contextlib
import queue
import re
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.photos.photo import Photo, PhotoError
from app.video import program
from app.video.facts import LOOK_SECONDS, VideoFacts

REPORT_LINES = 200
TIME_SECONDS = 60.0  # A frame's time is reported before its pixels come: it is late only where ffmpeg hangs.
# The scaler's most exact way from a video's colours to RGB and back.
EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@dataclass(frozen=True, eq=False)
class Frame:
    """`pixels` uint8 or uint16 `[H, W, 3]`; `time` in ticks of the video's clock (`VideoFacts.base`)."""

    pixels: NDArray[Any]
    time: int


class FrameReader:
    """Frames from the one with the number `skip` on. `next` waits for ffmpeg; one thread uses it. Close it.

    Whoever goes on after a stop decodes the frames before again (some hundred a second) and throws them away: counting them
    is exact in every file, seeking is not.
    """

    def __init__(self, path: Path, facts: VideoFacts, skip: int = 0, deep: bool = False) -> None:
        self._facts, self._kind = facts, np.dtype("<u2") if deep else np.dtype("u1")
        chain = [
            # It counts in half ticks, from which it could make a frame of each field.
            *(["yadif=deint=interlaced", f"settb={facts.base}"] if facts.interlaced else []),
            *([f"trim=start_frame={skip}"] if skip else []),
            "showinfo",
            f"scale={facts.width}:{facts.height}:in_color_matrix={facts.colours.matrix}:"
            f"in_range={'full' if facts.colours.full else 'limited'}:out_range=full:{EXACT}",
            f"format={'rgb48le' if deep else 'rgb24'}",
        ]
        words = [
            *("-xerror", *program.reading(path, facts.format), "-map", "0:V:0", "-vf", ",".join(chain)),
            *(*program.as_they_come(program.find()), "-f", "rawvideo", "pipe:1"),
        ]
        self._process = program.start(words, subprocess.DEVNULL, subprocess.PIPE)
        self._report: deque[str] = deque(maxlen=REPORT_LINES)
        self._times: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, name="ffmpeg report", daemon=True)
        self._listener.start()
        self.read = skip  # frames that were read or skipped

    def next(self) -> Frame | None:
        """The next frame, None after the last. `PhotoError` where the file is damaged or cut off."""
        pixels = np.empty((self._facts.height, self._facts.width, 3), self._kind)
        view, got = pixels.data.cast("B"), 0
        assert self._process.stdout is not None
        while got < len(view):
            count = self._process.stdout.readinto(view[got:])  # type: ignore[attr-defined]
            if not count:
                break
            got += count
        if got < len(view):
            self._ended(got > 0)
            return None
        try:
            time = self._times.get(timeout=TIME_SECONDS)
        except queue.Empty:
            time = None
        if time is None:
            raise PhotoError(f"Frame {self.read + 1} has no time, so the video cannot be put together again.")
        self.read += 1
        return Frame(pixels, time)

    def stop(self) -> None:
        """End ffmpeg, wherever it is: a `next` that waits in another thread comes back."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """Let go of everything; nobody is in `next` any more."""
        self.stop()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _ended(self, amid: bool) -> None:
        code = self._process.wait()
        self._listener.join()
        report = list(self._report)
        if program.ended_early(report) or (amid and code == 0):
            raise PhotoError(f"It is cut off after {self.read} frames: the file ends before the video does.")
        if code != 0:
            raise PhotoError(f"It is damaged after {self.read} frames ({program.complaint(report) or 'ffmpeg gave up'}).")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            line = raw.decode("utf-8", "replace")
            shown = re.search(r"\] n: *\d+ pts: *(-?\d+|NOPTS) ", line)
            if shown is not None:
                self._times.put(None if shown.group(1) == "NOPTS" else int(shown.group(1)))
            elif not line.startswith("[Parsed_showinfo"):
                self._report.append(line.rstrip())


def still(path: Path, facts: VideoFacts, share: float = 0.1) -> Photo:
    """One frame as a photo, `share` of the way in (the first ones of many videos are black)."""
    chain = (
        f"scale={facts.width}:{facts.height}:in_color_matrix={facts.colours.matrix}:"
        f"in_range={'full' if facts.colours.full else 'limited'}:out_range=full:{EXACT},format=rgb24"
    )
    for at in (facts.seconds * share, 0.0):
        words = ["-ss", f"{at:.3f}", *program.reading(path, facts.format), "-map", "0:V:0", "-frames:v", "1"]
        _, data, report = program.run([*words, "-vf", chain, "-f", "rawvideo", "pipe:1"], LOOK_SECONDS)
        if len(data) >= facts.width * facts.height * 3:
            pixels = np.frombuffer(data, np.uint8, facts.width * facts.height * 3)
            return Photo(pixels.reshape(facts.height, facts.width, 3), facts.format)
    raise PhotoError(f"No frame of it can be shown ({program.complaint(report) or 'ffmpeg does not say why'}).")
