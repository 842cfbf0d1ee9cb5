"""Maps, projects and recipes come back as they went out; what is broken, foreign or hostile is refused in words."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from app.paint.state import project
from app.paint.state.drawing import Drawing, blank, from_map
from app.paint.state.files import PaintFileError
from app.paint.state.layers import CLEAR, DrawingLayer, PhotoLayer
from app.paint.state.look import LEAST_PHOTO, Look, Looks, photo_look, seed_look
from app.paint.state.map_files import looks_like_map, map_bytes, read_map, settle
from app.paint.state.palette import Palette
from app.paint.state.project import project_bytes, read_project, save_project
from app.paint.state.recipe import from_recipe, to_recipe
from app.paint.state.serial import VERSION
from models.card import Label
from tests.paint.sheet import LABELS

PALETTE = Palette(LABELS)
NUMBERS = np.array([label.id for label in LABELS], np.uint8)


def some_map(seed: int = 0, width: int = 80, height: int = 64) -> NDArray[np.uint8]:
    """Blobs of all labels, with some unlabelled pixels."""
    random = np.random.default_rng(seed)
    coarse = NUMBERS[random.integers(0, len(NUMBERS), (height // 8, width // 8))]
    labels = np.kron(coarse, np.ones((8, 8), np.uint8))
    labels[:4, :4] = CLEAR
    return labels


def some_drawing(seed: int = 0) -> Drawing:
    """Two layers of labels, a photo between them, a photo's look blended with a seed's."""
    random = np.random.default_rng(seed)
    drawing = from_map(some_map(seed), LABELS, background=12)
    upper = np.full((drawing.height, drawing.width), CLEAR, np.uint8)
    upper[10:20, 30:60] = 11
    drawing.layers += [
        PhotoLayer(4, "Föhn über dem See", random.integers(0, 256, (20, 30, 3), np.uint8), 0.25, visible=False),
        DrawingLayer(7, "Trees", upper, visible=True),
    ]
    drawing.active, drawing.model = 7, "landscapes"
    photo = random.integers(0, 256, (40, 60, 3), np.uint8)
    drawing.looks = Looks(photo_look(photo, "evening"), seed_look(17), 0.3, 5)
    return drawing


def assert_same(one: Drawing, other: Drawing) -> None:
    for name in ("width", "height", "labels", "background", "active", "looks", "model"):
        assert getattr(one, name) == getattr(other, name), name
    assert [type(layer) for layer in one.layers] == [type(layer) for layer in other.layers]
    for a, b in zip(one.layers, other.layers, strict=True):
        assert (a.key, a.name, a.visible) == (b.key, b.name, b.visible)
        if isinstance(a, DrawingLayer) and isinstance(b, DrawingLayer):
            assert np.array_equal(a.labels, b.labels)
        elif isinstance(a, PhotoLayer) and isinstance(b, PhotoLayer):
            assert np.array_equal(a.picture, b.picture)
            assert a.opacity == b.opacity


# Label maps


def test_a_saved_map_is_read_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    for kind in ("index", "colour"):
        labels = some_map()
        if kind == "colour":
            labels[labels == CLEAR] = 0
        path.write_bytes(map_bytes(labels, LABELS, kind))  # type: ignore[arg-type]
        read = read_map(path, PALETTE)
        assert read.unknown == ()
        assert np.array_equal(read.labels, labels)
        assert looks_like_map(path, PALETTE)


def test_a_saved_map_is_read_by_name_into_another_models_labels(tmp_path: Path) -> None:
    other = Palette(
        (
            Label(0, "Water", (0, 0, 255)),
            Label(1, "SKY", (9, 9, 99)),
            Label(2, "rubble", (90, 80, 70)),
            Label(3, "tree", (0, 99, 0)),
        )
    )
    path = tmp_path / "map.png"
    labels = np.repeat(np.array([[0, 12, 11, 2]], np.uint8), 20, axis=1).repeat(20, axis=0)  # sky, water, tree, mountain
    path.write_bytes(map_bytes(labels, LABELS))
    read = read_map(path, other)
    assert [(u.name, u.pixels) for u in read.unknown] == [("mountain", 400)]
    assert (np.unique(read.labels) == sorted({1, 0, 3, read.unknown[0].number})).all()
    assert list(settle(read, {read.unknown[0].number: 2})[0, ::20]) == [1, 0, 3, 2]
    assert list(settle(read, {})[0, ::20])[:3] == [1, 0, 3]


def test_unknown_indices_are_listed_with_their_pixels(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    labels = some_map()
    labels[40:50, 10:20], labels[50:60, 30:32] = 77, 200
    Image.fromarray(labels, "L").save(path)
    read = read_map(path, PALETTE)
    assert [(u.number, u.pixels) for u in read.unknown] == [(77, 100), (200, 20)]
    settled = settle(read, {77: 8})
    assert (settled[40:50, 10:20] == 8).all()
    assert (settled[50:60, 30:32] == LABELS[0].id).all()
    assert (settled[:4, :4] == CLEAR).all()


def test_a_map_whose_palette_another_program_sorted_anew_is_read_by_colour(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    labels = some_map()
    labels[labels == CLEAR] = 0
    Image.fromarray(PALETTE.colours()[labels]).quantize(len(LABELS)).save(path)
    assert np.array_equal(read_map(path, PALETTE).labels, labels)


def test_foreign_colours_are_listed_and_mapped(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    rgb = PALETTE.colours()[np.where(some_map() == CLEAR, 0, some_map())]
    rgb[30:34, 30:40] = (24, 80, 44)
    Image.fromarray(rgb).save(path)
    (unknown,) = read_map(path, PALETTE).unknown
    assert (unknown.name, unknown.pixels, unknown.nearest) == ("#18502c", 40, 11)


def test_transparent_pixels_are_unlabelled(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    rgba = np.dstack([PALETTE.colours()[np.full((40, 40), 8)], np.full((40, 40), 255, np.uint8)])
    rgba[:10, :10] = 0
    Image.fromarray(rgba).save(path)
    read = read_map(path, PALETTE)
    assert read.unknown == ()
    assert (read.labels[:10, :10] == CLEAR).all()
    assert (read.labels[10:] == 8).all()


def test_a_map_saved_as_jpeg_takes_the_nearest_colours_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "map.jpg"
    labels = np.where(some_map() == CLEAR, 0, some_map())
    Image.fromarray(PALETTE.colours()[labels]).save(path, quality=95)
    read = read_map(path, PALETTE)
    assert "nearest colour" in read.remark
    assert (read.labels == labels).mean() > 0.95


def test_16_bit_maps_are_read_where_their_numbers_fit(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(np.where(some_map() == CLEAR, 0, some_map()).astype(np.uint16)).save(path)
    assert read_map(path, PALETTE).unknown == ()
    Image.fromarray(np.full((40, 40), 300, np.uint16)).save(path)
    with pytest.raises(PaintFileError, match="numbers above 255"):
        read_map(path, PALETTE)


def test_a_photo_is_no_map(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    y, x = np.mgrid[0:64, 0:64]
    Image.fromarray(np.stack([x * 4, y * 4, (x * y) % 256], axis=2).astype(np.uint8)).save(path)
    assert not looks_like_map(path, PALETTE)
    Image.fromarray((x * 2 + y * 2).astype(np.uint8), "L").save(path)
    assert not looks_like_map(path, PALETTE)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_a_broken_map_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(data)
    with pytest.raises(PaintFileError, match="no picture, or it is broken"):
        read_map(path, PALETTE)
    assert not looks_like_map(path, PALETTE)


def test_a_map_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    whole = map_bytes(some_map(), LABELS)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(PaintFileError, match="broken"):
        read_map(path, PALETTE)


@given(st.binary(max_size=400), st.integers(0, 10**6))
@settings(max_examples=60)
def test_no_bytes_bring_the_reader_of_maps_down(tmp_path_factory: pytest.TempPathFactory, junk: bytes, where: int) -> None:
    whole = map_bytes(some_map(), LABELS)
    at = where % len(whole)
    path = tmp_path_factory.mktemp("maps") / "map.png"
    path.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    try:
        read = read_map(path, PALETTE)
    except PaintFileError:
        return
    assert np.isin(settle(read, {}), [*NUMBERS, CLEAR]).all()


# Projects and recipes


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_a_project_is_read_back_exactly(seed: int) -> None:
    drawing = some_drawing(seed)
    assert_same(read_project(project_bytes(drawing)), drawing)


def test_the_look_of_a_panorama_is_read_back_as_wide_as_it_was() -> None:
    drawing = some_drawing()
    look = photo_look(np.random.default_rng(5).integers(0, 255, (200, 4000, 3), np.uint8), "coast")
    drawing.looks = Looks(look)
    assert read_project(project_bytes(drawing)).looks.first == look
    assert look.photo is not None
    assert min(look.photo.shape[:2]) == LEAST_PHOTO


def test_layers_that_share_a_picture_write_it_once_and_share_it_again_when_they_are_read() -> None:
    drawing = blank(40, 30, LABELS)
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    drawing.layers += [PhotoLayer(2 + i, f"Photo {i}", picture if i else picture.copy(), i / 4, i != 1) for i in range(4)]
    other = PhotoLayer(9, "Another", picture[:60])
    drawing.layers.append(other)
    data = project_bytes(drawing)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [entry["file"] for entry in json.loads(archive.read("document.json"))["layers"]]
        assert [name for name in archive.namelist() if name.startswith("layers/")] == list(dict.fromkeys(names))
    assert len(set(names)) == 3
    read = read_project(data)
    photos = [layer for layer in read.layers if isinstance(layer, PhotoLayer)]
    expected = [layer for layer in drawing.layers if isinstance(layer, PhotoLayer)]
    for one, before in zip(photos, expected, strict=True):
        assert (one.key, one.name, one.opacity, one.visible) == (before.key, before.name, before.opacity, before.visible)
        assert np.array_equal(one.picture, before.picture)
    assert len({id(layer.picture) for layer in photos}) == 2
    assert len(project_bytes(read)) == len(data)


def test_a_project_is_an_ordinary_zip_with_a_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "My drawing ä.ganvas"
    save_project(path, some_drawing(), np.full((64, 80, 3), 90, np.uint8), sha256="ab" * 32)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:3] == ["mimetype", "document.json", "thumbnail.png"]
        document = json.loads(archive.read("document.json"))
        assert Image.open(io.BytesIO(archive.read("thumbnail.png"))).getpixel((5, 5)) == (90, 90, 90)
    assert document["version"] == VERSION
    assert document["model"] == {"name": "landscapes", "sha256": "ab" * 32}
    assert project.is_project(path)
    assert not project.is_project(tmp_path / "missing")


def rewritten(change: Any = None, **files: bytes | None) -> bytes:
    """A project with its document changed by `change(document)` and files put in or taken out."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(project_bytes(some_drawing()))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            data: bytes | None = old.read(name)
            if name == "document.json" and change is not None:
                document = json.loads(old.read(name))
                change(document)
                data = json.dumps(document).encode()
            data = files.pop(name, data)
            if data is not None:
                new.writestr(name, data)
        for name, data in files.items():
            new.writestr(name, data or b"")
    return out.getvalue()


