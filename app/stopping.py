"""What asks a command to end: Ctrl-C, `kill`, a system that shuts down, a terminal that is closed. All end it alike, so that
nothing half-written is left behind. Only the main thread may catch signals: on another one nothing changes here."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# Ctrl-C raises by itself.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """In this block they raise `KeyboardInterrupt`; a second one ends the program at once, as the first would have otherwise. One
    that is to be overlooked (`nohup`) stays so."""
    caught = [number for number in SIGNALS if _here() and signal.getsignal(number) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Around a library that calls back while it works, where what a signal raises is printed and lost: the block gets a function
    that tells whether one came, ends its work then, and `KeyboardInterrupt` is raised behind it."""
    asked: list[int] = []
    numbers = [number for number in (signal.SIGINT, *SIGNALS) if _here() and callable(signal.getsignal(number))]
    before: dict[int, Any] = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in numbers}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if asked:
            raise KeyboardInterrupt


def _here() -> bool:
    return threading.current_thread() is threading.main_thread()


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
