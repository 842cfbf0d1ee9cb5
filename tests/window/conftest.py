"""The real window over a catalogue of small real networks."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import theme
from app.inference.engine import Engine
from app.inference.worker import InferenceWorker
from app.settings import Settings
from app.window import MainWindow
from models.catalogue import Catalogue
from tests.inference import small_models

WAIT_MS = 60_000


@pytest.fixture(scope="session")
def made_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.catalogue(tmp_path_factory.mktemp("made")).home


@pytest.fixture
def catalogue(made_catalogue: Path, tmp_path: Path) -> Catalogue:
    """The small models in a folder that this test may change."""
    return Catalogue(Path(shutil.copytree(made_catalogue, tmp_path / "catalogue")))


@pytest.fixture
def open_window(catalogue: Catalogue, qtbot: QtBot) -> Iterator[Callable[[], MainWindow]]:
    """Opens windows as `main` does, and closes them."""
    windows: list[MainWindow] = []

    def opened() -> MainWindow:
        theme.start(theme.application(), "dark")
        worker = InferenceWorker(Engine(catalogue, device="cpu", precision="float32", threads=1))
        window = MainWindow(worker, catalogue, Settings())
        qtbot.addWidget(window)
        windows.append(window)
        with qtbot.waitExposed(window):
            window.show()
        return window

    yield opened
    for window in windows:
        window.close()


@pytest.fixture
def window(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """A window that has woken up and shows its first picture."""
    window = open_window()
    panel = window.panel("explore")
    qtbot.waitUntil(lambda: panel is not None and panel.shown is not None, timeout=WAIT_MS)  # type: ignore[attr-defined]
    return window