def setting(*path: Any, to: Any) -> Any:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


def test_only_of_what_ganvas_wrote_aside_itself_is_it_believed_where_it_came_from(tmp_path: Path) -> None:
    drawing = some_drawing()
    drawing.home.file = tmp_path / "a lake ä.ganvas"
    aside = project_bytes(drawing, aside=True)
    assert read_project(aside, aside=True).home.file == drawing.home.file
    assert read_project(aside).home.file is None
    assert read_project(project_bytes(drawing), aside=True).home.file is None
    assert str(tmp_path).encode() not in project_bytes(drawing)


def test_a_newer_project_is_refused_politely() -> None:
    with pytest.raises(PaintFileError, match=r"newer Ganvas. Update Ganvas"):
        read_project(rewritten(setting("version", to=VERSION + 1)))


@pytest.mark.parametrize(
    "change",
    [
        setting("width", to=15), setting("width", to=10**9), setting("height", to="64"), setting("width", to=True),
        setting("labels", to=[]), setting("labels", to=[{"id": 0}] * 300), setting("labels", 0, "id", to=255),
        setting("labels", 1, "id", to=0), setting("labels", 0, "colour", to=[1, 2]), setting("background", to=99),
        setting("layers", to=[]), setting("layers", to={"0": 1}), setting("layers", 0, "key", to=7),
        setting("layers", 0, "file", to="../../etc/passwd"), setting("layers", 0, "kind", to="photo "),
        setting("layers", 1, "opacity", to="much"), setting("looks", "first", "kind", to="spell"),
        setting("looks", "second", "seed", to=2**40), setting("looks", "blend", to=[]), setting("looks", to=None),
        setting("model", to=3), setting("labels", to=[{"id": 0, "name": "sky", "colour": [1, 2, 3]}]),
    ],
)  # fmt: skip
def test_a_document_that_makes_no_sense_is_refused(change: Any) -> None:
    with pytest.raises(PaintFileError, match=r"broken|missing"):
        read_project(rewritten(change))


