"""Mouse and pen on the canvas; keys that are held; the view that turns while the pixels stay."""

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.paint.canvas import Canvas
from app.paint.keys import key_of
from app.paint.panel import PaintPanel
from app.paint.state.drawing import blank
from app.paint.state.rect import Rect
from tests.paint.hands import LEFT, NOTHING_HELD, at, draw, tablet
from tests.paint.sheet import LABELS

PRESS, MOVE, LIFT = QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease
SHIFT, CONTROL, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def canvas(panel: PaintPanel) -> Canvas:
    """An empty canvas of 256 x 192 with a brush of 20 px in mountain."""
    panel.document.show(blank(256, 192, LABELS))
    panel.tools.size, panel.tools.label = 20, 2
    found = panel.findChild(Canvas, "canvas")
    assert isinstance(found, Canvas)
    return found


def painted(canvas: Canvas) -> int:
    return int((canvas.desk.document.map == 2).sum())


def test_a_stroke_of_the_mouse_is_one_undo_step(canvas: Canvas, panel: PaintPanel) -> None:
    draw(canvas, [(50, 50), (100, 60), (150, 50)])
    first = painted(canvas)
    assert first > 1500
    draw(canvas, [(50, 120), (150, 120)])
    assert panel.history.undo_title == "stroke"
    panel.undo()
    assert painted(canvas) == first
    panel.undo()
    assert painted(canvas) == 0
    panel.redo()
    assert painted(canvas) == first


def test_a_pen_paints_as_wide_as_it_is_pressed_and_is_accepted(canvas: Canvas) -> None:
    for row, pressure in ((40, 0.2), (120, 1.0)):
        for kind, x in ((PRESS, 40.0), (MOVE, 90.0), (MOVE, 140.0)):
            assert tablet(canvas, kind, x, row, pressure).isAccepted()
        tablet(canvas, LIFT, 140, row, 0.0)
    thin, thick = ((canvas.desk.document.map[rows, 90] == 2).sum() for rows in (slice(0, 80), slice(80, 192)))
    assert 4 <= thin <= 8
    assert 18 <= thick <= 21


def test_the_mouse_is_ignored_while_a_pen_is_down(canvas: Canvas) -> None:
    tablet(canvas, PRESS, 40, 40, 0.5)
    draw(canvas, [(200, 150), (220, 150)])
    tablet(canvas, MOVE, 80, 40, 0.5)
    tablet(canvas, LIFT, 80, 40, 0.0)
    draw(canvas, [(200, 150), (220, 150)])  # a late echo of the pen
    assert canvas.desk.document.map[150, 210] == 0
    assert canvas.desk.document.map[40, 60] == 2


def test_a_mouse_event_that_comes_before_the_pens_leaves_no_dot(canvas: Canvas) -> None:
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 200, 150))
    tablet(canvas, PRESS, 40, 40, 0.5)
    tablet(canvas, MOVE, 80, 40, 0.5)
    tablet(canvas, LIFT, 80, 40, 0.0)
    assert canvas.desk.document.map[150, 200] == 0
    assert canvas.desk.document.map[40, 60] == 2


def test_a_pens_button_that_is_touched_leaves_the_stroke_alone(canvas: Canvas) -> None:
    tablet(canvas, PRESS, 50, 100, 1.0)
    tablet(canvas, PRESS, 60, 100, 1.0, button=Qt.MouseButton.RightButton)
    tablet(canvas, LIFT, 60, 100, 1.0, button=Qt.MouseButton.RightButton)
    assert canvas.desk.hand.busy
    QTest.mouseClick(canvas, LEFT, NOTHING_HELD, at(canvas, 200, 180))  # what a driver sends along, still
    tablet(canvas, MOVE, 200, 100, 1.0)
    tablet(canvas, LIFT, 200, 100, 0.0)
    assert not canvas.desk.hand.busy
    assert canvas.desk.document.map[100, 150] == 2
    assert canvas.desk.document.map[180, 200] == 0


