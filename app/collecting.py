"""Python's cycle collector, kept on the window's thread.

The collector runs on whatever thread happens to allocate. On the inference thread it may destroy widgets and images that
belong to the window's thread, which Qt does not survive. So it is switched off, and a timer of the window collects instead.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000


class Collector(QObject):
    """Collects on the thread it was made on, by the interpreter's own thresholds; `shut` gives the collector back."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._clock = QTimer(self)
        self._clock.setInterval(EVERY_MS)
        self._clock.timeout.connect(self.collect)
        self._clock.start()

    def collect(self) -> None:
        """Collect the oldest generation whose turn it is, if any."""
        due = [i for i, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)) if count > most > 0]
        if due:
            gc.collect(due[-1])

    def shut(self) -> None:
        self._clock.stop()
        gc.enable()
