"""What is done to one photo beside the network: read before it, given a place for its tiles, written after it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np

from app.photos.animation import decode_animation
from app.photos.decoding import decode
from app.photos.photo import Photo, PhotoError
from app.photos.streaming import Shape
from app.upscale import results
from app.upscale.items import Item
from app.upscale.moving import Film, Moving, MovingPicture
from app.upscale.plan import Choices, Planned, expected_bytes
from app.video.facts import look

STREAM_BYTES = 600 * 10**6  # A result beyond this goes to the disk as it is made, instead of being held.
SPARE_BYTES = 100 * 10**6  # Room that is left on a disk: a full one harms more than this job.


def read(planned: Planned, choices: Choices, sha256: str) -> tuple[Photo, Moving | None]:
    """The photo with all that its result is to carry; of what moves its first frame, and the frames. `PhotoError`, `OSError`."""
    if planned.facts is not None and planned.facts.video:
        return _read_video(planned, choices, sha256)
    if planned.frames > 1:
        animation = decode_animation(planned.source)
        first = Photo(animation.frames[0], planned.format, exif=animation.exif, xmp=animation.xmp)
        if len(animation.frames) != planned.frames:
            raise PhotoError("The file has changed since the job was planned.", "Add it again.")
        photo = results.dressed(first, planned, choices, sha256)
        return photo, MovingPicture(animation, photo, planned, choices)
    photo = results.prepared(decode(planned.source), planned, choices)
    if planned.facts is not None and (photo.width, photo.height) != (planned.facts.width, planned.facts.height):
        raise PhotoError("The file has changed since the job was planned.", "Add it again.")
    return results.dressed(photo, planned, choices, sha256), None


def _read_video(planned: Planned, choices: Choices, sha256: str) -> tuple[Photo, Moving | None]:
    assert planned.facts is not None
    facts = look(planned.source, planned.facts.format)
    if (facts.width, facts.height) != (planned.facts.width, planned.facts.height):
        raise PhotoError("The file has changed since the job was planned.", "Add it again.")
    film = Film(facts, planned, choices, sha256)
    nothing = np.zeros((1, 1, 3), np.uint8)  # an earlier run made all frames: joining them is left to do
    return Photo(nothing if film.first is None else film.first, facts.format), film


def next_bytes(item: Item, scale: int) -> int:
    """What the next run of the network makes, in memory."""
    return item.pixels.nbytes * scale**2 if item.pixels is not None else 0


def is_streamed(item: Item, choices: Choices) -> bool:
    """Whether the item's next run goes to the disk as it is made."""
    return item.last_run and item.moving is None and next_bytes(item, choices.scale) > STREAM_BYTES


def open_assembly(item: Item, choices: Choices) -> None:
    """Give the item a place for the tiles of its next run: in memory, or on the disk where they are many. `OSError`,
    `PhotoError`."""
    assert item.pixels is not None
    assert item.photo is not None
    height, width, channels = item.pixels.shape
    shape = Shape(width * choices.scale, height * choices.scale, channels, item.pixels.dtype)
    if is_streamed(item, choices):
        _check_room(item.planned, choices)
        stream = results.Stream(item.photo, item.planned, choices, shape)
        item.assembly, item.stream = stream.open(), stream
    else:
        item.assembly = results.Assembly(shape)


def write(item: Item, choices: Choices) -> tuple[int, Path]:
    """Put the result in its place; the bytes written, and where they are. `OSError`, `PhotoError`."""
    assert item.photo is not None
    if item.stream is not None:
        return item.stream.finish()
    if item.moving is not None:
        if not (item.planned.facts is not None and item.planned.facts.video):
            _check_room(item.planned, choices)
        return item.moving.finish()
    assert item.pixels is not None
    _check_room(item.planned, choices)
    written = results.write(item.pixels, item.photo, item.planned, choices)
    # Let go of here: giving a hundred megabytes back to the system takes a while, which the owner need not wait for.
    item.pixels = None
    return written


def _check_room(planned: Planned, choices: Choices) -> None:
    assert planned.output is not None
    if results.free_bytes(planned.output.parent) < expected_bytes(planned, choices.quality) + SPARE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
