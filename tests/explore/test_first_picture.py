"""Which picture Explore opens with: the one that a model's card names, until a person has gone somewhere."""

import json
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file

from app.explore.panel import ExplorePanel
from app.explore.places import SHEET_SEEDS
from app.explore.variation import Variation
from app.inference.requests import RemoveModelRequest
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of
from models.catalogue import CARD, SHEET, WEIGHTS, Catalogue
from tests.inference.at_work import awake
from tests.inference.small_models import FACES

WAIT_MS = 60_000
OTHERS = "other-faces"
FIRST, ELSEWHERE = 130, 7


def first_seed_of(catalogue: Catalogue, model: str, seed: int | None, **told: object) -> None:
    card = catalogue.home / model / "card.json"
    values = json.loads(card.read_text()) | told
    values.pop("first_seed", None)
    card.write_text(json.dumps(values if seed is None else {**values, "first_seed": seed}))


@pytest.fixture
def two_models(catalogue: Catalogue) -> Catalogue:
    """Two models of faces whose cards name different first seeds."""
    shutil.copytree(catalogue.home / FACES, catalogue.home / OTHERS)
    first_seed_of(catalogue, FACES, FIRST)
    first_seed_of(catalogue, OTHERS, ELSEWHERE, name=OTHERS, title="Other faces", key="other")
    Settings().set("explore.model", FACES)
    return catalogue


@pytest.fixture
def panel(two_models: Catalogue, worker: InferenceWorker, qtbot: QtBot) -> ExplorePanel:
    return awake(ExplorePanel(worker, two_models, Settings()), qtbot)


def test_it_opens_with_the_seed_that_the_card_names(panel: ExplorePanel, at_rest: Callable[[], None]) -> None:
    at_rest()
    assert panel.document.now == Variation(FACES).at_seed(FIRST)
    assert panel.tools.seed.value() == FIRST
    assert panel.sheet.seeds.currentIndex().row() == FIRST - panel._places.start
    assert panel._places.start == FIRST // SHEET_SEEDS * SHEET_SEEDS
    assert panel.history.undo_title is None


def test_a_card_that_names_none_opens_with_seed_0(two_models: Catalogue, worker: InferenceWorker, qtbot: QtBot) -> None:
    first_seed_of(two_models, FACES, None)
    panel = awake(ExplorePanel(worker, two_models, Settings()), qtbot)
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    assert panel.document.now == Variation(FACES).at_seed(0)
    assert panel._places.start == 0


def test_another_model_opens_with_its_own_first_picture(panel: ExplorePanel, at_rest: Callable[[], None]) -> None:
    at_rest()
    panel.choose_model(OTHERS)
    at_rest()
    assert panel.document.now == Variation(OTHERS).at_seed(ELSEWHERE)
    assert panel._places.start == 0
    panel.undo()
    assert panel.document.now == Variation(FACES).at_seed(FIRST)


def test_a_model_that_is_picked_from_the_list_brings_its_own_controls(
    panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    qtbot.waitUntil(lambda: panel.facts is not None, timeout=WAIT_MS)
    picker = panel.picker
    picker.activated.emit(picker.findText("Other faces"))
    qtbot.waitUntil(lambda: panel.facts is not None and panel.facts.name == OTHERS, timeout=WAIT_MS)
    assert panel.document.now.model == picker.name() == OTHERS
    panel.undo()
    qtbot.waitUntil(lambda: panel.facts is not None and panel.facts.name == FACES, timeout=WAIT_MS)
    assert panel.document.now.model == picker.name() == FACES


def test_a_place_that_a_person_chose_is_kept_in_another_model(panel: ExplorePanel, at_rest: Callable[[], None]) -> None:
    at_rest()
    panel.tools.seed.changed.emit(999)
    panel.choose_model(OTHERS)
    at_rest()
    assert panel.document.now.seed == 999


def test_what_was_open_comes_back_and_not_the_first_picture(
    panel: ExplorePanel, at_rest: Callable[[], None], two_models: Catalogue, worker: InferenceWorker, qtbot: QtBot
) -> None:
    at_rest()
    panel.tools.seed.changed.emit(3)
    at_rest()
    state, picture = panel.state(), picture_of(panel.view.image)
    panel.shut()
    again = ExplorePanel(worker, two_models, Settings())
    qtbot.addWidget(again, before_close_func=ExplorePanel.shut)
    again.restore(state)
    qtbot.waitUntil(lambda: again.shown is not None, timeout=WAIT_MS)
    assert again.document.now.seed == 3
    assert np.array_equal(picture_of(again.view.image), picture)


def test_undo_to_a_picture_of_a_model_that_was_removed_says_so_and_asks_for_nothing(
    panel: ExplorePanel, at_rest: Callable[[], None], two_models: Catalogue, qtbot: QtBot
) -> None:
    panel.choose_model(OTHERS)
    at_rest()
    panel.roll()
    at_rest()
    shutil.rmtree(two_models.home / OTHERS)
    panel.catalogue_changed()
    at_rest()
    notices: list[Notice | None] = []
    panel.noticed.connect(notices.append)
    panel.undo()
    assert panel.document.now.model == OTHERS
    qtbot.wait(500)  # time enough for pictures and thumbnails to be asked for, and to fail
    told = [notice for notice in notices if notice is not None]
    assert [notice.what for notice in told] == ["The model of this picture is no longer here."]
    assert not panel.is_full
    panel.undo()
    at_rest()
    assert panel.document.now.model == FACES
    assert notices[-1] is None


def test_where_the_model_is_gone_another_one_takes_the_place_but_not_the_sliders(
    panel: ExplorePanel, at_rest: Callable[[], None], two_models: Catalogue, qtbot: QtBot
) -> None:
    at_rest()
    panel.document.now = Variation("gone", directions=(("ears", 2.0),), mix_seed=3, mix_layers=(1,), label=4).at_seed(12)
    panel.catalogue_changed()
    at_rest()
    assert panel.document.now == Variation(FACES).at_seed(12)


def test_a_model_that_takes_the_name_of_a_removed_one_shows_its_own_pictures(
    panel: ExplorePanel, at_rest: Callable[[], None], two_models: Catalogue, worker: InferenceWorker, qtbot: QtBot
) -> None:
    panel.choose_model(OTHERS)
    at_rest()
    before, strip = picture_of(panel.view.image), panel.sheet.seeds
    key = strip.thumbs.keys[0]
    qtbot.waitUntil(lambda: (two_models.home / OTHERS / SHEET).exists(), timeout=WAIT_MS)  # made of all its first seeds
    thumbnail, sheet = picture_of(strip.thumbs.images[key]), (two_models.home / OTHERS / SHEET).read_bytes()
    folder = two_models.home / OTHERS
    card, weights = (folder / CARD).read_bytes(), load_file(folder / WEIGHTS)
    worker.submit(RemoveModelRequest(OTHERS))
    qtbot.waitUntil(lambda: not folder.exists(), timeout=WAIT_MS)
    panel.catalogue_changed()
    at_rest()
    folder.mkdir()
    (folder / CARD).write_bytes(card)
    save_file({name: -tensor for name, tensor in weights.items()}, folder / WEIGHTS)
    panel.catalogue_changed()
    panel.choose_model(OTHERS)
    at_rest()
    assert not np.array_equal(picture_of(panel.view.image), before)
    qtbot.waitUntil(lambda: (folder / SHEET).exists(), timeout=WAIT_MS)
    assert (folder / SHEET).read_bytes() != sheet
    assert not np.array_equal(picture_of(strip.thumbs.images[key]), thumbnail)
