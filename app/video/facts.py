"""What a video is: size as seen, frames, times, colours, as ffmpeg tells them of the first frame."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from app.photos.formats import MAX_PIXELS
from app.photos.photo import PhotoError
from app.video import program
from app.video.tracks import Track, listed

LOOK_SECONDS = 60.0
# Matrices by which ffmpeg's scaler makes RGB of a video's frames, by the names that its frames bear.
MATRICES = {
    "bt709": "bt709",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
HD_LINES = 720  # From this height on players take a video that tells no colours for BT.709, below it for BT.601.


@dataclass(frozen=True)
class Colours:
    """`space`, `primaries`, `transfer` by ffmpeg's names ("bt709"), `full` for the full range (0..255) of luma."""

    space: str
    primaries: str
    transfer: str
    full: bool

    @property
    def matrix(self) -> str:
        """The name that ffmpeg's scaler has for the matrix."""
        return MATRICES[self.space]


@dataclass(frozen=True)
class Mastering:
    """What an HDR video tells of the screen it was made for (SMPTE ST 2086, CTA-861.3): `primaries` are x and y of red, green,
    blue and white, `luminance` the darkest and the brightest in cd/m2, `light` the brightest pixel and the brightest frame
    (mean) in cd/m2; each None where it is not told."""

    primaries: tuple[float, ...] | None = None
    luminance: tuple[float, float] | None = None
    light: tuple[int, int] | None = None


@dataclass(frozen=True)
class VideoFacts:
    """`width` and `height` as seen (turned upright), `frames` by length and rate (about: only the end tells), `rate` frames a
    second, `base` the seconds of one tick of its clock, `aspect` the shape of a pixel, `bits` of a channel, `tags` what it
    tells of itself, by ffmpeg's names, `tracks` what it has beside the picture. `lasts` is when the picture ends by what a
    Matroska file says of it, in seconds; ffmpeg's clock begins at `start`.
    """

    format: str
    width: int
    height: int
    frames: int
    seconds: float
    rate: Fraction
    base: Fraction
    aspect: Fraction
    bits: int
    colours: Colours
    interlaced: bool = False
    transparent: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    mastering: Mastering | None = None
    tracks: tuple[Track, ...] = ()
    start: Fraction = Fraction(0)
    lasts: Fraction | None = None


def look(path: Path, format: str) -> VideoFacts:
    """The facts of a video file of this `format` (mp4, mov, mkv, webm, avi); `PhotoError` where none can be read."""
    words = [*program.reading(path, format), "-map", "0:V:0", "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"]
    code, _, report = program.run(words, LOOK_SECONDS)
    if code != 0:
        raise PhotoError(_why_not(report))
    return _read(report, format)


def _why_not(report: list[str]) -> str:
    text = "\n".join(report)
    if "moov atom not found" in text or program.ended_early(report):
        return "It is cut off: the file ends before the video does."
    if "matches no streams" in text:
        return "There is no picture in it, only sound or text."
    if "Decoder (codec" in text or "no decoder found" in text or "Decoding requested, but no decoder" in text:
        return "This ffmpeg cannot read the kind of video that is in it."
    return f"It is no video that can be read ({program.complaint(report) or 'ffmpeg does not say why'})."


def _read(report: list[str], format: str) -> VideoFacts:
    text = "\n".join(report)
    frame = re.search(r"\] n: *0 pts: *\S+ .*?\bfmt:(\w+) .*?\bsar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\S)", text)
    if frame is None:
        raise PhotoError("There is no frame in it that can be read.")
    kind, aspect = frame.group(1), Fraction(int(frame.group(2)) or 1, int(frame.group(3)) or 1)
    width, height = int(frame.group(4)), int(frame.group(5))
    if width * height > MAX_PIXELS or min(width, height) < 1:
        raise PhotoError(f"Its frames claim {width:,} x {height:,} pixels, which is too much.")
    base = re.search(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)", text)
    clock = Fraction(int(base.group(1)) or 1, int(base.group(2)) or 1) if base else Fraction(1, 1000)
    rate = Fraction(int(base.group(3)) or 25, int(base.group(4)) or 1) if base else Fraction(25)
    # "fps" in the line of the stream is the mean over the file; the rate above may be the finest one of a variable rate.
    stream = re.search(r"Stream #0:\S+ *.*?Video: (.*)", text)
    mean = re.search(r"([\d.]+)(k?) fps", stream.group(1)) if stream else None
    seconds, tracks = _seconds(text), listed(text)
    start = re.search(r"Duration: .*?, start: (-?[\d.]+)", text)
    fps = float(mean.group(1)) * (1000 if mean.group(2) else 1) if mean else float(rate)
    return VideoFacts(
        format,
        width,
        height,
        max(1, round(seconds * fps)),
        seconds,
        rate,
        clock,
        aspect,
        _bits(kind),
        _colours(text, kind, height),
        frame.group(6) in "TB",
        "alpha_mode" in text or kind.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap")),
        _tags(text),
        _mastering(text),
        tracks,
        Fraction(start.group(1)) if start else Fraction(0),
        _lasts(text, alone=not any(track.kind in ("sound", "subtitles", "picture") for track in tracks)),
    )