def test_the_other_end_of_the_pen_erases(canvas: Canvas) -> None:
    draw(canvas, [(40, 40), (100, 40)])
    for kind, x in ((PRESS, 40.0), (MOVE, 100.0), (LIFT, 100.0)):
        tablet(canvas, kind, x, 40, 1.0, QPointingDevice.PointerType.Eraser)
    assert painted(canvas) < 60
    assert canvas.desk.tools.tool == "brush"
    assert not canvas.desk.tools.pen_erases


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.0, -3.0])
def test_a_pen_that_sends_nonsense_keeps_its_last_pressure(canvas: Canvas, broken: float) -> None:
    tablet(canvas, PRESS, 40, 40, 0.5)
    tablet(canvas, MOVE, 80, 40, broken)
    tablet(canvas, MOVE, 120, 40, 0.5)
    tablet(canvas, LIFT, 120, 40, 1.0)
    widths = (canvas.desk.document.map[:, 45:115] == 2).sum(axis=0)
    assert widths.max() - widths.min() <= 1


def test_many_points_are_drawn_once_a_frame(canvas: Canvas, qtbot: QtBot) -> None:
    rects: list[Rect] = []
    canvas.desk.document.watchers.append(lambda change: rects.append(change.rect))
    tablet(canvas, PRESS, 20, 96, 0.5)
    before = len(rects)
    for i in range(200):
        tablet(canvas, MOVE, 20 + i, 96 + 30 * math.sin(i / 20), 0.5)
    assert len(rects) - before <= 5
    tablet(canvas, LIFT, 220, 96, 0.5)
    assert painted(canvas) > 2000


def test_only_the_part_that_changed_is_painted_anew(canvas: Canvas, qtbot: QtBot) -> None:
    regions: list[int] = []
    plain = canvas.paintEvent

    def watch(event: object) -> None:
        regions.append(event.rect().width() * event.rect().height())  # type: ignore[attr-defined]
        plain(event)  # type: ignore[arg-type]

    canvas.paintEvent = watch  # type: ignore[method-assign, assignment]
    canvas.setFocus()
    canvas.desk.touched.emit()  # the hint leaves
    QApplication.processEvents()
    regions.clear()
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 100, 100))
    QApplication.processEvents()
    assert regions
    assert max(regions) < canvas.width() * canvas.height() / 6
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 100, 100))


def test_shift_and_drag_changes_the_size_and_shift_and_click_draws_a_straight_line(canvas: Canvas) -> None:
    tools = canvas.desk.tools
    draw(canvas, [(50, 50), (90, 50)], SHIFT)
    assert tools.size == pytest.approx(100, abs=4)
    assert painted(canvas) == 0
    tools.resize(10)
    draw(canvas, [(30, 30)])
    draw(canvas, [(130, 130)], SHIFT)
    assert canvas.desk.document.map[80, 80] == 2
    assert tools.size == 10


@pytest.mark.parametrize("held", [CONTROL, ALT])
def test_a_click_with_control_or_alt_picks_the_label_with_any_tool(canvas: Canvas, held: Qt.KeyboardModifier) -> None:
    draw(canvas, [(50, 50)])
    canvas.desk.choose_label(11)
    canvas.desk.tools.tool = "rectangle"
    draw(canvas, [(50, 50)], held)
    assert canvas.desk.tools.label == 2
    assert canvas.desk.tools.tool == "rectangle"
    assert canvas.desk.document.map[50, 50] == 2


def test_space_pans_and_paints_nothing(canvas: Canvas) -> None:
    canvas.setFocus()
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    draw(canvas, [(50, 50), (90, 70)])
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert painted(canvas) == 0
    assert not canvas.desk.viewport.fits
    draw(canvas, [(90, 90)])
    assert canvas.desk.document.map[90, 90] == 2


