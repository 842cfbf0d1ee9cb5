"""What is done about a watched folder: who is asked for it, and what becomes of the photos that appear in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from app.settings import Settings
from app.upscale.intake import Intake
from app.upscale.job import Job
from app.upscale.queue import AT_WORK, Queue, Row
from app.upscale.running import Runner
from app.upscale.watching import Watcher


class WatchedFolder(QObject):
    """Between the watcher of a folder, the list and the job. `again` looks at photos once more."""

    def __init__(
        self, watcher: Watcher, intake: Intake, queue: Queue, job: Job, runner: Runner, again: Callable[[list[Row]], None]
    ) -> None:
        super().__init__(watcher)
        self._watcher, self._intake, self._queue, self._job, self._again = watcher, intake, queue, job, again
        self._runner = runner
        self._replaced: set[Path] = set()  # while they were at work
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._after_work)
        watcher.appeared.connect(self._appeared)
        watcher.changed.connect(self._written_on)
        runner.row_changed.connect(self._row_changed)

    def ask(self, parent: QWidget, settings: Settings, watch: Callable[[Path | None], None]) -> None:
        """Watch a folder that a person chooses, or none any more where one is watched."""
        if self._watcher.folder is not None:
            watch(None)
            return
        folder = QFileDialog.getExistingDirectory(parent, self.tr("Watch a folder"), settings.get("upscale.from", ""))
        if folder:
            watch(Path(folder))

    def _row_changed(self, row: Row) -> None:
        if row.state in ("writing", "done") and row.planned is not None and row.planned.output is not None:
            self._watcher.pass_over(row.planned.output)  # what this program writes into the folder itself is no news
        if self._replaced and row.state not in AT_WORK:
            self._soon.start()  # once everybody has heard what became of it

    def _appeared(self, paths: list[Path]) -> None:
        if self._watcher.folder is not None:
            self._job.enlarge(paths)
            self._intake.add_watched(self._watcher.folder, paths)

    def _after_work(self) -> None:
        replaced, self._replaced = self._replaced, set()
        self._written_on(sorted(replaced))

    def _written_on(self, paths: list[Path]) -> None:
        """Photos of the watched folder were not whole when they were told, or others were put in their place: they are done once
        more, unless they wait for a person. Those that were taken off the list are new ones."""
        rows = {row.found.path: row for row in self._queue.rows}  # the last one of each path
        known = [rows[path] for path in paths if path in rows]
        in_job = [row for row in known if self._runner.is_to_do(row)]
        self._runner.withdraw(in_job)  # those that are not begun: they are planned with what is there now
        at_work = {row.found.path for row in in_job if self._runner.is_to_do(row)}
        self._replaced |= at_work
        waiting = {row.found.path for row in known if row.open and row not in in_job}
        self._job.enlarge(path for path in paths if path not in at_work | waiting)
        self._again([row for row in known if row.found.path not in at_work])
        new = [path for path in paths if path not in rows]
        if new and self._watcher.folder is not None:
            self._intake.add_watched(self._watcher.folder, new)
