"""The Paint panel as a painter uses it: first visit, keys, tools, layers."""

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.paint.canvas import Canvas
from app.paint.dialogs import MappingDialog
from app.paint.panel import PaintPanel
from app.paint.state import layering
from app.paint.state.drawing import blank
from app.paint.state.layers import DrawingLayer, PhotoLayer
from app.paint.state.look import Look, Looks, seed_look
from app.paint.state.palette import Palette, UnknownLabel
from app.paint.state.starting import LOOKS, example, example_names, named_look
from models.card import Label
from tests.paint.conftest import ColourEngine, MakePanel
from tests.paint.hands import LEFT, NOTHING_HELD, at, draw
from tests.paint.seen import button, canvas_of, notices
from tests.paint.sheet import LABELS

# First visit


def test_a_first_visit_shows_a_drawing_and_its_landscape_and_one_line_of_hint(panel: PaintPanel) -> None:
    assert len(np.unique(panel.document.map)) >= 5
    assert panel.document.drawing.looks.first == named_look("noon")
    assert panel.picture is not None
    assert panel.picture.shape == (768, 1024, 3)
    canvas = canvas_of(panel)
    assert "paint" in canvas.hint
    before = panel.document.map.copy()
    draw(canvas, [(100, 100), (200, 100)])
    assert canvas.hint == ""
    assert not np.array_equal(panel.document.map, before)  # the label in hand is seen in the sky


def test_the_hint_does_not_come_again(make_panel: MakePanel, panel: PaintPanel) -> None:
    draw(canvas_of(panel), [(100, 100)])
    assert canvas_of(make_panel()).hint == ""


def test_nothing_is_asked_of_the_engine_before_the_window_is_on_the_screen(make_panel: MakePanel, engine: ColourEngine) -> None:
    made = make_panel(wake=False)
    draw(canvas_of(made), [(100, 100)])
    assert engine.asked == []


def test_every_example_and_look_that_comes_along_opens(panel: PaintPanel) -> None:
    assert len(example_names()) >= 12
    for name in example_names():
        drawing = example(name, LABELS)
        assert max(drawing.width, drawing.height) == 1024
        assert np.isin(np.unique(drawing.label_map()), [label.id for label in LABELS]).all()
    for name in LOOKS:
        assert named_look(name).photo is not None


# Keys and tools


def test_keys_choose_tools_labels_and_sizes(panel: PaintPanel) -> None:
    canvas, tools = canvas_of(panel), panel.tools
    canvas.setFocus()
    keys = {"e": "eraser", "g": "fill", "l": "line", "r": "rectangle", "o": "ellipse", "p": "area", "i": "pick", "b": "brush"}
    for key, tool in keys.items():
        QTest.keyClick(canvas, key)
        assert tools.tool == tool
        assert button(panel, f"tool:{tool}").isChecked()
    QTest.keyClick(canvas, "3")
    assert tools.label == LABELS[2].id
    assert button(panel, "label:mountain").isChecked()
    QTest.keyClick(canvas, "5")
    QTest.keyClick(canvas, "x")
    assert tools.label == LABELS[2].id
    QTest.keyClick(canvas, "9")  # there is no ninth label
    assert tools.label == LABELS[2].id
    before = tools.size
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    assert tools.size > before
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    assert tools.size < before


