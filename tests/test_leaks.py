"""What tests are held to is held to itself: each kind of thing left behind is found and its beginning told."""

import threading

from PySide6.QtCore import QThread, QTimer
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests import leaks


def test_a_thread_that_goes_on_is_told_with_the_place_where_it_was_started() -> None:
    before, gate = leaks.alive(), threading.Event()
    grace, leaks.GRACE_SECONDS = leaks.GRACE_SECONDS, 0.01
    thread = threading.Thread(target=gate.wait, name="forgotten")
    thread.start()
    try:
        (line,) = leaks.left_since(before)
        assert "forgotten" in line
        assert "test_leaks.py" in line
    finally:
        leaks.GRACE_SECONDS = grace
        gate.set()
        thread.join()
    assert leaks.left_since(before) == []


def test_a_thread_that_only_needs_a_moment_is_no_leak() -> None:
    before, gate = leaks.alive(), threading.Event()
    threading.Thread(target=gate.wait).start()
    threading.Timer(0.1, gate.set).start()
    assert leaks.left_since(before) == []


def test_a_running_qt_thread_is_told(qtbot: QtBot) -> None:
    before = leaks.alive()
    thread = QThread()
    thread.setObjectName("forgotten")
    thread.start()
    grace, leaks.GRACE_SECONDS = leaks.GRACE_SECONDS, 0.01
    try:
        (line,) = leaks.left_since(before)
        assert "forgotten" in line
        assert "test_leaks.py" in line
    finally:
        leaks.GRACE_SECONDS = grace
        thread.quit()
        assert thread.wait(60_000)
    assert leaks.left_since(before) == []


def test_a_timer_that_goes_on_is_told_and_one_that_ended_is_not(qtbot: QtBot) -> None:
    before = leaks.alive()
    timer, stopped = QTimer(), QTimer()
    timer.start(100_000)
    stopped.start(100_000)
    stopped.stop()
    (line,) = leaks.left_since(before)
    assert "QTimer" in line
    timer.stop()
    assert leaks.left_since(before) == []


def test_a_window_is_told_and_one_that_is_being_deleted_is_not(qtbot: QtBot) -> None:
    before = leaks.alive()
    window = QWidget()
    window.setWindowTitle("forgotten")
    (line,) = leaks.left_since(before)
    assert "forgotten" in line
    window.deleteLater()
    assert leaks.left_since(before) == []
