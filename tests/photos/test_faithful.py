"""What goes into a photo file comes out of it: depth, channels, profile, orientation, metadata, resolution."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from app.photos import exif, placing
from app.photos.decoding import decode, probe
from app.photos.encoding import encode
from app.photos.photo import Photo, PhotoError
from app.photos.showing import thumbnail
from tests.photos.tiffs import tiff_of

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gradient(height: int, width: int, channels: int, kind: type = np.uint8) -> np.ndarray:
    """A smooth picture whose corners all differ, so that a wrong turn shows."""
    top = np.iinfo(kind).max
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * (c + 1) * 7 + y * (5 - c) * 3) % 241 / 240 for c in range(channels)]
    return np.rint(np.stack(planes, -1) * top).astype(kind)


def exif_block(orientation: int = 1, dpi: int | None = None) -> bytes:
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    tags[0x010F] = "A camera"
    if dpi:
        tags[exif.X_RESOLUTION] = tags[exif.Y_RESOLUTION] = float(dpi)
        tags[exif.RESOLUTION_UNIT] = 2
    tags.get_ifd(exif.EXIF_IFD)[exif.PIXEL_X] = 40
    tags.get_ifd(0x8825)[1] = "N"
    return tags.tobytes()[6:]


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_formats_give_back_every_bit(tmp_path: Path, format: str, kind: type, channels: int) -> None:
    pixels = gradient(31, 47, channels, kind)
    encode(Photo(pixels), tmp_path / "photo", format)
    again = decode(tmp_path / "photo")
    assert again.format == format
    assert again.pixels.dtype == kind
    assert np.array_equal(again.pixels, pixels)
    facts = probe(tmp_path / "photo")
    assert (facts.width, facts.height, facts.channels, facts.bits) == (47, 31, channels, again.bits)


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_quality_100_of_webp_and_avif_stays_close_to_every_pixel(tmp_path: Path, format: str) -> None:
    pixels = gradient(32, 48, 4)
    pixels[..., 3] = 255 - pixels[..., 0] // 2
    encode(Photo(pixels), tmp_path / "photo", format, quality=100)
    difference = np.abs(decode(tmp_path / "photo").pixels.astype(int) - pixels)
    assert difference.max() <= (0 if format == "webp" else 2)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_profile_exif_xmp_and_resolution_survive_in_every_format(tmp_path: Path, format: str) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    photo = Photo(gradient(32, 48, 3), icc=SRGB, exif=exif_block(dpi=200), xmp=packet, dpi=(300.0, 300.0))
    encode(photo, tmp_path / "photo", format)
    again = decode(tmp_path / "photo")
    assert again.icc == SRGB
    assert again.xmp == packet
    assert again.dpi == pytest.approx((300, 300), abs=0.1)
    assert again.exif is not None
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + again.exif)
    assert tags[0x010F] == "A camera"
    assert tags.get_ifd(0x8825)[1] == "N"
    assert tags.get_ifd(exif.EXIF_IFD)[exif.PIXEL_X] == 48


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
def test_iptc_records_survive(tmp_path: Path, format: str) -> None:
    records = b"\x1c\x02\x78\x00\x05Hello" + b"\x1c\x02\x50\x00\x03Ann"
    encode(Photo(gradient(16, 16, 3), iptc=records), tmp_path / "photo", format)
    again = decode(tmp_path / "photo").iptc
    assert again is not None
    assert again.rstrip(b"\0") == records


def test_cmyk_becomes_srgb_and_says_so(tmp_path: Path) -> None:
    inks = Image.new("CMYK", (40, 20), (0, 255, 255, 0))
    inks.save(tmp_path / "inks.jpg", quality=95)
    photo = decode(tmp_path / "inks.jpg")
    red = photo.pixels[10, 20]
    assert photo.channels == 3
    assert photo.icc is None
    assert red[0] > 180
    assert red[1] < 90
    assert any("CMYK" in warning for warning in photo.warnings)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_transparency_beside_inks_stays_what_it_is(tmp_path: Path, kind: type) -> None:
    pixels = gradient(20, 30, 5, kind)
    inks = pyvips.Image.new_from_memory(pixels.tobytes(), 30, 20, 5, "uchar" if kind is np.uint8 else "ushort")
    inks.copy(interpretation="cmyk").tiffsave(str(tmp_path / "inks.tif"))
    photo, facts = decode(tmp_path / "inks.tif"), probe(tmp_path / "inks.tif")
    assert np.array_equal(photo.pixels[..., 3], pixels[..., 4])
    assert (facts.channels, facts.bits) == (photo.channels, photo.bits)
    inks.bandjoin(inks[0]).copy(interpretation="cmyk").tiffsave(str(tmp_path / "more.tif"))
    assert "Of its 5 channels the first 4 were kept." in decode(tmp_path / "more.tif").warnings


def test_other_colours_become_srgb_and_say_so_or_why_not(tmp_path: Path) -> None:
    picture = pyvips.Image.new_from_array(gradient(16, 24, 3), interpretation="srgb")
    for space, word in (("lab", "Lab"), ("labs", "Lab"), ("scrgb", "linear light")):
        picture.colourspace(space).tiffsave(str(tmp_path / f"{space}.tif"))
        photo = decode(tmp_path / f"{space}.tif")
        assert photo.pixels.dtype == np.uint16
        assert probe(tmp_path / f"{space}.tif").bits == 16
        assert np.abs(photo.pixels / 257 - gradient(16, 24, 3)).max() < 1.5
        (warning,) = photo.warnings
        assert word in warning
    Image.new("LAB", (24, 16), (120, 20, 30)).save(tmp_path / "eight.tif")
    for read in (decode, probe):
        with pytest.raises(PhotoError, match="Lab colours of 8 bits"):
            read(tmp_path / "eight.tif")


def test_a_palette_with_transparency_becomes_rgba(tmp_path: Path) -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((3, 3), 1)
    picture.save(tmp_path / "p.png", transparency=0)
    photo = decode(tmp_path / "p.png")
    assert photo.channels == 4
    assert photo.pixels[3, 3].tolist() == [0, 255, 0, 255]
    assert photo.pixels[0, 0, 3] == 0


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("P", 3), ("1", 1)])
def test_bmp_is_read(tmp_path: Path, mode: str, channels: int) -> None:
    pixels = gradient(9, 13, 3)
    picture = Image.fromarray(pixels).convert(mode)
    picture.save(tmp_path / "x.bmp")
    photo = decode(tmp_path / "x.bmp")
    assert photo.channels == channels
    wanted = np.asarray(picture.convert("RGB" if channels == 3 else "L")).reshape(9, 13, channels)
    assert np.array_equal(photo.pixels, wanted)


def test_several_pages_and_frames_give_the_first_and_say_so(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (12, 10), colour) for colour in ("red", "green", "blue")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "frames.gif", save_all=True, append_images=pages[1:])
    paper, film = decode(tmp_path / "pages.tif"), decode(tmp_path / "frames.gif")
    assert paper.pixels[0, 0].tolist() == film.pixels[0, 0].tolist()[:3] == [255, 0, 0]
    assert paper.warnings == ("This is the first of 3 pages.",)
    assert film.warnings == ("This is the first of 3 frames.",)
    assert probe(tmp_path / "pages.tif").pages == 3


@pytest.mark.parametrize(("format", "said"), [("png", "the first of 3 frames"), ("avif", "the first picture of an animation")])
def test_an_animation_that_is_read_as_a_photo_is_told_and_has_a_thumbnail(tmp_path: Path, format: str, said: str) -> None:
    pages = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    path = tmp_path / f"moving.{format}"
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=80)
    assert decode(path).warnings == (f"This is {said}.",)
    assert np.abs(thumbnail(path, 32)[0, 0].astype(int) - (255, 0, 0)).max() < 8
    pages[0].save(path)
    assert decode(path).warnings == ()


def test_what_a_format_cannot_hold_is_refused_in_words(tmp_path: Path) -> None:
    deep, clear = Photo(gradient(8, 8, 3, np.uint16)), Photo(gradient(8, 8, 4))
    wide = Photo(np.zeros((1, 16_384, 3), np.uint8))
    with pytest.raises(PhotoError, match="holds 8 bits a channel and this photo has 16"):
        encode(deep, tmp_path / "deep.jpg")
    with pytest.raises(PhotoError, match="no transparency"):
        encode(clear, tmp_path / "clear.jpg")
    with pytest.raises(PhotoError, match=r"at most 16,383 pixels a side.*choose JPEG, PNG or TIFF"):
        encode(wide, tmp_path / "wide.webp")
    with pytest.raises(PhotoError, match="cannot write 'gif' files"):
        encode(clear, tmp_path / "clear.gif")
    assert not list(tmp_path.iterdir())


def test_reducing_rounds_to_the_nearest_and_lays_on_white(tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16, 1)
    encode(Photo(ramp + (ramp < 65535) * np.uint16(128)), tmp_path / "ramp.webp", quality=100, reduce=True)
    assert np.array_equal(decode(tmp_path / "ramp.webp").pixels[..., 0].ravel(), np.arange(256))
    clear = np.zeros((8, 8, 4), np.uint8)
    encode(Photo(clear), tmp_path / "clear.jpg", reduce=True)
    assert (decode(tmp_path / "clear.jpg").pixels == 255).all()


def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "photo.png"
    target.write_bytes(b"old")

    def parts() -> object:
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        placing.write(target, parts())  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 125 + "x.png")
    assert len(path.name.encode()) == 255
    encode(Photo(gradient(4, 4, 3)), path)
    assert decode(path).width == 4


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4]), st.sampled_from([np.uint8, np.uint16]))
def test_any_size_and_kind_of_pixels_makes_the_round_trip(height: int, width: int, channels: int, kind: type) -> None:
    from app.photos.encoding import encode_parts

    photo = Photo(gradient(height, width, channels, kind))
    again = decode(b"".join(encode_parts(photo, "png")))
    assert np.array_equal(again.pixels, photo.pixels)


def test_a_profile_of_other_channels_is_left_out_and_told(tmp_path: Path) -> None:
    grey = replace(Photo(gradient(8, 8, 1)), icc=SRGB)
    encode(grey, tmp_path / "grey.png")
    again = decode(tmp_path / "grey.png")
    assert again.icc is None
    assert "profile does not fit" in again.warnings[0]


def test_floating_point_pictures_are_refused_in_words(tmp_path: Path) -> None:
    (pyvips.Image.black(8, 8) + 0.5).tiffsave(str(tmp_path / "height.tif"))
    for read in (decode, probe):
        with pytest.raises(PhotoError, match="no 8- or 16-bit colours"):
            read(tmp_path / "height.tif")


GREY_OF_12_BITS = {0x0102: [12], 0x0106: [1], 0x0111: [8], 0x0115: [1], 0x0116: [16], 0x0117: [384]}
TILES_OF_ONE_CHANNEL = {0x0102: [8] * 3, 0x0106: [2], 0x0115: [3], 0x011C: [2]}
TILES_OF_ONE_CHANNEL |= {0x0142: [16], 0x0143: [16], 0x0144: [8, 264, 520], 0x0145: [256] * 3}


@pytest.mark.parametrize("tags", [GREY_OF_12_BITS, TILES_OF_ONE_CHANNEL], ids=["12 bits", "tiles of one channel"])
def test_a_sound_tiff_of_a_kind_that_is_not_read_is_not_called_broken(tmp_path: Path, tags: dict[int, list[int]]) -> None:
    tags = {0x0100: [16], 0x0101: [16], 0x0103: [1], **tags}
    (tmp_path / "odd.tif").write_bytes(tiff_of(tags, bytes(768)))
    with pytest.raises(PhotoError, match="a kind that cannot be read"):
        decode(tmp_path / "odd.tif")


def test_bytes_and_files_give_the_same(tmp_path: Path) -> None:
    blob = io.BytesIO()
    Image.fromarray(gradient(20, 20, 3)).save(blob, "JPEG")
    (tmp_path / "wrong.extension").write_bytes(blob.getvalue())
    assert np.array_equal(decode(tmp_path / "wrong.extension").pixels, decode(blob.getvalue()).pixels)


@given(st.binary(max_size=300))
def test_a_broken_tiff_directory_says_nothing_and_harms_nobody(garbage: bytes) -> None:
    from app.photos.containers import tiff

    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"):
        data = head + garbage
        read_at = lambda at, size, data=data: data[at : at + size]  # noqa: E731
        directory = tiff.first(read_at)
        block = directory.exif()
        assert block is None or block[:4] == b"II*\0"
        directory.iptc()
        directory.chromaticities()
        directory.numbers(tiff.SAMPLES, tiff.EXTRA_SAMPLES)
        tiff.addition(read_at, len(data), data, b"x")


def test_heic_is_read_with_its_depth_and_alpha() -> None:
    here = Path(__file__).parent / "data"
    deep, clear = decode(here / "RGB_10__29x100.heif"), decode(here / "RGBA_8__29x100.heif")
    assert (deep.format, deep.bits, deep.channels, deep.width, deep.height) == ("heic", 16, 3, 29, 100)
    assert (clear.bits, clear.channels) == (8, 4)
    assert clear.pixels[..., 3].std() > 0
    assert [round(level / 257) for level in deep.pixels[0, 0]] == [7, 1, 245]
    for name in ("RGB_10__29x100.heif", "RGBA_8__29x100.heif"):
        facts, photo = probe(here / name), decode(here / name)
        assert (facts.width, facts.height, facts.channels, facts.bits) == (photo.width, photo.height, photo.channels, photo.bits)
    pixels = deep.pixels.copy()
    assert np.array_equal(pixels, deep.pixels)  # the decoder is gone, its memory with it


@pytest.mark.parametrize("bits", [10, 12])
def test_white_of_10_and_12_bits_is_white_of_16(bits: int) -> None:
    white = (pyvips.Image.black(16, 16, bands=3) + 65535).cast("ushort").copy(interpretation="rgb16")
    photo = decode(white.heifsave_buffer(compression="av1", bitdepth=bits, lossless=True))
    assert photo.bits == 16
    assert photo.pixels.min() == 65535
