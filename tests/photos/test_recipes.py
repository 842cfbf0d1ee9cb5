"""Every picture that Ganvas makes tells how it was made, beside whatever it told before."""

import json
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.photos import recipe, xmp
from app.photos.decoding import decode
from app.photos.photo import Photo, PhotoError

PICTURE = np.random.RandomState(1).randint(0, 255, (24, 32, 3), np.uint8)
LIGHTROOM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:42" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmp:Rating="4" tiff:Orientation="6" tiff:ImageWidth="10"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">
   <dc:creator><rdf:Seq><rdf:li>Ann &amp; Bob</rdf:li></rdf:Seq></dc:creator>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Otters</rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
CREATOR = ("http://purl.org/dc/elements/1.1/", "creator")
RATING = ("http://ns.adobe.com/xap/1.0/", "Rating")


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "avif", "tif"])
@pytest.mark.parametrize("kind", ["generated", "enlarged", "transformed"])
def test_a_recipe_and_its_kind_come_back_from_every_format(tmp_path: Path, extension: str, kind: recipe.Kind) -> None:
    made = {"model": "portraits", "seed": 1843, "psi": 0.7, "title": "Grüße <&> \U0001f3a8", "ws": [1.5, -2.25]}
    path = tmp_path / f"face.{extension}"
    recipe.write(path, PICTURE, made, kind)
    assert recipe.read(path) == made
    assert recipe.read_kind(path) == kind


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_a_recipe_of_300_kilobytes_comes_back(tmp_path: Path, extension: str) -> None:
    made = {"strokes": np.random.RandomState(2).rand(16_000).tolist()}
    assert len(json.dumps(made)) > 300_000
    path = tmp_path / f"map.{extension}"
    recipe.write(path, Photo(PICTURE, xmp=LIGHTROOM), made)
    assert recipe.read(path) == made
    packet = decode(path).xmp
    assert xmp.get(packet, RATING) == "4"
    with Image.open(path) as opened:
        opened.load()
        assert opened.size == (32, 24)


def test_what_is_too_long_for_a_jpeg_packet_goes_into_extended_xmp(tmp_path: Path) -> None:
    path = tmp_path / "map.jpg"
    recipe.write(path, PICTURE, {"text": "x" * 300_000})
    blob = path.read_bytes()
    assert blob.count(b"http://ns.adobe.com/xmp/extension/\0") == 5
    with Image.open(path) as opened:
        main = opened.info["xmp"]
    digest = xmp.extension_of(main)
    assert digest is not None
    assert digest.encode() in blob
    assert len(main) < 65_503
    assert recipe.read_kind(path) == "generated"


def test_a_tampered_extension_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "map.jpg"
    recipe.write(path, PICTURE, {"text": "x" * 300_000})
    path.write_bytes(path.read_bytes().replace(b"xxxxxxxx", b"xxxxxxxy", 1))
    assert recipe.read(path) is None