def test_the_wheel_zooms_at_the_pointer(canvas: Canvas) -> None:
    place = QPointF(at(canvas, 60, 40))
    before = canvas.scale
    for _ in range(3):
        canvas.wheelEvent(
            QWheelEvent(
                place, QPointF(canvas.mapToGlobal(place)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NOTHING_HELD,
                Qt.ScrollPhase.NoScrollPhase, False,
            )
        )  # fmt: skip
    assert canvas.scale == pytest.approx(before * 1.25**3)
    under = canvas.to_canvas(place)
    assert (under.x(), under.y()) == (pytest.approx(60, abs=1), pytest.approx(40, abs=1))


def test_turning_and_mirroring_change_the_view_and_never_the_pixels(canvas: Canvas) -> None:
    draw(canvas, [(50, 50), (120, 80)])
    before = canvas.desk.document.map.copy()
    viewport = canvas.desk.viewport
    viewport.turn(30)
    viewport.mirror()
    assert np.array_equal(canvas.desk.document.map, before)
    draw(canvas, [(200, 150)])  # the hand paints where it points, however the view lies
    assert canvas.desk.document.map[150, 200] == 2
    viewport.turn_upright()
    viewport.mirror()
    left, right = canvas.to_view(QPointF(0, 0)), canvas.to_view(QPointF(100, 0))
    assert right.x() > left.x()
    assert right.y() == pytest.approx(left.y())


def test_a_turn_to_the_right_is_one_in_a_mirrored_view_too(canvas: Canvas) -> None:
    viewport = canvas.desk.viewport

    def slope() -> float:
        a, b = canvas.to_view(QPointF(0, 96)), canvas.to_view(QPointF(256, 96))
        return math.degrees(math.atan2(b.y() - a.y(), b.x() - a.x())) % 180

    viewport.turn(15)
    assert slope() == pytest.approx(15)
    viewport.turn_upright()
    viewport.mirror()
    viewport.turn(15)
    assert slope() == pytest.approx(15)


def test_tab_lays_the_map_over_the_landscape_only_while_it_is_held(canvas: Canvas, panel: PaintPanel) -> None:
    canvas.setFocus()
    QTest.keyPress(canvas, Qt.Key.Key_Tab)
    assert canvas.desk.fading
    QTest.keyRelease(canvas, Qt.Key.Key_Tab)
    assert not canvas.desk.fading
    QTest.keyPress(canvas, Qt.Key.Key_Tab)
    panel._frame.looks.setFocus()
    canvas.clearFocus()
    assert not canvas.desk.fading


def test_escape_takes_back_the_stroke_that_is_under_way(canvas: Canvas) -> None:
    canvas.setFocus()
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 100, 100))
    assert painted(canvas) > 0
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 150, 100))
    assert painted(canvas) == 0
    assert not canvas.desk.hand.busy


def test_the_landscape_can_be_painted_on_as_well(canvas: Canvas, panel: PaintPanel) -> None:
    landscape = panel.findChild(Canvas, "landscape")
    assert isinstance(landscape, Canvas)
    draw(landscape, [(50, 50)])
    assert canvas.desk.document.map[50, 50] == 2


def key(code: int, name: int, text: str, held: Qt.KeyboardModifier = NOTHING_HELD) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, name, held, code, 0, 0, text)


def test_digits_and_brackets_are_known_by_their_place_where_a_layout_hides_them() -> None:
    assert key_of(key(10, Qt.Key.Key_Ampersand, "&"), "linux") == "1"  # French
    assert key_of(key(35, Qt.Key.Key_Plus, "+"), "linux") == "]"  # German
    assert key_of(key(2, Qt.Key.Key_Exclam, "!", SHIFT), "win32") == "1"
    assert key_of(key(0, Qt.Key.Key_BracketLeft, "["), "linux") == "["
    assert key_of(key(0, Qt.Key.Key_7, "7"), "linux") == "7"
    assert key_of(key(48, Qt.Key.Key_B, "b"), "linux") is None
    assert key_of(key(0, Qt.Key.Key_Plus, "+"), "linux") is None
