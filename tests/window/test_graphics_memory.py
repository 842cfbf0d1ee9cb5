"""The choice of a card's memory in the menu: there where there is a card, obeyed at once, kept for the next start."""

from collections.abc import Callable, Iterator
from unittest import mock

import pytest
import torch
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.graphics_memory import SETTING, kept
from app.inference.engine import Engine
from app.inference.requests import DeviceFacts, DeviceRequest
from app.inference.updates import Done
from app.inference.worker import engine_beside_a_window
from app.settings import Settings
from app.window import MainWindow
from benchmarks.pretended_card import PretendedCard
from models import device
from models.allowance import ALL, GB, MB, Allowance
from models.catalogue import Catalogue

WAIT_MS = 60_000


@pytest.fixture
def card() -> Iterator[PretendedCard]:
    with PretendedCard(8 * GB) as card:
        yield card


def offered(window: MainWindow) -> list[str]:
    return [action.text() for action in window.menu.memory.actions() if not action.isSeparator()]


def chosen(window: MainWindow) -> list[str]:
    return [action.text() for action in window.menu.memory.actions() if action.isChecked()]


def entry(window: MainWindow, text: str) -> QAction:
    return next(action for action in window.menu.memory.actions() if action.text() == text)


def shown(window: MainWindow) -> bool:
    return window.menu.memory.menuAction().isVisible()


def test_without_a_card_nothing_is_offered(window: MainWindow) -> None:
    assert not shown(window)
    assert not offered(window)
    assert window.bar("explore").notice is None


def test_a_card_is_offered_in_shares_and_in_the_gigabytes_it_has(
    card: PretendedCard, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    qtbot.waitUntil(lambda: shown(window), timeout=WAIT_MS)
    shares = ["All of it (8 GB)", "Three quarters (6 GB)", "Half (4 GB)", "A quarter (2 GB)"]
    assert offered(window) == [*shares, "1 GB", "2 GB", "3 GB", "4 GB", "6 GB"]
    assert chosen(window) == ["All of it (8 GB)"]
    assert all(action.toolTip().startswith("The rest is left to other programs.") for action in window.menu.memory.actions()[:4])
    assert device.allowed("cpu") is None


def test_a_choice_is_obeyed_at_once_and_at_the_next_start(
    card: PretendedCard, open_window: Callable[[], MainWindow], qtbot: QtBot, catalogue: Catalogue
) -> None:
    window = open_window()
    qtbot.waitUntil(lambda: shown(window), timeout=WAIT_MS)
    entry(window, "Half (4 GB)").trigger()
    remark = window.status.remark
    qtbot.waitUntil(lambda: remark.text() == "Graphics memory that Ganvas may use: Half (4 GB)", timeout=WAIT_MS)
    assert card.share == 0.5
    assert chosen(window) == ["Half (4 GB)"]
    assert device.memory("cpu").total == 4 * GB
    entry(window, "3 GB").trigger()
    qtbot.waitUntil(lambda: kept(Settings()) == Allowance(bytes=3 * GB), timeout=WAIT_MS)  # from the file, once the card obeys
    assert card.share == 3 / 8
    engine = engine_beside_a_window(catalogue, "cpu", "float32", 1, kept(Settings()))
    device.allow("cpu", ALL)
    assert told(engine).allowed == 3 * GB
    entry(window, "All of it (8 GB)").trigger()
    qtbot.waitUntil(lambda: kept(Settings()) == ALL, timeout=WAIT_MS)
    assert card.share == 1


def test_a_choice_that_the_card_refuses_is_told_and_unchosen(
    card: PretendedCard, open_window: Callable[[], MainWindow], qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("DeviceMemoryRequest failed")
    window = open_window()
    qtbot.waitUntil(lambda: shown(window), timeout=WAIT_MS)
    with mock.patch.object(torch.cuda, "set_per_process_memory_fraction", side_effect=RuntimeError("CUDA error: lost")):
        entry(window, "Half (4 GB)").trigger()
        qtbot.waitUntil(lambda: window.bar("explore").notice is not None, timeout=WAIT_MS)
    notice = window.bar("explore").notice
    assert notice is not None
    assert "CUDA error: lost" in notice.why
    assert chosen(window) == ["All of it (8 GB)"]
    assert kept(Settings()) == ALL


def told(engine: Engine) -> DeviceFacts:
    *_, done = engine.run(DeviceRequest())
    assert isinstance(done, Done)
    facts: DeviceFacts = done.result
    return facts


def test_an_amount_of_the_command_line_is_offered_too_and_not_kept(
    card: PretendedCard, catalogue: Catalogue, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    odd = Allowance(bytes=1500 * MB)
    with mock.patch("tests.window.conftest.Engine", lambda *args, **words: Engine(*args, **words, device_memory=odd)):
        window = open_window()
    window.memory.asked = odd
    qtbot.waitUntil(lambda: chosen(window) == ["1.46 GB"], timeout=WAIT_MS)
    assert window.bar("explore").notice is None
    assert Settings().get(SETTING, "") == ""


def test_an_amount_of_the_command_line_without_a_card_is_told(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = open_window()
    window.memory.asked = Allowance(0.5)
    qtbot.waitUntil(lambda: window.bar("explore").notice is not None, timeout=WAIT_MS)
    notice = window.bar("explore").notice
    assert notice is not None
    assert notice.what == "--device-memory is about a graphics card, and Ganvas uses the processor here."


def test_a_setting_that_somebody_spoiled_limits_nothing() -> None:
    settings = Settings()
    settings.set(SETTING, "lots")
    assert kept(settings) == ALL
    settings.set(SETTING, 4)
    assert kept(settings) == ALL