def test_keys_move_the_view(panel: PaintPanel) -> None:
    canvas, viewport = canvas_of(panel), panel.desk.viewport
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_6, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.angle == 15
    QTest.keyClick(canvas, Qt.Key.Key_4, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(canvas, Qt.Key.Key_4, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.angle == 345
    QTest.keyClick(canvas, Qt.Key.Key_5, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.angle == 0
    QTest.keyClick(canvas, "m")
    assert viewport.mirrored
    QTest.keyClick(canvas, Qt.Key.Key_1, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.scale == pytest.approx(1)
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.scale == pytest.approx(1.25)
    QTest.keyClick(canvas, Qt.Key.Key_2, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.fits
    assert panel.tools.label == 11  # Shift and a digit choose no label


def test_what_is_typed_into_a_field_chooses_no_tool(panel: PaintPanel, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QLineEdit

    seed = panel.findChild(QLineEdit, "look:seed")
    assert isinstance(seed, QLineEdit)
    seed.setFocus()
    seed.selectAll()
    QTest.keyClicks(seed, "42")
    QTest.keyClick(seed, Qt.Key.Key_Return)
    assert panel.document.drawing.looks.first == seed_look(42)
    assert panel.tools.label == 11


def test_clicks_choose_tools_and_labels_and_leave_the_focus_on_the_canvas(panel: PaintPanel) -> None:
    canvas = canvas_of(panel)
    canvas.setFocus()
    for name in ("tool:rectangle", "label:water", "look:dice"):
        QTest.mouseClick(button(panel, name), LEFT)
    assert (panel.tools.tool, panel.tools.label) == ("rectangle", 12)
    assert panel.focusWidget() is canvas
    draw(canvas, [(100, 100), (300, 200)])
    assert (panel.document.map[110:190, 110:290] == 12).all()


def test_mirrors_of_the_option_bar_paint_both_halves(panel: PaintPanel) -> None:
    panel.document.show(blank(256, 192, LABELS))
    QTest.mouseClick(button(panel, "brush:mirror_x"), LEFT)
    panel.desk.choose_label(8)
    draw(canvas_of(panel), [(40, 40), (60, 90)])
    painted = panel.document.map == 8
    assert painted.any()
    assert np.array_equal(painted, painted[:, ::-1])


def test_views_can_be_shown_alone(panel: PaintPanel) -> None:
    landscape = panel.findChild(Canvas, "landscape")
    assert isinstance(landscape, Canvas)
    QTest.mouseClick(button(panel, "show:landscape"), LEFT)
    assert landscape.isVisible()
    assert not canvas_of(panel).isVisible()
    QTest.keyClick(landscape, "v")
    assert canvas_of(panel).isVisible()
    assert not landscape.isVisible()


def test_a_hidden_layer_is_told_and_shown_by_a_button(panel: PaintPanel) -> None:
    heard = notices(panel)
    QTest.mouseClick(button(panel, "layer:Drawing:eye"), LEFT)
    draw(canvas_of(panel), [(100, 100)])
    assert "hidden" in heard[-1].what
    assert heard[-1].action is not None
    heard[-1].action()
    before = panel.document.map.copy()
    panel.desk.choose_label(8)
    draw(canvas_of(panel), [(100, 100)])
    assert not np.array_equal(panel.document.map, before)


# Layers


def test_layers_are_added_moved_joined_and_removed(panel: PaintPanel) -> None:
    panel.document.show(blank(256, 192, LABELS))
    QTest.mouseClick(button(panel, "layer:add"), LEFT)
    panel.desk.choose_label(8)
    draw(canvas_of(panel), [(50, 50)])
    lower, upper = panel.document.drawing.layers
    assert isinstance(lower, DrawingLayer)
    assert isinstance(upper, DrawingLayer)
    assert (lower.labels == 255).all()
    assert upper.labels[50, 50] == 8
    panel._frame.side.layers.act.emit("down", upper.key)
    assert panel.document.drawing.layers == [upper, lower]
    panel._frame.side.layers.act.emit("copy", upper.key)
    assert len(panel.document.drawing.layers) == 3
    panel._frame.side.layers.act.emit("join", lower.key)
    assert len(panel.document.drawing.layers) == 2
    for layer in list(panel.document.drawing.layers):
        panel._frame.side.layers.act.emit("remove", layer.key)
    assert len(panel.document.drawing.layers) == 1  # the last one stays
    for _ in range(6):
        panel.undo()
    assert panel.document.map[50, 50] == 0


def test_names_of_a_strangers_file_are_shown_as_they_are(panel: PaintPanel) -> None:
    name = "<img src='x'>"
    label = Label(8, name, (1, 2, 3))
    drawing = blank(64, 64, (LABELS[0], label), 8)
    drawing.layers[0].name = name
    drawing.looks = Looks(seed_look(1), Look("photo", name=name, photo=np.zeros((64, 64, 3), np.uint8)))
    panel.document.show(drawing)
    dialog = MappingDialog("map", [UnknownLabel(8, name, None, 3, 0)], 9, Palette(LABELS), panel)
    shown = [one for one in panel.findChildren(QLabel) if "<img" in one.text()]
    assert len(shown) == 3  # the layer, the look that is blended in, the label in the dialog
    assert all(one.textFormat() == Qt.TextFormat.PlainText for one in shown)
    dialog.reject()


def test_a_photo_after_one_that_was_taken_back_is_the_one_that_is_seen(panel: PaintPanel) -> None:
    red, blue = (np.full((50, 60, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    seen = lambda: [image.pixelColor(1, 1).name() for image, _, _ in panel.desk.photos()]  # noqa: E731
    layering.add_photo(panel.document, red, "red", "photo")
    assert seen() == ["#c80000"]
    first = panel.desk.photos()[0][0].cacheKey()
    assert panel.desk.photos()[0][0].cacheKey() == first  # made once, not for each time that the view is painted
    panel.undo()
    layering.add_photo(panel.document, blue, "blue", "photo")
    assert seen() == ["#0000c8"]
    panel.undo()
    assert seen() == []


def test_the_opacity_of_a_photo_is_one_undo_step(panel: PaintPanel) -> None:
    panel.receive(np.full((64, 64, 3), 9, np.uint8))
    layer = panel.document.drawing.layers[-1]
    assert isinstance(layer, PhotoLayer)
    for value, sliding in ((0.6, True), (0.8, True), (0.8, False)):
        panel._frame.side.layers.faded.emit(layer.key, value, sliding)
    assert layer.opacity == 0.8
    panel.undo()
    assert layer.opacity == 0.5


def test_the_background_shows_where_nothing_is_painted(panel: PaintPanel) -> None:
    panel.document.show(blank(256, 192, LABELS))
    panel._frame.side.labels.background_wanted.emit(12)
    assert (panel.document.map == 12).all()
    panel.undo()
    assert (panel.document.map == 0).all()


def test_patterns_help_eyes_that_cannot_tell_the_colours_apart(panel: PaintPanel, make_panel: MakePanel) -> None:
    from app.widgets.picture_view import picture_of

    panel.document.show(blank(256, 192, LABELS))
    assert len(np.unique(picture_of(panel.desk.shown.image).reshape(-1, 3), axis=0)) == 1
    panel.show_patterns(True)
    assert len(np.unique(picture_of(panel.desk.shown.image).reshape(-1, 3), axis=0)) == 2
    assert make_panel().desk.patterns


def test_another_button_that_is_pressed_and_let_go_leaves_the_stroke_alone(panel: PaintPanel) -> None:
    canvas, other = canvas_of(panel), Qt.MouseButton.RightButton
    panel.desk.choose_label(8)
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 100, 300))
    QTest.mousePress(canvas, other, NOTHING_HELD, at(canvas, 100, 300))
    QTest.mouseRelease(canvas, other, NOTHING_HELD, at(canvas, 100, 300))
    assert panel.desk.hand.busy
    QTest.mouseMove(canvas, at(canvas, 400, 300))
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 400, 300))
    assert not panel.desk.hand.busy
    assert panel.document.map[300, 250] == 8


def test_a_button_that_was_let_go_elsewhere_ends_the_stroke(panel: PaintPanel) -> None:
    canvas = canvas_of(panel)
    panel.desk.choose_label(8)
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 300, 300))
    assert panel.desk.hand.busy
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(9, 9), QPointF(9, 9), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NOTHING_HELD
    )
    QCoreApplication.sendEvent(canvas, event)
    assert not panel.desk.hand.busy
    assert panel.history.undo_title == "stroke"
