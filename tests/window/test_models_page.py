"""The Models page: what is listed, what is known of each, adding and removing by real files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.explore.frames import choice_of
from app.inference.updates import Cancelled, Failure
from app.models_page.listing import listing, offered_bytes, size_text
from app.models_page.page import ModelsPage
from app.window import MainWindow
from models.catalogue import Catalogue
from models.networks.mobilestylegan import Shape
from models.networks.spade import SPADEConfig, SPADEGenerator
from models.recommended import pins
from tests.inference.small_models import FACES, UPSCALER
from tests.models.small_faces import small_network, write_wheel

WAIT_MS = 60_000


@pytest.fixture
def page(window: MainWindow) -> ModelsPage:
    window.go_to("models")
    page = window.stack.currentWidget().content  # type: ignore[attr-defined]
    assert isinstance(page, ModelsPage)
    return page


def test_models_at_hand_come_before_those_that_can_be_fetched(catalogue: Catalogue) -> None:
    lines = listing(catalogue)
    states = [line.state for line in lines]
    assert FACES in [line.name for line in lines]
    assert states == sorted(states, key=["recommended", "embedded", "added", "broken", "offered"].index)
    offered = {line.name for line in lines if line.state == "offered"}
    assert offered == {model.name for pin in pins() for model in pin.models}


def test_a_licence_that_nobody_knows_is_called_so(catalogue: Catalogue) -> None:
    entry = catalogue.find(FACES)
    assert entry is not None
    assert "licence unknown" in choice_of(entry).remark
    assert next(line for line in listing(catalogue) if line.name == FACES).licence == "licence unknown"


def test_a_wheel_is_counted_once_however_many_models_it_holds(catalogue: Catalogue) -> None:
    assert offered_bytes(listing(catalogue)) == sum(pin.bytes for pin in pins())
    assert size_text(37_588_926) == "38 MB"
    assert size_text(7_400_000) == "7.4 MB"


def test_a_broken_model_says_why_and_can_be_removed(catalogue: Catalogue) -> None:
    (catalogue.home / FACES / "weights.safetensors").unlink()
    broken = next(line for line in listing(catalogue) if line.state == "broken")
    assert broken.name == FACES
    assert "weights" in broken.description
    assert broken.can_be_removed


def test_choosing_a_model_shows_what_is_known_of_it(page: ModelsPage) -> None:
    assert page.list.select(FACES)
    assert page.details._title.text() == "Small faces"
    assert page.details._do.text() == "Use in Explore"
    assert page.list.select(pins()[0].models[0].name)
    assert page.details._do.text().startswith("Get it")
    assert not page.details._remove.isVisible()


def test_while_something_is_fetched_no_other_line_can_be_either(page: ModelsPage) -> None:
    offered = pins()[0].models[0].name
    page.list.select(FACES)
    page.details.set_busy(True)
    page.list.select(offered)
    assert not page.details._do.isEnabled()
    page.list.select(FACES)
    assert page.details._do.isEnabled()
    assert not page.details._remove.isEnabled()
    page.details.set_busy(False)
    page.list.select(offered)
    assert page.details._do.isEnabled()


def test_what_a_card_says_is_shown_as_it_is_written(page: ModelsPage) -> None:
    strange = "<img src='file:///secret.png'><b>Faces</b>"
    line = next(line for line in page._lines if line.name == FACES)
    page.details.show_line(replace(line, title=strange, description=strange))
    for label in (page.details._title, page.details._text):
        assert label.text() == strange
        assert label.textFormat() == Qt.TextFormat.PlainText


def test_what_was_added_before_a_stop_is_listed(window: MainWindow, page: ModelsPage) -> None:
    changes: list[bool] = []
    window.model_files.changed.connect(lambda: changes.append(True))
    window.model_files._running[-1] = ("add", Path("folder"), {})
    window.model_files._update(-1, Cancelled())
    assert changes == [True]
    window.model_files._running[-2] = ("get", None, {})
    window.model_files._update(-2, Failure("The second wheel could not be fetched."))
    assert changes == [True, True]


def test_a_model_can_be_used_from_here(page: ModelsPage, window: MainWindow, qtbot: QtBot) -> None:
    page.list.select(FACES)
    qtbot.mouseClick(page.findChild(QPushButton, "model:use"), Qt.MouseButton.LeftButton)
    assert window.here == "explore"
    panel: Any = window.panel("explore")
    assert panel.document.now.model == FACES


def test_removing_asks_once_more_and_then_it_is_gone(
    page: ModelsPage, catalogue: Catalogue, window: MainWindow, qtbot: QtBot
) -> None:
    page.list.select(UPSCALER)
    button = page.findChild(QPushButton, "model:remove")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert (catalogue.home / UPSCALER).is_dir()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not (catalogue.home / UPSCALER).exists(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not page.list.select(UPSCALER), timeout=WAIT_MS)
    assert window.bar("models").notice is not None


def test_a_second_thought_about_another_model_is_no_yes(page: ModelsPage, catalogue: Catalogue, qtbot: QtBot) -> None:
    page.list.select(UPSCALER)
    button = page.findChild(QPushButton, "model:remove")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    page.list.select(FACES)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert (catalogue.home / FACES).is_dir()


def test_a_wheel_is_offered_added_and_listed_and_explore_can_use_it(
    page: ModelsPage, catalogue: Catalogue, window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    shape = Shape(mapping=((16, 16), (16, 16)), blocks=((16, 16), (16, 16), (16, 16)))
    wheel = write_wheel(small_network(1, shape), tmp_path / "small_faces-1.0-py3-none-any.whl")
    window.open_files([wheel])
    bar = window.bar("models")
    qtbot.waitUntil(lambda: bar.notice is not None, timeout=WAIT_MS)
    assert not bar.notice.bad, bar.notice
    before = {entry.name for entry in catalogue.entries()}
    qtbot.mouseClick(bar.findChild(QPushButton, "notice:button"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: {entry.name for entry in catalogue.entries()} != before, timeout=WAIT_MS)
    added = ({entry.name for entry in catalogue.entries()} - before).pop()
    qtbot.waitUntil(lambda: page.list.select(added), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bar.notice is not None and bar.notice.button == "Use it in Explore", timeout=WAIT_MS)
    panel: Any = window.panel("explore")
    assert added in [choice.name for choice in panel.picker.choices()]
    qtbot.mouseClick(bar.findChild(QPushButton, "notice:button"), Qt.MouseButton.LeftButton)
    assert window._here == "explore"
    assert panel.document.now.model == added


def test_a_file_that_leaves_a_question_open_asks_it_with_a_button_for_each_answer(
    window: MainWindow, catalogue: Catalogue, tmp_path: Path, qtbot: QtBot
) -> None:
    network = SPADEGenerator(SPADEConfig(6, 8, 16, 3, 5, 0, (8, 8), True))
    file = tmp_path / "latest_net_G.pth"
    torch.save({name: 0.1 * torch.rand(value.shape) for name, value in network.state_dict().items()}, file)
    window.open_files([file])
    bar = window.bar("explore")
    qtbot.waitUntil(lambda: bar.notice is not None, timeout=WAIT_MS)
    if not bar.notice.choices:  # what was found can be added; the question comes then
        assert bar.notice.action is not None, bar.notice
        bar.notice.action()
        qtbot.waitUntil(lambda: bool(bar.notice.choices), timeout=WAIT_MS)
    before = {entry.name for entry in catalogue.entries()}
    for _ in range(4):  # a file may leave several questions open
        shown = bar.notice
        if shown is None or not shown.choices:
            break
        button = bar.findChild(QPushButton, f"notice:{shown.choices[0][0]}")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda shown=shown: bar.notice is not None and bar.notice is not shown, timeout=WAIT_MS)
    assert bar.notice is not None
    assert not bar.notice.bad, bar.notice
    added = {entry.name: entry for entry in catalogue.entries() if entry.name not in before}
    assert len(added) == 1
    assert next(iter(added.values())).card.answers
