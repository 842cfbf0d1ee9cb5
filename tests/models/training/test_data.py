"""Training photos: found wherever they lie, checked one by one, decoded once."""

import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.errors import BadInput
from models.training.cache import cached
from models.training.labelled import read_labelled, square
from models.training.painting import sampling_chances
from models.training.photos import read_photos
from models.training.sheets import spread
from models.training.source import Source
from models.training.strokes import like_strokes, move_edges, simplify


def test_folder_zip_and_tar_hold_the_same_photos(landscapes: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in landscapes.rglob("*.*"):
            archive.write(file, file.relative_to(landscapes))
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(landscapes, "./inside")
    nested = tmp_path / "nested"
    nested.mkdir()
    shutil.copy(tmp_path / "a.zip", nested)
    read = [
        read_labelled(path, tmp_path / "cache" / str(i))
        for i, path in enumerate((landscapes, tmp_path / "a.zip", tmp_path / "a.tar.gz", nested))
    ]
    for data in read:
        assert (len(data.train), len(data.held_out), data.problems) == (9, 3, ())
        assert np.array_equal(data.photos[4], read[0].photos[4])
        assert np.array_equal(data.maps[4], read[0].maps[4])


def test_maps_hold_channel_numbers_and_no_holes(landscapes: Path, tmp_path: Path) -> None:
    data = read_labelled(landscapes, tmp_path / "cache")
    for i in range(len(data.maps)):
        assert set(np.unique(data.maps[i])) <= {0, 1, 2}
    assert data.maps[0][0, 0] == 0  # it was unlabelled; its neighbours are sky
    assert data.shares().sum(1) == pytest.approx(1)


def test_what_cannot_be_used_is_listed_and_the_rest_is_used(landscapes: Path, tmp_path: Path) -> None:
    (landscapes / "photos" / "p00.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 40)).save(landscapes / "photos" / "p01.png")
    Image.new("L", (40, 40)).save(landscapes / "maps" / "p01.png")
    Image.new("L", (99, 99)).save(landscapes / "maps" / "p02.png")
    Image.new("RGB", (200, 200)).save(landscapes / "maps" / "p04.png")
    Image.new("L", (150, 150), 255).resize(Image.open(landscapes / "photos" / "p05.png").size).save(
        landscapes / "maps" / "p05.png"
    )
    (landscapes / "maps" / "p06.png").unlink()
    data = read_labelled(landscapes, tmp_path / "cache")
    assert {Path(p.name).stem for p in data.problems} == {f"p{i:02}" for i in (0, 1, 2, 4, 5, 6)}
    assert all(p.reason for p in data.problems)
    assert len(data.train) + len(data.held_out) == 6
    again = read_labelled(landscapes, tmp_path / "cache")
    assert {p.name for p in again.problems} == {p.name for p in data.problems}


def filled(cache: Path) -> dict[str, int]:
    """The files of pictures in a cache, and when each was written."""
    return {file.name: file.stat().st_mtime_ns for file in cache.glob("*.u8*")}


def test_photos_are_decoded_once_and_again_when_the_data_changes(landscapes: Path, tmp_path: Path) -> None:
    read_labelled(landscapes, tmp_path / "cache")
    written = filled(tmp_path / "cache" / "photos")
    read_labelled(landscapes, tmp_path / "cache")
    assert filled(tmp_path / "cache" / "photos") == written
    for kind in ("photos", "maps"):
        shutil.copy(landscapes / kind / "p00.png", landscapes / kind / "p99.png")
    assert len(read_labelled(landscapes, tmp_path / "cache").photos) == 13


def test_maps_are_read_again_where_their_labels_are_others(landscapes: Path, tmp_path: Path) -> None:
    before = read_labelled(landscapes, tmp_path / "cache")
    labels = json.loads((landscapes / "labels.json").read_text())
    (landscapes / "labels.json").write_text(json.dumps(labels[::-1]))
    after = read_labelled(landscapes, tmp_path / "cache")
    assert [label.name for label in after.labels] == ["sand", "sea", "sky"]
    assert np.array_equal(after.maps[0], 2 - before.maps[0])


def test_open_photos_alone_can_be_trained_on(landscapes: Path, tmp_path: Path) -> None:
    data = read_labelled(landscapes, tmp_path / "cache", open_only=True)
    assert {str(data.photos.notes[i]["name"]) for i in data.train} == {"p01", "p05", "p09"}


def test_of_few_photos_one_is_held_out(landscapes: Path, tmp_path: Path) -> None:
    (landscapes / "index.csv").unlink()
    data = read_labelled(landscapes, tmp_path / "cache")
    assert (data.train, data.held_out) == (tuple(range(11)), (11,))


def test_photos_of_the_same_name_in_two_archives_are_all_there(tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    for number, name in enumerate(("a.zip", "b.zip")):
        Image.new("RGB", (90, 90), (100 * number, 9, 9)).save(tmp_path / "one.png")
        with zipfile.ZipFile(tmp_path / "archives" / name, "w") as archive:
            archive.write(tmp_path / "one.png", "photos/001.png")
            archive.writestr("__MACOSX/photos/._001.png", b"what macOS lays beside each file")
    source = Source(tmp_path / "archives")
    assert source.photos() == ["b.zip/photos/001.png", "photos/001.png"]
    assert source.read(source.photos()[0]) != source.read(source.photos()[1])


def test_labelled_photos_of_one_name_are_told(landscapes: Path, tmp_path: Path) -> None:
    (landscapes / "more" / "photos").mkdir(parents=True)
    shutil.copy(landscapes / "photos" / "p00.png", landscapes / "more" / "photos" / "p00.jpg")
    data = read_labelled(landscapes, tmp_path / "cache")
    assert [(problem.name, problem.reason) for problem in data.problems] == [
        ("photos/p00.png", "has the same name as more/photos/p00.jpg")
    ]
    assert len(data.photos) == 12


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned
    for i in range(3):
        Image.new("RGB", (120, 80), (i, 0, 0)).save(folder / f"{i}.jpg", exif=exif)
    assert read_photos(folder, tmp_path / "cache", 64).pictures.shapes == [(120, 80, 3)] * 3


def test_nothing_to_train_on_is_said(tmp_path: Path, landscapes: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInput, match="nothing to train on"):
        Source(empty)
    words = tmp_path / "words.txt"
    words.write_text("no archive")
    with pytest.raises(BadInput) as refused:
        Source(words)
    assert str(refused.value).startswith("words.txt is neither a zip nor a tar file")
    assert "\n" not in str(refused.value)
    (landscapes / "labels.json").write_text('[{"id": 300}]')
    with pytest.raises(BadInput, match=r"labels\.json"):
        read_labelled(landscapes, tmp_path / "cache")
    (landscapes / "labels.json").unlink()
    with pytest.raises(BadInput, match=r"labels\.json"):
        read_labelled(landscapes, tmp_path / "cache")


def test_squares_show_the_same_part_of_photo_and_map() -> None:
    numbers = np.zeros((150, 200), np.uint8)
    numbers[60:, 90:] = 1
    photo = np.repeat(numbers[..., None] * 255, 3, 2)
    rng = np.random.default_rng(0)
    for _ in range(20):
        pixels, found = square(photo, numbers, 128, rng, zoom=0.7)
        assert pixels.shape == (128, 128, 3)
        assert ((pixels[..., 0] > 127) == (found == 1)).mean() > 0.97
    middle, _ = square(photo, numbers, 64)
    assert np.array_equal(middle, square(photo, numbers, 64)[0])


def test_photos_with_rare_labels_are_drawn_more_often_within_bounds() -> None:
    shares = np.zeros((100, 3))
    shares[:, 0], shares[:40, 1], shares[0, 2] = 0.5, 0.3, 0.2
    chances = sampling_chances(shares)
    assert chances.sum() == pytest.approx(1)
    assert chances[0] > chances[1] > chances[50]
    assert chances.max() <= 8.01 * chances.min()


def test_maps_like_strokes_keep_their_labels_and_most_of_their_places() -> None:
    numbers = np.zeros((128, 128), np.uint8)
    numbers[50:], numbers[90:, 40:100] = 1, 2
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(60):
        found = like_strokes(numbers, rng)
        assert found.shape == numbers.shape
        assert set(np.unique(found)) <= {0, 1, 2}
        assert (found == numbers).mean() > 0.75
        changed += not np.array_equal(found, numbers)
    assert 20 < changed < 55


def test_edges_move_a_little_and_small_detail_goes() -> None:
    rng = np.random.default_rng(1)
    numbers = np.zeros((128, 128), np.uint8)
    numbers[64:] = 1
    moved = move_edges(numbers, rng)
    rows = np.argmax(moved == 1, axis=0)
    assert rows.std() > 0.3
    assert np.abs(rows - 64).max() < 16
    specks = numbers.copy()
    specks[10:13, 20:23] = 2
    assert 2 not in simplify(specks, rng)


def test_a_sheet_shows_rows_evenly_apart_and_each_once_where_there_are_few() -> None:
    assert spread(range(100), 4) == [0, 25, 50, 75]
    assert spread((3, 7, 8), 12) == [3, 7, 8]


def test_two_runs_that_need_photos_of_different_sizes_share_one_cache(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, side in enumerate((40, 70, 80, 90)):
        Image.effect_noise((side, side), 50).convert("RGB").save(folder / f"{i}.png")
    first = read_photos(folder, tmp_path / "cache", 32)
    written = filled(tmp_path / "cache")
    second = read_photos(folder, tmp_path / "cache", 64)
    assert filled(tmp_path / "cache") == written
    assert len(first.train) + len(first.held_out) == 4
    assert [(p.name, p.reason) for p in second.problems] == [("0.png", "has 40 x 40 pixels; 64 on each side are needed")]
    assert len(second.train) + len(second.held_out) == 3


def grey(value: int) -> Iterator[tuple[NDArray[np.uint8], dict[str, object]]]:
    yield np.full((4, 5, 3), value, np.uint8), {}


def test_a_run_keeps_the_pictures_it_has_mapped_while_another_fills_the_cache_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows has it: what is mapped can be neither replaced nor deleted."""
    mapped: set[str] = set()
    replace, unlink = os.replace, Path.unlink

    def replace_unmapped(source: Path, place: Path) -> None:
        if str(place) in mapped:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        replace(source, place)

    def unlink_unmapped(path: Path, missing_ok: bool = False) -> None:
        if str(path) in mapped:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "replace", replace_unmapped)
    monkeypatch.setattr(Path, "unlink", unlink_unmapped)
    before = cached(tmp_path, "one", grey(1))
    mapped.update(str(file) for file in tmp_path.glob("*.u8"))
    assert (cached(tmp_path, "two", grey(2))[0] == 2).all()
    assert (cached(tmp_path, "one", grey(3))[0] == 3).all()  # the pictures "one" had are not taken for these
    assert (before[0] == 1).all()
    mapped.clear()  # that run has ended: the next filling takes its pictures away
    assert (cached(tmp_path, "three", grey(4))[0] == 4).all()
    assert len(list(tmp_path.glob("*.u8*"))) == 1


def test_a_filling_that_was_broken_off_leaves_the_pictures_before(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[NDArray[np.uint8], dict[str, object]]]:
        yield from grey(2)
        raise KeyboardInterrupt

    cached(tmp_path, "one", grey(1))
    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "two", broken())
    never: list[tuple[NDArray[np.uint8], dict[str, object]]] = []
    assert (cached(tmp_path, "one", never)[0] == 1).all()
    assert (cached(tmp_path, "two", grey(2))[0] == 2).all()
    assert len(list(tmp_path.glob("*.u8*"))) == 1


def test_two_runs_that_begin_at_once_on_the_same_photos_both_have_them(tmp_path: Path) -> None:
    seen: list[int] = []

    def slow() -> Iterator[tuple[NDArray[np.uint8], dict[str, object]]]:
        yield from grey(1)
        other = cached(tmp_path, "one", grey(1))  # the other run begins later and ends first
        seen.append(int(other[0].max()))
        yield from grey(2)

    mine = cached(tmp_path, "one", slow())
    assert seen == [1]
    assert (mine[0] == 1).all()
    assert len(mine) == 1  # what the other filled serves both
    assert [file.suffix for file in tmp_path.glob("pictures*")] == [".u8"]


def test_what_another_run_is_filling_is_left_to_it_and_what_a_killed_one_left_is_not(tmp_path: Path) -> None:
    filling, left = (tmp_path / f"pictures-{name}.u8.part" for name in ("now", "before"))
    filling.write_bytes(b"a")
    left.write_bytes(b"b")
    os.utime(left, (1, 1))
    cached(tmp_path, "one", grey(1))
    assert filling.exists()
    assert not left.exists()


def test_a_cache_of_an_earlier_ganvas_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pictures.u8").write_bytes(bytes([7] * 12))
    (tmp_path / "index.json").write_text(json.dumps({"key": "old", "shapes": [[2, 2, 3]], "notes": [{}]}))
    assert (cached(tmp_path, "old", [])[0] == 7).all()
    cached(tmp_path, "new", grey(2))
    assert not (tmp_path / "pictures.u8").exists()
