"""Bad files give one sentence, quickly, and never more memory than their size deserves."""

import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.photos import recipe, xmp
from app.photos.containers import png, tiff
from app.photos.decoding import decode, probe
from app.photos.formats import sniff
from app.photos.photo import PhotoError

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF", "BMP"]


def saved(format: str, size: int = 96) -> bytes:
    noise = np.random.RandomState(3).randint(0, 255, (size, size, 3), np.uint8)
    blob = io.BytesIO()
    Image.fromarray(noise).save(blob, format)
    return blob.getvalue()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(format: str, share: float) -> None:
    whole = saved(format)
    with pytest.raises(PhotoError) as caught:
        decode(whole[: int(len(whole) * share)])
    assert caught.value.what.count(".") <= 1


def test_damage_amid_a_jpeg_is_told_and_harmless_oddities_are_not() -> None:
    whole = saved("JPEG")
    half = len(whole) // 2
    for rest in (b"\xff\xd9", b"\xff\xd9" + whole[half:], b"\xff\xfe" + whole[half + 2 :]):
        assert decode(whole[:half] + rest).warnings == ("Its JPEG data is damaged: a part of the picture is missing or wrong.",)
    for harmless in (whole, whole + b"more", whole[:-2] + bytes(9) + whole[-2:]):
        assert decode(harmless).warnings == ()
    assert np.array_equal(decode(whole[:-2] + bytes(9) + whole[-2:]).pixels, decode(whole).pixels)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_file_uncut_is_read_and_told_by_its_bytes(format: str) -> None:
    assert decode(saved(format)).format == sniff(saved(format)) == format.lower()


def test_empty_foreign_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("this is no picture")
    with pytest.raises(PhotoError, match="empty"):
        decode(tmp_path / "empty.jpg")
    with pytest.raises(PhotoError, match="not a picture"):
        decode(tmp_path / "text.jpg")
    with pytest.raises(PhotoError, match="not a file"):
        decode(tmp_path)
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "missing.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PhotoError, match="not a file"):
        probe(tmp_path / "pipe.png")


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height", "said"), [(40_000, 40_000, "1,600 megapixels"), (10_000, 9_000, "90 megapixels")])
def test_a_bomb_is_not_unpacked(width: int, height: int, said: str) -> None:
    with pytest.raises(PhotoError, match=said):
        decode(png_claiming(width, height))


def test_records_that_end_amid_spaces_take_no_time() -> None:
    text = b"iptc 1" + b" " * 200_000 + b"!"
    began = time.process_time()
    assert png._unhex(text) is None
    assert time.process_time() - began < 5


def packet(inner: str) -> bytes:
    head = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description>'
    return f"{head}{inner}</rdf:Description></rdf:RDF></x:xmpmeta>".encode()


@pytest.mark.parametrize(("element", "count"), [('<x xmlns="urn:{}"/>', 3000), ('<p{0}:x xmlns:p{0}="urn:{0}"/>', 40_000)])
def test_a_packet_of_many_namespaces_takes_no_time(element: str, count: int) -> None:
    whole = packet("".join(element.format(i) for i in range(count)))
    began = time.process_time()
    assert xmp.get(xmp.merge(whole, {("urn:a", "b"): "c"}), ("urn:a", "b")) == "c"
    assert time.process_time() - began < 5


def test_a_packet_of_more_elements_than_any_history_has_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packet("<rdf:li/>" * 100 + "<rdf:last>here</rdf:last>")
    assert xmp.get(whole, (xmp.RDF, "last")) == "here"
    monkeypatch.setattr(xmp, "MAX_ELEMENTS", 100)
    assert xmp.get(whole, (xmp.RDF, "last")) is None


def test_a_thousand_entries_that_point_at_one_value_take_no_memory() -> None:
    count, value = 900, bytes(2**20)
    behind = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHII", 1000 + i, 7, len(value), behind) for i in range(count))
    whole = b"II*\0" + struct.pack("<IH", 8, count) + entries + struct.pack("<I", 0) + value
    tracemalloc.start()
    assert tiff.first(lambda at, size: whole[at : at + size]).exif() is None
    assert tiff.addition(lambda at, size: whole[at : at + size], len(whole), None, b"\x1c") is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * tiff.MAX_READ


@settings(max_examples=150)
@given(st.sampled_from(FORMATS), st.data())
def test_a_damaged_byte_gives_a_picture_or_a_sentence(format: str, data: st.DataObject) -> None:
    blob = bytearray(saved(format, 24))
    for _ in range(data.draw(st.integers(1, 8))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        said = decode(bytes(blob)).format + "."
    except PhotoError as error:
        said = error.what
    assert said.endswith(".")


@settings(max_examples=60)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_a_damaged_file_never_yields_a_recipe_that_is_no_dict(
    tmp_path_factory: pytest.TempPathFactory, format: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"x.{format.lower()}"
    recipe.write(path, np.zeros((8, 8, 3), np.uint8), {"seed": 5})
    blob = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(blob))
    found = recipe.read(path)
    assert found is None or isinstance(found, dict)
