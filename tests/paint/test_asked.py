"""Saved, copied and sent is the landscape of the moment in which that was asked for, whatever is painted before it is there."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.paint.panel import PaintPanel
from app.paint.state.look import seed_look
from app.paint.state.recipe import from_recipe
from app.photos import recipe as recipes
from app.widgets.picture_view import picture_of
from models.catalogue import Catalogue
from tests.paint.conftest import ColourEngine, add_painter
from tests.paint.hands import draw
from tests.paint.seen import canvas_of, done, notices
from tests.paint.sheet import LABELS


def landscape(panel: PaintPanel) -> NDArray[np.uint8]:
    """What the engine makes of the drawing as it is."""
    colours = np.zeros((256, 3), np.int32)
    for label in LABELS:
        colours[label.id] = label.colour
    brighter = panel.document.drawing.looks.first.seed % 50
    return np.minimum(colours[panel.document.map] + brighter, 255).astype(np.uint8)


def stroke(panel: PaintPanel, label: int, row: int) -> None:
    panel.desk.choose_label(label)
    draw(canvas_of(panel), [(100, row), (500, row)])


@pytest.fixture
def busy(panel: PaintPanel, engine: ColourEngine) -> PaintPanel:
    """A panel whose engine is at work on the landscape of a stroke, and waits."""
    panel.choose_look(seed_look(7))
    engine.held = True
    stroke(panel, 8, 100)
    return panel


def go_on(panel: PaintPanel) -> None:
    """A painter does not wait."""
    stroke(panel, 12, 400)
    panel.choose_look(seed_look(31))


def let_go(engine: ColourEngine) -> None:
    engine.held = False
    engine.gate.release(1000)


def test_a_saved_landscape_is_of_the_moment_of_the_click_in_picture_and_recipe(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, tmp_path: Path
) -> None:
    expected, painted = landscape(busy), busy.document.map.copy()
    path, later = tmp_path / "lake.png", tmp_path / "later.png"
    busy.files.save_picture(path)
    go_on(busy)
    newer = landscape(busy)
    busy.files.save_picture(later)
    assert busy.closing() == "A landscape that you saved or sent is not finished yet."
    let_go(engine)
    qtbot.waitUntil(lambda: path.exists() and later.exists())
    done(qtbot, busy)
    assert busy.closing() == ""
    for file, picture, seed in ((path, expected, 7), (later, newer, 31)):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), picture)
        making = from_recipe(recipes.read(file) or {})
        assert making is not None
        assert making.drawing.looks.first.seed == seed
        assert np.array_equal(making.drawing.label_map(), painted) == (file == path)
    assert busy.picture is not None
    np.testing.assert_array_equal(busy.picture, newer)


@pytest.mark.parametrize("how", ["send", "copy"])
def test_a_sent_or_copied_landscape_is_of_the_moment_of_the_click(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, how: str
) -> None:
    got: list[NDArray[np.uint8]] = []
    busy.send_to.connect(lambda name, picture: got.append(picture))
    busy.message.connect(lambda text: "clipboard" in text and got.append(picture_of(QGuiApplication.clipboard().image())))
    expected = landscape(busy)
    (busy.files.send if how == "send" else busy.files.copy)()
    go_on(busy)
    let_go(engine)
    qtbot.waitUntil(lambda: bool(got))
    np.testing.assert_array_equal(got[0], expected)
    assert len(got) == 1


def test_layers_are_saved_as_they_were_under_the_landscape_that_they_made(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(busy.files._filing, "save_layered", lambda path, drawing, picture: kept.append((drawing, picture)))
    expected, painted = landscape(busy), busy.document.map.copy()
    busy.files.save_layers(tmp_path / "all.ora")
    go_on(busy)
    let_go(engine)
    qtbot.waitUntil(lambda: bool(kept))
    np.testing.assert_array_equal(kept[0][0].label_map(), painted)
    np.testing.assert_array_equal(kept[0][1], expected)


def test_a_landscape_is_painted_once_where_the_hand_rests(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, tmp_path: Path
) -> None:
    asked = len(engine.paintings)
    for name in ("one.png", "two.png"):
        busy.files.save_picture(tmp_path / name)
    let_go(engine)
    qtbot.waitUntil(lambda: (tmp_path / "one.png").exists() and (tmp_path / "two.png").exists())
    full = [one for one in engine.paintings[asked:] if one.deadline_ms is None and one.label_map.shape == (768, 1024)]
    assert len(full) <= 1


def test_while_the_landscape_pauses_a_saved_one_is_finished_and_shown_and_it_pauses_on(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    QTest.keyClick(canvas_of(panel), "k")
    stroke(panel, 8, 100)
    panel.files.save_picture(tmp_path / "lake.png")
    qtbot.waitUntil((tmp_path / "lake.png").exists)
    assert panel.picture is not None
    np.testing.assert_array_equal(panel.picture, landscape(panel))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "lake.png")), panel.picture)
    assert panel.live.state == "paused"


def test_pausing_does_not_keep_what_was_asked_for_from_coming(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, tmp_path: Path
) -> None:
    busy.files.save_picture(tmp_path / "lake.png")
    QTest.keyClick(canvas_of(busy), "k")
    let_go(engine)
    qtbot.waitUntil((tmp_path / "lake.png").exists)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "lake.png")), landscape(busy))


def test_where_the_model_fails_nothing_is_saved_least_of_all_an_older_picture(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot, tmp_path: Path
) -> None:
    add_painter(catalogue, "broken", LABELS)
    panel.catalogue_changed()
    heard = notices(panel)
    panel.choose_model("broken")
    qtbot.waitUntil(lambda: bool(heard))
    assert panel.picture is not None  # of the model before
    for ask in (lambda: panel.files.save_picture(tmp_path / "lake.png"), panel.files.send):
        heard.clear()
        with qtbot.assertNotEmitted(panel.send_to):
            ask()
            qtbot.waitUntil(lambda: bool(heard))
        assert heard[-1].what == "This model is broken."
    assert not (tmp_path / "lake.png").exists()
    assert panel.closing() == ""


@pytest.mark.parametrize("moves", [False, True])
def test_what_was_remarked_of_a_landscape_is_said_when_it_is_saved(
    busy: PaintPanel, engine: ColourEngine, qtbot: QtBot, tmp_path: Path, moves: bool
) -> None:
    engine.remark = "It is softer."
    told: list[str] = []
    busy.message.connect(told.append)
    path = tmp_path / "lake.png"
    busy.files.save_picture(path)
    if moves:
        go_on(busy)
    let_go(engine)
    qtbot.waitUntil(lambda: f"Saved to {path}. It is softer." in told)
    done(qtbot, busy)
    assert told.count("It is softer.") == 1  # of the landscape in view
    engine.remark = ""
    stroke(busy, 0, 300)
    busy.files.save_picture(path)
    qtbot.waitUntil(lambda: told[-1] == f"Saved to {path}")
