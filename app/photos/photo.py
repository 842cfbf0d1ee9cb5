"""A decoded photo: its pixels and everything else its file said, so that it can be written again without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Formats of `app.photos.formats.FORMATS` that ffmpeg reads.
VIDEOS = ("mp4", "mov", "mkv", "webm", "avi", "ts", "mpg", "wmv", "flv")


class PhotoError(Exception):
    """A photo cannot be read or written. The text is one sentence for a person; `hint` says what to do, or is empty."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} {hint}".strip())
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Text:
    """What somebody wrote into a file, under a `key` like Title, Author or Comment. PNG may tell its `language` (RFC 5646), and
    the key in it."""

    key: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True, eq=False)
class Photo:
    """Pixels uint8 or uint16 `[H, W, C]`: C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); alpha is not premultiplied.

    The orientation of the file is already applied to the pixels, and `exif` says "upright". `icc` is the profile the pixels
    are in (None: sRGB, or plain grey). `exif` is a TIFF block without the "Exif" prefix, `xmp` an XMP packet, `iptc` an
    IIM block (record data without Photoshop's wrapping). `dpi` is horizontal and vertical dots an inch. `texts` are those of a
    PNG, and the comments of a JPEG file. `format` is one of `app.photos.formats.FORMATS`. `warnings` are sentences about what
    was left out ("This is the first of 3 pages.").
    """

    pixels: NDArray[Any]
    format: str = "png"
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()
    texts: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or not 1 <= shape[2] <= 4 or 0 in shape or kind not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be uint8 or uint16 [H, W, 1 to 4], not {kind} {list(shape)}")

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def bits(self) -> int:
        """Bits a channel: 8 or 16."""
        return int(self.pixels.dtype.itemsize) * 8


@dataclass(frozen=True)
class PhotoFacts:
    """What the head of a file says, without its pixels: the size as seen (orientation applied), channels, bits, pages."""

    format: str
    width: int
    height: int
    channels: int
    bits: int
    pages: int = 1

    @property
    def animated(self) -> bool:
        """Whether its pages are frames that follow each other in time."""
        return self.pages > 1 and self.format in ("gif", "webp")

    @property
    def video(self) -> bool:
        """Whether it is one: its pages are its frames, about as many as its length says."""
        return self.format in VIDEOS

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6
