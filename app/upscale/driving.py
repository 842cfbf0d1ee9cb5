"""One engine works off a belt, on the thread that calls: for the command line, tests and benchmarks. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from app.inference.requests import TranslateRequest, UpscaleRequest
from app.inference.updates import Tile, Update
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event


class Runs(Protocol):
    """What runs a request: `app.inference.engine.Engine`."""

    def run(self, request: UpscaleRequest | TranslateRequest) -> Iterator[Update]:
        """Its updates, in order."""
        ...


def drive(belt: Conveyor, engine: Runs, told: Callable[[Event], None]) -> None:
    """Until everything has come off the belt, or the disk is full. `told` gets the belt's events, also amid a large photo."""

    def tell() -> None:
        for event in belt.collect():
            told(event)

    while not belt.finished and not (belt.halted and belt.idle):
        tell()
        job = belt.next_request()
        if job is None:
            belt.wait()
            continue
        index, request = job
        for update in engine.run(request):
            belt.update(index, update)
            if isinstance(update, Tile):
                tell()
    tell()
