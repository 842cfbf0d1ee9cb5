"""What of Explore is there at the next start, before the engine is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.explore import thumbnail_store
from app.explore.panel import ExplorePanel
from app.explore.variation import Variation
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.widgets.picture_view import picture_of
from models.catalogue import Catalogue
from tests.explore.hands import shown
from tests.inference.small_models import FACES

WAIT_MS = 60_000


def test_what_was_open_comes_back(
    panel: ExplorePanel, worker: InferenceWorker, catalogue: Catalogue, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    panel.tools.seed.changed.emit(42)
    at_rest()
    panel.document.favour()
    state, picture = panel.state(), shown(panel)
    panel.shut()
    again = ExplorePanel(worker, catalogue, Settings())
    qtbot.addWidget(again, before_close_func=ExplorePanel.shut)
    again.restore(state)
    assert again.view.has_picture()
    qtbot.waitUntil(lambda: again.shown is not None, timeout=WAIT_MS)
    assert np.array_equal(shown(again), picture)
    assert again.document.favourites == panel.document.favourites


def test_thumbnails_are_there_at_the_next_start_before_the_engine_is(
    panel: ExplorePanel, catalogue: Catalogue, worker: InferenceWorker, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    sheet = panel.sheet.seeds
    qtbot.waitUntil(lambda: len(sheet.thumbs.images) == len(sheet.thumbs.keys), timeout=WAIT_MS)
    state = panel.state()
    panel.shut()
    again = ExplorePanel(worker, catalogue, Settings())
    qtbot.addWidget(again, before_close_func=ExplorePanel.shut)
    again.restore(state)
    assert len(again.sheet.seeds.thumbs.images) == len(sheet.thumbs.keys)
    key = sheet.thumbs.keys[3]
    before, after = picture_of(sheet.thumbs.images[key]), picture_of(again.sheet.seeds.thumbs.images[key])
    assert np.abs(before.astype(int) - after).mean() < 12  # JPEG of a small network's noise


def test_thumbnails_of_a_model_that_was_replaced_are_made_anew(
    panel: ExplorePanel, catalogue: Catalogue, worker: InferenceWorker, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    qtbot.waitUntil(lambda: len(panel.sheet.seeds.thumbs.images) > 5, timeout=WAIT_MS)
    panel.shut()
    weights = catalogue.home / FACES / "weights.safetensors"
    weights.write_bytes(weights.read_bytes())
    again = ExplorePanel(worker, catalogue, Settings())
    qtbot.addWidget(again, before_close_func=ExplorePanel.shut)
    again.restore({})
    assert again.sheet.seeds.thumbs.images == {}


@pytest.mark.qt_log_ignore("JPEG", extend=True)
@pytest.mark.parametrize("damage", ["list", "picture", "size"])
def test_kept_thumbnails_that_are_damaged_are_passed_over(ganvas_home: Path, damage: str) -> None:
    variation, image = Variation("m"), QImage(128, 128, QImage.Format.Format_RGB32)
    image.fill(0)
    thumbnail_store.keep(image, [(variation, image)], lambda model: "stamp")
    assert [found for found, _ in thumbnail_store.kept(lambda model: "stamp")] == [variation]
    state = ganvas_home / "state"
    if damage == "list":
        (state / "explore-thumbnails.json").write_text('[{"x": "far"}, 7, null]')
    elif damage == "picture":
        (state / "explore-thumbnails.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    else:
        image.save(str(state / "explore-thumbnails.jpg"))
    assert list(thumbnail_store.kept(lambda model: "stamp")) == []
