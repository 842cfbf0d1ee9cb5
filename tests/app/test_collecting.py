"""Cycles are collected on the window's thread, and nowhere else while a window is open."""

import gc
import threading
import weakref

from pytestqt.qtbot import QtBot

from app.collecting import Collector


class Loop:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.me = self


def test_another_thread_that_allocates_collects_nothing(qtbot: QtBot) -> None:
    collector = Collector()
    gone: list[int] = []
    loop = Loop()
    watch = weakref.ref(loop, lambda _: gone.append(threading.get_ident()))
    del loop
    thread = threading.Thread(target=lambda: [[i] for i in range(200_000)])
    thread.start()
    thread.join()
    assert watch() is not None
    kept = [[i] for i in range(10_000)]  # enough for the youngest generation to be due
    collector.collect()
    assert gone == [threading.get_ident()]
    assert len(kept) == 10_000
    collector.shut()
    assert gc.isenabled()
