"""Worn photos: each part does what it says, the same seed wears alike, and a worn patch shows the place of its sharp one."""

import math

import numpy as np
import pytest
import torch

from models.training.degradations import WORN, WornLike, blurred, compressed, gaussian, low_pass, noisy, worn
from models.training.fidelity import luma, psnr_y
from models.training.patches import Patches, batch, clean_or_worn, piece, reduced
from models.training.upscaling_losses import unevenness


def grid(height: int = 160, width: int = 200) -> np.ndarray:
    """Soft coloured waves with a sharp cross: something to blur, to compress and to find again."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / a) * np.cos(y / b) for a, b in ((5, 11), (7, 6), (13, 4))]
    picture = (127 + 70 * np.stack(waves, -1)).astype(np.uint8)
    picture[height // 2 - 3 : height // 2 + 3] = 240
    picture[:, width // 3 : width // 3 + 4] = (10, 30, 90)
    return picture


@pytest.mark.parametrize("kernel", [gaussian(0.4, 0.4, 0.0), gaussian(0.5, 2.5, 1.0), low_pass(1.2)])
def test_a_kernel_keeps_the_mean_and_takes_detail(kernel: np.ndarray) -> None:
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    photo = grid()
    made = blurred(photo, kernel)
    assert made.dtype == np.uint8
    assert np.abs(made.astype(float).mean((0, 1)) - photo.mean((0, 1))).max() < 1.5
    assert np.abs(np.diff(luma(made), axis=0)).max() < np.abs(np.diff(luma(photo), axis=0)).max()


def test_a_long_kernel_blurs_along_its_angle() -> None:
    dot = np.zeros((31, 31, 3), np.uint8)
    dot[15, 15] = 255
    made = blurred(dot, gaussian(0.4, 3.0, math.pi / 2)).astype(float)[..., 0]  # down the picture
    assert (made.sum(1) > 4).sum() > 2 * (made.sum(0) > 4).sum()


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    flat = np.full((200, 200, 3), 110, np.uint8)
    coloured = noisy(flat, 9.0, False, False, np.random.default_rng(0)).astype(float)
    assert coloured.std() == pytest.approx(9, rel=0.03)
    grey = noisy(flat, 9.0, True, False, np.random.default_rng(0)).astype(float)
    assert (grey[..., 0] == grey[..., 2]).all()
    assert not (coloured[..., 0] == coloured[..., 2]).all()
    dark = noisy(np.full_like(flat, 20), 9.0, False, True, np.random.default_rng(0)).astype(float)
    assert dark.std() < 0.6 * noisy(flat, 9.0, False, True, np.random.default_rng(0)).astype(float).std()


def test_a_lower_quality_loses_more() -> None:
    photo = grid()
    assert psnr_y(compressed(photo, 30), photo, 2) < psnr_y(compressed(photo, 90), photo, 2)


def test_the_same_seed_wears_alike_and_another_otherwise() -> None:
    photo = grid()
    first, again, other = (clean_or_worn(photo, 4, seed, WORN) for seed in (5, 5, 6))
    assert (first == again).all()
    assert first.shape == other.shape == (40, 50, 3)
    assert (first != other).any()


def test_worn_photos_lie_farther_from_the_clean_ones_and_some_stay_clean() -> None:
    photo = grid()
    clean = reduced(photo, 4)
    apart = [psnr_y(clean_or_worn(photo, 4, seed, WORN), clean, 2) for seed in range(60)]
    assert 0 < sum(one > 90 for one in apart) < 15  # a tenth is left as it is
    assert np.median(apart) < 35
    assert clean_or_worn(photo, 4, 0, None).tobytes() == clean.tobytes()


def test_nothing_but_what_was_asked_for_happens() -> None:
    never = WornLike(WORN.before, WORN.first, WORN.second, clean=1.0)
    photo = grid()
    assert (worn(photo, (40, 50), np.random.default_rng(0), never) == reduced(photo, 4)).all()


def test_a_worn_patch_shows_the_place_of_its_sharp_one() -> None:
    """Moved by one small pixel to any side, the reduced sharp patch fits worse."""
    pictures = {0: grid(), 1: grid(170, 180)}
    patches = Patches(pictures, (0, 1), 4, 16, WORN)
    small, large = batch(patches, np.random.default_rng(2), 40)
    assert small.shape == (40, 3, 16, 16)
    assert large.shape == (40, 3, 64, 64)
    clean = large.reshape(40, 3, 16, 4, 16, 4).mean((3, 5))
    inside = clean[:, :, 2:-2, 2:-2]
    here = (small[:, :, 2:-2, 2:-2] - inside).square().mean()
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        moved = small[:, :, 2 + dy : 14 + dy, 2 + dx : 14 + dx]
        assert (moved - inside).square().mean() > here


@pytest.mark.parametrize("like", [None, WORN])
def test_patches_depend_on_the_random_numbers_alone(like: WornLike | None) -> None:
    pictures = {0: grid(), 1: grid(170, 180)}
    first = batch(Patches(pictures, (0, 1), 4, 12, like), np.random.default_rng(1), 3)
    again = batch(Patches(pictures, (0, 1), 4, 12, like), np.random.default_rng(1), 3)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("like", [None, WORN])
def test_blocks_of_a_stored_photo_do_not_fall_on_the_squares_of_the_upscaler(like: WornLike | None) -> None:
    """Where they do, as in a piece cut at a multiple of four pixels, it is seen; a network would learn to draw them."""
    blocks = np.random.default_rng(0).integers(40, 210, (90, 90, 3), np.uint8).repeat(4, 0).repeat(4, 1)

    def uneven(pictures: torch.Tensor) -> float:
        return float(unevenness(pictures, 4).mean())

    cut = torch.from_numpy(blocks[:128, :128].copy()).permute(2, 0, 1)[None].float() / 255
    _, large = batch(Patches({0: blocks}, (0,), 4, 32, like), np.random.default_rng(1), 16)
    assert uneven(large) < 0.1 * uneven(cut)


def test_a_piece_of_a_photo_is_that_photo_made_smaller_as_far_as_it_is_large_enough() -> None:
    slope = np.linspace(0, 255, 200).astype(np.uint8)[:, None, None].repeat(150, 1).repeat(3, 2)
    rises = [np.ptp(piece(slope, 50, np.random.default_rng(seed))[..., 0]) / 255 * 200 for seed in range(40)]
    assert 58 < min(rises) < 70
    assert 88 < max(rises) < 102
    for side in (150, 180):  # no room to make it smaller; too small even as it is
        assert piece(slope, side, np.random.default_rng(0)).shape == (side, side, 3)
    whole = piece(slope[:150], 150, np.random.default_rng(0))
    assert (whole == slope[:150]).all()
