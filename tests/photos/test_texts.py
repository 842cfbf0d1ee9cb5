"""What somebody wrote into a file (texts of PNG, comments of JPEG) and large IPTC records: kept, or said to be lost."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from app.photos import recipe
from app.photos.containers import jpeg, png
from app.photos.decoding import decode
from app.photos.encoding import encode, not_kept
from app.photos.photo import Photo, Text
from app.upscale.plan import Choices
from app.upscale.results import dressed
from app.upscale.sizes import parse_target
from tests.upscale.belt import planned

TEXTS = (
    Text("Title", "Größe"),
    Text("Author", "安藤"),
    Text("Comment", "Hello"),
    Text("parameters", "a lighthouse, " * 200),
    Text("Description", "Ein Haus", "de", "Beschreibung"),
    Text("GPSLatitude", "52.1"),
)
PLACE = "What was written into it (parameters, GPSLatitude) is not kept, as it may tell the place."
PIXELS = np.zeros((4, 4, 3), np.uint8)


def written(path: Path) -> Path:
    """A PNG with these texts, by another program."""
    info = PngImagePlugin.PngInfo()
    for one in TEXTS:
        if one.language:
            info.add_itxt(one.key, one.text, one.language, one.translated, zip=True)
        else:
            info.add_text(one.key, one.text, zip=len(one.text) > 1000)
    Image.fromarray(PIXELS).save(path, pnginfo=info)
    return path


def test_texts_of_a_png_are_kept_in_a_png(tmp_path: Path) -> None:
    photo = decode(written(tmp_path / "told.png"))
    assert photo.texts == TEXTS
    encode(photo, tmp_path / "again.png")
    assert decode(tmp_path / "again.png").texts == TEXTS
    with Image.open(tmp_path / "again.png") as again:
        again.load()
        assert again.text == {one.key: one.text for one in TEXTS}
    recipe.embed(tmp_path / "again.png", {}, "enlarged")
    assert decode(tmp_path / "again.png").texts == TEXTS


def test_comments_stay_comments(tmp_path: Path) -> None:
    photo = Photo(PIXELS, texts=(Text("Comment", "安藤"), Text("Comment", "Hello")))
    encode(photo, tmp_path / "told.jpg")
    assert decode(tmp_path / "told.jpg").texts == photo.texts
    with Image.open(tmp_path / "told.jpg") as again:
        assert again.info["comment"] == b"Hello"
        again.save(tmp_path / "other.jpg", comment="Größe".encode("latin-1"))
    recipe.embed(tmp_path / "told.jpg", {}, "enlarged")
    assert decode(tmp_path / "told.jpg").texts == photo.texts
    assert decode(tmp_path / "other.jpg").texts == (Text("Comment", "Größe"),)


@pytest.mark.parametrize(
    ("format", "texts", "lost"),
    [
        ("png", TEXTS, ""),
        ("jpeg", TEXTS[2:3], ""),
        ("jpeg", TEXTS, "(Title, Author, parameters, Description…)"),
        ("jpeg", (Text("Comment", "x" * 65_534),), "(Comment)"),
        ("webp", TEXTS[:2], "(Title, Author)"),
        ("avif", TEXTS[:2] * 2, "(Title, Author)"),
        ("tiff", (Text("Software", "A program"), Text("date:create", "2020")), ""),
    ],
)
def test_texts_that_a_format_does_not_hold_are_told(format: str, texts: tuple[Text, ...], lost: str) -> None:
    said = not_kept(Photo(PIXELS, texts=texts), format)
    assert len(said) == bool(lost)
    assert lost in "".join(said)


def test_iptc_that_a_jpeg_does_not_hold_is_told(tmp_path: Path) -> None:
    for size, lost in ((jpeg.MAX_IPTC, False), (jpeg.MAX_IPTC - 1, False), (jpeg.MAX_IPTC + 1, True)):
        photo = Photo(PIXELS, iptc=bytes(size))
        assert bool(not_kept(photo, "jpeg")) == lost
        encode(photo, tmp_path / "told.jpg")
        assert decode(tmp_path / "told.jpg").iptc == (None if lost else photo.iptc)


@pytest.mark.parametrize(("metadata", "kept"), [("keep", TEXTS), ("no-place", (*TEXTS[:3], TEXTS[4])), ("strip", ())])
def test_texts_go_as_far_as_was_asked(tmp_path: Path, metadata: str, kept: tuple[Text, ...]) -> None:
    choices = Choices("m", 4, parse_target("x4"), into=tmp_path / "out", metadata=metadata)  # type: ignore[arg-type]
    (one,) = planned([written(tmp_path / "told.png")], choices)
    made = dressed(decode(one.source), one, choices)
    assert made.texts == kept
    assert made.warnings == ((PLACE,) if metadata == "no-place" else ())


@pytest.mark.timeout(60)
def test_a_jpeg_of_nothing_but_comments_is_read_in_a_moment() -> None:
    data = b"\xff\xd8" + b"\xff\xfe\0\3x" * 100_000
    assert len(jpeg.read(data).texts) == 100_000


def test_not_all_of_many_texts_are_named() -> None:
    _, said = recipe.texts_without_place(tuple(Text(f"key{number}", "x") for number in range(5000)))
    assert said == ("What was written into it (key0, key1, key2, key3…) is not kept, as it may tell the place.",)


def test_texts_that_are_broken_or_unpack_to_too_much_are_left_out() -> None:
    bomb = zlib.compress(bytes(200 * 2**20))
    chunks = [(b"zTXt", b"Title\0\0" + bomb)] * 100 + [(b"iTXt", b"Author\0\0\0de"), (b"tEXt", b"\0nobody"), (b"zTXt", b"x\0\0y")]
    data = png.SIGNATURE + b"".join(png._chunk(kind, body) for kind, body in [*chunks[-3:], (b"tEXt", b"Title\0Hello"), *chunks])
    assert png.read(data).texts == (Text("Title", "Hello"),)
