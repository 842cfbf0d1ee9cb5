"""A folder that is watched: photos that appear in it and are written to the end are told. Looked at beside the window."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.photos.placing import PREFIX
from app.upscale.plan import BESIDE
from app.widgets.background import Background

LOOK_MS = 2000
Stamp = tuple[int, int]


class Watcher(QObject):
    """`appeared(list of Path)`: files that were not there when the watching began, and whose size and time have rested since
    the last look (a camera or a download may still be writing). `lost(str)`: the folder cannot be read any more."""

    appeared = Signal(object)
    lost = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._background = Background(self)
        self._told: set[Path] | None = None
        self._last: dict[Path, Stamp] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def watch(self, folder: Path | None) -> None:
        """Watch this folder from now on (None: none). What is in it already is left alone."""
        self.folder, self._told, self._last = folder, None, {}
        if folder is None:
            self._timer.stop()
        else:
            self._timer.start()
            self.look()

    def look(self) -> None:
        """Look now."""
        folder = self.folder
        if folder is not None:
            self._background.run(lambda: _files(folder), lambda found: self._take(folder, found), lambda e: self._lose(folder, e))

    def _take(self, folder: Path, found: dict[Path, Stamp]) -> None:
        if folder != self.folder:
            return
        if self._told is None:
            self._told = set(found)
        settled = [path for path, stamp in found.items() if path not in self._told and self._last.get(path) == stamp]
        self._last = found
        self._told = {path for path in self._told if path in found} | set(settled)
        if settled:
            self.appeared.emit(sorted(settled))

    def _lose(self, folder: Path, error: Exception) -> None:
        if folder == self.folder:
            self.watch(None)
            gone = isinstance(error, FileNotFoundError)
            self.lost.emit("It is gone." if gone else f"{getattr(error, 'strerror', None) or type(error).__name__}.")

    def shut(self) -> None:
        """The window closes."""
        self._timer.stop()
        self.folder = None
        self._background.shut()


def _files(folder: Path) -> dict[Path, Stamp]:
    """The files below a folder with size and time of change; results and hidden files are no news."""
    found: dict[Path, Stamp] = {}
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if name != BESIDE and not name.startswith(".")]
        for name in names:
            if name.startswith((".", PREFIX)):
                continue
            path = Path(place, name)
            try:
                about = path.stat()
            except OSError:
                continue
            if about.st_size:
                found[path] = (about.st_size, about.st_mtime_ns)
    return found


def _refuse(error: OSError) -> None:
    raise error
