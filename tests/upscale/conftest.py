"""The real panel with the real worker, engine and a small real network that repeats pixels."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.inference.engine import Engine
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.upscale.panel import UpscalePanel
from app.widgets.panel import Notice
from models.catalogue import Catalogue
from tests.inference.at_work import at_work, awake
from tests.upscale import belt

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine with the small model, for a belt."""
    return belt.engine(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
def home_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue that holds the small model alone."""
    made = belt.catalogue(tmp_path / "catalogue")
    monkeypatch.setattr(made, "embedded", tmp_path / "nothing")
    return made


@pytest.fixture
def worker(home_catalogue: Catalogue, qapp: object) -> Iterator[InferenceWorker]:
    with at_work(Engine(home_catalogue, device="cpu", precision="float32", threads=1)) as worker:
        yield worker


@pytest.fixture
def panel(worker: InferenceWorker, home_catalogue: Catalogue, qtbot: QtBot) -> UpscalePanel:
    return awake(UpscalePanel(worker, home_catalogue, Settings()), qtbot)


@pytest.fixture
def notices(panel: UpscalePanel) -> list[Notice | None]:
    """What the panel has told since."""
    kept: list[Notice | None] = []
    panel.noticed.connect(kept.append)
    return kept


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds."""
    return lambda holds: qtbot.waitUntil(holds, timeout=WAIT_MS)
