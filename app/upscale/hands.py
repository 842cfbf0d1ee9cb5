"""Hands that run requests for a belt: each a process of its own with an engine of its own, on one device of this machine.

What takes a process down (a graphics driver, the system that wants memory back) costs that hand and no more: the photo it was
at goes to another. No Qt.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from app.inference.requests import Request
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Step, Update
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event

TRIES = 2  # A photo that was at work in so many hands as they were lost is not given to another.


@dataclass(frozen=True)
class Lost:
    """A hand is gone; `why` in a few words."""

    why: str


Heard = Callable[["Hand", "Update | Lost"], None]


class Hand(Protocol):
    """Runs one request at a time. What comes of it goes to whom it was made for, from a thread of its own."""

    name: str

    def begin(self, request: Request) -> None:
        """Run a request. Its last update is one of `ENDINGS`, or `Lost` where the hand ends before it."""
        ...

    def close(self) -> None:
        """End, whatever is at work."""
        ...


class ProcessHand:
    """A process of this machine. `device` is "cuda:1", "mps" or "cpu:0", where the number only parts one hand from another."""

    def __init__(self, device: str, precision: str | None, threads: int | None, heard: Heard) -> None:
        self.name, self._heard = device, heard
        # A new interpreter, not a copy of this one: locks of torch and of the window would be copied locked.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, device, precision, threads), name=f"ganvas {device}")
        self._process.daemon = True
        self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, name=f"hand {device}", daemon=True)
        self._listener.start()

    @property
    def process(self) -> int:
        """The system's number of the process."""
        return int(self._process.pid or 0)

    def begin(self, request: Request) -> None:
        """See `Hand`."""
        with contextlib.suppress(OSError):  # the listener tells that it is lost
            self._pipe.send(request)

    def close(self) -> None:
        """See `Hand`."""
        self._process.kill()
        self._process.join()
        self._listener.join()
        self._pipe.close()
        self._process.close()

    def _listen(self) -> None:
        while True:
            try:
                update = self._pipe.recv()
            except (EOFError, OSError):
                self._heard(self, Lost("its process ended"))
                return
            self._heard(self, update)


def _serve(pipe: Connection, device: str, precision: str | None, threads: int | None) -> None:
    """In the hand's process: run what comes until nobody is there any more."""
    from app.inference.engine import Engine

    engine = Engine(device="cpu" if device.startswith("cpu") else device, precision=precision, threads=threads)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            for update in engine.run(pipe.recv()):
                if not isinstance(update, Step):
                    pipe.send(update)


def devices_named(text: str | None) -> tuple[str, ...]:
    """The devices of a list like "cuda:0,cuda:1"; for None all CUDA devices where there are several. () where one is enough."""
    if text is not None:
        named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        return named if len(named) > 1 else ()
    from models.device import cuda_devices

    count = cuda_devices()
    return tuple(f"cuda:{i}" for i in range(count)) if count > 1 else ()


def threads_of(devices: Sequence[str], threads: int | None) -> int | None:
    """Processor threads of each hand: the machine's cores are shared by those that compute on them."""
    on_processor = sum(device.startswith("cpu") for device in devices)
    return threads if threads is not None or not on_processor else max(1, (os.cpu_count() or 1) // on_processor)


class Spreading:
    """Drives a belt with several hands: the photos that wait are taken by whoever is free. One thread owns it.

    `told` gets the belt's events, `lost` a sentence for each hand that goes.
    """

    def __init__(self, told: Callable[[Event], None], lost: Callable[[str], None]) -> None:
        self._told, self._lost = told, lost
        self._news: queue.SimpleQueue[tuple[Hand, Update | Lost]] = queue.SimpleQueue()
        self._woken = threading.Event()
        self._at: dict[Hand, int] = {}
        self._losses: dict[int, int] = {}
        self.hands: list[Hand] = []

    def wake(self) -> None:
        """Something can be collected: for the belt."""
        self._woken.set()

    def heard(self, hand: Hand, update: Update | Lost) -> None:
        """Something came from a hand: for the hands, from any thread."""
        self._news.put((hand, update))
        self._woken.set()

    def open(self, model: Request) -> Failure | None:
        """Have every hand open the model; those that cannot are told as lost. A failure where none can."""
        for hand in self.hands:
            self._at[hand] = -1
            hand.begin(model)
        failure: Failure | None = None
        while self._at:
            hand, update = self._news.get()
            if isinstance(update, Done):
                self._at.pop(hand, None)
            elif isinstance(update, (Failure, Lost)):
                self._at.pop(hand, None)
                failure = update if isinstance(update, Failure) else Failure(f"{hand.name} cannot be used: {update.why}.")
                self._drop(hand, str(failure))
        return None if self.hands else failure

    def run(self, belt: Conveyor) -> Failure | None:
        """Until everything has come off the belt, the disk is full, or no hand is left (then that is told)."""
        while not belt.finished and not (belt.halted and belt.idle):
            self._woken.clear()
            while not self._news.empty():
                self._take(belt, *self._news.get())
            for event in belt.collect():
                self._told(event)
            if not self.hands:
                return Failure("All devices were lost.", hint="--resume goes on.")
            self._hand_out(belt)
            if not belt.finished:
                self._woken.wait()
        return None

    def close(self) -> None:
        """End all hands."""
        for hand in self.hands:
            hand.close()
        self.hands.clear()

    def _hand_out(self, belt: Conveyor) -> None:
        for hand in self.hands:
            if hand not in self._at:
                job = belt.next_request()
                if job is None:
                    return
                self._at[hand] = job[0]
                hand.begin(job[1])

    def _take(self, belt: Conveyor, hand: Hand, update: Update | Lost) -> None:
        index = self._at.get(hand)
        if isinstance(update, Lost):
            self._at.pop(hand, None)
            self._drop(hand, f"{hand.name} was lost: {update.why}.")
            if index is None:
                return
            self._losses[index] = self._losses.get(index, 0) + 1
            if self._losses[index] >= TRIES:
                belt.update(index, Failure(f"It was at work in {TRIES} devices when they were lost."))
            else:
                belt.update(index, Cancelled())  # what is made of it is kept
            return
        if index is None:
            return
        if isinstance(update, ENDINGS):
            del self._at[hand]
        belt.update(index, update)

    def _drop(self, hand: Hand, why: str) -> None:
        if hand in self.hands:
            self.hands.remove(hand)
            hand.close()
            self._lost(why)
