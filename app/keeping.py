"""What is open, written for the next start: all of it when the window closes, and soon after each change what a kill or a crash
must not take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.settings import Settings
from app.widgets.background import Background
from app.widgets.panel import Panel

SOON_MS = 2000  # no more of what is worth keeping is lost by a sudden end


class Keeper(QObject):
    """`panels()` gives those that were built and have woken up, `frame()` what the window itself keeps: its page and geometry."""

    def __init__(
        self, settings: Settings, panels: Callable[[], Sequence[Panel]], frame: Callable[[], dict[str, Any]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._settings, self._panels, self._frame = settings, panels, frame
        self._kept = settings.last_state()
        self._unkept: set[str] = set()  # panels that have something worth keeping which is not written yet
        self._files = Background(self)
        self._clock = QTimer(self, singleShot=True, interval=SOON_MS)
        self._clock.timeout.connect(self.write)

    def get(self, name: str) -> Any:
        """What was kept under a name of `frame`."""
        return self._kept.get(name)

    def of_panel(self, name: str) -> dict[str, Any]:
        """What a panel kept."""
        kept = self._of_panels().get(name)
        return kept if isinstance(kept, dict) else {}

    def soon(self, name: str) -> None:
        """A panel has something worth keeping."""
        self._unkept.add(name)
        if not self._clock.isActive():
            self._clock.start()

    def write(self) -> None:
        """Write what panels have asked to keep, beside the window."""
        state = self._state([panel for panel in self._panels() if panel.name in self._unkept])
        self._unkept.clear()
        self._files.run(lambda: self._settings.keep_state(state), lambda _: None)

    def shut(self) -> None:
        """The window closes: write everything."""
        self._clock.stop()
        self._files.shut()  # an older state that is being written must not take the place of this one
        self._settings.keep_state(self._state(self._panels()))

    def _of_panels(self) -> dict[str, Any]:
        panels = self._kept.get("panels")
        return dict(panels) if isinstance(panels, dict) else {}

    def _state(self, panels: Sequence[Panel]) -> dict[str, Any]:
        """What is open, of these panels as they are now. The others, and those that were not visited, keep what they had."""
        self._kept = {**self._frame(), "panels": self._of_panels() | {panel.name: panel.state() for panel in panels}}
        return self._kept
