"""Explore as a person uses it: the real panel, worker and engine, a small real network."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.explore.panel import ExplorePanel
from app.inference.updates import Frame, Update
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.widgets.panel import Notice
from app.widgets.section import Section
from models.catalogue import Catalogue
from tests.explore.hands import drag, shown
from tests.inference.small_models import FACES

CHECKPOINTS = Path(__file__).parents[1] / "fixtures" / "checkpoints"
WAIT_MS = 60_000


def test_the_first_picture_comes_by_itself(panel: ExplorePanel, at_rest: Callable[[], None]) -> None:
    at_rest()
    assert panel.document.now.model == FACES
    assert panel.view.image.width() == 64
    assert panel.tools.seed.value() == 0
    assert panel.picker.name() == FACES


def test_a_slider_changes_the_picture_and_undo_brings_it_back(
    panel: ExplorePanel, direction: str, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    before = shown(panel)
    drag(qtbot, panel, direction, [0, 1, 2, 2.5])
    at_rest()
    after = shown(panel)
    assert panel.document.now.direction(direction) == pytest.approx(2.5, abs=0.1)
    assert (after != before).any()
    panel.undo()
    at_rest()
    assert np.array_equal(shown(panel), before)
    assert panel.tools.row(direction).value() == 0
    panel.redo()
    at_rest()
    assert np.array_equal(shown(panel), after)


def test_the_hand_is_followed_while_it_moves(
    panel: ExplorePanel, direction: str, at_rest: Callable[[], None], worker: InferenceWorker, qtbot: QtBot
) -> None:
    at_rest()
    frames: list[tuple[int, Frame]] = []

    def keep(ticket: int, update: Update) -> None:
        if isinstance(update, Frame):
            frames.append((ticket, update))

    worker.updated.connect(keep)
    slider = panel.tools.row(direction).slider
    before = shown(panel)
    drag(qtbot, panel, direction, [0, 1], release=False)
    qtbot.waitUntil(lambda: not np.array_equal(shown(panel), before), timeout=WAIT_MS)
    assert slider.isSliderDown()
    for step in range(12, 25):
        qtbot.mouseMove(slider, QPoint(round(slider.at(step)), 10))
        qtbot.wait(5)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.at(24)), 10))
    at_rest()
    worker.updated.disconnect(keep)
    assert panel.document.now.direction(direction) == pytest.approx(2.4, abs=0.1)
    assert panel.view.preview_of == 0
    assert frames[-1][1].final
    assert panel.history.undo_title == panel.tools.row(direction).label_text


def test_a_hundred_gestures_end_on_the_last(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    for seed in range(100):
        panel.tools.seed.changed.emit(seed)
    at_rest()
    assert panel.document.now.seed == 99
    assert panel.shown.seed == 99


def test_the_dice_rolls_another_seed(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    before = panel.document.now
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    qtbot.keyClick(panel.view, Qt.Key.Key_R)
    at_rest()
    assert panel.document.now.seed != before.seed
    panel.undo()
    assert panel.document.now == before


def test_pulling_the_pad_walks_between_seeds(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    pad = panel.tools.pad
    start = pad.rect().center()
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(pad, start - QPoint(30, 0))
    qtbot.mouseMove(pad, start - QPoint(60, 20))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=start - QPoint(60, 20))
    at_rest()
    now = panel.document.now
    assert now.x > 0.3
    assert 0 < now.y < now.x
    assert not now.on_seed
    panel.undo()
    assert (panel.document.now.x, panel.document.now.y) == (0, 0)


def test_arrow_keys_on_the_pad_end_on_a_seed_exactly(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    for _ in range(10):
        qtbot.keyClick(panel.tools.pad, Qt.Key.Key_Right)
    assert panel.document.now.seed == 1
    assert panel.document.now.on_seed


def test_the_sheet_fills_with_thumbnails_and_one_click_goes_there(
    panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    sheet = panel.sheet.seeds
    qtbot.waitUntil(lambda: len(sheet.thumbs.images) == len(sheet.thumbs.keys), timeout=WAIT_MS)
    qtbot.mouseClick(sheet.viewport(), Qt.MouseButton.LeftButton, pos=sheet.visualRect(sheet.thumbs.index(3)).center())
    at_rest()
    assert panel.document.now.seed == 3


def test_a_second_seed_lends_its_style_to_some_layers(
    panel: ExplorePanel, direction: str, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    before = shown(panel)
    panel.tools.mix_seed_changed.emit(7)
    at_rest()
    assert panel.document.now.mix_seed == 7
    assert panel.document.now.mix_layers
    assert (shown(panel) != before).any()
    panel.tools.mix_seed_changed.emit(None)
    at_rest()
    assert np.array_equal(shown(panel), before)


def test_a_pinned_picture_shows_while_space_is_held(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    panel.document.pin()
    pinned = panel.view.grab().toImage()
    panel.tools.seed.changed.emit(5)
    at_rest()
    other = panel.view.grab().toImage()
    panel.view.setFocus()
    qtbot.keyPress(panel.view, Qt.Key.Key_Space)
    assert panel.view.is_showing_pinned()
    beside = panel.view.grab().toImage()
    qtbot.keyRelease(panel.view, Qt.Key.Key_Space)
    middle = panel.view.rect().center()
    assert beside.pixelColor(middle) == pinned.pixelColor(middle)
    assert beside.copy(middle.x() - 30, middle.y() - 30, 60, 60) != other.copy(middle.x() - 30, middle.y() - 30, 60, 60)
    assert not panel.view.is_showing_pinned()


def test_a_favourite_can_be_gone_back_to(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> None:
    at_rest()
    favourite = panel.document.now
    qtbot.keyClick(panel.view, Qt.Key.Key_F)
    assert panel.document.favourites == (favourite,)
    panel.roll()
    at_rest()
    strip = panel.strip.favourites
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.visualRect(strip.thumbs.index(0)).center())
    assert panel.document.now == favourite


def test_tab_leaves_the_picture_alone_and_brings_the_rest_back(panel: ExplorePanel, qtbot: QtBot) -> None:
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    qtbot.keyClick(panel.view, Qt.Key.Key_Tab)
    assert not panel.tools.isVisible()
    assert not panel.sheet.isVisible()
    qtbot.keyClick(panel.view, Qt.Key.Key_Tab)
    assert panel.tools.isVisible()


def test_letters_typed_into_the_search_are_letters(
    panel: ExplorePanel, direction: str, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    before = panel.document.now
    panel.tools.search.show()
    panel.tools.search.setFocus()
    qtbot.waitUntil(panel.tools.search.hasFocus)
    qtbot.keyClicks(panel.tools.search, "rfp")
    assert panel.tools.search.text() == "rfp"
    assert (panel.document.now, panel.document.favourites, panel.document.pinned) == (before, (), None)


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path, qtbot: QtBot, worker: InferenceWorker) -> None:
    class Empty(Catalogue):
        def entries(self) -> list:
            return []

    panel = ExplorePanel(worker, Empty(tmp_path), Settings())
    qtbot.addWidget(panel, before_close_func=ExplorePanel.shut)
    panel.show()
    panel.restore({})
    get = panel.findChild(object, "explore:get")
    assert get.isVisible()
    assert not panel.view.isVisible()
    with qtbot.waitSignal(panel.get_models):
        get.click()


def test_a_model_that_cannot_be_opened_is_said_with_a_way_out(
    worker: InferenceWorker, catalogue: Catalogue, qtbot: QtBot
) -> None:
    weights = catalogue.home / FACES / "weights.safetensors"
    whole = weights.read_bytes()
    panel = ExplorePanel(worker, catalogue, Settings())
    qtbot.addWidget(panel, before_close_func=ExplorePanel.shut)
    notices: list[Notice | None] = []
    panel.noticed.connect(notices.append)
    entries = catalogue.entries()

    class Stale(Catalogue):
        """A catalogue that was read before the file was damaged."""

        def entries(self) -> list:
            return entries

    panel._catalogue = Stale(catalogue.home)
    weights.write_bytes(whole[:-1000])
    panel.restore({})
    qtbot.waitUntil(lambda: any(notice is not None and notice.bad for notice in notices), timeout=WAIT_MS)
    notice = next(notice for notice in notices if notice is not None and notice.bad)
    weights.write_bytes(whole)
    assert notice.action is not None
    notice.action()
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: panel.facts is not None, timeout=WAIT_MS)  # its sliders have come too


def test_what_a_hand_does_never_waits_for_the_engine(panel: ExplorePanel, direction: str, qtbot: QtBot) -> None:
    """No gesture may run a network on the window's thread: torch is not even imported by these modules."""
    import app.explore.panel as module

    assert not hasattr(module, "torch")
    for values in ([0, 1, 2], [2, -1], [0.5, 0]):
        drag(qtbot, panel, direction, values)
    assert panel.document.now.direction(direction) == pytest.approx(0, abs=0.1)


