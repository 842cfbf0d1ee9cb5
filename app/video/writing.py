"""Frames into a video: which encoder, how fine, and one segment of a result at a time."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from app.photos.photo import PhotoError
from app.video import matroska, program
from app.video.facts import Mastering, VideoFacts
from app.video.reading import EXACT, REPORT_LINES

Codec = Literal["h264", "h265", "av1", "vp9"]
CODECS: tuple[Codec, ...] = get_args(Codec)
TITLES: dict[Codec, str] = {"h264": "H.264", "h265": "H.265", "av1": "AV1", "vp9": "VP9"}
# The constant quality that looks like the frames themselves; scales differ from codec to codec.
CRF: dict[Codec, int] = {"h264": 18, "h265": 20, "av1": 26, "vp9": 22}
MAX_CRF = 51  # of H.264 and H.265; AV1 and VP9 go on to 63, where nobody wants to be
_ENCODERS: dict[Codec, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "h264": (("libx264", ("-preset", "medium")),),
    "h265": (("libx265", ("-preset", "medium", "-x265-params", "log-level=error")),),
    "av1": (("libsvtav1", ("-preset", "8")), ("libaom-av1", ("-b:v", "0", "-cpu-used", "6", "-row-mt", "1"))),
    "vp9": (("libvpx-vp9", ("-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1")),),
}
HELD: dict[str, tuple[Codec, ...]] = {"mp4": CODECS, "mov": ("h264", "h265"), "mkv": CODECS, "webm": ("vp9", "av1")}


@dataclass(frozen=True)
class Encoding:
    """How a video is written: `format` of the file, codec, constant rate factor (lower is finer), bits a channel (8 or 10)."""

    format: str
    codec: Codec
    crf: int
    bits: int


def chosen(format: str, bits: int, codec: Codec | None = None, crf: int | None = None) -> Encoding:
    """How a video of this format and depth is written where `codec` and `crf` are what a person chose, or None.

    H.264 is what everything plays; H.265 takes its place for more than 8 bits, which players of H.264 do not show, and VP9
    in WebM, which holds no H.264. What the file cannot hold goes into MKV, which holds all.
    """
    wanted = codec or ("vp9" if format == "webm" else "h265" if bits > 8 else "h264")
    fits = format if wanted in HELD.get(format, ()) else "mkv"
    return Encoding(fits, wanted, CRF[wanted] if crf is None else crf, 10 if bits > 8 and wanted != "h264" else 8)


def encoder(codec: Codec, mastering: Mastering | None = None) -> tuple[str, ...]:
    """The words that name an encoder of this codec which the ffmpeg at hand has, and what it is to tell of an HDR video's
    screen where it can (`tells_mastering`); `PhotoError` where there is none."""
    name, words = _encoder(codec)
    told = _screen(name, mastering) if mastering is not None else ""
    if name == "libx265":
        words = (*words[:-1], ":".join(filter(None, (words[-1], told))))
    elif told:
        words = (*words, "-svtav1-params", told)
    return ("-c:v", name, *words)


def tells_mastering(encoding: Encoding, mastering: Mastering) -> bool:
    """Whether a video that is written so tells of the screen it was made for as its source does."""
    return encoding.bits > 8 and bool(_screen(_encoder(encoding.codec)[0], mastering))


def _screen(encoder: str, mastering: Mastering) -> str:
    """An encoder's parameters that tell of the screen; "" where it has none, or where the source tells too little."""
    if mastering.primaries is None or mastering.luminance is None or encoder not in ("libx265", "libsvtav1"):
        return ""
    numbers = [*mastering.primaries, *mastering.luminance]
    if encoder == "libx265":  # in steps of 0.00002, and of 0.0001 cd/m2
        numbers = [round(number * (50_000 if i < 8 else 10_000)) for i, number in enumerate(numbers)]
    rx, ry, gx, gy, bx, by, wx, wy, dark, bright = (f"{number:.10g}" for number in numbers)
    screen = f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({bright},{dark})"
    names = ("master-display", "max-cll") if encoder == "libx265" else ("mastering-display", "content-light")
    light = f":{names[1]}={mastering.light[0]},{mastering.light[1]}" if mastering.light else ""
    return f"{names[0]}={screen}{light}"


