"""Tiles become one picture; of a result too large to be held no more waits than one row of the network's windows."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from app.inference.updates import Tile
from app.photos.decoding import decode
from app.photos.photo import Photo
from app.photos.streaming import Shape, StripWriter
from app.upscale.results import BLOCK_ROWS, Assembly, StreamedAssembly

WINDOW, PART = (2400, 150), 256  # rows and columns of a window, rows of the parts that it comes in


def tiles(pixels: np.ndarray) -> list[Tile]:
    """As a network hands them over: windows in reading order, each from its top in parts."""
    height, width = pixels.shape[:2]
    made = []
    for top in range(0, height, WINDOW[0]):
        for left in range(0, width, WINDOW[1]):
            bottom = min(top + WINDOW[0], height)
            for row in range(top, bottom, PART):
                part = pixels[row : min(row + PART, bottom), left : left + WINDOW[1]]
                made.append(Tile(part, row, left))
    return made


@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 3), (np.uint16, 1)])
def test_it_is_the_same_picture_and_takes_little_memory(tmp_path: Path, kind: type, channels: int) -> None:
    whole = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (7200, 400, channels), kind)
    shape = Shape(400, 7200, channels, kind)
    like = Photo(np.zeros((72, 4, channels), kind))
    parts = tiles(whole)
    with StripWriter(tmp_path / "made.png", shape, like, "png") as writer:
        assembly = StreamedAssembly(writer, shape)
        tracemalloc.start()
        for number, tile in enumerate(parts):
            assembly.put(tile)
            if number == len(parts) // 2:  # a pause, and what is not complete comes again
                again = assembly.rows // WINDOW[0] * WINDOW[0]
                assembly.go_on_from(assembly.rows)
                for other in parts[: number + 1]:
                    below = max(assembly.rows - other.top, 0)
                    if below < len(other.pixels) and other.top >= again:
                        assembly.put(Tile(other.pixels[below:], other.top + below, other.left))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert assembly.rows == 7200
    assert np.array_equal(decode(tmp_path / "made.png").pixels, whole)
    row = 400 * channels * np.dtype(kind).itemsize
    # The windows' rows, what blocks have beyond them, and the encoder's: two strips that wait, one in its own words,
    # which go out by the megabyte.
    assert peak < row * (WINDOW[0] + 7 * BLOCK_ROWS) + 2 * 2**20


@pytest.mark.parametrize("left", [0, 40])
def test_what_comes_again_after_a_pause_is_not_counted_twice(left: int) -> None:
    """A row is complete when all of it is there, not when as many pixels as it has have come."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    assembly = Assembly(Shape(80, 60, 3, np.uint8))
    assembly.put(Tile(pixels[:30], 0, 0))
    half = Tile(pixels[30:, left : left + 40], 30, left)
    for _ in range(3):
        assembly.put(half)
        assembly.go_on_from(assembly.rows)
    assert assembly.rows == 30
    assembly.put(half)
    assembly.put(Tile(pixels[30:, 40 - left : 80 - left], 0, 40 - left), below=30)
    assert assembly.rows == 60
    assert np.array_equal(assembly.pixels, pixels)