def test_a_model_without_a_sample_sheet_gets_one(
    panel: ExplorePanel, catalogue: Catalogue, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()

    def sheet() -> Path | None:
        return next(entry.sheet for entry in catalogue.entries() if entry.name == FACES)

    qtbot.waitUntil(lambda: sheet() is not None, timeout=WAIT_MS)
    picture = QImage(str(sheet()))
    assert (picture.width(), picture.height()) == (1024, 256)


def test_the_tab_key_goes_where_the_eye_goes(panel: ExplorePanel, direction: str, qtbot: QtBot) -> None:
    for section in panel.tools.findChildren(Section):
        section.set_open(True)
    qtbot.waitUntil(lambda: panel.tools.row(direction).isVisible())
    order: list[QWidget] = []
    at = panel.tools.nextInFocusChain()
    while at is not panel.tools:
        if at.isVisible() and at.focusPolicy() & Qt.FocusPolicy.TabFocus and panel.isAncestorOf(at):
            order.append(at)
        at = at.nextInFocusChain()
    inside = [panel.tools.isAncestorOf(widget) for widget in order]
    assert inside == sorted(inside, reverse=True)  # all tools first, then what comes after them: strip and Morph
    tools = [widget for widget in order if panel.tools.isAncestorOf(widget)]
    assert panel.tools.row(direction).slider in tools
    places = [QRect(widget.mapTo(panel, QPoint(0, 0)), widget.size()) for widget in tools]
    for before, after in pairwise(places):
        beside = before.top() <= after.center().y() <= before.bottom()
        assert after.left() > before.left() if beside else after.top() >= before.bottom()


def test_controls_that_a_model_has_no_use_for_are_not_there(
    panel: ExplorePanel, at_rest: Callable[[], None], catalogue: Catalogue, qtbot: QtBot
) -> None:
    at_rest()
    noise = panel.findChild(Section, "section:noise")
    assert isinstance(noise, Section)
    qtbot.waitUntil(lambda: panel.facts is not None, timeout=WAIT_MS)
    assert noise.isVisible()
    (name,) = catalogue.add(CHECKPOINTS / "stylegan3" / "r-64.pkl")
    panel.catalogue_changed()
    panel.choose_model(name)
    qtbot.waitUntil(lambda: panel.facts is not None and panel.facts.name == name, timeout=WAIT_MS)
    assert not noise.isVisible()  # no noise goes into its pictures


@pytest.mark.parametrize("file", ["stylegan3/r-64.pkl", "stylegan2-ada/orig-32.pkl"])
def test_each_kind_of_layers_can_be_mixed_whatever_sizes_a_model_has(
    panel: ExplorePanel, at_rest: Callable[[], None], catalogue: Catalogue, qtbot: QtBot, file: str
) -> None:
    at_rest()
    (name,) = catalogue.add(CHECKPOINTS / file)
    panel.catalogue_changed()
    panel.choose_model(name)
    qtbot.waitUntil(lambda: panel.facts is not None and panel.facts.name == name, timeout=WAIT_MS)
    taken = []
    for number in range(3):
        panel.findChild(QPushButton, f"mix:{number}").click()
        taken.append(panel.document.now.mix_layers)
        assert panel.findChild(QPushButton, f"mix:{number}").isChecked()
    assert set(taken[0]) < set(taken[1]) < set(taken[2]) == set(range(panel.facts.num_ws))
    at_rest()
