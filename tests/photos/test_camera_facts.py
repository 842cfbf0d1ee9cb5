"""What a camera told comes out as it fits the result: which way is up, dots an inch, sizes; and no place where that is asked."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from app.photos import exif
from app.photos.containers import Metadata, jpeg, png
from app.photos.decoding import decode, probe
from app.photos.encoding import encode, save_stream
from app.photos.photo import Photo
from tests.photos.test_faithful import exif_block, gradient


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif"])
def test_a_size_that_a_phone_tells_beside_its_name_is_the_results(tmp_path: Path, format: str) -> None:
    told = Image.Exif()
    told[exif.IMAGE_WIDTH], told[exif.IMAGE_LENGTH] = 4, 3
    encode(Photo(gradient(32, 48, 3), exif=told.tobytes()[6:]), tmp_path / "photo", format)
    again = Image.Exif()
    again.load(b"Exif\0\0" + (decode(tmp_path / "photo").exif or b""))
    assert (again[exif.IMAGE_WIDTH], again[exif.IMAGE_LENGTH]) == (48, 32)


@pytest.mark.parametrize("block", [None, exif_block(orientation=6)])
def test_webp_says_a_resolution_where_the_photo_had_no_exif_of_it(tmp_path: Path, block: bytes | None) -> None:
    photo = Photo(gradient(32, 48, 3), exif=block, dpi=(300.0, 150.5))
    encode(photo, tmp_path / "photo", "webp")
    save_stream(pyvips.Image.new_from_array(photo.pixels), tmp_path / "streamed", photo, "webp")
    for made in (decode(tmp_path / "photo"), decode(tmp_path / "streamed")):
        assert made.dpi == pytest.approx((300, 150.5), abs=0.1)
        again = Image.Exif()
        again.load(b"Exif\0\0" + (made.exif or b""))
        assert again.get(0x010F) == (None if block is None else "A camera")
        assert again.get_ifd(exif.EXIF_IFD).get(exif.PIXEL_X) == (None if block is None else 48)
    encode(Photo(photo.pixels), tmp_path / "plain", "webp")
    assert decode(tmp_path / "plain").exif is None


@given(st.binary(max_size=200))
def test_a_resolution_in_a_broken_block_does_no_harm(garbage: bytes) -> None:
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        exif.with_resolution(head + garbage, (300.0, 300.0))


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
@pytest.mark.parametrize("block", [None, exif_block(orientation=6)])
def test_a_resolution_that_exif_does_not_tell_survives(tmp_path: Path, format: str, block: bytes | None) -> None:
    photo = Photo(gradient(32, 48, 3), exif=block, dpi=(300.0, 300.0))
    encode(photo, tmp_path / "photo", format)
    with Image.open(tmp_path / "photo") as seen:
        assert seen.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert decode(tmp_path / "photo").dpi == pytest.approx((300, 300), abs=0.1)
    image = pyvips.Image.new_from_array(photo.pixels)
    save_stream(image, tmp_path / "streamed", photo, format)
    with Image.open(tmp_path / "streamed") as seen:
        seen.load()
        assert seen.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("body", [b"", b"\0\0\x2e\x23\0\0\x2e\x23\0", b"\0\0\0\0\0\0\x2e\x23\1"])
def test_a_png_that_tells_no_resolution_has_none(body: bytes) -> None:
    chunk = struct.pack(">I", len(body)) + b"pHYs" + body + bytes(4)
    assert png.read(png.SIGNATURE + chunk).dpi is None


def test_a_jpeg_says_its_resolution_once() -> None:
    data = jpeg.embed(b"\xff\xd8\xff\xd9", Metadata(dpi=(70_000.0, 0.2)))
    assert b"".join(data) == b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\1\xff\xff\0\1\0\0\xff\xd9"
    again = jpeg.embed(b"".join(data), Metadata(dpi=(300.0, 300.0)))
    assert b"".join(again) == b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\1\x01\x2c\x01\x2c\0\0\xff\xd9"
    assert b"".join(jpeg.embed(b"".join(again), Metadata())) == b"".join(again)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once_and_then_says_upright(tmp_path: Path, orientation: int, format: str) -> None:
    stored = Image.fromarray(gradient(24, 40, 3))
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    stored.save(tmp_path / "photo", format, exif=tags, **options)
    with Image.open(tmp_path / "photo") as opened:
        wanted = np.asarray(ImageOps.exif_transpose(opened)).astype(int)
    photo = decode(tmp_path / "photo")
    assert photo.pixels.shape == wanted.shape
    assert np.abs(photo.pixels - wanted).max() <= 3
    assert (probe(tmp_path / "photo").width, probe(tmp_path / "photo").height) == (photo.width, photo.height)
    encode(photo, tmp_path / "again.png")
    again = decode(tmp_path / "again.png")
    assert np.array_equal(again.pixels, photo.pixels)


@pytest.mark.parametrize("place", ["behind the pixels", "exif", "APP1"])
def test_exif_of_a_png_is_found_wherever_it_stands(tmp_path: Path, place: str) -> None:
    Image.fromarray(gradient(24, 40, 3)).save(tmp_path / "photo.png")
    data, block = (tmp_path / "photo.png").read_bytes(), exif_block(6)
    digits = f"\nexif\n{len(block) + 6:8d}\n{(b'Exif' + bytes(2) + block).hex()}\n".encode()
    text = f"Raw profile type {place}\0\0".encode() + zlib.compress(digits)
    at, chunk = (33, png._chunk(b"zTXt", text)) if place in ("exif", "APP1") else (-12, png._chunk(b"eXIf", block))
    (tmp_path / "photo.png").write_bytes(data[:at] + chunk + data[at:])
    photo, facts = decode(tmp_path / "photo.png"), probe(tmp_path / "photo.png")
    assert np.array_equal(photo.pixels, np.rot90(gradient(24, 40, 3), -1))
    assert (facts.width, facts.height) == (photo.width, photo.height) == (24, 40)
    assert photo.exif == exif.put_right(block, 24, 40, None)


@pytest.mark.parametrize("kind", [1, 3, 4, 6, 8, 9], ids=["byte", "short", "long", "signed byte", "signed short", "signed long"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_an_odd_type_is_not_applied_twice(tmp_path: Path, kind: int, count: int, order: str) -> None:
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I", 6: "b3x", 8: "h2x", 9: "i"}[kind], 6)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 1)
    tags = head + struct.pack(order + "HHI", exif.ORIENTATION, kind, count) + value + bytes(4)
    Image.fromarray(gradient(24, 40, 3)).save(tmp_path / "photo.jpg", exif=b"Exif\0\0" + tags)
    photo = decode(tmp_path / "photo.jpg")
    encode(photo, tmp_path / "again.png")
    again = decode(tmp_path / "again.png")
    assert np.array_equal(again.pixels, photo.pixels)
    assert again.exif is not None
    assert struct.pack(order + "HHIHH", exif.ORIENTATION, 3, 1, 1, 0) in again.exif


def test_an_embedded_thumbnail_that_no_longer_fits_is_unlinked() -> None:
    block = exif_block(6)
    count = int.from_bytes(block[8:10], "little" if block[:2] == b"II" else "big")
    at = 10 + 12 * count
    linked = block[:at] + b"\x00\x00\x01\x00" + block[at + 4 :]
    upright = exif.put_right(linked, 10, 10, None)
    assert upright is not None
    assert upright[at : at + 4] == bytes(4)
    assert exif.read_facts(upright).orientation == 1


@given(st.binary(max_size=200))
def test_broken_exif_says_nothing_and_harms_nobody(garbage: bytes) -> None:
    for block in (garbage, b"II*\0\x08\0\0\0" + garbage, b"MM\0*\0\0\0\x08" + garbage):
        assert 1 <= exif.read_facts(block).orientation <= 8
        fixed = exif.put_right(block, 5, 5, (72, 72))
        assert fixed is None or len(fixed) == len(block)


@pytest.mark.parametrize("kind", [4, 13], ids=["long", "directory"])
def test_of_where_a_photo_was_taken_no_byte_is_left(kind: int) -> None:
    tags = Image.Exif()
    tags[0x010F] = "A camera"
    tags.get_ifd(exif.GPS_IFD).update({1: "N", 2: (52.0, 31.0, 12.25), 3: "E", 4: (14.0, 24.0, 17.5), 29: "2026:11:26"})
    block = tags.tobytes()[6:]
    assert b"2026:11:26" in block
    order = "<" if block[:2] == b"II" else ">"
    pointer = struct.pack(order + "HH", exif.GPS_IFD, 4)
    assert pointer in block
    block = block.replace(pointer, struct.pack(order + "HH", exif.GPS_IFD, kind))
    cleared = exif.without_place(block)
    assert len(cleared) == len(block)
    assert b"A camera" in cleared
    assert b"2026" not in cleared
    for figure in (52, 31, 14, 24):
        for order in ("<", ">"):
            assert struct.pack(order + "II", figure, 1) not in cleared
    again = Image.Exif()
    again.load(b"Exif\0\0" + cleared)
    assert not dict(again.get_ifd(exif.GPS_IFD))


def test_dots_a_centimetre_become_dots_an_inch_and_both_sides_have_their_own() -> None:
    tags = Image.Exif()
    tags[exif.X_RESOLUTION], tags[exif.Y_RESOLUTION], tags[exif.RESOLUTION_UNIT] = 100.0, 50.0, 3
    block = tags.tobytes()[6:]
    assert exif.read_facts(block).dpi == pytest.approx((254, 127))
    changed = exif.put_right(block, 10, 10, (300, 150))
    assert changed is not None
    assert exif.read_facts(changed).dpi == pytest.approx((300, 150))


@pytest.mark.parametrize("orientation", [3, 6])
def test_dots_an_inch_turn_with_the_photo(tmp_path: Path, orientation: int) -> None:
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    tags[exif.X_RESOLUTION], tags[exif.Y_RESOLUTION], tags[exif.RESOLUTION_UNIT] = 204.0, 98.0, 2
    Image.fromarray(gradient(24, 40, 3)).save(tmp_path / "a.jpg", exif=tags)
    photo = decode(tmp_path / "a.jpg")
    assert photo.dpi == exif.read_facts(photo.exif).dpi == ((98, 204) if orientation == 6 else (204, 98))


@pytest.mark.parametrize("order", ["II", "MM"])
def test_the_cameras_words_come_from_jpeg_into_tiff_and_back(tmp_path: Path, order: str) -> None:
    tags = Image.Exif()
    tags.endian = "<" if order == "II" else ">"
    tags[0x0110], tags[0x0132] = "Model 7", "2024:05:01 10:11:12"
    inner = tags.get_ifd(exif.EXIF_IFD)
    inner[0x829A], inner[0x8827], inner[0x927C] = 0.008, 400, b"maker's own"
    tags.get_ifd(0x8825)[2] = (52.0, 30.0, 15.5)
    block = tags.tobytes()[6:]
    encode(Photo(gradient(16, 16, 3), exif=block), tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as opened:
        opened.load()
        told = opened.getexif()
        assert (told[0x0110], told.get_ifd(exif.EXIF_IFD)[0x8827]) == ("Model 7", 400)
        assert tuple(map(float, told.get_ifd(0x8825)[2])) == (52.0, 30.0, 15.5)
    encode(decode(tmp_path / "a.tif"), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as opened:
        told = opened.getexif()
        assert told[0x0132] == "2024:05:01 10:11:12"
        assert float(told.get_ifd(exif.EXIF_IFD)[0x829A]) == pytest.approx(0.008)
        assert told.get_ifd(exif.EXIF_IFD)[0x927C] == b"maker's own"


def test_big_tiff_carries_the_camera_too(tmp_path: Path) -> None:
    from app.photos.containers import tiff

    plain = pyvips.Image.black(8, 8).tiffsave_buffer(bigtiff=True)
    added = tiff.addition(lambda at, size: plain[at : at + size], len(plain), exif_block(), b"\x1c\x02\x78\x00\x01A")
    assert added is not None
    tail, at, pointer = added
    photo = decode(plain[:at] + pointer + plain[at + len(pointer) :] + tail)
    assert photo.iptc == b"\x1c\x02\x78\x00\x01A"
    assert photo.exif is not None
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + photo.exif)
    assert tags[0x010F] == "A camera"
