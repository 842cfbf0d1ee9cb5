"""Where a canvas lies in its views."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSize

from app.paint.viewport import MARGIN, SCALES, Viewport

view_size = st.builds(QSize, st.integers(120, 2500), st.integers(120, 1500))
ratio = st.sampled_from([1.0, 1.25, 2.0])


@given(view_size, ratio, st.floats(-360, 360), st.booleans(), st.floats(0.05, 20), st.floats(0, 1024), st.floats(0, 768))
@settings(max_examples=100)
def test_a_point_goes_to_the_view_and_back(
    view: QSize, screen: float, degrees: float, mirrored: bool, scale: float, x: float, y: float
) -> None:
    viewport = Viewport(1024, 768)
    viewport.turn(degrees)
    if mirrored:
        viewport.mirror()
    viewport.zoom_to(scale, view, screen)
    there = viewport.transform(view, screen).map(QPointF(x, y))
    back = viewport.to_canvas(there, view, screen)
    assert (back.x(), back.y()) == (pytest.approx(x, abs=1e-3), pytest.approx(y, abs=1e-3))


@given(view_size, ratio, st.floats(-360, 360), st.integers(64, 4096), st.integers(64, 4096))
@settings(max_examples=100)
def test_what_is_fitted_is_seen_whole_and_as_large_as_it_goes(
    view: QSize, screen: float, degrees: float, width: int, height: int
) -> None:
    viewport = Viewport(width, height)
    viewport.turn(degrees)
    box = viewport.transform(view, screen).mapRect(viewport.bounds)
    room = (view.width() - 2 * MARGIN, view.height() - 2 * MARGIN)
    assert box.width() <= room[0] + 0.5
    assert box.height() <= room[1] + 0.5
    assert box.width() >= room[0] - 0.5 or box.height() >= room[1] - 0.5


@given(view_size, st.floats(1e-4, 1e4), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
@settings(max_examples=60)
def test_the_canvas_cannot_be_lost(view: QSize, scale: float, x: float, y: float) -> None:
    viewport = Viewport(1024, 768)
    viewport.zoom_to(scale, view, 1.0)
    viewport.pan(QPointF(x, y), view, 1.0)
    assert SCALES[0] <= viewport.scale <= SCALES[1]
    middle = viewport.to_canvas(QPointF(view.width() / 2, view.height() / 2), view, 1.0)
    assert -1 <= middle.x() <= 1025
    assert -1 <= middle.y() <= 769
