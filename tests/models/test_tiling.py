"""Tiles: they cover a picture exactly once, see enough around them, and are all of one size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tiling import from_row, plan, quarters, spans


@settings(max_examples=300)
@given(
    length=st.integers(1, 700),
    tile=st.integers(1, 300),
    margin=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 4]),
    part=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_spans_cover_a_side_once_and_see_their_margin(
    length: int, tile: int, margin: int, multiple: int, part: tuple[float, float]
) -> None:
    first = int(part[0] * (length - 1))
    last = first + 1 + int(part[1] * (length - first - 1))
    found = spans(length, first, last, tile, margin, multiple)
    assert found[0].first == first
    assert found[-1].last == last
    for one, other in pairwise(found):
        assert one.last == other.first
    for span in found:
        assert span.start % multiple == 0
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.first - span.start >= min(margin, span.first) or span.start == 0
        assert span.stop - span.last >= min(margin, length - span.last)
        assert span.stop - span.start < max(tile, 2 * multiple) + 2 * margin + 2 * multiple


def test_windows_have_one_size() -> None:
    found = plan((1000, 777), (0, 0, 1000, 777), 192, 16, 1)
    assert len({(w.rows.stop - w.rows.start, w.columns.stop - w.columns.start) for w in found}) == 1


def test_a_region_is_covered_once_and_only_it() -> None:
    counts = np.zeros((300, 400), int)
    for window in plan((300, 400), (50, 60, 170, 200), 64, 8, 2):
        counts[window.rows.first : window.rows.last, window.columns.first : window.columns.last] += 1
    assert counts[50:220, 60:260].min() == counts.max() == 1
    assert counts.sum() == 170 * 200


def test_windows_side_by_side_are_as_low_as_was_asked_and_one_alone_is_not() -> None:
    beside = plan((1000, 777), (0, 0, 1000, 777), 400, 16, 1, tallest=100)
    assert len({(w.columns.first, w.columns.last) for w in beside}) == 2
    assert max(w.rows.last - w.rows.first for w in beside) <= 100 + 2 * 16  # the first and last have an edge to spare
    assert sum((w.rows.last - w.rows.first) * (w.columns.last - w.columns.first) for w in beside) == 1000 * 777
    alone = plan((1000, 300), (0, 0, 1000, 300), 400, 16, 1, tallest=100)
    assert [w.rows for w in alone] == spans(1000, 0, 1000, 400, 16, 1)


def test_a_quartered_window_covers_the_same() -> None:
    (whole,) = plan((100, 100), (0, 0, 100, 100), 200, 8, 1)
    parts = quarters(whole, (100, 100), 8, 1)
    assert len(parts) >= 4
    area = sum((w.rows.last - w.rows.first) * (w.columns.last - w.columns.first) for w in parts)
    assert area == 100 * 100


def test_what_is_left_begins_at_the_row_that_is_not_finished() -> None:
    windows = plan((300, 100), (0, 0, 300, 100), 100, 8, 1)
    cut = windows[1].rows
    assert from_row(0, windows) == windows
    assert from_row(cut.first, windows) == windows[1:]  # of what ends there nothing is left
    left = from_row(cut.first + 5, windows)
    assert [(one.rows.first, one.rows.last) for one in left] == [
        (cut.first + 5, cut.last),
        *((one.rows.first, one.rows.last) for one in windows[2:]),
    ]
    assert left[0].rows.start == cut.start  # what the network sees stays


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (16, 16)])
def test_small_pictures_are_one_window(size: tuple[int, int]) -> None:
    assert len(plan(size, (0, 0, *size), 512, 18, 1)) == 1
