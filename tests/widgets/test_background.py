"""Work beside the window: in order, told on the window's thread, and nothing of it stays."""

import gc
import threading
import weakref

from PySide6.QtCore import QRunnable
from pytestqt.qtbot import QtBot

from app.widgets.background import Background


class Job:
    """Work that can be watched going."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __call__(self) -> tuple[int, int]:
        return self.value, threading.get_ident()


def test_results_come_in_order_on_the_windows_thread_and_errors_where_they_are_wanted(qtbot: QtBot) -> None:
    background = Background()
    told: list[tuple[int, int, int]] = []
    errors: list[str] = []

    def broken() -> None:
        raise ValueError("no")

    background.run(broken, lambda result: None, lambda error: errors.append(str(error)))
    for value in range(20):
        background.run(Job(value), lambda made: told.append((*made, threading.get_ident())))
    qtbot.waitUntil(lambda: len(told) == 20)
    background.shut()
    assert errors == ["no"]
    assert [value for value, _, _ in told] == list(range(20))
    assert {heard for _, _, heard in told} == {threading.get_ident()}
    assert threading.get_ident() not in {ran for _, ran, _ in told}


def test_nobody_is_told_after_the_window_closed(qtbot: QtBot) -> None:
    background, gate = Background(), threading.Event()
    told: list[object] = []
    background.run(lambda: gate.wait(10), told.append)
    gate.set()
    background.shut()
    qtbot.wait(20)  # what is to be told lies in the event loop already
    assert told == []


def test_what_was_run_is_let_go(qtbot: QtBot) -> None:
    """What PySide keeps of a QRunnable stays under its address: a later object there was taken for one."""
    before = sum(type(thing) is QRunnable for thing in gc.get_objects())
    background = Background()
    told: list[object] = []
    jobs = [Job(value) for value in range(50)]
    left = [weakref.ref(job) for job in jobs]
    while jobs:
        background.run(jobs.pop(), told.append)
    qtbot.waitUntil(lambda: len(told) == 50)
    background.shut()
    assert sum(type(thing) is QRunnable for thing in gc.get_objects()) == before
    assert not [job for job in left if job() is not None]
