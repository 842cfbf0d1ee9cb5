"""The real panel with the real worker, engine and a small real network."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.explore.panel import ExplorePanel
from app.inference.engine import Engine
from app.inference.worker import InferenceWorker
from app.settings import Settings
from models.catalogue import Catalogue
from tests.inference import small_models
from tests.inference.at_work import at_work, awake

WAIT_MS = 60_000


@pytest.fixture(scope="session")
def made_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.catalogue(tmp_path_factory.mktemp("made")).home


@pytest.fixture
def catalogue(made_catalogue: Path, tmp_path: Path) -> Catalogue:
    """The small models in a folder that this test may change, without those that travel with Ganvas."""
    catalogue = Catalogue(Path(shutil.copytree(made_catalogue, tmp_path / "catalogue")))
    catalogue.embedded = tmp_path / "embedded"
    return catalogue


@pytest.fixture
def worker(catalogue: Catalogue, qapp: object) -> Iterator[InferenceWorker]:
    with at_work(Engine(catalogue, device="cpu", precision="float32", threads=1)) as worker:
        yield worker


@pytest.fixture
def panel(worker: InferenceWorker, catalogue: Catalogue, qtbot: QtBot) -> ExplorePanel:
    return awake(ExplorePanel(worker, catalogue, Settings()), qtbot)


@pytest.fixture
def at_rest(panel: ExplorePanel, qtbot: QtBot) -> Callable[[], None]:
    """Wait until the full picture of what the document says is shown."""

    def wait() -> None:
        qtbot.waitUntil(lambda: panel.shown == panel.document.now and bool(panel.document.now.model), timeout=WAIT_MS)

    return wait


@pytest.fixture
def direction(panel: ExplorePanel, qtbot: QtBot) -> str:
    """The first direction of the model, once the panel knows it."""
    qtbot.waitUntil(lambda: panel.facts is not None, timeout=WAIT_MS)
    assert panel.facts is not None
    return panel.facts.directions[0].name
