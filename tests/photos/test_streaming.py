"""A result that is never held whole comes out as the same file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import resize
from app.photos.streaming import Shape, StripWriter
from tests.photos.test_faithful import exif_block

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(height: int, width: int, channels: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.RandomState(5).randint(0, np.iinfo(kind).max, (height, width, channels)).astype(kind)


def streamed(path: Path, photo: Photo, format: str, out: tuple[int, int] | None = None, rows: int = 17) -> Photo:
    shape = Shape(photo.width, photo.height, photo.channels, photo.pixels.dtype)
    with StripWriter(path, shape, photo, format, out) as writer:
        for top in range(0, photo.height, rows):
            writer.write(photo.pixels[top : top + rows])
    return decode(path)


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_kind_of_pixels_streams_through_unchanged(tmp_path: Path, format: str, kind: type, channels: int) -> None:
    photo = Photo(noise(61, 43, channels, kind), dpi=(300.0, 300.0))
    again = streamed(tmp_path / "x", photo, format)
    assert again.pixels.dtype == kind
    assert np.array_equal(again.pixels, photo.pixels)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_what_the_photo_carries_comes_along(tmp_path: Path, format: str) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    records = b"\x1c\x02\x78\x00\x05Hello"
    photo = Photo(noise(64, 48, 3), icc=SRGB, exif=exif_block(), xmp=packet, iptc=records, dpi=(300.0, 300.0))
    again = streamed(tmp_path / "x", photo, format)
    encode(photo, tmp_path / "y", format)
    whole = decode(tmp_path / "y")
    assert again.exif
    assert (again.icc, again.exif, again.xmp, again.iptc) == (whole.icc, whole.exif, whole.xmp, whole.iptc)
    assert again.dpi == whole.dpi
    assert np.array_equal(again.pixels, whole.pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_resizing_on_the_way_gives_what_resizing_at_once_gives(tmp_path: Path, channels: int) -> None:
    photo = Photo(noise(400, 300, channels))
    again = streamed(tmp_path / "x", photo, "png", (211, 290), rows=64)
    whole = resize(photo.pixels, 211, 290)
    assert again.pixels.shape == whole.shape
    assert np.abs(again.pixels.astype(int) - whole).max() <= 1


def stream_some(path: Path, rows: int, then: Exception | None = None, format: str = "png", height: int = 64) -> None:
    with StripWriter(path, Shape(48, height, 3, np.uint8), Photo(noise(1, 1, 3)), format) as writer:
        for top in range(0, rows, 10):
            writer.write(noise(min(10, rows - top), 48, 3))
        if then:
            raise then


def test_a_failing_maker_leaves_no_thread_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="network"):
        stream_some(tmp_path / "x", 10, RuntimeError("network"))


def test_missing_rows_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="10 rows"):
        stream_some(tmp_path / "x", 10)


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
def test_a_folder_that_is_not_there_ends_the_writing(tmp_path: Path, format: str) -> None:
    with pytest.raises((PhotoError, OSError)):
        stream_some(tmp_path / "missing" / "x", 2000, format=format, height=2000)


def test_transparent_pixels_do_not_darken_their_neighbours_when_resized() -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, :20] = (255, 255, 255, 255)
    out = resize(pixels, 97, 97)
    seen = out[..., 3] > 8
    assert out[seen][:, :3].min() > 230


def test_resizing_keeps_a_flat_picture_flat_and_the_type() -> None:
    for kind in (np.uint8, np.uint16):
        out = resize(np.full((10, 12, 1), 200, kind), 33, 7)
        assert out.shape == (7, 33, 1)
        assert out.dtype == kind
        assert (out == 200).all()
