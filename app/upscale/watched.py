"""What is done about a watched folder: who is asked for it, and what becomes of the photos that appear in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app.settings import Settings
from app.upscale.intake import Intake
from app.upscale.job import Job
from app.upscale.queue import Queue, Row
from app.upscale.watching import Watcher


class WatchedFolder(QObject):
    """Between the watcher of a folder, the list and the job. `again` looks at photos once more."""

    def __init__(self, watcher: Watcher, intake: Intake, queue: Queue, job: Job, again: Callable[[list[Row]], None]) -> None:
        super().__init__(watcher)
        self._watcher, self._intake, self._queue, self._job, self._again = watcher, intake, queue, job, again
        watcher.appeared.connect(self._appeared)
        watcher.changed.connect(self._written_on)

    def ask(self, parent: QWidget, settings: Settings, watch: Callable[[Path | None], None]) -> None:
        """Watch a folder that a person chooses, or none any more where one is watched."""
        if self._watcher.folder is not None:
            watch(None)
            return
        folder = QFileDialog.getExistingDirectory(parent, self.tr("Watch a folder"), settings.get("upscale.from", ""))
        if folder:
            watch(Path(folder))

    def pass_over(self, row: Row) -> None:
        """What this program writes into the folder itself is no news."""
        if row.state in ("writing", "done") and row.planned is not None and row.planned.output is not None:
            self._watcher.pass_over(row.planned.output)

    def _appeared(self, paths: list[Path]) -> None:
        if self._watcher.folder is not None:
            self._job.enlarge(paths)
            self._intake.add_watched(self._watcher.folder, paths)

    def _written_on(self, paths: list[Path]) -> None:
        """Photos of the watched folder were not whole when they were told: those that failed are tried again."""
        written = set(paths)
        failed = [row for row in self._queue.rows if row.state in ("failed", "refused") and row.found.path in written]
        if failed:
            self._job.enlarge(paths)
            self._again(failed)
