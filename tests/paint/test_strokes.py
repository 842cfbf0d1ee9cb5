"""A hand's points become the label map that the hand meant."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.paint.state.commands import PixelsCommand
from app.paint.state.document import CannotPaint
from app.paint.state.gestures import begin
from app.paint.state.layers import CLEAR, DrawingLayer
from app.paint.state.stroke import LIGHTEST, PenPoint, StrokePath, Sweep
from app.paint.state.tools import Tools
from tests.paint.sheet import new_document, picture_of, stroke

point = st.tuples(st.floats(-20, 90), st.floats(-20, 70), st.floats(0, 1))


def radii(points: list[tuple[float, float, float]], size: float = 20) -> list[float]:
    """The brush's radius at the end of each sweep of a stroke."""
    path = StrokePath(size)
    sweeps: list[Sweep] = []
    for x, y, pressure in points:
        sweeps += path.add(PenPoint(x, y, pressure))
    return [end[2] for _, end in sweeps + path.end()]


def test_a_recorded_stroke_gives_this_label_map() -> None:
    document, tools = new_document(16, 8), Tools(size=4, label=8)
    assert stroke(document, tools, [(3, 4), (8, 4), (13, 4)])
    expected = picture_of(
        "................ ................ ..############.. .##############. "
        ".##############. ..############.. ................ ................"
    )
    assert np.array_equal(document.map == 8, expected)
    assert (document.map[~expected] == 0).all()


def test_a_square_brush_paints_square_ends() -> None:
    document, tools = new_document(16, 8), Tools(size=4, label=8, square=True)
    stroke(document, tools, [(3, 4), (13, 4)])
    assert (document.map[2:6, 1:15] == 8).all()
    assert (document.map == 8).sum() == 4 * 14


@given(st.lists(point, min_size=1, max_size=12), st.data())
@settings(max_examples=60)
def test_it_does_not_matter_how_many_points_arrive_in_one_frame(points: list[tuple[float, ...]], data: st.DataObject) -> None:
    one_by_one, bundled, tools = new_document(), new_document(), Tools(size=9, label=2)
    stroke(one_by_one, tools, points)
    gesture = begin(bundled, tools, PenPoint(*points[0]))
    rest = [PenPoint(*p) for p in points[1:]]
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        gesture.extend(rest[:count])
        rest = rest[count:]
    gesture.finish()
    assert np.array_equal(one_by_one.map, bundled.map)


def test_a_curve_goes_through_the_points_and_is_round_between_them() -> None:
    path = StrokePath(2)
    corners = [(10.0, 30.0), (20.0, 10.0), (40.0, 10.0), (50.0, 30.0)]
    sweeps = [sweep for corner in corners for sweep in path.add(PenPoint(*corner))] + path.end()
    spots = [(round(end[0], 3), round(end[1], 3)) for _, end in sweeps]
    assert all(corner in spots for corner in corners)
    assert min(y for _, y in spots) < 9.5  # it swings over the two upper points instead of cutting straight across
    turns = [
        abs(math.remainder(math.atan2(b[1] - a[1], b[0] - a[0]) - math.atan2(a2[1] - a1[1], a2[0] - a1[0]), math.tau))
        for (a1, a2), (a, b) in itertools.pairwise(sweeps[1:])
    ]
    assert max(turns) < math.radians(50)


def test_while_the_hand_rests_the_stroke_reaches_the_pen() -> None:
    document, tools = new_document(), Tools(size=6, label=2)
    gesture = begin(document, tools, PenPoint(5, 20))
    gesture.extend([PenPoint(55, 20)])
    assert document.map[20, 50] == 0
    gesture.rest()
    assert document.map[20, 50] == 2
    gesture.cancel()


def test_pressure_is_the_size() -> None:
    assert radii([(0, 0, 0.5), (10, 0, 0.5), (20, 0, 1.0), (30, 0, 1.0)])[-1] == pytest.approx(10)
    assert radii([(0, 0, 0.5)])[0] == pytest.approx(10 * (LIGHTEST + (1 - LIGHTEST) * 0.5))


@pytest.mark.parametrize("broken", [0.0, math.nan, math.inf, -1.0])
def test_a_pressure_that_cannot_be_is_the_last_good_one(broken: float) -> None:
    found = radii([(0, 0, 0.5), (10, 0, 0.5), (20, 0, broken), (30, 0, 0.5)])
    assert found == pytest.approx([found[0]] * len(found))


def test_too_much_pressure_is_full_pressure() -> None:
    assert radii([(0, 0, 7.0)])[0] == pytest.approx(10)


def test_a_last_event_at_full_pressure_makes_no_dot_at_the_end() -> None:
    found = radii([(0, 0, 0.3), (10, 0, 0.3), (20, 0, 0.3), (20.5, 0, 1.0)])
    assert max(found) == pytest.approx(found[0])


def test_a_pen_that_presses_harder_on_one_spot_makes_a_larger_dot() -> None:
    assert radii([(5, 5, 0.2), (5, 5, 0.9)])[-1] > radii([(5, 5, 0.2)])[-1]


