"""A photo painted anew: from the menu, from a drop, from another panel; one undo takes it back; what goes wrong is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from app.inference.requests import LabelRequest
from app.inference.updates import Done, Failure, Labelled, Update
from app.paint.panel import PaintPanel
from app.paint.state.at_hand import labeller_for, labellers
from models.card import Card, Label
from models.catalogue import CARD, WEIGHTS, Catalogue
from tests.paint.conftest import ColourEngine
from tests.paint.sheet import LABELS


class LabellingEngine(ColourEngine):
    """Also labels photos: dark pixels are the first label, bright ones the last.."""

    def run(self, request: Any) -> Iterator[Update]:
        if not isinstance(request, LabelRequest):
            yield from super().run(request)
            return
        self.asked.append(request)
        if request.model == "broken-labeller":
            yield Failure("This labeller is broken.", "It was made so.", "Choose another.")
            return
        bright = request.pixels.mean(2) > 128
        yield Done(Labelled(np.where(bright, LABELS[-1].id, LABELS[0].id).astype(np.uint8), LABELS), 0.0)


def add_labeller(catalogue: Catalogue, name: str, labels: tuple[Label, ...] = LABELS) -> None:
    folder = catalogue.home / name
    folder.mkdir(parents=True)
    card = Card(name, name.capitalize(), "labelling", "labeller", labels=labels, resolution=64)
    (folder / CARD).write_text(card.to_json(), encoding="utf-8")
    save_file({"nothing": np.zeros(1, np.float32)}, folder / WEIGHTS)


@pytest.fixture
def engine() -> ColourEngine:
    return LabellingEngine()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Bright above, dark below, 300 x 200 pixels."""
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[:100] = 240
    Image.fromarray(pixels).save(tmp_path / "valley.png")
    noisy = np.clip(pixels + np.random.default_rng(0).integers(0, 15, pixels.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "valley.jpg", quality=95)
    return tmp_path / "valley.jpg"


def heard_by(panel: PaintPanel) -> list[Any]:
    heard: list[Any] = []
    panel.noticed.connect(heard.append)
    return heard


def is_repainted(panel: PaintPanel) -> bool:
    found = panel.document.map
    if found.shape != (683, 1024):
        return False
    first, last = LABELS[0].id, LABELS[-1].id
    return bool((found[:330] == last).all() and (found[350:] == first).all())


def test_a_photo_of_the_menu_becomes_the_drawing_with_its_own_look_in_one_step(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_labeller(catalogue, "labels")
    before, look = panel.document.map.copy(), panel.document.drawing.looks
    heard = heard_by(panel)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(photo), ""))
    panel._menu._menu.findChild(object, "drawing:repaint").trigger()
    qtbot.waitUntil(lambda: is_repainted(panel))
    assert panel.document.drawing.looks.first.kind == "photo"
    assert panel.document.drawing.looks.first.name == "valley"
    assert "valley" in heard[-1].what
    qtbot.waitUntil(lambda: panel.live.up_to_date)
    assert panel.picture is not None
    assert panel.picture.shape == (683, 1024, 3)
    panel.undo()
    assert np.array_equal(panel.document.map, before)
    assert panel.document.drawing.looks == look
    panel.redo()
    assert is_repainted(panel)


def test_a_dropped_photo_is_traced_as_before_and_can_be_painted_anew(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot, photo: Path
) -> None:
    add_labeller(catalogue, "labels")
    heard = heard_by(panel)
    assert panel.open_file(photo)
    qtbot.waitUntil(lambda: bool(heard))
    assert len(panel.document.drawing.layers) == 2
    ((text, act),) = heard[-1].choices
    assert text == "Paint it anew"
    act()
    qtbot.waitUntil(lambda: is_repainted(panel))
    assert len(panel.document.drawing.layers) == 1
    panel.undo()
    assert len(panel.document.drawing.layers) == 2


def test_the_window_never_waits_and_the_last_photo_wins(
    panel: PaintPanel, engine: ColourEngine, catalogue: Catalogue, qtbot: QtBot
) -> None:
    add_labeller(catalogue, "labels")
    dark, bright = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 250, np.uint8)
    remarks: list[str] = []
    panel.message.connect(remarks.append)
    panel.repainting.begin(dark, "dark")
    panel.repainting.begin(bright, "bright")
    qtbot.waitUntil(lambda: panel.document.drawing.looks.first.name == "bright")
    assert (panel.document.map == LABELS[-1].id).all()
    assert panel.document.map.shape == (1024, 1024)
    assert remarks == ["Looking at what is on “dark” …", "Looking at what is on “bright” …", ""]  # nothing works any more


def test_without_a_labeller_or_with_a_broken_one_the_drawing_stays_and_it_is_told(
    panel: PaintPanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    heard, before = heard_by(panel), panel.document.map.copy()
    panel.repainting.begin(np.zeros((64, 64, 3), np.uint8), "x")
    assert heard[-1].what == "No model that makes maps from photos is at hand."
    add_labeller(catalogue, "broken-labeller")
    panel.repainting.begin(np.zeros((64, 64, 3), np.uint8), "x")
    qtbot.waitUntil(lambda: heard[-1].what == "This labeller is broken.")
    assert np.array_equal(panel.document.map, before)


def test_the_labeller_that_speaks_of_the_same_labels_is_taken_unless_another_is_wanted(
    panel: PaintPanel, engine: ColourEngine, catalogue: Catalogue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, photo: Path
) -> None:
    add_labeller(catalogue, "a-foreign", (Label(1, "spoon", (1, 2, 3)),))
    add_labeller(catalogue, "labels")
    found: Callable[[str], Any] = lambda wanted: labeller_for(labellers(catalogue), LABELS, wanted)  # noqa: E731
    assert found("").name == "labels"
    assert found("a-foreign").name == "a-foreign"
    assert found("gone").name == "labels"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(photo), ""))
    model = panel.document.drawing.model
    panel.choose_model("a-foreign")  # "Use in Paint" on the Models page: asks for a photo
    qtbot.waitUntil(lambda: any(isinstance(r, LabelRequest) and r.model == "a-foreign" for r in engine.asked))
    assert panel.document.drawing.model == model
