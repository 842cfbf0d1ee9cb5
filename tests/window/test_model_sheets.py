"""Sample sheets on the Models page: decoded beside the window, in their place from the beginning, and never blank twice."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models_page import sheets
from app.models_page.page import ModelsPage
from app.window import MainWindow
from models.catalogue import Catalogue
from tests.inference.small_models import FACES, UPSCALER

WAIT_MS = 60_000


def keep_sheet(catalogue: Catalogue, name: str, colour: str) -> Path:
    """A sheet as large as they come, of one colour."""
    image = QImage(3072, 1152, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    path = catalogue.home / name / "sheet.webp"
    assert image.save(str(path), "WEBP", 80)
    return path


class Decoding:
    """Stands before the decoder: it can be held, and knows on which threads it ran."""

    def __init__(self) -> None:
        self.let, self.threads, self.paths = threading.Event(), set[int](), list[Path]()
        self._decoded = sheets.decoded

    def __call__(self, path: Path) -> sheets.Sheet:
        assert self.let.wait(60)
        self.threads.add(threading.get_ident())
        self.paths.append(path)
        return self._decoded(path)


@pytest.fixture
def decoding(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoding]:
    keep_sheet(catalogue, FACES, "red")
    keep_sheet(catalogue, UPSCALER, "blue")
    decoding = Decoding()
    monkeypatch.setattr(sheets, "decoded", decoding)
    yield decoding
    decoding.let.set()


@pytest.fixture
def page(open_window: Callable[[], MainWindow], decoding: Decoding, qtbot: QtBot) -> ModelsPage:
    window = open_window()
    qtbot.waitUntil(lambda: window._begun, timeout=WAIT_MS)
    window.go_to("models")
    page = window.stack.currentWidget().content  # type: ignore[attr-defined]
    assert isinstance(page, ModelsPage)
    return page


def colour(page: ModelsPage) -> str:
    """What the middle of the sheet shows; WebP keeps a colour roughly."""
    shown = page.details._sheet
    red, green, blue, _ = shown.grab().toImage().pixelColor(shown.width() // 3, shown.height() // 2).getRgb()
    most = max(red, green, blue)
    return {red: "red", green: "lime", blue: "blue"}[most] if most > 200 else "none"


def test_a_sheet_is_decoded_beside_the_window_into_a_place_that_is_kept_for_it(
    page: ModelsPage, decoding: Decoding, qtbot: QtBot
) -> None:
    page.list.select(UPSCALER)
    qtbot.waitUntil(lambda: page.details._sheet.height() > 100, timeout=WAIT_MS)
    for _ in range(5):  # what the layout still has to do for the other model
        QApplication.processEvents()
    before = page.details._sheet.geometry(), page.details._title.geometry()
    assert page.details._title.text() == "Small upscaler"  # nothing waits for the picture
    decoding.let.set()
    qtbot.waitUntil(lambda: colour(page) == "blue", timeout=WAIT_MS)
    assert (page.details._sheet.geometry(), page.details._title.geometry()) == before
    assert decoding.threads
    assert threading.get_ident() not in decoding.threads


def test_the_chosen_models_sheet_comes_first_and_each_is_decoded_once(
    page: ModelsPage, decoding: Decoding, catalogue: Catalogue, qtbot: QtBot
) -> None:
    page.list.select(UPSCALER)
    decoding.let.set()
    wanted = {entry.sheet for entry in catalogue.entries() if entry.sheet is not None}
    qtbot.waitUntil(lambda: set(decoding.paths) >= wanted, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.sheets.all_came, timeout=WAIT_MS)
    assert catalogue.home / UPSCALER / "sheet.webp" in decoding.paths[:2]  # one had begun
    page.list.select(FACES)
    shown = page.details._sheet._picture
    assert not shown.isNull()  # at once: no blank moment in between
    assert shown.width() <= sheets.LARGEST.width()
    page.refresh()
    assert len(decoding.paths) == len(wanted)


def test_a_sheet_that_has_changed_is_decoded_anew(
    page: ModelsPage, decoding: Decoding, catalogue: Catalogue, qtbot: QtBot
) -> None:
    decoding.let.set()
    page.list.select(FACES)
    qtbot.waitUntil(lambda: colour(page) == "red", timeout=WAIT_MS)
    path = keep_sheet(catalogue, FACES, "lime")
    os.utime(path, ns=(1, 1))
    page.refresh()
    page.list.select(FACES)
    qtbot.waitUntil(lambda: colour(page) == "lime", timeout=WAIT_MS)


def test_a_sheet_that_is_no_picture_leaves_no_hole(tmp_path: Path) -> None:
    (tmp_path / "sheet.webp").write_bytes(b"none")
    made = sheets.decoded(tmp_path / "sheet.webp")
    assert made.picture.isNull()
    assert made.corner.isNull()
    assert not sheets.size_of(tmp_path / "sheet.webp").isValid()
    assert not sheets.size_of(tmp_path / "nowhere").isValid()
    assert sheets.LARGEST.boundedTo(QSize(4000, 4000)) == sheets.LARGEST


def test_the_window_closes_while_a_sheet_is_decoded(page: ModelsPage, decoding: Decoding, qtbot: QtBot) -> None:
    clock = threading.Timer(0.2, decoding.let.set)
    clock.start()
    assert page.window().close()
    clock.join()
    assert len(decoding.paths) <= 1  # the rest is not begun any more