def _tags(text: str) -> dict[str, str]:
    """Those of the file itself: its tracks and chapters, which may have some too, come behind its length."""
    told = text.partition("Input #0")[2].partition("\n[info]   Duration: ")[0]
    return dict(re.findall(r"^\[info\] {5}(\S.*?) *: (.*)$", told, re.MULTILINE))


_NUMBER = r"([\d.]+)"


def _mastering(text: str) -> Mastering | None:
    """That of the first frame; None where it has none."""
    shown = re.search(r"side data - Mastering display metadata: (.*)", text)
    display = shown.group(1) if shown else ""
    where = re.search(r"has_primaries:1 .*r\((.*?)\) g\((.*?)\) b\((.*?)\) wp\((.*?)\)", display)
    bright = re.search(rf"has_luminance:1 .*min_luminance={_NUMBER}, max_luminance={_NUMBER}", display)
    light = re.search(r"side data - Content light level \w+: MaxCLL=(\d+), MaxFALL=(\d+)", text, re.IGNORECASE)
    told = Mastering(
        tuple(float(number) for number in re.findall(_NUMBER, " ".join(where.groups()))) if where else None,
        (float(bright.group(1)), float(bright.group(2))) if bright else None,
        (int(light.group(1)), int(light.group(2))) if light else None,
    )
    return told if told != Mastering() else None


def _seconds(text: str) -> float:
    found = re.search(r"Duration: (\d+):(\d+):(\d+(?:\.\d+)?)", text)
    return int(found.group(1)) * 3600 + int(found.group(2)) * 60 + float(found.group(3)) if found else 0.0


def _lasts(text: str, alone: bool) -> Fraction | None:
    """What a Matroska file says of its first picture track, or of the whole where that is `alone`."""
    whole = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text)
    picture = re.search(r"Stream #0:\S+ *.*?Video: .*\n(?:\[info\] {4,}(?!Stream).*\n)*", text)
    own = re.search(r" DURATION(?:-\w+)? *: (\d+):(\d+):([\d.]+)", picture.group(0)) if picture else None
    told = [_clock(*found.groups()) for found in (whole, own) if found is not None]
    # A tag may be one of a longer film that this was cut out of.
    return min(told, default=None) if own is not None or alone else None


def _clock(hours: str, minutes: str, seconds: str) -> Fraction:
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


def _bits(kind: str) -> int:
    """Bits a channel of a pixel format by its name: yuv420p10le has 10, p010le 10, rgb48le 16, others 8."""
    found = re.search(r"(?:p|gray|x)0?(\d\d)(?:le|be)?$", kind)
    if found:
        return int(found.group(1))
    return 16 if re.search(r"(48|64)(le|be)$", kind) else 8


def _colours(text: str, kind: str, height: int) -> Colours:
    """The colours of the first frame. What it leaves open is what players take it for, so that the result can say so."""
    found = re.search(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)", text)
    span, space, primaries, transfer = found.groups() if found else ("unknown",) * 4
    full = span in ("pc", "full", "jpeg") or kind.startswith("yuvj")
    if space in ("gbr", "rgb") or kind.startswith(("rgb", "bgr", "gbr", "gray", "pal8", "argb", "abgr", "0rgb", "0bgr")):
        space, full = "unknown", kind.startswith("gray") and full
        hd = True
    else:
        hd = height >= HD_LINES
    assumed = "bt709" if hd else "bt470bg" if height in (288, 576) else "smpte170m"
    if space in ("unknown", "unspecified", "reserved"):
        space = assumed
    elif space not in MATRICES:
        raise PhotoError(f"Its colours are of a kind ({space}) that cannot be turned into RGB without loss.")
    unknown = ("unknown", "unspecified", "reserved")
    if primaries in unknown:
        primaries = {"bt2020nc": "bt2020", "bt2020c": "bt2020", "fcc": "bt470m"}.get(space, space)
    if transfer in unknown:
        transfer = {"bt470bg": "smpte170m", "bt2020nc": "bt2020-10", "bt2020c": "bt2020-10", "fcc": "gamma22"}.get(space, space)
    return Colours(space, primaries, transfer, full)
