"""Writes the drawing aside while it is worked on, beside the window's thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from app.paint.state.drawing import Drawing, snapshot
from app.paint.state.recovery import Recovered, Recovery
from app.widgets.background import Background
from models.folders import state_folder

logger = logging.getLogger(__name__)

EVERY_MS = 2500  # no more than this is lost
SLOTS = 8  # programs that may run at the same time and each keep a drawing


class Autosave(QObject):
    """Keeps one recovery file up to date. `drawing()` gives the drawing as it is, with half a stroke where a hand is on it: a
    hand may stay down for minutes, and what it painted before must not wait for it. Each writing waits for the one before: a
    large drawing on a slow disk takes longer than the hand leaves it, and copies that wait for each other fill the memory.

    `refused(why)` tells that the disk does not take it, once until it does again.
    """

    refused = Signal(str)

    def __init__(self, drawing: Callable[[], Drawing], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._drawing = drawing
        self._lock, slot = _free_slot()
        self._recovery = Recovery(slot)
        self._background = Background(self)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setInterval(EVERY_MS)
        self._clock.timeout.connect(self.write)
        self._changed = self._failing = self._writing = False

    def found(self) -> Recovered | None:
        """What was written aside last. From now on a sudden end of the program is told apart from an orderly one."""
        recovered = self._recovery.read()
        self._recovery.opened()
        return recovered

    @property
    def problem(self) -> tuple[str, Path] | None:
        """Why what was written aside last could not be read, and where it is kept; None where all is well."""
        return self._recovery.problem

    def changed(self) -> None:
        """Something is worth keeping."""
        self._changed = True
        if not self._writing and not self._clock.isActive():
            self._clock.start()

    def write(self) -> None:
        """Write now."""
        try:
            copy = snapshot(self._drawing())
        except MemoryError as error:
            self._failed(error)
            return
        self._changed, self._writing = False, True
        self._background.run(lambda: self._recovery.write(copy), self._written, self._failed)

    def _written(self, refusal: str) -> None:
        if refusal and not self._failing:
            self.refused.emit(refusal)
        self._failing, self._writing = bool(refusal), False
        if self._changed:
            self._clock.start()
        self._changed = self._changed or self._failing  # it is tried again with the next change, or at the end

    def _failed(self, error: Exception) -> None:
        """No memory for it, as a rule."""
        logger.error("the drawing could not be written aside", exc_info=error)
        self._written(f"{type(error).__name__}.")

    def shut(self) -> None:
        """The program ends by itself: the last state is written, and marked as closed."""
        self._clock.stop()
        if self._changed:
            self.write()
        self._background.shut()
        self._recovery.closed()
        if self._lock is not None:
            self._lock.unlock()


def _free_slot() -> tuple[QLockFile | None, int]:
    """A recovery file that no other running program uses (a lock of a dead one is taken over)."""
    folder = state_folder() / "recovery"
    os.makedirs(folder, exist_ok=True)
    for slot in range(1, SLOTS + 1):
        lock = QLockFile(str(folder / f"paint-{slot}.lock"))
        lock.setStaleLockTime(0)
        if lock.tryLock(0):
            return lock, slot
    return None, SLOTS
