"""Small pictures are carried to a size worth looking at by an upscaler that travels with Ganvas."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from app.explore.finish import Finish
from app.explore.panel import ExplorePanel
from app.inference.updates import Frame, Update
from app.inference.worker import InferenceWorker
from app.photos import recipe
from app.photos.decoding import probe
from app.settings import Settings
from models.card import Card
from models.catalogue import Catalogue, Entry
from tests.inference.at_work import awake
from tests.inference.small_models import UPSCALER


@pytest.fixture
def catalogue(catalogue: Catalogue) -> Catalogue:
    """The small models, of which the small upscaler travels with Ganvas."""
    catalogue.embedded.mkdir()
    shutil.move(catalogue.home / UPSCALER, catalogue.embedded / UPSCALER)
    return catalogue


def crisp(panel: ExplorePanel) -> QToolButton:
    """The button that turns it on and off."""
    button = panel.bar.findChild(QToolButton, "crisp")
    assert button is not None
    return button


def test_the_full_picture_is_enlarged_and_says_so(
    panel: ExplorePanel, at_rest: Callable[[], None], tmp_path: Path, qtbot: QtBot
) -> None:
    at_rest()
    assert panel.view.image.width() == 128
    assert panel.view.preview_of == 0
    button = crisp(panel)
    assert button.isVisibleTo(panel)
    assert button.isChecked()
    assert "Small upscaler" in button.toolTip()
    with qtbot.waitSignal(panel.message, timeout=60_000):
        panel.save(tmp_path / "face.png")
    made = recipe.read(tmp_path / "face.png")
    assert made is not None
    assert made["enlarge_with"] == UPSCALER


def test_portraits_are_doubled_and_large_faces_left_alone(qapp: QApplication) -> None:
    finish = Finish(Settings())
    faces = Entry("faces", Card("faces", "Faces", "latent", "", resolution=1024), Path(), "added")
    finish.set_entries([*Catalogue().entries(), faces])
    assert finish.upscaler("portraits") == "photo-x2-faithful"
    assert finish.upscaler("faces") == ""


def test_a_person_can_have_the_networks_own_pixels(
    panel: ExplorePanel, worker: InferenceWorker, catalogue: Catalogue, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    button = crisp(panel)
    button.click()
    qtbot.waitUntil(lambda: panel.view.image.width() == 64 and panel.view.preview_of == 0, timeout=60_000)
    panel.roll()
    at_rest()
    assert panel.view.image.width() == 64
    again = ExplorePanel(worker, catalogue, Settings())
    qtbot.addWidget(again, before_close_func=ExplorePanel.shut)
    again.restore({})
    assert not crisp(again).isChecked()
    again.shut()  # both ask in the same lane
    button.click()
    qtbot.waitUntil(lambda: panel.view.image.width() == 128, timeout=60_000)


def test_a_picture_that_was_on_its_way_as_somebody_chose_again_is_not_saved_as_what_was_chosen(
    worker: InferenceWorker, catalogue: Catalogue, tmp_path: Path, qtbot: QtBot
) -> None:
    path, chosen = tmp_path / "face.png", list[int]()

    def choose_again(ticket: int, update: Update) -> None:
        if isinstance(update, Frame) and update.final and not chosen:
            chosen.append(ticket)
            crisp(panel).click()

    def save(ticket: int, update: Update) -> None:
        if isinstance(update, Frame) and chosen == [ticket]:
            panel.save(path)

    worker.updated.connect(choose_again)  # hears of the picture before the panel does
    panel = awake(ExplorePanel(worker, catalogue, Settings()), qtbot)
    worker.updated.connect(save)
    qtbot.waitUntil(path.exists, timeout=60_000)
    made = recipe.read(path)
    assert made is not None
    assert made["enlarge_with"] == ""
    assert probe(path).width == 64


def test_no_upscaler_of_somebody_elses_is_taken(
    panel: ExplorePanel, catalogue: Catalogue, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    shutil.move(catalogue.embedded / UPSCALER, catalogue.home / UPSCALER)
    panel.catalogue_changed()
    assert not crisp(panel).isVisibleTo(panel)
    panel.roll()
    at_rest()
    assert panel.view.image.width() == 64
