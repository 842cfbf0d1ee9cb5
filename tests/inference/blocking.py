"""A small engine whose steps wait until a test lets them pass: the real worker is driven without guessing times."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.inference.updates import Done, Failure, Frame, Progress, Step, Update


@dataclass(frozen=True)
class Work:
    """`steps` pieces of work, each of which waits for the gate where `gated`; `fails` ends it in a `Failure`."""

    name: str
    steps: int = 1
    gated: bool = False
    fails: bool = False
    kind: str = "step"
    deadline_ms: float | None = None


class BlockableEngine:
    """Runs `Work`. `entered` is set whenever a gated step begins; `gate` lets one gated step pass per `release`."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.steps_done = 0
        self.dropped: list[str] = []
        self.threads: set[int] = set()

    def run(self, request: Any) -> Iterator[Update]:
        if not isinstance(request, Work):
            yield Done(None, 0.0)
            return
        try:
            for number in range(request.steps):
                self.threads.add(threading.get_native_id())
                if request.gated:
                    self.entered.release()
                    assert self.gate.acquire(timeout=60), "nobody opened the gate"
                self.steps_done += 1
                if request.kind == "frame":
                    yield Frame(np.full((4, 4, 3), number % 256, np.uint8), 4, 1.0, final=False)
                elif request.kind == "progress":
                    yield Progress(number + 1, request.steps)
                else:
                    yield Step()
            yield Failure("It failed.") if request.fails else Done(request.name, 0.0)
        except GeneratorExit:
            self.dropped.append(request.name)
            raise
