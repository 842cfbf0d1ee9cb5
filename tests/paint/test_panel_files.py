"""What the Paint panel opens, saves and sends."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDialog, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from app.paint.dialogs import CanvasDialog, MappingDialog
from app.paint.panel import PaintPanel
from app.paint.state import layering
from app.paint.state.drawing import blank
from app.paint.state.files import PaintFileError
from app.paint.state.layers import PhotoLayer
from app.paint.state.look import Look, seed_look
from app.paint.state.map_files import read_map
from app.paint.state.palette import Palette
from app.paint.state.project import read_project, save_project
from app.photos import placing
from app.photos import recipe as recipes
from tests.paint.conftest import MakePanel
from tests.paint.hands import LEFT, draw
from tests.paint.seen import canvas_of, done, notices
from tests.paint.sheet import LABELS

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


def two_projects(panel: PaintPanel, qtbot: QtBot, folder: Path) -> tuple[Path, Path]:
    """Two drawings over grass and over water, opened one after the other."""
    paths = folder / "grass.ganvas", folder / "water.ganvas"
    for path, ground in zip(paths, (8, 12), strict=True):
        save_project(path, replace(blank(256, 192, LABELS, ground), model="colours"))
        assert panel.open_file(path)
        qtbot.waitUntil(lambda path=path: panel.files.path == path)
    return paths


def test_undo_brings_the_file_of_the_drawing_back_too_so_that_saving_replaces_no_other(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    grass, water = two_projects(panel, qtbot, tmp_path)
    titles: list[str] = []
    panel.titled.connect(titles.append)
    panel.undo()
    assert titles == ["grass"]
    assert panel.files.path == grass
    draw(canvas_of(panel), [(20, 20), (100, 100)])
    with qtbot.waitSignal(panel.message):
        panel.files.save()
    assert read_project(water).background == 12
    assert read_project(grass).background == 8
    panel.undo()
    panel.redo()
    panel.files.ask_size()
    dialog = panel.findChild(CanvasDialog)
    assert dialog is not None
    dialog.findChild(QSpinBox, "canvas:width").setValue(512)  # type: ignore[union-attr]
    dialog.accept()
    panel.undo()
    panel.undo()
    assert panel.files.path == grass
    panel.undo()
    assert panel.files.path is None  # the example that was there first


def test_undo_to_another_size_does_not_bring_the_file_back_that_it_was_opened_from_before_it_was_saved_under_a_new_name(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    grass, _ = two_projects(panel, qtbot, tmp_path)
    panel.undo()
    before = grass.read_bytes()
    panel.files.ask_size()
    dialog = panel.findChild(CanvasDialog)
    assert dialog is not None
    dialog.findChild(QSpinBox, "canvas:width").setValue(512)  # type: ignore[union-attr]
    dialog.accept()
    assert panel.files.path == grass
    with qtbot.waitSignal(panel.message):
        panel.files.save_project(tmp_path / "wide.ganvas")
    panel.undo()
    assert panel.files.path == tmp_path / "wide.ganvas"
    with qtbot.waitSignal(panel.message):
        panel.files.save()
    assert grass.read_bytes() == before
    assert read_project(tmp_path / "wide.ganvas").width == 256


def test_a_drawing_that_gets_another_size_while_it_is_being_saved_knows_its_file(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    titles: list[str] = []
    panel.titled.connect(titles.append)
    with qtbot.waitSignal(panel.message):
        panel.files.save_project(tmp_path / "lake.ganvas")
        panel.document.show(replace(panel.document.drawing))
    assert panel.files.path == tmp_path / "lake.ganvas"
    assert titles[-1] == "lake"


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


def test_a_picture_of_few_colours_chosen_as_a_look_is_one(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    Image.fromarray(np.full((96, 128, 3), (200, 40, 90), np.uint8)).save(path)
    before = panel.document.map.copy()
    assert panel.files.open(path, "look")
    qtbot.waitUntil(lambda: panel.document.drawing.looks.first.name == "flat")
    assert np.array_equal(panel.document.map, before)


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


def test_a_drawing_that_is_broken_is_said_to_be_one(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "lake.ganvas"
    path.write_bytes(b"half a page")
    before, heard = panel.document.drawing, notices(panel)
    assert panel.open_file(path)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard[-1].what == "lake.ganvas cannot be opened."
    assert "broken or cut off" in heard[-1].why
    assert panel.document.drawing is before


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


def test_of_a_photo_that_was_taken_back_the_look_can_be_had_and_no_other_layer_goes(panel: PaintPanel) -> None:
    heard = notices(panel)
    panel.receive(np.full((64, 96, 3), 90, np.uint8))
    panel.undo()
    layer = layering.add_layer(panel.document, "Drawing", "new layer")  # gets the key of the photo
    heard[-1].action()
    assert panel.document.drawing.looks.first.kind == "photo"
    assert panel.document.drawing.layers[-1] is layer


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
    panel.files.save_project(tmp_path / "good.ganvas")
    qtbot.waitUntil(lambda: panel.files.path is not None)
    panel.files.save_project(tmp_path / "no folder" / "x.ganvas")
    qtbot.waitUntil(lambda: bool(heard))
    assert "could not be saved" in heard[-1].what
    assert panel.files.path == tmp_path / "good.ganvas"  # Ctrl+Shift+S goes on saving where it could
    assert panel.files.recent() == [tmp_path / "good.ganvas"]


def test_a_disk_that_takes_nothing_is_told_of_once_and_a_button_saves_elsewhere(
    panel: PaintPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, refusing = notices(panel), True
    plain = placing.write

    def write(*args: Any) -> None:
        if refusing:
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(*args)

    monkeypatch.setattr(placing, "write", write)
    written: list[str] = []
    told = panel._autosave._written
    monkeypatch.setattr(panel._autosave, "_written", lambda why: written.append(why) or told(why))
    for number, refusing in enumerate((True, True, False, True)):  # noqa: B007 (`write` reads it)
        panel._autosave.write()
        qtbot.waitUntil(lambda: len(written) > number)  # noqa: B023
    assert [notice.why for notice in heard] == ["No space left on device."] * 2
    assert heard[0].bad
    assert heard[0].button == "Save the drawing as…"


@pytest.mark.parametrize("even_for_a_copy", [False, True])
def test_a_drawing_that_there_is_no_memory_to_write_aside_is_told_of_and_written_at_the_end(
    panel: PaintPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, expected_warnings: list[str], even_for_a_copy: bool
) -> None:
    expected_warnings.append("could not be written aside")
    heard = notices(panel)

    def none_left(*_: object) -> str:
        raise MemoryError

    with monkeypatch.context() as full:
        full.setattr("app.paint.autosave.snapshot" if even_for_a_copy else "app.paint.state.recovery.Recovery.write", none_left)
        panel._autosave.write()
        qtbot.waitUntil(lambda: bool(heard))
    assert heard[0].bad
    panel._autosave.shut()
    assert read_project(panel._autosave._recovery.file).width == panel.document.drawing.width


def test_maps_and_layers_are_saved(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    for kind in ("index", "colour"):
        path = tmp_path / f"{kind}.png"
        with qtbot.waitSignal(panel.message):
            panel.files.save_map(path, kind)
        assert np.array_equal(read_map(path, Palette(LABELS)).labels, panel.document.map)
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel.files.save_layers(tmp_path / "all.ora")
    assert not (tmp_path / "all.ora").exists()  # the landscape of the last stroke is to be in it
    qtbot.waitUntil((tmp_path / "all.ora").exists)
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
    with qtbot.waitSignal(panel.message):
        panel.files.save_project(paths[0])
    again = make_panel(settings=panel.settings)
    assert [path.stem for path in again.files.recent()] == ["one", "three", "two"]
    paths[2].unlink()
    heard = notices(again)
    again.files.open_recent(paths[2])
    assert "three.ganvas cannot be opened" in heard[-1].what
    assert [path.stem for path in again.files.recent()] == ["one", "two"]


def test_a_look_of_the_models_own_is_plain() -> None:
    assert Look("plain").style is None
    with pytest.raises(PaintFileError):
        read_project(b"")