def _encoder(codec: Codec) -> tuple[str, tuple[str, ...]]:
    have = program.encoders(program.find())
    for name, words in _ENCODERS[codec]:
        if name in have:
            return name, words
    raise PhotoError(f"This ffmpeg cannot write {TITLES[codec]}.", "Choose another codec, or install a fuller ffmpeg.")


def ticks(base: Fraction) -> int:
    """Ticks a second of a track that holds every time of this clock exactly."""
    return base.denominator


class SegmentWriter:
    """Encodes frames into `path`, an MP4 file of video alone whose first frame is a key frame at time 0. Finish or abandon it.

    `size` is width and height of the frames, both even. Times are ticks of the source's clock, from the segment's first frame.
    `told` are ffmpeg's words about the file as a whole.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        deep: bool,
        facts: VideoFacts,
        encoding: Encoding,
        told: Sequence[str] = (),
    ) -> None:
        self._base, self._began = facts.base, False
        colours, clock = facts.colours, ticks(facts.base)
        span = "full" if colours.full else "limited"
        chain = [
            f"scale=in_range=full:out_color_matrix={colours.matrix}:out_range={span}:{EXACT}",
            f"format={'yuv420p10le' if encoding.bits > 8 else 'yuv420p'}",
            f"setparams=range={span}:color_primaries={colours.primaries}:color_trc={colours.transfer}:colorspace={colours.space}",
            f"setsar={facts.aspect.numerator}/{facts.aspect.denominator}",
            f"settb=1/{clock}",
        ]
        words = [
            *("-f", "matroska", "-i", "pipe:0", "-map", "0:v:0", "-vf", ",".join(chain)),
            *program.as_they_come(program.find()),
            *("-enc_time_base", f"1:{clock}", "-video_track_timescale", str(clock)),
            *(*encoder(encoding.codec, facts.mastering if encoding.bits > 8 else None), "-crf", str(encoding.crf)),
            *("-color_range", "pc" if colours.full else "tv", "-colorspace", colours.space),
            *("-color_primaries", colours.primaries, "-color_trc", colours.transfer),
            *(("-tag:v", "hvc1") if encoding.codec == "h265" else ()),
            *told,
            *("-f", "mp4", "-y", f"file:{path}"),
        ]
        self._process = program.start(words, subprocess.PIPE, subprocess.DEVNULL)
        self._report: deque[str] = deque(maxlen=REPORT_LINES)
        self._listener = threading.Thread(target=self._listen, name="ffmpeg report", daemon=True)
        self._listener.start()
        self._deep = deep
        self._head = matroska.head(*size, deep, float(facts.rate))

    def write(self, pixels: NDArray[Any], time: int) -> None:
        """Encode a frame `[H, W, 3]`, uint16 where the writer is deep, else uint8. Waits while the encoder is busy."""
        data = np.ascontiguousarray(pixels, np.dtype("<u2") if self._deep else np.uint8)
        before = b"" if self._began else self._head
        self._began = True
        self._put(before + matroska.frame_head(round(time * self._base * 1_000_000), data.nbytes))
        self._put(data.data.cast("B"))

    def finish(self) -> None:
        """Wait for the encoder. `OSError` where the disk is full, `PhotoError` where it failed otherwise."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        code = self._process.wait()
        self._listener.join()
        self._close()
        if code != 0:
            raise self._failure()

    def stop(self) -> None:
        """End the encoder, wherever it is: a `write` that waits in another thread fails."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def abandon(self) -> None:
        """End the encoder and let go of everything."""
        self.stop()
        self._process.wait()
        self._listener.join()
        self._close()

    def _put(self, data: bytes | memoryview) -> None:
        assert self._process.stdin is not None
        view, sent = memoryview(data), 0
        try:
            while sent < len(view):
                sent += self._process.stdin.write(view[sent:])
        except OSError as error:
            self.abandon()
            raise self._failure() from error

    def _failure(self) -> Exception:
        report = list(self._report)
        if any("No space left" in line or "Disk quota exceeded" in line for line in report):
            return OSError(errno.ENOSPC, "No space left on device")
        return PhotoError(f"The video could not be written ({program.complaint(report) or 'ffmpeg gave up'}).")

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            self._report.append(raw.decode("utf-8", "replace").rstrip())
