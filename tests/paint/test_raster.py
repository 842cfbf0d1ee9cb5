"""Shapes cover exactly the pixels whose centres lie in them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.paint.state import raster
from app.paint.state.flood import flood
from tests.paint.sheet import picture_of

SIZE = (24, 18)
coordinate = st.floats(-8, 30, width=32)
radius = st.floats(0.75, 9, width=32)


def whole(found: raster.Mask | None) -> NDArray[np.bool_]:
    """The mask on a canvas of SIZE."""
    out = np.zeros((SIZE[1], SIZE[0]), bool)
    if found is not None:
        out[found[0].slices] = found[1]
    return out


def centres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    return x, y


def test_a_disc_of_radius_three_has_this_shape() -> None:
    found = raster.sweep_round((7, 7), (3.5, 3.5, 3), (3.5, 3.5, 3))
    assert found is not None
    expected = picture_of("...#... .#####. .#####. ####### .#####. .#####. ...#...")
    out = np.zeros((7, 7), bool)
    out[found[0].slices] = found[1]
    assert np.array_equal(out, expected)


def test_the_thinnest_brush_leaves_a_trace_wherever_it_goes() -> None:
    for x, y in ((5.0, 5.0), (5.5, 5.5), (5.99, 5.01)):
        assert whole(raster.sweep_round(SIZE, (x, y, 0.1), (x, y, 0.1))).any()
        assert whole(raster.sweep_square(SIZE, (x, y, 0.1), (x, y, 0.1))).any()


@given(coordinate, coordinate, radius, coordinate, coordinate, radius)
@settings(max_examples=150)
def test_a_round_sweep_is_the_union_of_its_discs(ax: float, ay: float, ar: float, bx: float, by: float, br: float) -> None:
    found = whole(raster.sweep_round(SIZE, (ax, ay, ar), (bx, by, br)))
    x, y = centres()
    inside, near = np.zeros(found.shape, bool), np.zeros(found.shape, bool)
    for t in np.linspace(0, 1, 400):
        away = np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) - (ar + t * (br - ar))
        inside |= away <= -1e-3
        near |= away <= 2e-2
    assert not (inside & ~found).any()
    assert not (found & ~near).any()


@given(coordinate, coordinate, radius, coordinate, coordinate, radius)
@settings(max_examples=150)
def test_a_square_sweep_is_the_union_of_its_squares(ax: float, ay: float, ar: float, bx: float, by: float, br: float) -> None:
    found = whole(raster.sweep_square(SIZE, (ax, ay, ar), (bx, by, br)))
    x, y = centres()
    inside, near = np.zeros(found.shape, bool), np.zeros(found.shape, bool)
    for t in np.linspace(0, 1, 400):
        away = np.maximum(abs(x - ax - t * (bx - ax)), abs(y - ay - t * (by - ay))) - (ar + t * (br - ar))
        inside |= away <= -1e-3
        near |= away <= 6e-2
    assert not (inside & ~found).any()
    assert not (found & ~near).any()


@given(st.lists(st.tuples(st.integers(-5, 28), st.integers(-5, 22)), min_size=3, max_size=9))
@settings(max_examples=100)
def test_an_area_holds_the_points_that_a_ray_leaves_an_odd_number_of_times(outline: list[tuple[int, int]]) -> None:
    found = whole(raster.area(SIZE, outline))
    for row in range(SIZE[1]):
        for column in range(SIZE[0]):
            x, y, inside = column + 0.5, row + 0.5, False
            for (px, py), (qx, qy) in zip(outline, outline[1:] + outline[:1], strict=True):
                if (py > y) != (qy > y):
                    crossing = px + (y - py) * (qx - px) / (qy - py)
                    if abs(crossing - x) < 1e-6:
                        break  # on the edge itself: either answer is right
                    inside ^= crossing < x
            else:
                assert found[row, column] == inside


def test_a_rectangle_and_an_ellipse_fill_what_lies_between_two_corners() -> None:
    rectangle, ellipse = raster.rectangle((8, 6), (5.9, 4.2), (2.1, 1.0)), raster.ellipse((8, 6), (1, 0), (7, 6))
    assert rectangle is not None
    assert ellipse is not None
    assert rectangle[0] == (2, 1, 6, 5)
    assert rectangle[1].all()
    assert np.array_equal(ellipse[1], picture_of(".####. ###### ###### ###### ###### .####."))


def test_a_shape_outside_the_canvas_is_nothing() -> None:
    assert raster.sweep_round(SIZE, (-20, -20, 3), (-30, 5, 3)) is None
    assert raster.sweep_square(SIZE, (99, 3, 3), (120, 5, 3)) is None
    assert raster.rectangle(SIZE, (-9, -9), (-2, -2)) is None
    assert raster.ellipse(SIZE, (40, 0), (50, 10)) is None
    assert raster.area(SIZE, [(30, 30), (40, 30), (40, 40)]) is None
    assert raster.area(SIZE, [(1, 1), (5, 5)]) is None


def reached(labels: NDArray[np.uint8], x: int, y: int) -> NDArray[np.bool_]:
    """The slow reference of the bucket: pixel by pixel."""
    out, todo = np.zeros(labels.shape, bool), [(x, y)]
    while todo:
        column, row = todo.pop()
        inside = 0 <= column < labels.shape[1] and 0 <= row < labels.shape[0]
        if inside and not out[row, column] and labels[row, column] == labels[y, x]:
            out[row, column] = True
            todo += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    return out


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4), st.integers(0, 10**6), st.data())
@settings(max_examples=200)
def test_the_bucket_fills_what_hangs_together_and_nothing_else(
    width: int, height: int, kinds: int, seed: int, data: st.DataObject
) -> None:
    labels = np.random.default_rng(seed).integers(0, kinds, (height, width)).astype(np.uint8)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    rect, mask = flood(labels, x, y)
    out = np.zeros(labels.shape, bool)
    out[rect.slices] = mask
    assert np.array_equal(out, reached(labels, x, y))
    assert mask.any(axis=0).all()
    assert mask.any(axis=1).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_bucket_follows_a_spiral_to_its_end(turns: int) -> None:
    side = 8 * turns + 5
    labels = np.zeros((side, side), np.uint8)
    for ring in range(0, side // 2, 2):
        labels[ring, ring : side - ring] = 1
        labels[ring : side - ring, side - 1 - ring] = 1
        labels[side - 1 - ring, ring : side - ring] = 1
        labels[ring + 2 : side - ring, ring] = 1
        if ring + 2 < side // 2:
            labels[ring + 2, ring : ring + 3] = 1
    rect, mask = flood(labels, 0, 0)
    out = np.zeros(labels.shape, bool)
    out[rect.slices] = mask
    assert np.array_equal(out, reached(labels, 0, 0))
