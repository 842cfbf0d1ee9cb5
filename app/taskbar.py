"""The window's title, and how far its jobs are: in the title, and on the program's icon on Linux desktops that know how.

Docks that follow Unity's launcher interface (Ubuntu's, KDE's, Dash to Dock) listen to a signal on the session's message bus. Qt 6
has nothing for Windows' taskbar nor for the macOS dock: there the title says it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from PySide6.QtWidgets import QWidget

log = logging.getLogger(__name__)

DESKTOP_ENTRY = "application://ganvas.desktop"
INTERFACE, PATH = "com.canonical.Unity.LauncherEntry", "/org/ganvas/Ganvas"


def properties(share: float | None) -> dict[str, Any]:
    """What a dock is told: the share 0..1 that is done, or that nothing runs."""
    return {"progress": 0.0 if share is None else share, "progress-visible": share is not None}


class Taskbar:
    """What is seen of a window where it is not: see the module."""

    def __init__(self, window: QWidget, platform: str = sys.platform) -> None:
        self._window, self._has_bus = window, platform == "linux"
        self._name, self._shares = "", dict[str, float]()
        self._told: int | None = None
        self.show_name("")

    def show_name(self, name: str) -> None:
        """What is open ("": nothing that has a name)."""
        self._name = name
        self._show()

    def show_job(self, job: str, share: float | None) -> None:
        """How far a job is, 0..1; None when it has ended. Of several the one that is least far is shown."""
        if share is None:
            self._shares.pop(job, None)
        else:
            self._shares[job] = share
        self._show()

    def _show(self) -> None:
        share = min(self._shares.values(), default=None)
        title = f"{self._name} — Ganvas" if self._name else "Ganvas"
        self._window.setWindowTitle(title if share is None else f"{share:.0%} · {title}")
        now = None if share is None else round(100 * share)
        if now != self._told and self._has_bus:
            self._told = now
            self._tell(share)

    def _tell(self, share: float | None) -> None:
        # Imported when a job runs: the window paints without it.
        from PySide6.QtDBus import QDBusConnection, QDBusMessage

        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            log.info("no message bus: the dock shows no progress")
            self._has_bus = False
            return
        message = QDBusMessage.createSignal(PATH, INTERFACE, "Update")
        message.setArguments([DESKTOP_ENTRY, properties(share)])
        bus.send(message)
