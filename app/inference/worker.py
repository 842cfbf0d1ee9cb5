"""The one thread that computes. Everything but its face runs there; the face lives on the window's thread."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal

from app.inference.devices import devices_named, own_device, threads_of
from app.inference.engine import Engine
from app.inference.requests import DeviceRequest, Request
from app.inference.scheduler import Runs, Scheduler
from app.inference.updates import Dragged, Frame, Progress, Step, Update
from models.allowance import Allowance
from models.catalogue import Catalogue

logger = logging.getLogger(__name__)

NICENESS = 5  # Enough that the window goes first, not so much that other programs stop the pictures.
HAND_OVER_SECONDS = 0.004  # Longest time in one go for handing updates to the window: a quarter of a screen's frame.


class _Outbox:
    """Updates on their way to the window. What a newer one makes worthless is left out: all `Step`s, and a preview or a
    progress that nobody has seen yet when the same ticket's next one comes."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._updates: deque[tuple[int, Update]] = deque()
        self._notify = notify
        self._notified = False

    def put(self, ticket: int, update: Update) -> None:
        if isinstance(update, Step):
            return
        with self._lock:
            last = self._updates[-1] if self._updates else None
            if last is not None and last[0] == ticket and _replaces(update, last[1]):
                self._updates.pop()
            self._updates.append((ticket, update))
            notify, self._notified = not self._notified, True
        if notify:
            self._notify()

    def take(self) -> tuple[int, Update] | None:
        with self._lock:
            if self._updates:
                return self._updates.popleft()
            self._notified = False
            return None


def _replaces(new: Update, old: Update) -> bool:
    return any(isinstance(new, kind) and isinstance(old, kind) for kind in (Frame, Dragged, Progress))


class _Thread(QThread):
    """Runs the scheduler until it is told to stop; sleeps while there is nothing to do."""

    def __init__(self, engine: Runs, outbox: _Outbox) -> None:
        super().__init__()
        self.setObjectName("inference")
        self._scheduler = Scheduler(engine, outbox.put)
        self._inbox: deque[Callable[[Scheduler], None]] = deque()
        self._condition = threading.Condition()
        self._closing = False

    def tell(self, order: Callable[[Scheduler], None]) -> None:
        with self._condition:
            self._inbox.append(order)
            self._condition.notify()

    def ask_to_stop(self) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()

    def run(self) -> None:
        _lower_priority()
        idle = False
        while True:
            with self._condition:
                while idle and not self._inbox and not self._closing:
                    self._condition.wait()
                orders, closing = list(self._inbox), self._closing
                self._inbox.clear()
            for order in orders:
                order(self._scheduler)
            if closing:
                self._scheduler.drop_all()
                return
            idle = not self._scheduler.step()


class InferenceWorker(QObject):
    """The face of the inference thread, for the window's thread alone.

    `updated(ticket, update)` brings every `Update` but `Step`s, in order, ending in one `Done`, `Failure` or `Cancelled` a
    ticket. Pictures in updates are numpy arrays that nobody writes to any more.
    """

    updated = Signal(int, object)
    _arrived = Signal()

    def __init__(self, engine: Runs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tickets = itertools.count(1)
        self._outbox = _Outbox(self._arrived.emit)
        self._arrived.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        # One timer for good: the objects that QTimer.singleShot makes and deletes each time crash PySide 6.11 now and then.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._hand_over)
        self._thread = _Thread(engine, self._outbox)
        self._closed = False

    def warm_up(self) -> int:
        """Import torch on the worker's thread, so that no picture need wait for it; Done(result) is a `DeviceFacts`."""
        return self.submit(DeviceRequest())

    def submit(self, request: Request, lane: str | None = None) -> int:
        """Ask for something; the ticket under which its updates come. In a lane the newest request wins; without one
        nothing is forgotten. After `close` it raises RuntimeError."""
        if self._closed:
            raise RuntimeError("The worker is closed.")
        ticket = next(self._tickets)
        self._thread.tell(lambda scheduler: scheduler.submit(ticket, request, lane))
        if not self._thread.isRunning():
            self._thread.start(QThread.Priority.LowPriority)
        return ticket

    def cancel(self, ticket: int) -> None:
        """Drop a request at its next step; its ending is `Cancelled`. One that has ended is left alone."""
        self._thread.tell(lambda scheduler: scheduler.cancel(ticket))

    def hold(self, ticket: int, held: bool) -> None:
        """Leave a request that is in no lane as it is from its next step on, or go on with it."""
        self._thread.tell(lambda scheduler: scheduler.hold(ticket, held))

    def close(self) -> None:
        """Drop everything at the next step and wait for the thread to end. Every ticket has its ending afterwards."""
        if self._closed:
            return
        self._closed = True
        self._thread.ask_to_stop()
        self._thread.wait()
        self._later.stop()
        while (pair := self._outbox.take()) is not None:
            self.updated.emit(*pair)

    def _hand_over(self) -> None:
        until = time.perf_counter() + HAND_OVER_SECONDS
        while (pair := self._outbox.take()) is not None:
            self.updated.emit(*pair)
            if time.perf_counter() > until:
                self._later.start()  # the rest after the window has looked after itself
                return


def threads_beside_a_window() -> int:
    """Processor threads to compute with while a window is to stay fluent: one less than there are, but two of two."""
    cores = os.cpu_count() or 1
    return cores if cores <= 2 else cores - 1


def engine_beside_a_window(
    catalogue: Catalogue,
    device: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    memory: Allowance | None = None,
) -> Engine:
    """The engine for a window's worker, by the options of the command line: `device` may be a list, whose first is its own."""
    named = devices_named(device) if device is not None else ()
    threads = threads_of(named, threads) or threads_beside_a_window()
    further = named[1:] if device is not None else None
    return Engine(catalogue, own_device(device), precision, threads, further=further, device_memory=memory)


def _lower_priority() -> None:
    """Let the window go first. Under Linux Qt's own thread priority does nothing, so the thread is made nicer there."""
    if sys.platform.startswith("linux"):
        try:
            own = threading.get_native_id()
            # Whoever began Ganvas nicer than that meant it.
            os.setpriority(os.PRIO_PROCESS, own, max(NICENESS, os.getpriority(os.PRIO_PROCESS, own)))
        except OSError as error:
            logger.info("the thread keeps its priority: %s", error)
