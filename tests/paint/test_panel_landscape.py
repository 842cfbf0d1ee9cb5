"""The landscape of the Paint panel follows the hand; looks and models change it; and what it asks of the engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from app.paint.dialogs import MappingDialog
from app.paint.models_here import NO_LABELS
from app.paint.panel import PaintPanel
from app.paint.state.drawing import from_map
from app.paint.state.look import photo_look, seed_look
from app.paint.state.palette import Palette
from app.paint.state.requesting import THUMBNAIL_SIDE
from app.paint.state.starting import named_look
from models.card import Label
from models.catalogue import Catalogue
from tests.paint.conftest import ColourEngine, MakePanel, add_painter
from tests.paint.hands import LEFT, NOTHING_HELD, at, draw
from tests.paint.seen import button, canvas_of, done, notices
from tests.paint.sheet import LABELS

OTHERS = (Label(0, "water", (0, 0, 200)), Label(1, "lawn", (0, 200, 0)), Label(2, "SKY", (100, 100, 255)))


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


def test_thumbnails_are_painted_anew_where_fine_detail_or_edges_are_others(
    panel: PaintPanel, engine: ColourEngine, qtbot: QtBot
) -> None:
    panel._thumbs._calm.setInterval(0)
    everywhere = len(panel._frame.looks.looks())
    for change in (panel.roll_grain, lambda: panel.follow_edges(False), panel.undo):
        change()
        looks = panel.document.drawing.looks
        qtbot.waitUntil(lambda: len(panel._thumbs._fresh) == everywhere, timeout=10_000)
        newest = [one for one in engine.paintings if max(one.label_map.shape) <= THUMBNAIL_SIDE][-everywhere:]
        assert {(one.noise_seed, one.natural_edges) for one in newest} == {(looks.grain, looks.natural_edges)}


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
    panel.choose_look(named_look("evening"))
    assert panel.document.drawing.looks.blend == 0  # a look that was just chosen is seen as it is
    panel.undo()
    assert panel.document.drawing.looks.blend == 0.6
    panel.undo()
    assert panel.document.drawing.looks == rolled
    panel.undo()
    panel.undo()
    assert panel.document.drawing.looks.first == named_look("noon")


def test_the_name_of_a_blended_look_stays_in_one_line_and_the_chosen_look_in_view(panel: PaintPanel, qtbot: QtBot) -> None:
    looks = panel._frame.looks
    panel.choose_look(seed_look(6))
    lines = looks._blend.label.height()
    for name, cut in (("noon", False), ("a photo with a name that is rather long", True)):
        panel.choose_look(replace(named_look("noon"), name=name))
        panel.choose_look(seed_look(6))
        text = looks._blend.label.text()
        assert text.startswith("Blend: ")
        assert text.endswith("…") == cut
        QCoreApplication.processEvents()
        assert looks._blend.label.height() == lines
        assert looks._blend.label.fontMetrics().horizontalAdvance(text) <= looks._blend.label.width()
    chosen = next(one for one in looks._buttons if one.look == seed_look(6))
    for width in (1400, 900):
        panel.resize(width, 640)
        QCoreApplication.processEvents()
        assert chosen.visibleRegion().boundingRect().width() == chosen.width()


def test_the_look_of_a_photo_is_taken_over(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "Evening sun.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(path)
    assert panel.files.open(path, "look")
    qtbot.waitUntil(
        lambda: panel.document.drawing.looks.first.kind == "photo" and panel.document.drawing.looks.first.name == "Evening sun"
    )
    assert panel.document.drawing.looks.first.photo is not None
    assert panel.document.drawing.looks.first.photo.shape == (192, 256, 3)


def test_a_look_whose_photo_is_called_by_a_number_stays_when_its_field_is_passed(panel: PaintPanel) -> None:
    look = photo_look(np.full((64, 96, 3), 90, np.uint8), "20240512")
    panel.choose_look(look)
    field = panel.findChild(QLineEdit, "look:seed")
    assert field is not None
    assert field.text() == "20240512"
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert panel.document.drawing.looks.first == look
    field.selectAll()
    QTest.keyClicks(field, "17")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert panel.document.drawing.looks.first == seed_look(17)
    assert panel.document.drawing.looks.second == look


def test_a_photo_too_small_for_a_look_is_refused_before_it_is_one(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    before, heard = panel.document.drawing.looks, notices(panel)
    noise = np.random.default_rng(0).integers(0, 256, (20, 500, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "thread.png")
    assert panel.files.open(tmp_path / "thread.png", "look")
    qtbot.waitUntil(lambda: bool(heard) and heard[-1] is not None)
    assert heard[-1].what == "“thread” is too small to give a look."
    assert panel.document.drawing.looks == before


def test_a_model_with_one_look_is_asked_for_that_one(make_panel: MakePanel, engine: ColourEngine, qtbot: QtBot) -> None:
    engine.style_dim = 0
    made = make_panel()
    qtbot.waitUntil(lambda: made.live.up_to_date and not button(made, "look:dice").isEnabled())
    assert engine.paintings[-1].look is None


def test_each_model_is_asked_for_what_it_has_and_nothing_fails_on_the_way(
    panel: PaintPanel, engine: ColourEngine, catalogue: Catalogue, qtbot: QtBot
) -> None:
    add_painter(catalogue, "plain", LABELS, config={"style": 0})  # as SPADE's cards say it
    add_painter(catalogue, "rich", LABELS)
    engine.one_look.add("plain")
    panel.catalogue_changed()
    heard = notices(panel)
    panel.choose_model("plain")
    qtbot.waitUntil(lambda: panel.live.finished is not None and not button(panel, "look:dice").isEnabled())
    assert engine.paintings[-1].look is None
    panel.choose_model("rich")
    qtbot.waitUntil(lambda: panel.live.finished is not None and button(panel, "look:dice").isEnabled())
    qtbot.waitUntil(lambda: engine.paintings[-1].model == "rich" and engine.paintings[-1].look is not None)
    asked = len(engine.paintings)
    panel.undo()
    qtbot.waitUntil(lambda: panel.live.finished is not None and len(engine.paintings) > asked)
    assert {painting.look is None for painting in engine.paintings[asked:] if painting.model == "plain"} == {True}
    assert not [notice for notice in heard if notice is not None and notice.bad]
    assert panel.live.state == "idle"


def test_a_model_that_was_left_before_it_failed_does_not_fail_the_one_at_hand(
    panel: PaintPanel, engine: ColourEngine, catalogue: Catalogue, qtbot: QtBot
) -> None:
    add_painter(catalogue, "broken", LABELS)
    panel.catalogue_changed()
    done(qtbot, panel)
    heard = notices(panel)
    engine.held = True
    panel.choose_model("broken")
    qtbot.waitUntil(lambda: engine.paintings[-1].model == "broken")
    panel.undo()
    engine.held = False
    engine.gate.release()
    qtbot.waitUntil(lambda: panel.live.finished is not None)
    assert not [notice for notice in heard if notice is not None and notice.bad]


def test_what_was_said_of_a_failed_landscape_goes_when_one_is_painted(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    add_painter(catalogue, "broken", LABELS)
    panel.catalogue_changed()
    heard = notices(panel)
    panel.choose_model("broken")
    qtbot.waitUntil(lambda: panel.live.state == "failed")
    assert heard[-1].what == "This model is broken."
    panel.undo()
    done(qtbot, panel)
    assert heard[-1] is None


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
    said = [label.text() for label in dialog.findChildren(QLabel)]
    assert "This drawing holds a label that this model does not know. What shall it be?" in said
    assert "4,096 px (33.3%)" in said
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
