"""TIFF files as they are laid out by others: what cannot be read is said by the head already, and nothing is read as noise."""

import struct
from pathlib import Path

import numpy as np
import pytest

from app.photos.decoding import decode, probe
from app.photos.photo import PhotoError
from app.photos.showing import photo_picture, thumbnail
from tests.photos.tiffs import tiff_of

WHITE, BLACK, RGB = 0, 1, 2  # what a TIFF calls them: which of both is 0


def write(path: Path, pixels: np.ndarray, kind: int, extra: list[int], planes: int = 1, tiled: bool = False) -> Path:
    """uint8 or uint16 `[16, 16, C]` as a TIFF in one piece (or one tile), or in one for each channel where `planes` is 2."""
    channels, bits = pixels.shape[2], pixels.dtype.itemsize * 8
    parts = [pixels] if planes == 1 else [pixels[..., i] for i in range(channels)]
    data = [part.astype(f"<u{bits // 8}").tobytes() for part in parts]
    places = [8 + sum(map(len, data[:i])) for i in range(len(data))]
    tags = {256: [16], 257: [16], 258: [bits] * channels, 259: [1], 262: [kind], 277: [channels], 284: [planes]}
    tags |= {322: [16], 323: [16]} if tiled else {278: [16]}
    tags |= {324 if tiled else 273: places, 325 if tiled else 279: [len(part) for part in data]}
    tags |= {338: extra} if extra else {}
    path.write_bytes(tiff_of(tags, b"".join(data)))
    return path


def noise(channels: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, (16, 16, channels), kind)


@pytest.mark.parametrize(
    ("channels", "kind", "tiled"),
    [(1, BLACK, True), (3, RGB, True), (4, RGB, True), (2, BLACK, False), (2, WHITE, False), (2, BLACK, True)],
)
def test_channels_that_lie_apart_in_a_way_that_is_not_read_are_refused_by_the_head(
    tmp_path: Path, channels: int, kind: int, tiled: bool
) -> None:
    path = write(tmp_path / "apart.tif", noise(channels), kind, [2] if channels in (2, 4) else [], 2, tiled)
    for read in (probe, decode):
        with pytest.raises(PhotoError, match="a kind that cannot be read"):
            read(path)
    with pytest.raises(PhotoError, match="a kind that cannot be read"):
        decode(path.read_bytes())


@pytest.mark.parametrize("bits", [62, 63, 64])
def test_a_place_that_no_disk_reaches_is_told_as_what_is_broken(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "far.tif"
    path.write_bytes(b"II+\0" + struct.pack("<HHQ", 8, 0, 2**bits - 1) + bytes(100))
    for read in (probe, decode, lambda path: thumbnail(path, 16)):
        with pytest.raises(PhotoError):
            read(path)


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
def test_colours_that_lie_apart_in_strips_are_read(tmp_path: Path, number: type) -> None:
    for channels in (3, 4):
        pixels = noise(channels, number)
        path = write(tmp_path / "apart.tif", pixels, RGB, [2] if channels == 4 else [], 2)
        assert np.array_equal(decode(path).pixels, pixels)


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("extra", "kept", "said"), [([0, 0], 1, "the first was"), ([], 1, "the first was"), ([2, 0], 2, "the first 2 were")]
)
def test_grey_with_more_channels_is_grey(tmp_path: Path, extra: list[int], kept: int, said: str, number: type) -> None:
    pixels = noise(3, number)
    path = write(tmp_path / "more.tif", pixels, BLACK, extra)
    photo, facts = decode(path), probe(path)
    assert np.array_equal(photo.pixels, pixels[..., :kept])
    assert photo.warnings == (f"Of its 3 channels {said} kept.",)
    assert (facts.channels, facts.bits) == (kept, photo.bits)
    assert np.array_equal(thumbnail(path, 16), photo_picture(photo))
