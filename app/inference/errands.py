"""Work on files that is not cut in pieces: reading a model file, fetching a wheel. It computes nothing on the device, so it
runs on a thread of its own while the engine's iterator looks for news now and then; lanes are served meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from app.inference.updates import Progress, Step
from app.inference.workbench import Job

R = TypeVar("R")
Report = Callable[[int, int, str], None]

LOOK_SECONDS = 0.05  # How long one step waits for news: short enough for a hand, long enough not to burn the processor.
OTHERS_SECONDS = 0.002  # Where the next step comes later than that, others are being served, and none waits for news.


class Dropped(BaseException):
    """Raised inside the work at its next report when nobody wants its result any more. Not an `Exception`: the work's own
    `except Exception` must not keep it alive, its `finally` cleans up."""


def errand(work: Callable[[Report], R]) -> Job[R]:
    """Run `work(report)` and yield a `Progress` for each report; its result, or what it raised.

    Dropped, the work ends at its next report, and the iterator waits for that.
    """
    news: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
    dropped = threading.Event()
    results: list[R] = []
    errors: list[BaseException] = []

    def report(done: int, total: int, text: str) -> None:
        if dropped.is_set():
            raise Dropped
        news.put(Progress(done, total, text))

    def run() -> None:
        try:
            results.append(work(report))
        except BaseException as error:
            errors.append(error)
        finally:
            news.put(None)

    thread = threading.Thread(target=run, name="errand")
    thread.start()
    try:
        left = time.monotonic()
        while True:
            others = time.monotonic() - left > OTHERS_SECONDS
            try:
                told: Progress | Step | None = news.get(timeout=0 if others else LOOK_SECONDS)
            except queue.Empty:
                told = Step()
            if told is None:
                break
            left = time.monotonic()
            yield told
    finally:
        dropped.set()
        thread.join()
    if errors:
        raise errors[0]
    return results[0]
