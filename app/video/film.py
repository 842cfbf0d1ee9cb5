"""A film of pictures that were made here: H.264 in MP4, which everything plays."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.video.facts import Colours, VideoFacts
from app.video.writing import SegmentWriter, chosen, encoder

_COLOURS = Colours("bt709", "bt709", "bt709", full=False)


def check() -> None:
    """`PhotoError` says what to install where no ffmpeg is at hand that writes such films."""
    encoder(chosen("mp4", 8).codec)


def write(path: Path, pictures: Iterable[NDArray[np.uint8]], rate: int, comment: str) -> None:
    """Write pictures `[H, W, 3]` of one size, `rate` a second, as a film that tells `comment` of itself.

    H.264 halves the colours of two neighbours, so an odd side gets its last row or column twice. Raises what reading the pictures
    raises, `OSError` where the disk is full, `PhotoError` where ffmpeg fails; what it wrote until then is then left at `path`.
    """
    writer: SegmentWriter | None = None
    try:
        for number, picture in enumerate(pictures):
            even = np.pad(picture, [(0, side % 2) for side in picture.shape[:2]] + [(0, 0)], mode="edge")
            if writer is None:
                writer = _begun(path, even.shape[1], even.shape[0], rate, comment)
            writer.write(even, number)
        if writer is None:
            raise ValueError("a film takes a picture")
        writer.finish()
    except BaseException:
        if writer is not None:
            writer.abandon()
        raise


def _begun(path: Path, width: int, height: int, rate: int, comment: str) -> SegmentWriter:
    second = Fraction(rate)
    facts = VideoFacts("mp4", width, height, 0, 0.0, second, 1 / second, Fraction(1), 8, _COLOURS)
    told = ("-metadata", f"comment={comment}", "-movflags", "+faststart")
    return SegmentWriter(path, (width, height), False, facts, chosen("mp4", 8), told)
