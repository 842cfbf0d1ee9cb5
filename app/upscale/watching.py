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
    the last look (a camera or a download may still be writing). `changed(list of Path)`: some of those were written on after a
    longer rest. `lost(str)`: the folder cannot be read any more."""

    appeared = Signal(object)
    changed = Signal(object)
    lost = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._background = Background(self)
        self._told: dict[Path, Stamp | None] | None = None  # as it was when it was told; None: it is never told
        self._own: dict[str, tuple[Path, ...]] = {}  # results that Ganvas wrote, by their names
        self._last: dict[Path, Stamp] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def watch(self, folder: Path | None) -> None:
        """Watch this folder from now on (None: none). What is in it already is left alone."""
        self.folder, self._told, self._last, self._own = folder, None, {}, {}
        if folder is None:
            self._timer.stop()
        else:
            self._timer.start()
            self.look()

    def pass_over(self, result: Path) -> None:
        """Ganvas wrote this itself: wherever results go, they are not enlarged again."""
        if self.folder is not None and result not in self._own.get(result.name, ()):
            self._own[result.name] = (*self._own.get(result.name, ()), result)

    def look(self) -> None:
        """Look now."""
        folder, own = self.folder, dict(self._own)
        if folder is not None:
            self._background.run(
                lambda: _files(folder, own), lambda found: self._take(folder, found), lambda e: self._lose(folder, e)
            )

    def _take(self, folder: Path, found: dict[Path, Stamp]) -> None:
        if folder != self.folder:
            return
        if self._told is None:
            self._told = dict.fromkeys(found)
        told = {path: stamp for path, stamp in self._told.items() if path in found}
        settled = {
            path: stamp
            for path, stamp in found.items()
            if self._last.get(path) == stamp and told.get(path, ()) not in (None, stamp)
        }
        self._last, self._told = found, {**told, **settled}
        if appeared := sorted(path for path in settled if path not in told):
            self.appeared.emit(appeared)
        if changed := sorted(path for path in settled if path in told):
            self.changed.emit(changed)

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


def _files(folder: Path, own: dict[str, tuple[Path, ...]]) -> dict[Path, Stamp]:
    """The files below a folder with size and time of change; results (`own`, by name) and hidden files are no news. A folder in
    it that cannot be read, or has just gone, hides only what is in it. `OSError` where the folder itself is gone."""
    os.scandir(folder).close()
    found: dict[Path, Stamp] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != BESIDE and not name.startswith(".")]
        for name in names:
            if name.startswith((".", PREFIX)):
                continue
            path = Path(place, name)
            try:
                about = path.stat()
            except OSError:
                continue
            if about.st_size and not any(_same(path, result) for result in own.get(name, ())):
                found[path] = (about.st_size, about.st_mtime_ns)
    return found


def _same(path: Path, result: Path) -> bool:
    """Whether both are one file: the folder that is watched may be named by another way than the one for results."""
    try:
        return path == result or path.samefile(result)
    except OSError:
        return False
