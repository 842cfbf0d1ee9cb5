"""The Paint panel as a painter uses it: keys, labels, layers, looks, models, files; and what it asks of the engine."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDialog, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from app.paint.canvas import Canvas
from app.paint.dialogs import CanvasDialog, MappingDialog
from app.paint.models_here import NO_LABELS
from app.paint.panel import PaintPanel
from app.paint.state.drawing import blank, from_map
from app.paint.state.files import PaintFileError
from app.paint.state.layers import DrawingLayer, PhotoLayer
from app.paint.state.look import Look, seed_look
from app.paint.state.map_files import read_map
from app.paint.state.palette import Palette
from app.paint.state.project import read_project, save_project
from app.paint.state.starting import LOOKS, example, example_names, named_look
from app.photos import recipe as recipes
from app.widgets.panel import Notice
from models.card import Label
from models.catalogue import Catalogue
from tests.paint.conftest import ColourEngine, MakePanel, add_painter
from tests.paint.hands import LEFT, NOTHING_HELD, at, draw
from tests.paint.sheet import LABELS

OTHERS = (Label(0, "water", (0, 0, 200)), Label(1, "lawn", (0, 200, 0)), Label(2, "SKY", (100, 100, 255)))


def canvas_of(panel: PaintPanel) -> Canvas:
    found = panel.findChild(Canvas, "canvas")
    assert isinstance(found, Canvas)
    return found


def button(panel: PaintPanel, name: str) -> QAbstractButton:
    found = panel.findChild(QAbstractButton, name)
    assert isinstance(found, QAbstractButton), name
    return found


def done(qtbot: QtBot, panel: PaintPanel) -> None:
    qtbot.waitUntil(lambda: panel.live.up_to_date)


def notices(panel: PaintPanel) -> list[Notice]:
    heard: list[Notice] = []
    panel.noticed.connect(heard.append)
    return heard


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


# The landscape follows


def test_the_landscape_follows_the_stroke_and_is_finished_at_rest(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    engine.asked.clear()
    canvas = canvas_of(panel)
    panel.desk.choose_label(8)
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    qtbot.waitUntil(lambda: bool(engine.paintings))
    assert engine.paintings[0].deadline_ms is not None
    assert not panel.live.up_to_date
    assert all(request.deadline_ms is not None for request in engine.paintings)  # no full picture while the hand is down
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    done(qtbot, panel)
    full = [request for request in engine.paintings if request.deadline_ms is None]
    assert full[-1].label_map.shape == (768, 1024)
    assert np.array_equal(full[-1].label_map, panel.document.map)
    assert panel.picture is not None
    assert tuple(panel.picture[100, 500]) == Palette(LABELS).label(8).colour


def test_a_hundred_strokes_while_the_engine_is_busy_end_on_the_last_map(
    panel: PaintPanel, engine: ColourEngine, qtbot: QtBot
) -> None:
    engine.held = True
    asked = len(engine.paintings)
    canvas = canvas_of(panel)
    for i in range(100):
        panel.desk.choose_label(LABELS[i % len(LABELS)].id)
        draw(canvas, [(20 + 9 * i, 300), (40 + 9 * i, 320)])
    engine.held = False
    engine.gate.release(1000)
    done(qtbot, panel)
    assert np.array_equal(engine.paintings[-1].label_map, panel.document.map)
    assert len(engine.paintings) - asked < 20  # those that nobody would have seen were not painted


def test_pausing_asks_for_nothing_until_it_ends(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    QTest.keyClick(canvas_of(panel), "k")
    assert panel.live.state == "paused"
    assert button(panel, "live:pause").isChecked()
    asked = len(engine.asked)
    draw(canvas_of(panel), [(100, 100), (300, 100)])
    qtbot.wait(50)
    assert len(engine.asked) == asked
    QTest.mouseClick(button(panel, "live:pause"), LEFT)
    done(qtbot, panel)
    assert np.array_equal(engine.paintings[-1].label_map, panel.document.map)


def test_a_model_that_fails_says_so_and_painting_goes_on(panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot) -> None:
    add_painter(catalogue, "broken", LABELS)
    panel.catalogue_changed()
    heard = notices(panel)
    panel.choose_model("broken")
    qtbot.waitUntil(lambda: bool(heard))
    assert (heard[-1].what, heard[-1].bad, heard[-1].button) == ("This model is broken.", True, "Try again")
    panel.choose_model("colours")
    done(qtbot, panel)
    assert panel.live.state == "idle"


def test_thumbnails_of_other_looks_come_when_it_is_calm(panel: PaintPanel, qtbot: QtBot) -> None:
    from app.paint.look_bar import LookButton

    look = button(panel, "look:5")
    assert isinstance(look, LookButton)
    qtbot.waitUntil(lambda: not look.image.isNull(), timeout=10_000)


def test_strokes_are_followed_exactly_when_asked_and_undo_brings_natural_edges_back(
    panel: PaintPanel, engine: ColourEngine, qtbot: QtBot
) -> None:
    panel._frame.looks.edged.emit(False)
    done(qtbot, panel)
    assert any(not one.natural_edges for one in engine.paintings)
    assert not panel._frame.looks._edges.isChecked()
    panel.undo()
    assert panel.document.drawing.looks.natural_edges
    assert panel._frame.looks._edges.isChecked()


# Looks


def test_looks_are_chosen_rolled_blended_and_undone(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    QTest.mouseClick(button(panel, "look:evening"), LEFT)
    assert panel.document.drawing.looks.first == named_look("evening")
    QTest.keyClick(canvas_of(panel), "d")
    rolled = panel.document.drawing.looks
    assert rolled.first.kind == "seed"
    assert rolled.second == named_look("evening")
    panel._frame.looks.blended.emit(0.3, True)
    panel._frame.looks.blended.emit(0.6, True)
    panel._frame.looks.blended.emit(0.6, False)
    done(qtbot, panel)
    blended = [one for one in engine.paintings if one.blend == 0.6]  # thumbnails, which come at any time, blend nothing
    assert blended
    assert blended[-1].look == rolled.first.seed
    panel.undo()
    assert panel.document.drawing.looks == rolled
    panel.undo()
    panel.undo()
    assert panel.document.drawing.looks.first == named_look("noon")


def test_the_look_of_a_photo_is_taken_over(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "Evening sun.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(path)
    assert panel.files.open(path, "look")
    qtbot.waitUntil(
        lambda: panel.document.drawing.looks.first.kind == "photo" and panel.document.drawing.looks.first.name == "Evening sun"
    )
    assert panel.document.drawing.looks.first.photo is not None
    assert panel.document.drawing.looks.first.photo.shape == (192, 256, 3)


def test_a_model_with_one_look_is_asked_for_that_one(make_panel: MakePanel, engine: ColourEngine, qtbot: QtBot) -> None:
    engine.style_dim = 0
    made = make_panel()
    qtbot.waitUntil(lambda: made.live.up_to_date and not button(made, "look:dice").isEnabled())
    assert engine.paintings[-1].look is None


def test_the_fine_detail_is_drawn_by_other_dice_in_the_same_look(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    look = panel.document.drawing.looks.first
    panel.roll_grain()
    done(qtbot, panel)
    assert panel.document.drawing.looks.first == look
    assert engine.paintings[-1].noise_seed == panel.document.drawing.looks.grain != 0
    panel.undo()
    assert panel.document.drawing.looks.grain == 0


# Models


def test_another_model_takes_the_drawing_over_by_the_names_of_its_labels(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    panel.document.show(from_map(np.repeat(np.array([[0, 12]], np.uint8), 64, axis=1).repeat(64, axis=0), LABELS))
    add_painter(catalogue, "others", OTHERS)
    panel.catalogue_changed()
    panel.document.drawing.model = "colours"
    panel.choose_model("others")
    assert list(panel.document.map[0, ::64]) == [2, 0]
    assert panel.document.drawing.model == "others"
    panel.undo()
    assert list(panel.document.map[0, ::64]) == [0, 12]


def test_labels_that_the_other_model_lacks_are_asked_for(panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot) -> None:
    labels = np.repeat(np.array([[0, 12, 8]], np.uint8), 64, axis=1).repeat(64, axis=0)
    panel.document.show(from_map(labels, LABELS))
    panel.document.drawing.model = "colours"
    add_painter(catalogue, "others", OTHERS)
    panel.catalogue_changed()
    panel.choose_model("others")
    dialog = panel.findChild(MappingDialog)
    assert isinstance(dialog, MappingDialog)
    box = dialog.findChild(QComboBox, "map:unknown:8")
    assert isinstance(box, QComboBox)
    assert box.currentText() == "lawn"  # the nearest colour is proposed
    dialog.accept()
    assert list(panel.document.map[0, ::64]) == [2, 0, 1]


def test_without_a_model_the_panel_says_how_to_get_one(make_panel: MakePanel, catalogue: Catalogue, qtbot: QtBot) -> None:
    catalogue.remove("colours")
    made = make_panel()
    assert made._stack.currentWidget() is made._empty
    assert not made.open_file(Path("/nothing.png"))
    with qtbot.waitSignal(made.add_model):
        made._empty.add.emit()
    add_painter(catalogue, "colours", LABELS)
    made.catalogue_changed()
    assert made.document.drawing.labels != NO_LABELS
    qtbot.waitUntil(lambda: made.picture is not None)


# Files


def test_a_project_is_saved_and_opened_again(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "My lake.ganvas"
    titles: list[str] = []
    panel.titled.connect(titles.append)
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    painted = panel.document.map.copy()
    with qtbot.waitSignal(panel.message):
        panel.files.save_project(path)
    panel.files.open_example("coast")
    assert titles == ["My lake", ""]
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: titles[-1] == "My lake")
    assert np.array_equal(panel.document.map, painted)
    panel.undo()
    panel.undo()
    assert np.array_equal(panel.document.map, painted)


def test_a_saved_landscape_brings_its_drawing_back(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "lake.png"
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel.choose_look(seed_look(7))
    painted, looks = panel.document.map.copy(), panel.document.drawing.looks
    with qtbot.waitSignal(panel.message, check_params_cb=lambda text: "lake.png" in text):
        panel.files.save_picture(path)  # waits for the landscape, which is not finished yet
    with Image.open(path) as saved:
        assert saved.size == (1024, 768)
    found = recipes.read(path)
    assert found is not None
    assert found["panel"] == "paint"
    panel.files.open_example("coast")
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: panel.document.map.shape == painted.shape and np.array_equal(panel.document.map, painted))
    assert panel.document.drawing.looks == looks


def test_a_drawing_of_a_model_that_is_not_here_says_so(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    drawing = blank(256, 192, LABELS, 8)
    drawing.model = "far away"
    path = tmp_path / "x.ganvas"
    save_project(path, drawing)
    heard = notices(panel)
    panel.open_file(path)
    qtbot.waitUntil(lambda: panel.document.drawing.width == 256)
    assert "far away" in heard[-1].what
    assert panel.document.drawing.model == "colours"


def test_a_map_with_unknown_labels_is_opened_as_it_was_answered(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    labels = np.full((96, 128), 8, np.uint8)
    labels[:10] = 33
    Image.fromarray(labels, "L").save(path)
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: panel.findChild(MappingDialog) is not None)
    dialog = panel.findChild(MappingDialog)
    assert isinstance(dialog, MappingDialog)
    box = dialog.findChild(QComboBox, "map:unknown:33")
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findText("water"))
    dialog.accept()
    assert panel.document.map.shape == (96, 128)
    assert (panel.document.map[:10] == 12).all()


def test_a_dropped_photo_is_traced_or_gives_its_look(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "Föhn.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(path)
    heard = notices(panel)
    before = panel.document.map.copy()
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: bool(heard))
    assert isinstance(panel.document.drawing.layers[-1], PhotoLayer)
    assert np.array_equal(panel.document.map, before)
    assert heard[-1].action is not None
    heard[-1].action()
    assert not any(isinstance(layer, PhotoLayer) for layer in panel.document.drawing.layers)
    assert panel.document.drawing.looks.first.name == "Föhn"


def test_what_cannot_be_opened_is_told(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 200)
    heard = notices(panel)
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard[-1].what == "broken.png cannot be opened."
    assert heard[-1].bad
    assert not panel.open_file(tmp_path / "missing.png")
    (tmp_path / "text.txt").write_text("hello")
    assert not panel.open_file(tmp_path / "text.txt")


def test_a_place_that_cannot_be_written_is_told(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    heard = notices(panel)
    panel.files.save_project(tmp_path / "no folder" / "x.ganvas")
    qtbot.waitUntil(lambda: bool(heard))
    assert "could not be saved" in heard[-1].what


def test_maps_and_layers_are_saved(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    for kind in ("index", "colour"):
        path = tmp_path / f"{kind}.png"
        with qtbot.waitSignal(panel.message):
            panel.files.save_map(path, kind)
        assert np.array_equal(read_map(path, Palette(LABELS)).labels, panel.document.map)
    with qtbot.waitSignal(panel.message):
        panel.files.save_layers(tmp_path / "all.ora")
    assert (tmp_path / "all.ora").read_bytes()[30:54] == b"mimetypeimage/openraster"


def test_a_picture_of_another_panel_is_traced(panel: PaintPanel) -> None:
    panel.receive(np.full((64, 64, 3), 9, np.uint8))
    assert isinstance(panel.document.drawing.layers[-1], PhotoLayer)


def test_the_landscape_goes_to_upscale_when_it_is_finished(panel: PaintPanel, qtbot: QtBot) -> None:
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    with qtbot.waitSignal(
        panel.send_to, check_params_cb=lambda name, picture: name == "upscale" and picture.shape == (768, 1024, 3)
    ):
        panel.files.send()


def test_a_new_canvas_has_the_size_and_ground_that_were_chosen(panel: PaintPanel, qtbot: QtBot) -> None:
    panel.files.ask_new()
    dialog = panel.findChild(CanvasDialog)
    assert isinstance(dialog, CanvasDialog)
    QTest.mouseClick(dialog.findChild(QToolButton, "canvas:1280x720"), LEFT)
    ground = dialog.findChild(QComboBox)
    assert isinstance(ground, QComboBox)
    ground.setCurrentIndex(ground.findText("grass"))
    dialog.accept()
    assert panel.document.map.shape == (720, 1280)
    assert (panel.document.map == 8).all()
    done(qtbot, panel)
    assert panel.picture is not None
    assert panel.picture.shape == (720, 1280, 3)
    panel.undo()
    assert panel.document.map.shape == (768, 1024)


@pytest.mark.parametrize("stretch", [False, True])
def test_the_canvas_is_cut_or_stretched_to_another_size(panel: PaintPanel, stretch: bool) -> None:
    before = panel.document.map.copy()
    panel.files.ask_size()
    dialog = panel.findChild(CanvasDialog)
    assert isinstance(dialog, CanvasDialog)
    for name, value in (("canvas:width", 512), ("canvas:height", 384)):
        field = dialog.findChild(QSpinBox, name)
        assert isinstance(field, QSpinBox)
        field.setValue(value)
    dialog._stretch.setChecked(stretch)
    dialog.accept()
    expected = before[::2, ::2] if stretch else before[192:576, 256:768]
    assert np.array_equal(panel.document.map, expected)


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


# Recovery and the next start


def test_what_was_painted_is_there_after_a_sudden_end(make_panel: MakePanel, qtbot: QtBot) -> None:
    panel = make_panel()
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel._autosave.write()
    panel._autosave._background.shut()
    painted = panel.document.map.copy()
    panel._autosave._lock.unlock()  # type: ignore[union-attr]  # the system lets go of a dead program's lock
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore({})
    assert np.array_equal(again.document.map, painted)
    assert "again" in heard[-1].what


def test_after_an_orderly_end_the_drawing_is_there_and_nothing_is_said(make_panel: MakePanel, qtbot: QtBot) -> None:
    panel = make_panel()
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel.tools.choose(12)
    kept, painted = panel.state(), panel.document.map.copy()
    panel._autosave.shut()
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore(kept)
    assert np.array_equal(again.document.map, painted)
    assert heard == []
    assert again.tools.label == 12


def test_two_programs_keep_two_drawings(make_panel: MakePanel) -> None:
    first, second = make_panel(), make_panel()
    assert first._autosave._recovery.file != second._autosave._recovery.file


@pytest.mark.parametrize(
    "state", [{"tools": 5}, {"tools": {"tool": "axe", "size": "big", "label": 999}}, {"path": 7}, {"x": [1]}]
)
def test_a_broken_state_is_passed_over(make_panel: MakePanel, state: dict[str, object]) -> None:
    made = make_panel(state)
    assert made.tools.tool == "brush"
    assert made.tools.label in [label.id for label in LABELS]


def test_a_look_of_the_models_own_is_plain() -> None:
    assert Look("plain").style is None
    with pytest.raises(PaintFileError):
        read_project(b"")


def test_dialogs_can_be_left_without_a_change(panel: PaintPanel) -> None:
    before = panel.document.drawing
    for ask in (panel.files.ask_new, panel.files.ask_size):
        ask()
        dialogs = [dialog for dialog in panel.findChildren(QDialog) if dialog.isVisible()]
        dialogs[-1].reject()
    assert panel.document.drawing is before


def test_drawings_that_were_saved_are_offered_again(
    panel: PaintPanel, make_panel: MakePanel, qtbot: QtBot, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.ganvas" for name in ("one", "two", "three")]
    for path in paths:
        with qtbot.waitSignal(panel.message):
            panel.files.save_project(path)
    panel.files.save_project(paths[0])
    again = make_panel(settings=panel.settings)
    assert [path.stem for path in again.files.recent()] == ["one", "three", "two"]
    paths[2].unlink()
    heard = notices(again)
    again.files.open_recent(paths[2])
    assert "three.ganvas cannot be opened" in heard[-1].what
    assert [path.stem for path in again.files.recent()] == ["one", "two"]


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
