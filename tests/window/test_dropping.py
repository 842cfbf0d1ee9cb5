"""A dropped file is what its bytes say."""

from pathlib import Path

import numpy as np
import pytest

from app.dropping import look_at
from app.photos import recipe
from app.photos.encoding import encode
from app.photos.photo import Photo


def photo(path: Path, pixels: np.ndarray) -> Path:
    encode(Photo(pixels), path)
    return path


def noise(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, channels), np.uint8)


def blocks(channels: int) -> np.ndarray:
    """A label map of three labels."""
    pixels = np.zeros((40, 60, channels), np.uint8)
    pixels[:, 20:], pixels[20:, 40:] = 7, 12
    return pixels


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_photo_is_a_photo_in_any_format(tmp_path: Path, suffix: str) -> None:
    assert look_at(photo(tmp_path / f"beach.{suffix}", noise())).kind == "photo"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_label_map_is_told_from_a_photo(tmp_path: Path, channels: int) -> None:
    assert look_at(photo(tmp_path / "map.png", blocks(channels))).kind == "map"
    assert look_at(photo(tmp_path / "grain.png", noise(channels))).kind == "photo"


def test_a_picture_with_a_recipe_knows_its_panel(tmp_path: Path) -> None:
    recipe.write(tmp_path / "face.png", noise(), {"panel": "explore", "version": 1})
    dropped = look_at(tmp_path / "face.png")
    assert (dropped.kind, dropped.panel) == ("recipe", "explore")
    assert dropped.recipe["version"] == 1


def test_the_extension_is_not_believed(tmp_path: Path) -> None:
    lying = photo(tmp_path / "a.png", noise()).rename(tmp_path / "model.pkl")
    assert look_at(lying).kind == "photo"
    (tmp_path / "weights.png").write_bytes(b"PK\x03\x04" + bytes(100))
    assert look_at(tmp_path / "weights.png").kind == "other"


def test_folders_documents_and_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "drawing.ganvas").write_bytes(b"PK\x03\x04")
    assert look_at(tmp_path).kind == "folder"
    assert (look_at(tmp_path / "drawing.ganvas").kind, look_at(tmp_path / "drawing.ganvas").panel) == ("document", "paint")
    assert look_at(tmp_path / "gone.png").kind == "missing"


def test_the_folder_of_a_model_is_no_folder_of_photos(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    photo(tmp_path / "sheet.webp", noise())
    assert look_at(tmp_path).kind == "folder"
    (tmp_path / "weights.safetensors").write_bytes(b"")
    assert look_at(tmp_path).kind == "other"


def test_a_photo_that_is_cut_off_is_still_a_photo(tmp_path: Path) -> None:
    whole = photo(tmp_path / "whole.png", noise()).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert look_at(tmp_path / "cut.png").kind == "photo"