def test_merging_keeps_what_was_there_and_replaces_what_is_no_longer_true() -> None:
    packet = recipe.stamp(LIGHTROOM, {"a": 1}, "enlarged", (400, 300))
    root = fromstring(packet)
    assert [e.text for e in root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")] == ["Ann & Bob", "Otters"]
    assert xmp.get(packet, RATING) == "4"
    assert xmp.get(packet, (xmp.TIFF, "Orientation")) == "1"
    assert xmp.get(packet, (xmp.TIFF, "ImageWidth")) == "400"
    assert xmp.get(packet, (xmp.TIFF, "ImageLength")) is None
    assert packet.count(b"DigitalSourceType>") == 2
    assert b"algorithmicallyEnhanced" in packet
    assert b"digitalCapture" not in packet
    assert b'xmp:Rating="4"' in packet
    assert packet.count(b'rdf:about="uuid:42"') == 2


PHONE = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:Container="http://ns.google.com/photos/1.0/container/"
    xmlns:Item="http://ns.google.com/photos/1.0/container/item/" hdrgm:Version="1.0" GCamera:MotionPhoto="1"
    GCamera:MotionPhotoVersion="1" GCamera:SpecialTypeID="a" xmp:Rating="4">
   <Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">
   <Container:Item Item:Semantic="GainMap" Item:Length="9"/></rdf:li></rdf:Seq></Container:Directory>
  </rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_what_lay_behind_a_phones_picture_is_told_and_not_promised_by_the_result() -> None:
    packet, said = recipe.without_behind(PHONE)
    assert said == ("Its moving part is not kept.", "What makes it brighter on HDR screens (its gain map) is not kept.")
    assert not any(word in packet for word in (b"MotionPhoto", b"Version=", b"Container:", b"Item:Length"))
    assert xmp.get(packet, RATING) == "4"
    assert xmp.get(packet, (recipe.CAMERA, "SpecialTypeID")) == "a"
    assert recipe.without_behind(packet) == (packet, ())
    still = PHONE.replace(b'MotionPhoto="1"', b'MotionPhoto="0"').replace(b"hdrgm:Version", b"xmp:Label")
    assert recipe.without_behind(still) == (still, ())


def test_stamping_twice_leaves_one_recipe() -> None:
    packet = recipe.stamp(recipe.stamp(LIGHTROOM, {"a": 1}, "enlarged"), {"b": 2}, "enlarged")
    assert packet.count(b"<ganvas:recipe>") == 1
    assert json.loads(xmp.get(packet, recipe.RECIPE) or "") == {"b": 2}


@pytest.mark.parametrize(
    "broken", [b"", b"no xml", b"<a/>", LIGHTROOM[:300], b"\0" * 50, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_a_broken_packet_is_left_behind(broken: bytes) -> None:
    packet = recipe.stamp(broken, {"a": 1}, "generated")
    assert json.loads(xmp.get(packet, recipe.RECIPE) or "") == {"a": 1}


def test_a_packet_nested_without_end_is_not_followed() -> None:
    deep = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</x:xmpmeta>"
    assert xmp.get(deep, RATING) is None
    assert recipe.stamp(deep, {}, "generated").count(b"<a>") == 0


@settings(max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=20,
    )
)
def test_any_json_survives_as_a_recipe(value: object) -> None:
    packet = recipe.stamp(LIGHTROOM, {"value": value}, "generated")
    assert json.loads(xmp.get(packet, recipe.RECIPE) or "") == json.loads(json.dumps({"value": value}))


@given(st.integers(1_000, 5_000), st.integers(0, 10_000))
def test_splitting_and_joining_gives_back_every_property(limit: int, length: int) -> None:
    whole = xmp.merge(LIGHTROOM, {(xmp.GANVAS, "a"): "x" * length, (xmp.GANVAS, "b"): "y" * (length // 2)})
    main, rest = xmp.split(whole, limit + 1_000)
    assert len(main) <= limit + 1_000
    joined = xmp.join(main, rest) if rest else main
    for name in ((xmp.GANVAS, "a"), (xmp.GANVAS, "b"), RATING):
        assert (xmp.get(joined, name) or "") == (xmp.get(whole, name) or "")


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_a_recipe_is_put_into_a_finished_file_without_touching_its_pixels(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"old.{extension}"
    Image.fromarray(PICTURE).save(path)
    before = decode(path)
    recipe.embed(path, {"a": [1]}, "transformed")
    after = decode(path)
    assert np.array_equal(before.pixels, after.pixels)
    assert recipe.read(path) == {"a": [1]}


def test_pictures_without_a_recipe_have_none(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    assert recipe.read(tmp_path / "plain.png") is None
    assert recipe.read(tmp_path / "text.png") is None
    assert recipe.read_kind(tmp_path / "plain.png") is None


def test_a_recipe_that_is_no_json_or_no_dict_is_not_read(tmp_path: Path) -> None:
    from app.photos.encoding import encode

    for text in ("[1]", "{", '"x"', "{" * 100_000, "[" * 100_000):
        encode(Photo(PICTURE, xmp=xmp.merge(None, {recipe.RECIPE: text})), tmp_path / "x.png")
        assert recipe.read(tmp_path / "x.png") is None


def test_numbers_that_json_has_no_word_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        recipe.write(tmp_path / "x.png", PICTURE, {"psi": float("nan")})
    with pytest.raises(PhotoError, match="too large"):
        recipe.write(tmp_path / "x.png", PICTURE, {"text": "x" * (17 * 2**20)})
    assert not list(tmp_path.iterdir())