def test_a_project_without_a_document_is_none() -> None:
    with pytest.raises(PaintFileError, match="no project file"):
        read_project(rewritten(**{"document.json": None}))
    with pytest.raises(PaintFileError, match="no drawing of Ganvas"):
        read_project(rewritten(setting("kind", to="upscale")))


def test_a_layer_that_is_missing_or_of_another_size_is_refused() -> None:
    small = map_bytes(some_map(width=16, height=16), LABELS)
    for data in (None, b"", b"\x89PNG", small, map_bytes(some_map(), LABELS)[:200]):
        with pytest.raises(PaintFileError):
            read_project(rewritten(**{"layers/1.png": data}))


def test_a_part_that_unpacks_to_too_much_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "LARGEST_ATTACHMENT", 100_000)
    with pytest.raises(PaintFileError, match="too large"):
        read_project(rewritten(**{"layers/1.png": b"\0" * 10_000_000}))
    with pytest.raises(PaintFileError, match="too large"):
        read_project(rewritten(**{"document.json": b" " * (project.LARGEST_TEXT + 1)}))


def test_a_zip_that_lies_about_its_sizes_is_refused() -> None:
    data = bytearray(rewritten(**{"document.json": b"{}" * 5000}))
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"document.json"))
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the directory's claim of the unpacked size
    with pytest.raises(PaintFileError):
        read_project(bytes(data))


