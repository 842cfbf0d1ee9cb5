"""A label map reduced to shares: each pixel is counted where it lies, whatever the sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.labels import UNLABELLED, label_shares


def coverage(source: int, target: int) -> np.ndarray:
    """How much of each of `target` equal pieces each of `source` pixels covers: the slow way, as a matrix."""
    edges, pixels = np.arange(target + 1) * (source / target), np.arange(source)
    inside = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(inside, 0, None) * (target / source)


SIDES = st.integers(1, 40)


@settings(max_examples=100)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 2**32 - 1))
def test_shares_are_the_area_average_of_the_one_hot_map(height: int, width: int, h: int, w: int, seed: int) -> None:
    label_map = np.random.default_rng(seed).integers(0, 4, (height, width), np.uint8)
    shares = label_shares(label_map, [0, 1, 2, 3], (h, w), None)
    slow = [coverage(height, h) @ (label_map == label) @ coverage(width, w).T for label in range(4)]
    np.testing.assert_allclose(shares, slow, atol=1e-5)
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)


def test_channels_follow_the_models_labels_not_their_numbers() -> None:
    shares = label_shares(np.full((4, 4), 9, np.uint8), [3, 9, 7], (2, 2), None)
    np.testing.assert_array_equal(shares[:, 0, 0], [0, 1, 0])


@pytest.mark.parametrize("unlabelled", [None, 1])
def test_unlabelled_pixels_take_no_part_or_count_as_the_label_they_are_told_to(unlabelled: int | None) -> None:
    label_map = np.full((4, 4), UNLABELLED, np.uint8)
    label_map[:, 0] = 0
    shares = label_shares(label_map, [0, 1], (2, 2), unlabelled)
    np.testing.assert_allclose(shares.sum(0), 1)
    expected = [[1, 1], [1, 1]] if unlabelled is None else [[0.5, 0], [0.5, 0]]
    np.testing.assert_allclose(shares[0], expected)