def test_points_that_are_nowhere_are_left_out() -> None:
    document, tools = new_document(), Tools(size=6, label=2)
    stroke(document, tools, [(10, 10), (math.nan, 10), (20, math.inf), (30, 10)])
    clean = new_document()
    stroke(clean, tools, [(10, 10), (30, 10)])
    assert np.array_equal(document.map, clean.map)


def test_pressure_can_be_switched_off() -> None:
    document, tools = new_document(), Tools(size=20, label=2, use_pressure=False)
    stroke(document, tools, [(30, 20, 0.1)])
    assert (document.map == 2).sum() > 300


def test_the_eraser_lets_the_background_show_and_the_pens_other_end_is_one() -> None:
    for tools in (Tools(tool="eraser", size=10), Tools(label=2, size=10, pen_erases=True)):
        document = new_document()
        stroke(document, Tools(label=8, size=60), [(30, 24)])
        assert document.map[24, 30] == 8
        stroke(document, tools, [(30, 24)])
        assert document.map[24, 30] == 0
        assert document.canvas().labels[24, 30] == CLEAR


def test_a_line_can_be_held_to_an_angle() -> None:
    document, tools = new_document(), Tools(tool="line", label=2, size=2)
    stroke(document, tools, [(5, 20), (40, 12), (50, 22)], straight=True)
    assert (np.nonzero((document.map == 2).any(axis=1))[0] == [19, 20]).all()


def test_a_shape_that_is_still_pulled_leaves_no_trace_of_where_it_was() -> None:
    document, tools = new_document(), Tools(tool="rectangle", label=2)
    stroke(document, tools, [(10, 10), (50, 40), (14, 13)])
    assert (document.map == 2).sum() == 5 * 4
    stroke(document, tools, [(40, 20), (46, 30)], straight=True)
    assert (document.map == 2).sum() == 5 * 4 + 11 * 11


def test_an_ellipse_an_area_and_a_fill_do_what_they_say() -> None:
    document = new_document()
    stroke(document, Tools(tool="ellipse", label=8), [(10, 10), (30, 30)])
    assert document.map[20, 20] == 8
    assert document.map[11, 11] == 0
    stroke(document, Tools(tool="area", label=2), [(40, 5), (60, 5), (60, 25), (40, 25)])
    assert (document.map == 2).sum() == 20 * 20
    stroke(document, Tools(tool="fill", label=12), [(0, 0)])
    assert document.map[0, 0] == 12
    assert document.map[20, 20] == 8
    assert document.map[10, 50] == 2


def test_a_fill_outside_the_canvas_changes_nothing() -> None:
    document = new_document()
    assert not stroke(document, Tools(tool="fill", label=12), [(-3, 5)])
    assert document.history.undo_title is None


@pytest.mark.parametrize("tool", ["brush", "line", "rectangle", "ellipse", "area", "fill"])
def test_a_mirrored_tool_paints_both_halves_alike(tool: str) -> None:
    document, tools = new_document(64, 48), Tools(tool=tool, label=2, size=7, mirror_x=True, mirror_y=True)  # type: ignore[arg-type]
    stroke(document, Tools(label=8, size=10), [(8, 8)])
    stroke(document, tools, [(6, 7), (20, 9), (13, 18)])
    painted = document.map == 2
    assert painted.any()
    assert np.array_equal(painted, painted[:, ::-1])
    assert np.array_equal(painted, painted[::-1])


def test_a_cancelled_stroke_never_was() -> None:
    document, tools = new_document(), Tools(label=2, size=9)
    stroke(document, tools, [(10, 10)])
    before = document.map.copy()
    for tool in ("brush", "line", "rectangle", "ellipse", "area", "fill"):
        tools.tool = tool  # type: ignore[assignment]
        tools.label = 8
        gesture = begin(document, tools, PenPoint(12, 12))
        gesture.extend([PenPoint(30, 30), PenPoint(20, 40)])
        gesture.cancel()
        assert np.array_equal(document.map, before)
    assert document.history.undo()
    assert not document.history.undo()


def test_a_stroke_that_changes_nothing_is_no_undo_step() -> None:
    document, tools = new_document(), Tools(label=2, size=9)
    stroke(document, tools, [(10, 10)])
    assert not stroke(document, tools, [(10, 10)])
    document.history.undo()
    assert document.history.undo_title is None


def test_painting_on_a_hidden_layer_is_refused_in_words() -> None:
    document = new_document()
    layer = document.drawing.layers[0]
    assert isinstance(layer, DrawingLayer)
    layer.visible = False
    with pytest.raises(CannotPaint, match="“Drawing” is hidden") as refusal:
        begin(document, Tools(), PenPoint(1, 1))
    assert refusal.value.hidden is layer


def test_a_stroke_keeps_little_more_than_its_outline_for_undo() -> None:
    document, tools = new_document(1024, 1024), Tools(label=2, size=100)
    stroke(document, tools, [(100 + 80 * i, 500 + 100 * math.sin(i)) for i in range(10)])
    command = document.history._done[-1]
    assert isinstance(command, PixelsCommand)
    assert command.bytes < 20_000
    assert command.rect.width < 900
    assert command.rect.height < 400
