"""Work beside the owner of a belt: a small pool for photos, one thread for tiles, and what is to follow once it is collected."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from app.upscale.items import Item

T = TypeVar("T")


class Beside:
    """All that its threads do is to leave their result in a queue and to call `wake`; the owner's thread does the rest."""

    def __init__(self, threads: int, wake: Callable[[], None]) -> None:
        self.tiles = ThreadPoolExecutor(1, thread_name_prefix="tiles")  # one: tiles are laid in the order they come
        self._photos = ThreadPoolExecutor(threads, thread_name_prefix="photos")
        self._wake = wake
        self._collectable: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._arrived = threading.Event()
        self._busy = 0  # pieces of work that were not collected

    @property
    def idle(self) -> bool:
        """Nothing is at work, and nothing waits to be collected."""
        return not self._busy and self._collectable.empty()

    def run(self, item: Item, work: Callable[[], T], then: Callable[[T | BaseException], None], on_tiles: bool = False) -> None:
        """Do `work` in the pool (`on_tiles`: after the tiles that were handed over); `then` gets what came of it, when it is
        collected. The time counts as spent on the item."""

        def run() -> None:
            outcome: T | BaseException
            began = time.perf_counter()
            try:
                outcome = work()
            except BaseException as error:
                outcome = error
            item.spent += time.perf_counter() - began
            self._collectable.put(partial(then, outcome))
            self._arrived.set()
            self._wake()

        self._busy += 1
        (self.tiles if on_tiles else self._photos).submit(run)

    def collect(self) -> None:
        """Go on with all that has ended since the last call."""
        self._arrived.clear()
        while not self._collectable.empty():
            self._busy -= 1
            self._collectable.get()()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until there is something to collect."""
        if self._busy and self._collectable.empty():
            self._arrived.wait(seconds)

    def close(self) -> None:
        """Wait for what has begun; nothing else begins."""
        self.tiles.shutdown(wait=True, cancel_futures=True)
        self._photos.shutdown(wait=True, cancel_futures=True)
