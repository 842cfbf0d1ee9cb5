"""The real thread: order, the newest request, endings, failures, closing; and that the window is never flooded."""

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Frame, Progress, Step, Update
from app.inference.worker import NICENESS, InferenceWorker
from tests.inference.blocking import BlockableEngine, Work


class Driven:
    """A worker, its engine and everything that it said."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.engine = BlockableEngine()
        self.worker = InferenceWorker(self.engine)
        self.said: list[tuple[int, Update]] = []
        self.endings: dict[int, Update] = {}
        self.threads: set[Any] = set()
        self.worker.updated.connect(self.hear)

    def hear(self, ticket: int, update: Update) -> None:
        self.threads.add(QThread.currentThread())
        self.said.append((ticket, update))
        if isinstance(update, ENDINGS):
            assert ticket not in self.endings, "a second ending"
            self.endings[ticket] = update
        else:
            assert ticket not in self.endings, "an update after the ending"

    def ending(self, ticket: int) -> Update | None:
        return self.endings.get(ticket)

    def until_ended(self, *tickets: int) -> None:
        self.qtbot.waitUntil(lambda: self.endings.keys() >= set(tickets), timeout=60_000)


@pytest.fixture
def driven(qtbot: QtBot) -> Iterator[Driven]:
    made = Driven(qtbot)
    yield made
    made.engine.gate.release(1000)
    made.worker.close()


def test_a_burst_of_ten_thousand_ends_on_the_last_and_every_ticket_ends_once(driven: Driven) -> None:
    tickets = [driven.worker.submit(Work(f"{number}", steps=2), lane="explore") for number in range(10_000)]
    driven.until_ended(*tickets[-1:])
    driven.until_ended(*tickets[:-1])
    last = driven.ending(tickets[-1])
    assert isinstance(last, Done)
    assert last.result == "9999"
    finished = [update.result for _, update in driven.said if isinstance(update, Done)]
    assert finished == sorted(finished, key=int)
    assert driven.engine.steps_done < 2 * 10_000


def test_order_in_a_lane_never_runs_backwards(driven: Driven) -> None:
    tickets = []
    for number in range(300):
        tickets.append(driven.worker.submit(Work(f"{number}", steps=3, kind="frame", deadline_ms=40), lane="explore"))
        driven.qtbot.wait(0)
    driven.until_ended(*tickets)
    shown = [ticket for ticket, update in driven.said if not isinstance(update, Cancelled)]
    assert shown == sorted(shown)
    assert shown[-1] == tickets[-1]


def test_a_batch_gives_way_to_a_lane_and_goes_on(driven: Driven) -> None:
    batch = driven.worker.submit(Work("batch", steps=3, gated=True))
    assert driven.engine.entered.acquire(timeout=60)
    hand = driven.worker.submit(Work("hand", steps=5), lane="explore")
    driven.engine.gate.release()
    driven.until_ended(hand)
    assert driven.ending(batch) is None
    driven.engine.gate.release(2)
    driven.until_ended(batch)
    assert [type(update) for _, update in driven.said] == [Done, Done]


def test_a_failing_request_does_not_stop_the_next(driven: Driven) -> None:
    bad, good = driven.worker.submit(Work("bad", fails=True)), driven.worker.submit(Work("good"))
    driven.until_ended(bad, good)
    assert isinstance(driven.ending(bad), Failure)
    assert isinstance(driven.ending(good), Done)


def test_cancelling_what_is_at_work_ends_it_at_its_next_step(driven: Driven) -> None:
    ticket = driven.worker.submit(Work("long", steps=1000, gated=True))
    assert driven.engine.entered.acquire(timeout=60)
    driven.worker.cancel(ticket)
    driven.engine.gate.release()
    driven.until_ended(ticket)
    assert isinstance(driven.ending(ticket), Cancelled)
    assert driven.engine.steps_done == 1
    assert driven.engine.dropped == ["long"]


def test_closing_while_busy_takes_one_step_and_ends_every_ticket(driven: Driven) -> None:
    busy = driven.worker.submit(Work("busy", steps=1000, gated=True))
    waiting = [driven.worker.submit(Work("waiting")) for _ in range(5)]
    assert driven.engine.entered.acquire(timeout=60)
    # The step at work passes only once `close` is waiting for it, so that nothing else can have run meanwhile.
    threading.Timer(0.05, driven.engine.gate.release).start()
    driven.worker.close()
    assert driven.engine.steps_done == 1
    assert all(isinstance(driven.ending(ticket), Cancelled) for ticket in (busy, *waiting))
    with pytest.raises(RuntimeError):
        driven.worker.submit(Work("late"))
    driven.worker.close()


def test_closing_a_worker_that_never_worked_starts_nothing(qtbot: QtBot) -> None:
    before = threading.active_count()
    worker = InferenceWorker(BlockableEngine())
    worker.close()
    assert threading.active_count() == before


def test_updates_come_on_the_windows_thread_and_work_is_done_on_another(driven: Driven) -> None:
    ticket = driven.worker.submit(Work("a", steps=3, kind="frame"))
    driven.until_ended(ticket)
    assert driven.threads == {QThread.currentThread()}
    assert threading.get_native_id() not in driven.engine.threads
    assert len(driven.engine.threads) == 1


def test_a_window_that_is_busy_gets_the_newest_frame_instead_of_all(driven: Driven) -> None:
    ticket = driven.worker.submit(Work("a", steps=200, kind="frame", gated=True))
    driven.engine.gate.release(200)
    for _ in range(200):  # the window's thread waits here, so nothing can be handed over
        assert driven.engine.entered.acquire(timeout=60)
    driven.until_ended(ticket)
    frames = [update for _, update in driven.said if isinstance(update, Frame)]
    assert len(frames) <= 2
    assert frames[-1].picture[0, 0, 0] == 199


def test_progress_is_thinned_and_steps_never_reach_the_window(driven: Driven) -> None:
    progress = driven.worker.submit(Work("a", steps=200, kind="progress", gated=True))
    driven.engine.gate.release(200)
    for _ in range(200):
        assert driven.engine.entered.acquire(timeout=60)
    steps = driven.worker.submit(Work("b", steps=50))
    driven.until_ended(progress, steps)
    assert not any(isinstance(update, Step) for _, update in driven.said)
    heard = [update.done for _, update in driven.said if isinstance(update, Progress)]
    assert len(heard) <= 2
    assert heard[-1] == 200


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="thread priorities are told by /proc")
def test_the_thread_gives_way_to_the_window(driven: Driven) -> None:
    ticket = driven.worker.submit(Work("a", steps=1, gated=True))
    assert driven.engine.entered.acquire(timeout=60)
    (thread,) = driven.engine.threads
    fields = Path(f"/proc/self/task/{thread}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    own = Path(f"/proc/self/task/{threading.get_native_id()}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    driven.engine.gate.release()
    driven.until_ended(ticket)
    assert int(fields[16]) == max(int(own[16]), NICENESS)


def test_a_worker_can_be_opened_and_closed_many_times(qtbot: QtBot) -> None:
    for _ in range(20):
        engine = BlockableEngine()
        worker = InferenceWorker(engine)
        worker.submit(Work("a", steps=3))
        worker.close()
        del worker
    gc.collect()


def test_signals_of_this_qt_keep_the_interpreters_references(qtbot: QtBot) -> None:
    """PySide6 6.12.0 lost one reference to True for each emit; with Python 3.11 that ends the program after a while."""
    worker = InferenceWorker(BlockableEngine())
    worker.updated.connect(lambda ticket, update: None)
    before = sys.getrefcount(True), sys.getrefcount(None)
    for _ in range(1000):
        worker.updated.emit(1, None)
    after = sys.getrefcount(True), sys.getrefcount(None)
    worker.close()
    assert all(new > old - 500 for new, old in zip(after, before, strict=True))
