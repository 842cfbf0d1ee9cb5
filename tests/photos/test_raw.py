"""Camera RAW: a DNG written here, byte by byte (Adobe's DNG 1.4), developed by LibRaw, which the extra `dev` installs."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from app.photos.decoding import decode, probe
from app.photos.photo import PhotoError

WIDTH, HEIGHT, WHITE = 96, 64, 16383
# XYZ to linear sRGB: a camera that sees just these primaries needs no correction.
MATRIX = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
BYTE, ASCII, SHORT, LONG, RATIONAL, SIGNED = 1, 2, 3, 4, 5, 10


def mosaic() -> np.ndarray:
    """A Bayer mosaic (red first): red grows to the right, blue downwards, green is even. Linear, `WHITE` at most."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, blue = x / WIDTH * 12000 + 2000, y / HEIGHT * 12000 + 2000
    made = np.where((y % 2 == 0) & (x % 2 == 0), red, np.where((y % 2 == 1) & (x % 2 == 1), blue, 9000.0)).astype("<u2")
    made[:2, :2] = WHITE  # without a pixel that is near it LibRaw takes another white
    return made


def dng(path: Path, orientation: int = 1) -> Path:
    """The smallest DNG that LibRaw develops: one directory, one uncompressed strip behind it."""
    data = mosaic().tobytes()
    fields: list[tuple[int, int, tuple[float, ...] | bytes]] = [
        *((254, LONG, (0,)), (256, LONG, (WIDTH,)), (257, LONG, (HEIGHT,)), (258, SHORT, (16,)), (259, SHORT, (1,))),
        *((262, SHORT, (32803,)), (271, ASCII, b"Ganvas\0"), (272, ASCII, b"Test camera\0"), (273, LONG, (0,))),
        *((274, SHORT, (orientation,)), (277, SHORT, (1,)), (278, LONG, (HEIGHT,)), (279, LONG, (len(data),))),
        *((33421, SHORT, (2, 2)), (33422, BYTE, (0, 1, 1, 2)), (50706, BYTE, (1, 4, 0, 0)), (50707, BYTE, (1, 1, 0, 0))),
        *((50708, ASCII, b"Ganvas Test camera\0"), (50717, LONG, (WHITE,)), (50721, SIGNED, MATRIX)),
        *((50728, RATIONAL, (1, 1, 1)), (50778, SHORT, (21,))),
    ]
    encoded = [(tag, kind, _count(value), _encoded(kind, value)) for tag, kind, value in fields]
    first = 8 + 2 + 12 * len(fields) + 4
    strip = first + sum(len(content) + len(content) % 2 for *_, content in encoded if len(content) > 4)
    directory, rest = b"", b""
    for tag, kind, count, content in encoded:
        if tag == 273:
            content = struct.pack("<I", strip)
        if len(content) > 4:
            directory += struct.pack("<HHII", tag, kind, count, first + len(rest))
            rest += content + bytes(len(content) % 2)
        else:
            directory += struct.pack("<HHI", tag, kind, count) + content.ljust(4, b"\0")
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(fields)) + directory + bytes(4) + rest + data)
    return path


def _count(value: tuple[float, ...] | bytes) -> int:
    return len(value)


def _encoded(kind: int, value: tuple[float, ...] | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    if kind in (RATIONAL, SIGNED):
        form = "<II" if kind == RATIONAL else "<ii"
        return b"".join(struct.pack(form, round(one * 10_000), 10_000) for one in value)
    return struct.pack(f"<{len(value)}{ {BYTE: 'B', SHORT: 'H', LONG: 'I'}[kind] }".replace(" ", ""), *map(int, value))


def developed(linear: float) -> float:
    """What a linear value of the sensor is in 16-bit sRGB."""
    share = linear / WHITE
    return 65535 * (12.92 * share if share < 0.0031308 else 1.055 * share ** (1 / 2.4) - 0.055)


def test_a_raw_photo_is_developed_into_sixteen_bits(tmp_path: Path) -> None:
    path = dng(tmp_path / "photo.dng")
    facts = probe(path)
    assert (facts.format, facts.width, facts.height, facts.channels, facts.bits) == ("raw", WIDTH, HEIGHT, 3, 16)
    pixels = decode(path).pixels
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.dtype == np.uint16
    inner = pixels[8:-8, 8:-8].astype(float)
    expected = np.array([developed(x / WIDTH * 12000 + 2000) for x in range(8, WIDTH - 8)])
    assert np.abs(inner[..., 0] - expected).max() < 700  # one percent: the matrix is rounded, the mosaic interpolated
    assert np.abs(inner[..., 1] - developed(9000)).max() < 700
    assert (
        np.abs(inner[..., 2] - np.array([developed(y / HEIGHT * 12000 + 2000) for y in range(8, HEIGHT - 8)])[:, None]).max()
        < 700
    )


def test_a_raw_photo_taken_upright_comes_out_upright_in_the_size_that_was_told(tmp_path: Path) -> None:
    turned = dng(tmp_path / "turned.dng", orientation=6)
    facts, pixels = probe(turned), decode(turned).pixels
    assert (facts.height, facts.width) == pixels.shape[:2] == (WIDTH, HEIGHT)
    assert np.array_equal(pixels, np.rot90(decode(dng(tmp_path / "plain.dng")).pixels, -1))


def test_a_cut_off_raw_photo_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = dng(tmp_path / "photo.dng")
    for size in (300, 3000):
        path.write_bytes(path.read_bytes()[:size] if size < 3000 else dng(tmp_path / "other.dng").read_bytes()[:size])
        with pytest.raises(PhotoError, match="camera RAW data"):
            decode(path)


def test_without_the_package_a_sentence_says_what_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dng(tmp_path / "photo.dng")
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PhotoError, match=r"the package rawpy\. Install it with: pip install 'ganvas\[raw\]'\."):
        probe(path)
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # the packaged program takes no packages
    with pytest.raises(PhotoError, match=r"no camera RAW\. Save the photo as TIFF with another one first\."):
        probe(path)
