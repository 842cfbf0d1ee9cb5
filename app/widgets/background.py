"""Work that would hold the window up (reading and writing files), on a thread beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal

logger = logging.getLogger(__name__)


class Background(QObject):
    """Runs functions one after another on a thread of its own; their results come back on the window's thread."""

    _done = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._over = False
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done.connect(self._deliver)

    def run(
        self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Exception], None] | None = None
    ) -> None:
        """Call `work()` beside the window, then `then(result)` or, where it raised, `failed(error)` in the window's thread."""
        done = self._done

        def job() -> None:
            try:
                result = work()
            except Exception as error:
                if failed is None:
                    logger.exception("work beside the window failed")
                done.emit(failed, error)
            else:
                done.emit(then, result)

        # Never QRunnable.create: PySide 6.11 keeps what that makes for good, by an address that another object has later.
        self._pool.start(job)

    def shut(self) -> None:
        """Wait for what is running: a file that is being written is written whole. Nobody is told of it any more."""
        self._over = True
        self._pool.waitForDone()

    def _deliver(self, callback: Callable[[Any], None] | None, value: Any) -> None:
        if callback is not None and not self._over:
            callback(value)
