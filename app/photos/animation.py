"""Animated GIF and WebP: all frames in, all frames out, with their times.

Frames come composed (each is a whole picture, whatever the file stores of it) and upright, in sRGB with alpha.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from app.photos import containers, exif
from app.photos.containers import Metadata
from app.photos.decoding import ends_early, regular_file, upright
from app.photos.formats import BOMB_RATIO, HEAD, sniff
from app.photos.photo import PhotoError

FORMATS = ("gif", "webp")
# All frames of an animation are held while it is made: a result beyond this is refused ahead.
MAX_BYTES = 2_000 * 10**6
MAX_FRAMES = 5_000


@dataclass(frozen=True, eq=False)
class Animation:
    """`frames` uint8 `[N, H, W, C]` (C 3 or 4), `delays` milliseconds of each, `loop` how often it plays (0: for ever)."""

    frames: NDArray[np.uint8]
    delays: tuple[int, ...]
    loop: int = 0
    xmp: bytes | None = None
    exif: bytes | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or len(self.delays) != len(self.frames):
            raise ValueError(f"{len(self.delays)} delays for frames {self.frames.shape}")


def too_long(frames: int, width: int, height: int) -> str | None:
    """Why an animation of this many frames and this size is refused; None where it is not."""
    if frames > MAX_FRAMES:
        return f"It has {frames:,} frames; Ganvas enlarges animations of up to {MAX_FRAMES:,}."
    if frames * width * height * 4 > MAX_BYTES:
        return f"Its {frames:,} frames would take {frames * width * height * 4 / 1e9:.1f} GB of memory: choose a smaller size."
    return None


def decode_animation(path: Path) -> Animation:
    """All frames of a GIF or WebP file; `PhotoError` as in `app.photos.decoding.decode`."""
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        name = sniff(file.read(HEAD))
        if name not in FORMATS:
            raise PhotoError("It is no animation.")
        if ends_early(file, name):  # libvips would give the frames that are there
            raise PhotoError("It is cut off: the file ends before the animation does.")
        file.seek(0)
        source = pyvips.Source.new_from_descriptor(file.fileno())
        load = pyvips.Image.gifload_source if name == "gif" else pyvips.Image.webpload_source
        try:
            image = load(source, n=-1, access="sequential", fail_on="error")
            pages = int(image.get("n-pages")) if image.get_typeof("n-pages") else 1
            height = image.height // pages
            problem = too_long(pages, image.width, height)
            if problem is None and image.width * image.height > max(64_000_000, size * BOMB_RATIO * 10):
                problem = "It claims far more pixels than it can hold, so it was not unpacked."
            if problem:
                raise PhotoError(problem)
            packet, block = (bytes(image.get(f)) if image.get_typeof(f) else None for f in ("xmp-data", "exif-data"))
            turn = image.get("orientation") if image.get_typeof("orientation") else 1
            delays = tuple(image.get("delay")) if image.get_typeof("delay") else (100,) * pages
            loop = int(image.get("loop")) if image.get_typeof("loop") else 0
            image = _in_srgb(image)
            pixels = np.frombuffer(image.write_to_memory(), np.uint8)
        except pyvips.Error as error:
            raise PhotoError("Its frames are broken.") from error
    frames = pixels.reshape(pages, height, image.width, image.bands)
    if frames.shape[3] == 4 and (frames[..., 3] == 255).all():
        frames = np.ascontiguousarray(frames[..., :3])
    if turn != 1:
        frames = stacked(upright(frame, turn) for frame in frames)
    if block is not None:
        block = exif.put_right(exif.strip_prefix(block), frames.shape[2], frames.shape[1], None)
    return Animation(frames, (*delays, *(100,) * pages)[:pages], loop, packet, block)


def _in_srgb(image: Any) -> Any:
    """Of a profile that cannot be used nothing is known: then the numbers are taken for sRGB, as every viewer does."""
    if image.get_typeof("icc-profile-data"):
        with contextlib.suppress(pyvips.Error):
            return image.icc_transform("srgb", embedded=True, intent="relative", depth=8)
    return image.colourspace("srgb")


def encode_animation(animation: Animation, format: str, quality: int = 92) -> list[bytes | memoryview]:
    """The parts of a GIF or WebP file. GIF has 256 colours a frame and neither metadata nor half transparency."""
    if format not in FORMATS:
        raise PhotoError("An animation can be written as GIF or WebP.", "Choose one of them.")
    count, height, width, channels = animation.frames.shape
    if max(width, height) > 16_383:
        raise PhotoError("An animation holds at most 16,383 pixels a side.", "Choose a smaller size.")
    whole = np.ascontiguousarray(animation.frames).reshape(count * height, width, channels)
    image = pyvips.Image.new_from_memory(whole.data, width, count * height, channels, "uchar").copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "page-height", height)
    image.set_type(pyvips.GValue.array_int_type, "delay", list(animation.delays))
    image.set_type(pyvips.GValue.gint_type, "loop", animation.loop)
    try:
        if format == "gif":
            return [image.gifsave_buffer(effort=7, keep="none")]
        data = image.webpsave_buffer(Q=quality, lossless=quality == 100, keep="none")
    except pyvips.Error as error:
        raise PhotoError(f"It could not be written: {str(error).strip().splitlines()[-1].strip()}.") from error
    block = exif.put_right(animation.exif, width, height, None) if animation.exif else None
    return containers.embed(data, "webp", Metadata(exif=block, xmp=animation.xmp)) if block or animation.xmp else [data]


def stacked(frames: Iterable[NDArray[Any]]) -> NDArray[np.uint8]:
    """Frames of one size, one behind the other."""
    return np.stack([np.asarray(frame, np.uint8) for frame in frames])
