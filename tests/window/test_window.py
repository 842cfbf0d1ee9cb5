"""The window as a person meets it: first paint, pages, keys, files, the end."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.explore.layer_bar import LayerBar
from app.explore.pad import Pad
from app.photos import recipe
from app.settings import Settings
from app.widgets.model_picker import ModelPicker
from app.window import MainWindow
from models.catalogue import Catalogue
from tests.inference.small_models import FACES

WAIT_MS = 60_000
ROOT = Path(__file__).parents[2]


def notice(window: MainWindow) -> str:
    shown = window.bar(window.here).notice
    return shown.what if shown is not None else ""


def drop(window: MainWindow, *paths: Path) -> None:
    """Drag files over the window and let them go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(400, 300), action, data, button, keys))
    assert window.veil.isVisible()
    QApplication.sendEvent(window, QDropEvent(QPointF(400, 300), action, data, button, keys))
    assert not window.veil.isVisible()


def test_the_window_is_painted_before_torch_is_imported() -> None:
    code = (
        "import sys; from app import theme; from app.window import MainWindow; from app.settings import Settings\n"
        "from app.inference.engine import Engine; from app.inference.worker import InferenceWorker\n"
        "from models.catalogue import Catalogue; from PySide6.QtCore import QTimer\n"
        "app = theme.application(); theme.start(app)\n"
        "begun = MainWindow.begin\n"
        "def begin(self):\n"
        "    print('torch' in sys.modules, self.worker._thread.isRunning()); begun(self); self.close(); app.quit()\n"
        "MainWindow.begin = begin\n"
        "window = MainWindow(InferenceWorker(Engine()), Catalogue(), Settings()); window.show(); app.exec()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_the_title_begins_with_the_name_of_the_program(window: MainWindow) -> None:
    assert window.windowTitle() == "Ganvas"
    window.panel("explore").titled.emit("anna")
    assert window.windowTitle() == "anna — Ganvas"


def test_the_status_line_says_what_computes_and_how_long_it_took(window: MainWindow) -> None:
    assert window.status.device.text() == "CPU · float32"
    assert re.fullmatch(r"[\d,]+ ms · 256 px", window.status.timing.text())


def test_keys_change_the_page(window: MainWindow, qtbot: QtBot) -> None:
    for key, name in ((Qt.Key.Key_4, "models"), (Qt.Key.Key_1, "explore")):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.here == name
        assert window.rail.entries[name].isChecked()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.here == "help"


def test_a_page_is_built_on_its_first_visit(window: MainWindow, qtbot: QtBot) -> None:
    assert window.panel("explore") is not None
    assert set(window._pages) == {"explore"}
    qtbot.mouseClick(window.rail.entries["models"], Qt.MouseButton.LeftButton)
    assert set(window._pages) == {"explore", "models"}


def test_the_header_shows_what_belongs_to_the_page(window: MainWindow) -> None:
    explore = window.panel("explore")
    assert explore.picker.isVisible()
    assert window.header.export.isEnabled()
    window.go_to("models")
    assert not explore.picker.isVisible()
    assert not window.header.export.isVisible()
    assert window.header.title.text() == "Models"


def test_a_page_chosen_before_the_panels_woke_keeps_its_header(
    open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = MainWindow.begin
    monkeypatch.setattr(MainWindow, "begin", lambda window: (window.go_to("models"), begin(window)))
    window = open_window()
    qtbot.waitUntil(lambda: window._begun)
    assert window.header.title.text() == "Models"


def test_undo_and_redo_say_what_they_take_back(window: MainWindow, qtbot: QtBot) -> None:
    assert not window.header.undo.isEnabled()
    first = window.panel("explore").document.now
    window.panel("explore").roll()
    assert window.header.undo.isEnabled()
    assert "dice" in window.header.undo.toolTip()
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.panel("explore").document.now == first
    assert window.header.redo.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert not window.header.redo.isEnabled()


def test_a_running_job_shows_on_its_rail_entry_and_in_the_status_line(window: MainWindow) -> None:
    panel = window.panel("explore")
    still = window.rail.entries["explore"].grab().toImage()
    panel.progressed.emit(3, 10, "Morph 3/10")
    assert window.status.job.text() == "Morph 3/10"
    assert window.rail.entries["explore"].grab().toImage() != still
    panel.progressed.emit(0, 0, "")
    assert window.status.job.text() == ""
    assert window.rail.entries["explore"].grab().toImage() == still


def test_a_dropped_picture_with_a_recipe_is_restored(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    panel = window.panel("explore")
    panel.tools.moved.emit(7.5, 1.0)
    panel.tools.settled.emit()
    made = panel.document.now
    with qtbot.waitSignal(panel.message, timeout=WAIT_MS):
        panel.save(tmp_path / "a face.png")
    panel.roll()
    window.go_to("help")
    drop(window, tmp_path / "a face.png")
    qtbot.waitUntil(lambda: panel.document.now == made, timeout=WAIT_MS)
    assert window.here == "explore"
    assert window.windowTitle() == "a face — Ganvas"


def test_a_dropped_model_file_is_looked_at_and_offered(
    window: MainWindow, catalogue: Catalogue, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "mine.safetensors"
    card = catalogue.find(FACES).card
    (catalogue.home / FACES / "weights.safetensors").rename(file)
    catalogue.remove(FACES)
    drop(window, file)
    bar = window.bar("explore")
    qtbot.waitUntil(lambda: bar.isVisible(), timeout=WAIT_MS)
    assert "mine.safetensors" in bar.findChild(QLabel, "notice:text").text()
    assert card is not None


def test_the_folder_of_a_model_is_offered_and_added(
    window: MainWindow, catalogue: Catalogue, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(catalogue.home / FACES, folder)
    catalogue.remove(FACES)
    drop(window, folder)
    bar = window.bar("explore")
    qtbot.waitUntil(lambda: bar.isVisible(), timeout=WAIT_MS)
    assert notice(window).startswith("mine is Small faces")
    bar.notice.action()
    qtbot.waitUntil(lambda: catalogue.find(FACES) is not None, timeout=WAIT_MS)


def test_a_file_that_is_no_model_is_refused_in_words(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "letter.txt").write_text("Dear Anna, " * 50)
    drop(window, tmp_path / "letter.txt")
    bar = window.bar("explore")
    qtbot.waitUntil(lambda: bar.isVisible(), timeout=WAIT_MS)
    assert bar.notice.bad
    drop(window, tmp_path / "gone.png")
    qtbot.waitUntil(lambda: "gone.png" in notice(window), timeout=WAIT_MS)


def test_files_given_before_the_window_woke_are_opened_after_it(
    open_window: Callable[[], MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    recipe.write(tmp_path / "old.png", np.zeros((8, 8, 3), np.uint8), {"panel": "explore", "version": 99})
    window = open_window()
    window.open_files([tmp_path / "old.png"])
    qtbot.waitUntil(lambda: "newer" in notice(window), timeout=WAIT_MS)


def test_what_was_open_comes_back_at_the_next_start(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = open_window()
    panel: Any = window.panel("explore")
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    panel.tools.seed.changed.emit(31)
    qtbot.waitUntil(lambda: panel.shown == panel.document.now, timeout=WAIT_MS)
    window.resize(960, 700)
    window.close()
    again = open_window()
    panel = again.panel("explore")
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    assert panel.document.now.seed == 31
    assert (again.width(), again.height()) == (960, 700)


def test_what_explore_gathers_is_written_soon_and_beside_the_window(
    open_window: Callable[[], MainWindow], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    Settings().keep_state({"panels": {"paint": {"path": "lake.png"}}})
    window, writers, keep = open_window(), [], Settings.keep_state

    def watched(settings: Settings, state: dict[str, Any]) -> None:
        writers.append(threading.current_thread())
        keep(settings, state)

    monkeypatch.setattr(Settings, "keep_state", watched)
    panel: Any = window.panel("explore")
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    panel.tools.seed.changed.emit(31)
    qtbot.waitUntil(lambda: panel.shown == panel.document.now, timeout=WAIT_MS)
    panel.document.favour()
    kept = {**panel.state()}
    qtbot.waitUntil(lambda: Settings().last_state()["panels"].get("explore") == kept, timeout=WAIT_MS)  # what a kill leaves
    assert Settings().last_state()["panels"]["paint"] == {"path": "lake.png"}  # not visited: what it had
    assert threading.current_thread() not in writers


def test_a_state_that_is_still_being_written_does_not_take_the_place_of_the_last_one(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, keep = threading.Event(), Settings.keep_state

    def slow(settings: Settings, state: dict[str, Any]) -> None:
        if threading.current_thread() is not threading.main_thread():
            held.wait(1)
        keep(settings, state)

    monkeypatch.setattr(Settings, "keep_state", slow)
    panel: Any = window.panel("explore")
    panel.roll()
    window._keeper.write()
    panel.document.favour()
    window.close()
    assert len(Settings().last_state()["panels"]["explore"]["document"]["favourites"]) == 1


def test_a_damaged_last_state_opens_a_fresh_window(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    Settings().keep_state({"here": 7, "geometry": "!!", "panels": {"explore": [1], "paint": None}})
    window = open_window()
    panel: Any = window.panel("explore")
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    assert window.here == "explore"


def test_settings_that_cannot_be_read_are_said(open_window: Callable[[], MainWindow], ganvas_home: Path, qtbot: QtBot) -> None:
    (ganvas_home / "config").mkdir()
    (ganvas_home / "config" / "settings.toml").write_text("[[[")
    window = open_window()
    qtbot.waitUntil(lambda: "settings" in notice(window), timeout=WAIT_MS)


def test_closing_while_busy_leaves_no_thread(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = open_window()
    panel: Any = window.panel("explore")
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=WAIT_MS)
    for _ in range(20):
        panel.roll()
    window.close()
    assert not window.worker._thread.isRunning()


@pytest.mark.parametrize("close", [True, False])
def test_closing_asks_only_where_something_would_be_lost(
    window: MainWindow, close: bool, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(window.panel("explore"), "closing", lambda: "A job is running; it goes on at the next start.")
    asked: list[str] = []

    def answer(box: QMessageBox) -> int:
        asked.append(box.informativeText())
        next(button for button in box.findChildren(QPushButton) if button.text() == ("Close" if close else "Keep open")).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    window.close()
    assert asked == ["A job is running; it goes on at the next start."]
    assert window.isVisible() is not close
    monkeypatch.undo()


def test_a_choice_of_theme_is_kept(window: MainWindow) -> None:
    window.menu.theme_chosen.emit("light")
    assert Settings().get("window.theme", "") == "light"


@pytest.mark.parametrize("page", ["explore", "paint", "upscale", "models", "help"])
@pytest.mark.parametrize("size", [(960, 600), (1280, 800), (2560, 1440)])
def test_nothing_is_cut_off_at_any_size(window: MainWindow, page: str, size: tuple[int, int], qtbot: QtBot) -> None:
    """No label or button is narrower than its words, and nothing reaches over the edge of the window."""
    window.resize(*size)
    window.go_to(page)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == size)
    qtbot.wait(50)
    for button in window.findChildren(QPushButton):
        if button.isVisible():
            assert button.width() >= button.minimumSizeHint().width(), button.text()
            left = button.mapTo(window, QPoint(0, 0)).x()
            assert left + button.width() <= window.width(), button.text()
    for label in window.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap() and label.text() and not label.objectName().startswith("status:remark"):
            assert label.width() >= label.fontMetrics().horizontalAdvance(label.text()), label.text()

    for box in window.findChildren(QComboBox):
        if box.isVisible() and not isinstance(box, ModelPicker):  # which shortens its words and says them in its tooltip
            assert box.width() - 36 >= box.fontMetrics().horizontalAdvance(box.currentText()), box.currentText()


def test_everything_that_can_be_pressed_has_a_name(window: MainWindow) -> None:
    for page in ("explore", "paint", "upscale", "models", "help"):
        window.go_to(page)
        parts = [part for part in window.findChildren(QWidget) if part.isVisible()]
        for part in parts:
            if isinstance(part, QAbstractButton) and not isinstance(part.parent(), QLineEdit):
                assert part.text() or part.accessibleName(), part.objectName()
            elif isinstance(part, QAbstractSlider | QLineEdit | QAbstractItemView | QComboBox | Pad | LayerBar):
                around = part.parentWidget()  # an editable box bears the name of the field inside
                named = part.accessibleName() or (around is not None and around.accessibleName())
                assert isinstance(part, QScrollBar) or named, (page, part, around)
