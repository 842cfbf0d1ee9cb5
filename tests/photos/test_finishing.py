"""Grain is measured and laid over without seams; what is protected is the plain resize to the bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.photos import masks
from app.photos.encoding import encode
from app.photos.finishing import Finish, finished
from app.photos.grain import grain_of
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import resize, to_image, to_pixels


def smooth(height: int, width: int, channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    """A slope from dark to light."""
    row = np.linspace(0.2, 0.8, width) * np.iinfo(kind).max
    return np.broadcast_to(row[None, :, None], (height, width, channels)).astype(kind)


def grainy(sigma: float, kind: type = np.uint8) -> np.ndarray:
    top = np.iinfo(kind).max
    noise = np.random.RandomState(1).normal(0, sigma * top, (200, 300, 1))
    return np.clip(smooth(200, 300, 3, kind) + noise, 0, top).round().astype(kind)


def done(made: np.ndarray, plain: np.ndarray, finish: Finish, size: tuple[int, int] | None = None) -> np.ndarray:
    return to_pixels(finished(to_image(made), to_image(plain), size or (made.shape[1], made.shape[0]), finish))


def noise(height: int, width: int, channels: int = 3, kind: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, np.iinfo(kind).max, (height, width, channels)).astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.06])
def test_grain_is_measured_within_a_sixth(sigma: float, kind: type) -> None:
    assert grain_of(grainy(sigma, kind)) == pytest.approx(sigma, rel=0.17)


def test_a_clean_photo_and_a_tiny_one_have_no_grain() -> None:
    assert grain_of(smooth(200, 300)) < 0.003
    assert grain_of(noise(8, 8)) == 0
    assert grain_of(np.zeros((100, 100, 3), np.uint8)) == 0


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_grain_that_is_laid_over_has_the_strength_that_was_asked_for(factor: int, kind: type) -> None:
    plain = np.full((90, 120, 3), np.iinfo(kind).max // 2, kind)
    made = resize(plain, 120 * factor, 90 * factor)
    out = done(made, plain, Finish(grain=0.04, seed=3)).astype(float) / np.iinfo(kind).max
    assert out.std() == pytest.approx(0.04, rel=0.1)
    assert out.mean() == pytest.approx(0.5, abs=0.004)
    assert np.array_equal(out[..., 0], out[..., 2])
    alike = np.corrcoef(out[:, :-1, 0].ravel(), out[:, 1:, 0].ravel())[0, 1]
    assert (alike > 0.6) == (factor == 4)  # grain of an enlarged photo is broader than a pixel


def test_grain_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    plain = smooth(60, 80)
    one, again, other = (done(plain, plain, Finish(grain=0.05, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_grain_leaves_transparency_alone() -> None:
    plain = noise(40, 50, 4)
    out = done(plain, plain, Finish(grain=0.1))
    assert np.array_equal(out[..., 3], plain[..., 3])
    assert not np.array_equal(out[..., :3], plain[..., :3])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(160, 120), (123, 92)])
def test_what_is_protected_is_the_plain_resize_exactly_and_the_rest_is_not(
    tmp_path: Path, channels: int, kind: type, size: tuple[int, int]
) -> None:
    plain, made = noise(30, 40, channels, kind), noise(120, 160, channels, kind, seed=1)
    mask = np.zeros((30, 40), np.uint8)
    mask[8:20, 10:25] = 255
    finish = Finish(strength=0.7, grain=0.05, mask=masks.softened(masks.keep(mask), (40, 30)))
    out, under = done(made, plain, finish, size), resize(plain, *size)
    factor = size[0] / 40
    inside = (slice(int(np.ceil(8 * factor)), int(20 * factor)), slice(int(np.ceil(10 * factor)), int(25 * factor)))
    assert np.array_equal(out[inside], under[inside])
    without = done(made, plain, Finish(strength=0.7, grain=0.05), size)
    assert np.array_equal(out[:, -int(6 * factor) :], without[:, -int(6 * factor) :])
    assert not np.array_equal(out[inside], without[inside])


def test_a_masks_edge_fades_outwards_and_never_inwards() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[40:60, 40:60] = 255
    soft = masks.softened(masks.keep(mask), (100, 100)).astype(int)
    assert (soft[40:60, 40:60] == 255).all()
    profile = soft[50, 60:70]
    assert (np.diff(profile) <= 0).all()
    assert 0 < soft[50, 62] < 255
    assert soft[50, 75] == 0


def test_a_mask_is_black_and_white_or_what_was_painted_on_nothing(tmp_path: Path) -> None:
    grey, cut = np.zeros((20, 30, 1), np.uint8), np.zeros((20, 30, 4), np.uint8)
    grey[5:10] = 255
    cut[5:10, :, 3] = 255
    for name, pixels in (("grey.png", grey), ("cut.png", cut)):
        encode(Photo(pixels), tmp_path / name)
        assert np.array_equal(masks.read_mask(tmp_path / name), grey[..., 0])


def test_of_a_mask_with_colours_and_transparency_both_count() -> None:
    painted = np.zeros((20, 30, 4), np.uint8)
    painted[:, :10] = 255
    painted[:, 10:20, :3] = 255  # white, and not there
    painted[:, 20:, 3] = 255
    mask = masks.read_mask(masks.keep(painted))
    assert (mask[0, ::10].tolist(), np.ptp(mask, axis=0).max()) == ([255, 0, 0], 0)


def test_a_mask_larger_than_its_photo_protects_every_pixel_it_touches() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[:, 201] = 255  # a line that is a quarter of a pixel broad there
    assert (masks.softened(masks.keep(mask), (100, 100))[:, 50] == 255).all()


def test_labels_of_a_map_protect_what_they_stand_for(tmp_path: Path) -> None:
    image = Image.fromarray(np.repeat(np.array([[3], [7], [9]], np.uint8), 4, 1), "P")
    image.putpalette(list(range(256)) * 3)
    nested = PngInfo()
    nested.add_text(masks.LABELS_KEY, "[" * 100_000)
    image.save(tmp_path / "nested.png", pnginfo=nested)
    assert masks.labels_of(tmp_path / "nested.png") == {}
    info = PngInfo()
    info.add_text(masks.LABELS_KEY, json.dumps([{"id": 3, "name": "sky"}, {"id": 7, "name": "sea"}, {"id": 9, "name": "sand"}]))
    image.save(tmp_path / "map.png", pnginfo=info)
    assert masks.labels_of(tmp_path / "map.png") == {"sky": 3, "sea": 7, "sand": 9}
    made = masks.read_mask(tmp_path / "map.png", ["sky", "sand"])
    assert made[:, 0].tolist() == [255, 0, 255]
    with pytest.raises(PhotoError, match="no label 'tree'"):
        masks.read_mask(tmp_path / "map.png", ["tree"])
    encode(Photo(noise(4, 4)), tmp_path / "photo.png")
    with pytest.raises(PhotoError, match="no label map"):
        masks.read_mask(tmp_path / "photo.png", ["sky"])


def test_a_mask_is_kept_whatever_becomes_of_its_file_and_its_loss_is_told() -> None:
    mask = noise(10, 12, 1)[..., 0]
    kept = masks.keep(mask)
    assert masks.keep(mask) == kept
    assert masks.size_of(kept) == (12, 10)
    assert masks.suits((12, 10), (1200, 1000))
    assert not masks.suits((12, 10), (1000, 1200))
    kept.unlink()
    masks._kept.cache_clear()
    masks.softened.cache_clear()
    with pytest.raises(PhotoError, match="is gone"):
        masks.softened(kept, (12, 10))
