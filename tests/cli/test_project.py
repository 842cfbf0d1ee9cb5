"""`ganvas project`: a photo becomes a point of a model that Explore opens, or a sentence says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.__main__ import main
from app.explore.state import from_recipe
from app.photos import recipe
from models.latents import projecting
from tests.cli.test_generate import pixels
from tests.models.small_faces import SIDE


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo is searched for in a few steps alone."""
    monkeypatch.setattr(projecting, "STEPS", (2, 2))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo that its EXIF turns: 60 x 80 as it is looked at."""
    path, exif = tmp_path / "me.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (60, 80, 3), np.uint8)).save(path, exif=exif)
    return path


def test_the_picture_that_is_written_is_that_of_the_point_inside(tmp_path: Path, small: str, photo: Path) -> None:
    out = tmp_path / "new" / "found.png"
    arguments = ["project", str(photo), "--model", small, "--eyes", "20,30,40,32", "--precision", "float32"]
    assert main([*arguments, "--direction", "principal-1=1", "--out", str(out)]) == 0
    held = recipe.read(out)
    assert held is not None
    found = from_recipe(held)
    assert found.point is not None
    assert found.direction("principal-1") == 1
    assert pixels(out).shape == (SIDE, SIDE, 3)
    assert main([*arguments, "--freedom", "0", "--out", str(tmp_path / "other.png")]) == 0
    assert not np.array_equal(pixels(tmp_path / "other.png"), pixels(out))


def test_several_photos_go_into_a_folder_and_one_that_is_none_is_named(
    tmp_path: Path, small: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture at all")
    out = tmp_path / "found"
    assert main(["project", str(broken), str(photo), "--model", small, "--out", str(out)]) == 1
    assert [path.name for path in out.iterdir()] == ["me.png"]
    assert "broken.png" in capsys.readouterr().err


def test_photos_of_one_name_are_all_written_and_none_is_written_over(tmp_path: Path, small: str, photo: Path) -> None:
    folder = tmp_path / "aligned"
    folder.mkdir()
    Image.new("RGB", (40, 40)).save(folder / "Me.png")
    before = (folder / "Me.png").read_bytes()
    assert main(["project", str(folder / "Me.png"), str(photo), "--model", small, "--out", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["Me-2.png", "Me.png", "me-3.png"]
    assert (folder / "Me.png").read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        ["--eyes", "1,2,3"],
        ["--eyes", "5,5,5,5"],
        ["--eyes", "a,b,c,d"],
        ["--mouth", "3,4"],
        ["--freedom", "2"],
        ["--freedom", "much"],
    ],
)
def test_what_cannot_be_meant_is_an_error_of_usage(tmp_path: Path, photo: Path, wrong: list[str]) -> None:
    assert main(["project", str(photo), *wrong, "--out", str(tmp_path / "found.png")]) == 2


@pytest.mark.parametrize("outside", [["--eyes", "20,30,4000,32"], ["--eyes", "20,30,40,32", "--mouth", "30,-5"]])
def test_eyes_outside_the_photo_are_told(
    tmp_path: Path, small: str, photo: Path, outside: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.png"
    assert main(["project", str(photo), "--model", small, *outside, "--out", str(out)]) == 3
    assert "is outside me.jpg, which is" in capsys.readouterr().err
    assert not out.exists()


def test_several_photos_need_a_folder_and_no_eyes(tmp_path: Path, photo: Path) -> None:
    assert main(["project", str(photo), str(photo), "--out", str(tmp_path / "found.png")]) == 2
    assert main(["project", str(photo), str(photo), "--eyes", "1,2,3,4", "--out", str(tmp_path)]) == 2


def test_the_photo_itself_is_not_written_over(
    tmp_path: Path, small: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = photo.read_bytes()
    assert main(["project", str(photo), "--model", small, "--out", str(photo)]) == 2
    assert "would be lost" in capsys.readouterr().err
    assert photo.read_bytes() == before
