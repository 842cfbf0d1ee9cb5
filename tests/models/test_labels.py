"""Label maps: what is refused, and how they are reduced to the size a network works at."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import BadInput
from models.labels import check_label_map, label_shares, nearest_source

KNOWN = (0, 1, 2, 3)


def test_a_label_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(BadInput, match=r"label 7, 9, .*knows 0 to 3"):
        check_label_map(np.array([[0, 7], [9, 255]], np.uint8), KNOWN)


def test_an_empty_map_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="Paint at least one label"):
        check_label_map(np.full((4, 4), 255, np.uint8), KNOWN)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.int64), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)])
def test_what_is_no_label_map_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(BadInput):
        check_label_map(wrong, KNOWN)


def test_a_map_at_its_own_size_is_one_hot() -> None:
    label_map = np.random.RandomState(0).randint(0, 4, (9, 7)).astype(np.uint8)
    shares = label_shares(label_map, KNOWN, (9, 7), None)
    assert np.array_equal(shares.argmax(0), label_map)
    assert np.array_equal(shares.max(0), np.ones((9, 7), np.float32))


def test_shares_are_areas_whatever_the_sizes_are() -> None:
    label_map = np.zeros((6, 10), np.uint8)
    label_map[:, 5:] = 3
    label_map[0, 0] = 2
    shares = label_shares(label_map, KNOWN, (3, 5), None)
    assert shares[:, 0, 0] == pytest.approx([0.75, 0, 0.25, 0])
    assert shares[:, 1, 2] == pytest.approx([0.5, 0, 0, 0.5])
    odd = label_shares(label_map, KNOWN, (4, 7), None)
    assert odd.sum(0) == pytest.approx(np.ones((4, 7)), abs=1e-5)
    assert odd.mean((1, 2)) == pytest.approx([29 / 60, 0, 1 / 60, 0.5], abs=1e-5)


def test_enlarging_a_map_keeps_its_areas() -> None:
    shares = label_shares(np.array([[0, 1]], np.uint8), KNOWN, (3, 5), None)
    assert shares.sum(0) == pytest.approx(np.ones((3, 5)))
    assert shares[0, 0] == pytest.approx([1, 1, 0.5, 0, 0])


def test_unlabelled_pixels_take_after_the_nearest_label() -> None:
    label_map = np.full((5, 9), 255, np.uint8)
    label_map[:, 0], label_map[:, 8] = 1, 2
    shares = label_shares(label_map, KNOWN, (5, 9), None)
    assert np.array_equal(shares.argmax(0)[2], [1, 1, 1, 1, 1, 2, 2, 2, 2])
    assert shares.sum(0) == pytest.approx(np.ones((5, 9)))


def test_unlabelled_pixels_stand_for_a_label_of_their_own_where_there_is_one() -> None:
    shares = label_shares(np.array([[0, 255]], np.uint8), KNOWN, (1, 2), 3)
    assert shares[:, 0, 1] == pytest.approx([0, 0, 0, 1])


def test_the_nearest_source_is_found_wherever_it_is() -> None:
    random = np.random.RandomState(1)
    for shape in ((1, 1), (1, 30), (33, 17), (64, 64)):
        sources = random.rand(*shape) > 0.9
        sources[random.randint(shape[0]), random.randint(shape[1])] = True
        rows, columns = nearest_source(sources)
        there = np.argwhere(sources)
        y, x = np.mgrid[: shape[0], : shape[1]]
        best = ((y[..., None] - there[:, 0]) ** 2 + (x[..., None] - there[:, 1]) ** 2).min(-1)
        assert sources[rows, columns].all()
        assert np.mean((y - rows) ** 2 + (x - columns) ** 2 != best) < 0.01