def test_a_drawing_that_was_packed_anew_opens_and_a_damaged_one_is_said_to_be_broken() -> None:
    drawing, out = some_drawing(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(project_bytes(drawing))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert_same(read_project(out.getvalue()), drawing)
    data = bytearray(out.getvalue())
    at = data.find(b"document.json") + len(b"document.json") + 30
    data[at : at + 40] = b"\xff" * 40
    with pytest.raises(PaintFileError, match="broken or cut off"):
        read_project(bytes(data))


def test_a_picture_that_claims_to_be_huge_is_not_unpacked() -> None:
    bomb = io.BytesIO()
    Image.new("L", (10_000, 10_000)).save(bomb, "PNG")
    with pytest.raises(PaintFileError, match="10,000 x 10,000"):
        read_project(rewritten(**{"layers/1.png": bomb.getvalue()}))


def test_a_zip_of_thousands_of_parts_is_refused() -> None:
    with pytest.raises(PaintFileError, match="more parts"):
        read_project(rewritten(**{f"x{i}": b"" for i in range(400)}))


@given(st.binary(min_size=1, max_size=60), st.integers(0, 10**6))
@settings(max_examples=80)
def test_no_bytes_bring_the_reader_of_projects_down(junk: bytes, where: int) -> None:
    whole = project_bytes(blank(64, 64, LABELS))
    at = where % len(whole)
    try:
        read = read_project(whole[:at] + junk + whole[at + len(junk) :])
    except PaintFileError:
        return
    assert read.label_map().shape == (read.height, read.width)


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_a_recipe_makes_the_same_map_with_the_same_looks(seed: int) -> None:
    drawing = some_drawing(seed)
    text = json.dumps(to_recipe(drawing, "cd" * 32, "photo-x4", "0.1.0"), allow_nan=False)
    recipe = from_recipe(json.loads(text))
    assert recipe is not None
    assert np.array_equal(recipe.drawing.label_map(), drawing.label_map())
    assert recipe.drawing.looks == drawing.looks
    assert (recipe.model, recipe.sha256, recipe.enlarge_with) == ("landscapes", "cd" * 32, "photo-x4")
    assert not any(isinstance(layer, PhotoLayer) for layer in recipe.drawing.layers)


def test_another_panels_recipe_is_none_and_a_broken_one_is_refused() -> None:
    assert from_recipe({"panel": "explore", "drawing": {}}) is None
    assert from_recipe({}) is None
    recipe = to_recipe(some_drawing(), "", "", "0.1.0")
    for name in recipe["files"]:
        for wrong in ("####", 5, None):
            with pytest.raises(PaintFileError):
                from_recipe(recipe | {"files": recipe["files"] | {name: wrong}})
    with pytest.raises(PaintFileError):
        from_recipe(recipe | {"files": None})


def test_looks_are_told_apart_by_what_they_are() -> None:
    photo = np.full((300, 600, 3), 50, np.uint8)
    look = photo_look(photo, "evening")
    assert look.photo is not None
    assert look.photo.shape == (128, 256, 3)
    panorama = photo_look(np.full((100, 2048, 3), 50, np.uint8), "coast").photo
    assert panorama is not None
    assert panorama.shape[0] == LEAST_PHOTO
    assert look == photo_look(photo, "evening")
    assert look != photo_look(photo + 1, "evening")
    assert seed_look(-1) == Look("seed", 2**32 - 1)
    assert (seed_look(5).style, Look("plain").style) == (5, None)
    assert look.style is look.photo
