"""What comes in: files and folders that are dropped, chosen or pasted become rows, and rows get their plans."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.photos.formats import EXTENSIONS
from app.settings import Settings
from app.upscale import recall
from app.upscale.finding import Finder, take_plan
from app.upscale.inputs import Found
from app.upscale.plan import Choices, Planned
from app.upscale.queue import Queue, Row
from app.widgets.picture_view import picture_of


class Intake(QObject):
    """`came(rows)` tells of the first rows of what was added, `planned(rows)` that rows have plans, `settled()` that all have.
    `picture_pasted(picture)`: the clipboard held no file but a picture. `nothing_came(paths)`: none of these is a photo that
    is not on the list already. `came_again(rows)`: these are on the list, but were refused; perhaps they were mended."""

    came = Signal(object)
    planned = Signal(object)
    settled = Signal()
    picture_pasted = Signal(object)
    nothing_came = Signal(object)
    came_again = Signal(object)

    def __init__(self, queue: Queue, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._queue, self._settings, self._window = queue, settings, parent
        self._finder = Finder(self)
        self._finder.found.connect(self._found)
        self._finder.all_found.connect(self._all_found)
        self._finder.planned.connect(self._take_plans)
        self._finder.all_planned.connect(self._all_planned)
        self._paths: list[Path] = []
        self._watched: dict[Path, list[Path]] = {}  # what a watched folder brought, by the folder
        self._looked_at: list[Path] = []
        self._added: list[Row] = []
        self._came_again = False
        self._known: set[Path] = set()  # what is on the list and still to be done, or was refused: it is not added twice
        self._kept: list[Any] = []  # what was on the list at the last start, until all of it is on this one
        self._choices = queue.choices
        self.plans_anew = False  # whether some rows may be planned with other choices than those of now
        # Files that are dropped together come one by one: they are looked at together, a moment later.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether rows are still to come, or to be planned."""
        return self.expects or self._finder.busy

    @property
    def expects(self) -> bool:
        """Whether something was added that has not come yet."""
        return bool(self._paths or self._watched)

    def add(self, paths: list[Path]) -> None:
        """Put files and folders (with their sub-folders) on the list."""
        self._paths += paths
        self._soon.start()

    def add_watched(self, folder: Path, paths: list[Path]) -> None:
        """Put files on the list that appeared somewhere in a folder: those that are photos, and nobody is told of others."""
        self._watched.setdefault(folder, []).extend(paths)
        self._soon.start()

    def add_received(self, path: Path) -> None:
        """Put a picture of another panel on the list: its result goes where pictures are kept."""
        place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or str(Path.home())
        self._found([Found(path, into=Path(place) / "Ganvas")])
        self._all_found()

    def add_kept(self, raw: list[Any]) -> None:
        """Put photos that `recall.keep_photos` kept on the list, in pieces: many take more than a second."""
        self._kept = raw
        self._finder.bring(recall.kept_photos(raw))

    def still_coming(self) -> list[dict[str, str]]:
        """Those of them that are not on the list yet: a program that ends by now must not forget them."""
        known = {str(row.found.path) for row in self._queue.rows} if self._kept else ()
        return [one for one in self._kept if recall.was_kept(one) and one["path"] not in known]

    def know(self, rows: Iterable[Row]) -> None:
        """These were put on the list by another way: what still comes is not to bring them once more."""
        self._known |= {row.found.path for row in rows if row.open}

    def paste(self) -> None:
        """Take what the clipboard holds: files, or a picture."""
        data = QGuiApplication.clipboard().mimeData()
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.add(paths)
        elif data.hasImage():
            self.picture_pasted.emit(picture_of(QGuiApplication.clipboard().image()))

    def ask_photos(self) -> None:
        """Ask for files."""
        extensions = " ".join(f"*.{extension}" for extension in EXTENSIONS)
        kinds = self.tr("Photos ({0});;All files (*)").format(extensions)
        title, start = self.tr("Add photos"), self._settings.get("upscale.from", "")
        paths, _ = QFileDialog.getOpenFileNames(self._window, title, start, kinds)
        if paths:
            self._settings.set("upscale.from", str(Path(paths[0]).parent))
            self.add([Path(path) for path in paths])

    def ask_folder(self) -> None:
        """Ask for a folder."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Add a folder"), self._settings.get("upscale.from", ""))
        if folder:
            self._settings.set("upscale.from", folder)
            self.add([Path(folder)])

    def plan_all(self, choices: Choices) -> None:
        """The choices changed: plan everything that is not done anew."""
        self._choices = choices
        self.plans_anew = any(row.state == "ready" for row in self._queue.rows)
        self._finder.plan(self._queue.rows, choices, anew=True)

    def plan_again(self, rows: list[Row], replaced: Collection[Row] = ()) -> None:
        """Look at rows again, whatever became of them. The next results of those in `replaced` take the place of the ones that
        they have."""
        before = [row.planned.output for row in rows if row.planned and row.planned.output]
        made = {row.planned.output: row.found.path for row in replaced if row.planned and row.planned.output}
        for row in rows:
            row.state, row.reason, row.share, row.facts, row.planned = "looking", "", 0.0, None, None
            row.found = replace(row.found, problem="")
        self._finder.plan(rows, self._choices, anew=False, released=before, replaced=made)

    def shut(self) -> None:
        """The window closes."""
        self._soon.stop()
        self._finder.shut()

    def _look(self) -> None:
        paths, self._paths = self._paths, []
        watched, self._watched = self._watched, {}
        into = self._queue.choices.into
        self._known = {row.found.path for row in self._queue.rows if row.open}
        if paths:
            self._looked_at += paths
            self._finder.add(paths, into)
        for folder, appeared in watched.items():
            self._finder.add(appeared, into, below=folder)

    def _found(self, found: list[Found]) -> None:
        first = not self._added
        refused = {row.found.path: row for row in self._queue.rows if row.state == "refused"}
        if again := [refused[one.path] for one in found if one.path in refused]:
            self._came_again = True
            self.came_again.emit(again)
        self._known |= {row.found.path for row in again}
        rows = self._queue.add([one for one in found if one.path not in self._known])
        self._known |= {row.found.path for row in rows}
        self._added += rows
        if rows and first:
            self.came.emit(rows)

    def _all_found(self) -> None:
        rows, self._added = self._added, []
        paths, self._looked_at = self._looked_at, []
        again, self._came_again = self._came_again, False
        self._kept = []
        if rows:
            self._queue.remember_added(rows, self.tr("Add photos"))
            self._finder.plan(rows, self._choices, anew=False)
        else:
            if paths and not again:
                self.nothing_came.emit(paths)
            if not self._finder.busy:
                self.settled.emit()  # who waits for what was added waits for nothing more

    def _all_planned(self) -> None:
        self.plans_anew = False
        self.settled.emit()

    def _take_plans(self, made: list[tuple[Row, Planned]]) -> None:
        for row, planned in made:
            take_plan(row, planned)
        self.planned.emit([row for row, _ in made])
