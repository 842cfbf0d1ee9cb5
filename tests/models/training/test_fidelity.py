"""The measures of an enlarged picture are the customary ones."""

import numpy as np
import pytest

from models.training.fidelity import bicubic, colour_shift, lanczos, luma, psnr_y, ssim_y


def noise(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_luma_runs_from_16_to_235() -> None:
    ends = luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    assert ends == pytest.approx(np.array([[16, 235]]), abs=1e-3)


def test_one_level_of_grey_is_worth_what_the_formula_says() -> None:
    grey = np.full((20, 20, 3), 100, np.uint8)
    assert psnr_y(grey, grey + 1, 2) == pytest.approx(20 * np.log10(255 / (219.0 / 255)), abs=0.01)


def test_the_border_does_not_count() -> None:
    picture = noise(0)
    spoilt = picture.copy()
    spoilt[:4], spoilt[-4:], spoilt[:, :4], spoilt[:, -4:] = 0, 255, 0, 255
    assert psnr_y(spoilt, picture, 4) > 100
    assert ssim_y(spoilt, picture, 4) == pytest.approx(1)
    assert psnr_y(spoilt, picture, 3) < 40


def test_structural_similarity_of_flat_pictures_is_that_of_their_means() -> None:
    """No variance, no covariance: only the term of the means is left."""
    one, other = (np.full((40, 40, 3), level, np.uint8) for level in (80, 120))
    a, b, c1 = luma(one)[0, 0], luma(other)[0, 0], (0.01 * 255) ** 2
    assert ssim_y(one, other, 4) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


def test_structural_similarity_by_hand_at_one_place() -> None:
    """11 x 11 pixels hold the window once: weighted moments, written out."""
    one, other = noise(1, 13, 13), noise(2, 13, 13)
    a, b = luma(one)[1:-1, 1:-1], luma(other)[1:-1, 1:-1]
    y, x = np.mgrid[-5:6, -5:6]
    weights = np.exp(-(y**2 + x**2) / (2 * 1.5**2))
    weights /= weights.sum()
    ma, mb = (weights * a).sum(), (weights * b).sum()
    va, vb, shared = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum(), (weights * (a - ma) * (b - mb)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * ma * mb + c1) * (2 * shared + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim_y(one, other, 1) == pytest.approx(expected)


def test_the_filters_enlarge_and_keep_the_colour() -> None:
    small = noise(3, 12, 9)
    for enlarged in (bicubic(small, 4), lanczos(small, 4)):
        assert enlarged.shape == (48, 36, 3)
        assert np.abs(enlarged.astype(float).mean((0, 1)) - small.mean((0, 1))).max() < 4
    assert (bicubic(small, 4) != lanczos(small, 4)).any()


def test_a_colour_that_strays_is_seen() -> None:
    picture = np.full((20, 20, 3), 100, np.uint8)
    strayed = picture.copy()
    strayed[..., 2] += 3
    assert colour_shift(strayed, picture) == 3
