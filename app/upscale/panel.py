"""Upscale: one photo or twenty thousand, enlarged, restored or transformed, seen before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QFileDialog, QSplitter, QVBoxLayout, QWidget

from app.inference.requests import DeviceFacts, DeviceRequest
from app.inference.updates import Done, Failure, Update
from app.photos import recipe
from app.photos.formats import EXTENSIONS, FORMATS
from app.photos.photo import Photo, PhotoError, PhotoFacts
from app.settings import Settings
from app.upscale import recall, results
from app.upscale.awake import Awake
from app.upscale.inputs import Found
from app.upscale.intake import Intake
from app.upscale.models_here import Models
from app.upscale.pace import Paces, disk_size, duration
from app.upscale.picture_side import PictureSide
from app.upscale.plan import Choices, Planned, Task, expected_bytes
from app.upscale.preview import Shown
from app.upscale.queue import Queue, Row
from app.upscale.queue_list import result_of, show_in_folder
from app.upscale.queue_side import QueueSide
from app.upscale.running import Outcome, Runner
from app.upscale.sizes import parse_target, passes, size_for
from app.upscale.thumbs import Thumbs
from app.upscale.watching import Watcher
from app.widgets.background import Background
from app.widgets.panel import Notice, Panel
from app.widgets.picture_view import picture_of
from app.widgets.save_dialog import ask_where

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.catalogue import Catalogue

THUMB = 96
KEPT_PATHS = 2000  # of a queue that was not started, until the next start


class UpscalePanel(Panel):
    """See the module. Asks the worker for everything and never waits. Nothing happens before `restore`."""

    name = "upscale"
    title = "Upscale"

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker, self._settings = worker, settings
        self.paces = Paces()
        self.models = Models(catalogue, settings, self.paces)
        self.queue = Queue(self.history, recall.last_choices(settings))
        self._thumbs = Thumbs(THUMB, self)
        self.intake = Intake(self.queue, settings, self)
        self._files = Background(self)
        self._awake = Awake()
        self.watcher = Watcher(self)
        self.runner = Runner(worker, self.paces, self)
        self._device_ticket = -1
        self._device = "cpu"
        self._start_when_planned = self._choose_for_first = False
        self._started_with = self.queue.choices
        self._build()
        self._wire()
        worker.updated.connect(self._engine_said)

    # Building

    def _build(self) -> None:
        self.side = QueueSide(self.queue, self._thumbs)
        self.list, self.options, self.run_bar = self.side.list, self.side.options, self.side.run_bar
        self.picture = PictureSide(self._worker, self.paces)
        self.view, self.preview = self.picture.view, self.picture.preview
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.side)
        split.addWidget(self.picture)
        split.setStretchFactor(0, 0)
        split.setStretchFactor(1, 1)
        split.setSizes([440, 760])
        split.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(split)
        # Counting fifty thousand rows takes some milliseconds: not for every piece that comes.
        self._count_soon = QTimer(self)
        self._count_soon.setSingleShot(True)
        self._count_soon.setInterval(150)
        self._count_soon.timeout.connect(self._show_counts)
        self._progress_soon = QTimer(self)
        self._progress_soon.setSingleShot(True)
        self._progress_soon.setInterval(200)
        self._progress_soon.timeout.connect(self._show_progress)

    def _wire(self) -> None:
        side, picture, runner, intake = self.side, self.picture, self.runner, self.intake
        self.queue.changed.append(self._queue_changed)
        side.photos_asked.connect(intake.ask_photos)
        side.folder_asked.connect(intake.ask_folder)
        side.paste_asked.connect(intake.paste)
        side.watch_asked.connect(self._ask_watched)
        side.clear_asked.connect(lambda: self._remove(list(self.queue.rows)))
        self.list.current_row.connect(self._show_row)
        self.list.remove_asked.connect(self._remove)
        self.list.move_asked.connect(lambda rows, by: self.queue.move(rows, by, self.tr("Move photos")))
        self.list.retry_asked.connect(self._again)
        self.options.changed.connect(self.queue.choose)
        self.options.model_chosen.connect(self.choose_model)
        self.options.preset_chosen.connect(self._use_preset)
        self.options.picker.add_file.connect(self.add_model)
        self.options.picker.get_more.connect(self.get_models)
        self.run_bar.start.connect(self.start)
        self.run_bar.pause.connect(runner.pause)
        self.run_bar.resume.connect(runner.resume)
        self.run_bar.stop.connect(runner.stop)
        picture.model_chosen.connect(self.choose_model)
        picture.shown.connect(self._shown)
        picture.unshown.connect(lambda: self.exportable.emit(False))
        picture.message.connect(self.message)
        picture.save_asked.connect(self._save_comparison)
        picture.part_asked.connect(lambda: self._ask_into("_part"))
        picture.preview.timed.connect(self.timed)
        picture.preview.timed.connect(lambda ms, detail: self._say_price())
        picture.preview.went_wrong.connect(self._went_wrong)
        picture.crops.came.connect(lambda name: picture.show_prices(self.queue.choices.target))
        intake.came.connect(self._came)
        intake.planned.connect(self._rows_planned)
        intake.settled.connect(self._settled)
        intake.picture_pasted.connect(self.receive)
        self.watcher.appeared.connect(self._appeared)
        self.watcher.lost.connect(lambda why: self._bad(self.tr("The watched folder cannot be read any more."), why))
        runner.row_changed.connect(self._row_changed)
        runner.tile_came.connect(picture.show_tile)
        runner.state_changed.connect(self._run_state)
        runner.progressed.connect(self._progress_soon.start)
        runner.ended.connect(self._run_ended)
        runner.halted.connect(self._halted)
        runner.journal_failed.connect(lambda said: self._bad(said, self.tr("The job runs, but cannot go on after a crash.")))
        for keys, action in ((QKeySequence.StandardKey.Copy, picture.copy), (QKeySequence.StandardKey.Paste, intake.paste)):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    def _bad(self, what: str, why: str = "") -> None:
        self.noticed.emit(Notice(what, why, bad=True))

    # The window's side

    def restore(self, state: dict[str, Any]) -> None:
        self._device_ticket = self._worker.submit(DeviceRequest())
        self.catalogue_changed()
        self.run_bar.show_state("idle", 0)
        self._show_counts()
        paths = state.get("paths")
        if isinstance(paths, list) and paths:
            self.add([Path(path) for path in paths if isinstance(path, str)])
        if not self.intake.expects:
            self.picture.show_sample()
        self._files.run(recall.interrupted, self._offer_unfinished)

    def state(self) -> dict[str, Any]:
        waiting = [str(row.found.path) for row in self.queue.rows if row.open][:KEPT_PATHS]
        return {"paths": [] if self.runner.state != "idle" else waiting}

    def catalogue_changed(self) -> None:
        self.models.read()
        self.options.picker.set_choices(self.models.choices())
        self.picture.show_models(self.models.groups())
        entry = self.models.wanted(self._device, self.picture.photo_size)
        if entry is None:
            self.noticed.emit(
                Notice(
                    self.tr("There is no model that enlarges photos."),
                    hint=self.tr("The recommended ones are one download away."),
                    button=self.tr("Get models"),
                    action=self.get_models.emit,
                )
            )
        self._use(entry.name if entry else "")

    def choose_model(self, name: str) -> None:
        self._settings.set("upscale.model", name)
        self._use(name)
        if self.preview.now is not None:
            self.preview.try_quickly()

    def open_file(self, path: Path) -> bool:
        if not path.is_dir() and not path.is_file():
            return False
        self.add([path])
        return True

    def receive(self, content: Any) -> None:
        if isinstance(content, np.ndarray):
            self._files.run(lambda: recall.keep_picture(content), self.intake.add_received)
        else:
            super().receive(content)

    def export(self) -> None:
        """Enlarge the photo that is shown as a whole, into a file that is asked for."""
        self._ask_into("")

    def _ask_into(self, mark: str) -> None:
        now, card = self.preview.now, self.models.card
        if now is None or card is None:
            return
        if self.runner.state != "idle":
            self._bad(self.tr("A job is running."), self.tr("Save this photo when it is done, or stop it."))
            return
        path = ask_where(self, self._settings, "upscale.folder", f"{now.path.stem}{mark}_{card.name}.png")
        if path is None:
            return
        if mark:
            self.enlarge_part_into(path)
        else:
            self.enlarge_into(path, now.path, now.photo)

    def enlarge_into(self, path: Path, source: Path, photo: Photo) -> None:
        """Enlarge a photo as a whole into this file; `source` is where it lies."""
        format = EXTENSIONS.get(path.suffix.lower().lstrip("."), "")
        if format not in FORMATS or not FORMATS[format].writable:
            self._bad(self.tr("Ganvas cannot write {} files.").format(path.suffix))
            return
        choices = self.queue.choices
        size = size_for(choices.target, photo.width, photo.height)
        facts = PhotoFacts(photo.format, photo.width, photo.height, photo.channels, photo.bits)
        runs = passes(photo.width, photo.height, size, choices.scale)
        row = Row(Found(source), "ready", facts, Planned(source, "ready", "", path, facts, size, runs, format))
        self._started_with = choices
        self.runner.start([row], choices, self.models.sha256)

    def enlarge_part_into(self, path: Path) -> None:
        """Enlarge the part of the photo that was marked into this file."""
        now, part = self.preview.now, self.preview.marked
        if now is not None and not part.isEmpty():
            area = (part.top(), part.left(), part.height(), part.width())
            photo, stem = now.photo, now.path.stem
            self._files.run(lambda: recall.keep_part(photo, area, stem), lambda kept: self.enlarge_into(path, kept[0], kept[1]))

    def closing(self) -> str:
        if self.runner.state == "idle":
            return ""
        done, total = self.runner.counts
        return self.tr("{0} of {1} photos are done; the job can go on at the next start.").format(f"{done:,}", f"{total:,}")

    def shut(self) -> None:
        self._worker.updated.disconnect(self._engine_said)
        self._count_soon.stop()
        self._progress_soon.stop()
        self._awake.release()
        self.watcher.shut()
        self.runner.shut()
        self.picture.shut()
        self.intake.shut()
        self._thumbs.shut()
        self._files.shut()

    # The list

    def add(self, paths: list[Path]) -> None:
        """Put files and folders on the list."""
        self.intake.add(paths)

    def _came(self, rows: list[Row]) -> None:
        self._choose_for_first = len(rows) == len(self.queue.rows)
        self.list.choose(rows[:1])

    def _rows_planned(self, rows: list[Row]) -> None:
        for row in rows:
            self.list.queue_model.touch(row)
        if self.run_bar.go.isEnabled():
            self._count_soon.start()
        else:
            self._show_counts()

    def _settled(self) -> None:
        self._show_counts()
        self._say_price()
        if self.runner.state in ("running", "paused", "preparing"):
            self._start_when_planned = False
            self.runner.extend([row for row in self.queue.rows if row.state == "ready" and not self.runner.has(row)])
        elif self._start_when_planned:
            self._start_when_planned = False
            self.start()

    def _remove(self, rows: list[Row]) -> None:
        self.runner.withdraw(rows)
        self.queue.remove(rows, self.tr("Remove photos"))

    def _again(self, rows: list[Row]) -> None:
        """Do rows once more, whatever became of them."""
        self._start_when_planned = self.runner.state == "idle"
        for row in rows:
            self._thumbs.forget(row.found.path)
        self.intake.plan_again(rows)
        self.list.queue_model.touch_all()

    # A folder that is watched

    def _ask_watched(self) -> None:
        if self.watcher.folder is not None:
            self.watch(None)
            return
        folder = QFileDialog.getExistingDirectory(self, self.tr("Watch a folder"), self._settings.get("upscale.from", ""))
        if folder:
            self.watch(Path(folder))

    def watch(self, folder: Path | None) -> None:
        """Enlarge what appears in a folder from now on (None: no more)."""
        self.watcher.watch(folder)
        self.side.show_watched(folder)
        self.message.emit(self.tr("Watching {0}").format(folder) if folder else self.tr("No folder is watched"))
        self._show_counts()

    def _appeared(self, paths: list[Path]) -> None:
        self._start_when_planned = self.runner.state == "idle"
        self.add(paths)

    # Choosing

    def _use_preset(self, choices: Choices) -> None:
        entry = self.models.entry(choices.model)
        if entry is not None:
            self._use(entry.name)
        now = self.queue.choices
        self.queue.choose(replace(choices, model=now.model, scale=now.scale, task=now.task), self.tr("Preset"))

    def _use(self, name: str) -> None:
        """Work with this model from now on."""
        self.models.use(name)
        card = self.models.card
        self.options.picker.choose(name)
        self.picture.strip.select(name)
        self.preview.use(card)
        if card is not None:
            task: Task = "translation" if card.task == "translation" else "upscaling"
            target = self.queue.choices.target
            if recall.follows_the_model(self._settings) or task == "translation":
                target = parse_target(f"x{card.scale}")
            self.queue.set_choices(replace(self.queue.choices, model=name, scale=card.scale, target=target, task=task))
        self.picture.bar.here.setEnabled(card is not None)

    def _queue_changed(self, what: str) -> None:
        if what == "choices":
            choices = self.queue.choices
            self.options.show_choices(choices)
            self.preview.strength = choices.strength
            if choices.model:
                recall.keep_choices(self._settings, choices)
            if self.runner.state == "idle":
                self.intake.plan_all(choices)
        self._count_soon.start()
        if what == "choices":
            self._say_price()

    # The picture

    def _show_row(self, row: Row | None) -> None:
        if row is not None:
            self.picture.show_row(row)
            self._say_price()

    def _shown(self, shown: Shown) -> None:
        self.exportable.emit(self.models.card is not None)
        self.titled.emit("" if self.picture.on_sample else shown.path.name)
        if self._choose_for_first and not self._settings.get("upscale.model", ""):
            # Nobody chose a model yet: the best one that has the first photo done within a minute.
            entry = self.models.wanted(self._device, self.picture.photo_size)
            if entry is not None and entry.name != self.queue.choices.model and self.runner.state == "idle":
                self._use(entry.name)
        self._choose_for_first = False
        self.picture.show_prices(self.queue.choices.target)
        self._say_price()

    def _save_comparison(self) -> None:
        """Save the view as it is: before and after in one picture."""
        now = self.preview.now
        if now is None:
            return
        path = ask_where(self, self._settings, "upscale.folder", f"{now.path.stem}_before_after.png")
        if path is None:
            return
        picture = picture_of(self.view.grab().toImage())
        made = {"task": "comparison", "model": self.queue.choices.model, "source": now.path.name}
        self._files.run(
            lambda: recipe.write(path, picture, made, "enlarged"),
            lambda _: self.message.emit(self.tr("Saved to {0}").format(path)),
            lambda error: self._bad(self.tr("The picture was not saved."), _sentence(error)),
        )

    # Prices

    def _say_price(self) -> None:
        """What the choices mean: for the photo that is shown, and for all."""
        card, shown = self.models.card, self.preview.now
        if card is None:
            self.options.say(self.tr("Choose a model first."))
            return
        said = []
        if shown is not None:
            size = self.picture.photo_size
            wanted = size_for(self.queue.choices.target, *size)
            seconds = self.paces.seconds(card, self._device, size, wanted)
            said.append(self.tr("{0:,} × {1:,} px become {2:,} × {3:,}, in about {4}.").format(*size, *wanted, duration(seconds)))
        ready = [row.planned for row in self.queue.rows if row.state == "ready" and row.planned is not None]
        if len(ready) > 1:
            megapixels = sum(one.network_megapixels for one in ready)
            seconds = megapixels / self.paces.expected(card, self._device)
            disk = sum(expected_bytes(one, self.queue.choices.quality) for one in ready)
            said.append(self.tr("All {0:,}: about {1}, {2}.").format(len(ready), duration(seconds), disk_size(disk)))
        self.options.say(" ".join(said))

    # Running

    def start(self) -> None:
        """Enlarge everything that is ready."""
        rows = [row for row in self.queue.rows if row.state == "ready" and row.planned is not None]
        if not rows or self.models.card is None or self.runner.state != "idle":
            return
        choices, sha256 = self.queue.choices, self.models.sha256
        self._started_with = choices
        planned = [row.planned for row in rows if row.planned is not None]

        def begin(obstacle: Failure | None) -> None:
            if obstacle is not None:
                self.noticed.emit(Notice(obstacle.what, obstacle.why, obstacle.hint, bad=True))
                return
            self.runner.start(rows, choices, sha256)

        self._start_when_planned = self.intake.busy  # what is still being looked at is meant too
        self.noticed.emit(None)
        self._files.run(lambda: results.obstacle(choices, planned), begin)

    def _row_changed(self, row: Row) -> None:
        self.list.queue_model.touch(row)
        if row.state == "done":
            self.picture.row_done(row)

    def _run_state(self, state: str) -> None:
        self.options.setEnabled(state == "idle")
        self.picture.job_runs(state != "idle")
        if state == "running":
            self._awake.keep()
        elif state in ("idle", "paused"):
            self._awake.release()
        self._show_counts()
        if state == "idle":
            self.progressed.emit(0, 0, "")

    def _show_progress(self) -> None:
        done, total = self.runner.counts
        progress = self.runner.progress
        if self.runner.state == "idle" or not total:
            return
        left = progress.seconds_left
        parts = [f"{done:,}/{total:,}", f"{progress.rate:.2g} MP/s" if progress.rate else ""]
        parts.append(
            self.tr("paused") if self.runner.state == "paused" else self.tr("{0} left").format(duration(left)) if left else ""
        )
        text = " · ".join(filter(None, parts))
        self.run_bar.say(text, progress.share)
        self.progressed.emit(round(progress.share * 1000), 1000, text)

    def _run_ended(self, outcome: Outcome) -> None:
        if self._started_with != self.queue.choices:  # something else was chosen meanwhile
            self.intake.plan_all(self.queue.choices)
        self._show_counts()
        self._say_price()
        said = self.tr("{0:,} photos enlarged in {1}.").format(outcome.done, duration(outcome.seconds))
        if outcome.done == 1:
            said = self.tr("One photo enlarged in {0}.").format(duration(outcome.seconds))
        self.run_bar.say(said)
        QApplication.alert(self.window())
        if outcome.failed:
            self._tell_failed([row for row in self.runner.rows if row.state == "failed"])
        elif outcome.done and not outcome.stopped:
            target = next((made for row in reversed(self.runner.rows) if (made := result_of(row))), None)
            show = (lambda: show_in_folder(target)) if target else None
            self.noticed.emit(Notice(said, button=self.tr("Show in folder") if target else "", action=show))

    def _tell_failed(self, rows: list[Row]) -> None:
        listed = set(map(id, self.queue.rows))
        if any(id(row) not in listed for row in rows):  # a photo that was saved by itself: no list says why
            self._bad(self.tr("The photo could not be enlarged."), rows[0].reason)
            return
        what = self.tr("{0:,} photos failed; the list says why.").format(len(rows))
        if len(rows) == 1:
            what = self.tr("One photo failed; the list says why.")
        self.noticed.emit(Notice(what, button=self.tr("Do them again"), action=lambda: self._again(rows), bad=True))

    def _halted(self, failure: Failure) -> None:
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, self.tr("Go on"), self.runner.resume, bad=True))

    def _show_counts(self) -> None:
        counts = self.queue.counts()
        self.side.show_counts(counts, self.watcher.folder)
        self.run_bar.show_state(self.runner.state, counts.ready if self.models.card else 0)

    # Going on after a crash

    def _offer_unfinished(self, found: tuple[int, int, int] | None) -> None:
        if found is None or self.queue.rows or self.runner.state != "idle":
            return
        number, done, total = found
        self.noticed.emit(
            Notice(
                self.tr("A job was interrupted: {0:,} of {1:,} photos are done.").format(done, total),
                button=self.tr("Continue"),
                action=lambda: self._files.run(lambda: recall.reopened(number), lambda job: self._go_on_with(number, *job)),
            )
        )

    def _go_on_with(self, number: int, choices: Choices, rows: list[Row]) -> None:
        if self.runner.state != "idle":
            return
        entry = self.models.entry(choices.model)
        if entry is None:
            self.noticed.emit(Notice(self.tr("The model of that job is no longer here."), choices.model, bad=True))
            return
        self._use(entry.name)
        self.queue.set_rows(rows)
        self.queue.set_choices(choices)
        self._started_with = choices
        self.runner.start([row for row in rows if row.state == "ready"], choices, self.models.sha256, number)

    # What the engine says

    def _engine_said(self, ticket: int, update: Update) -> None:
        if ticket != self._device_ticket or not isinstance(update, Done) or not isinstance(update.result, DeviceFacts):
            return
        self._device = self.runner.device = update.result.device
        self.picture.use_device(self._device)
        if self._device != "cpu" and not self._settings.get("upscale.model", ""):
            self.catalogue_changed()

    def _went_wrong(self, failure: Failure) -> None:
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, bad=True))


def _sentence(error: Exception) -> str:
    if isinstance(error, PhotoError):
        return str(error)
    return f"{getattr(error, 'strerror', None) or type(error).__name__}."
