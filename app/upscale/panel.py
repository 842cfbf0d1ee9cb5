"""Upscale: one photo or twenty thousand, enlarged, restored or transformed, seen before and after."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.inference.requests import DeviceFacts, DeviceRequest
from app.inference.updates import Done, Update
from app.settings import Settings
from app.upscale import recall
from app.upscale.intake import Intake
from app.upscale.job import Job
from app.upscale.missing import Missing
from app.upscale.models_here import Models
from app.upscale.pace import Paces
from app.upscale.picture_side import PictureSide
from app.upscale.plan import Choices
from app.upscale.preview import Shown
from app.upscale.prices import JobPrices, price_of
from app.upscale.protecting import Protector
from app.upscale.queue import Queue, Row
from app.upscale.queue_side import QueueSide
from app.upscale.running import Runner
from app.upscale.saving import Saver
from app.upscale.sizes import parse_target
from app.upscale.thumbs import Thumbs
from app.upscale.watched import WatchedFolder
from app.upscale.watching import Watcher
from app.widgets.background import Background
from app.widgets.panel import Notice, Panel

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.catalogue import Catalogue

THUMB = 96


class UpscalePanel(Panel):
    """See the module. Asks the worker for everything and never waits. Nothing happens before `restore`."""

    name = "upscale"
    title = "Upscale"

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker, self._settings = worker, settings
        self.paces = Paces()
        self.models = Models(catalogue, settings, self.paces)
        self.queue = Queue(self.history, recall.last_choices(settings), held=lambda row: self.runner.has(row))
        self._thumbs = Thumbs(THUMB, self)
        self.intake = Intake(self.queue, settings, self)
        self._files = Background(self)
        self.watcher = Watcher(self)
        self.missing = Missing(self)
        self.runner = Runner(worker, self.paces, self)
        self._device_ticket = -1
        self._device = "cpu"
        self._choose_for_first, self._priced = False, 0
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
        self.job = Job(self.queue, self.models, self.intake, self.runner, self.run_bar, self)
        self.protector = Protector(self.view, self.preview, self.queue, self._settings, self)
        self.picture.above.addWidget(self.protector.bar)
        self.saver = Saver(self.preview, self.models, self.queue, self.job, settings=self._settings, window=self)
        # Counting fifty thousand rows takes some milliseconds: not for every piece that comes.
        self._count_soon = QTimer(self, singleShot=True, interval=150)
        self._count_soon.timeout.connect(self._show_counts)
        self._price_soon = QTimer(self, singleShot=True, interval=300)
        self._price_soon.timeout.connect(self._say_price)
        self._keep_soon = QTimer(self, singleShot=True, interval=500)
        self._keep_soon.timeout.connect(lambda: recall.keep_looks(self._settings, self.queue.choices))
        # A slider is dragged, a brush stroked: the network is asked again when the hand rests.
        self._retry_soon = QTimer(self, singleShot=True, interval=500)
        self._retry_soon.timeout.connect(self._retry)

    def _wire(self) -> None:
        side, picture, runner, intake = self.side, self.picture, self.runner, self.intake
        self.queue.changed.append(self._queue_changed)
        side.photos_asked.connect(intake.ask_photos)
        side.folder_asked.connect(intake.ask_folder)
        side.paste_asked.connect(intake.paste)
        watched = WatchedFolder(self.watcher, intake, self.queue, self.job, runner, self._plan_again)
        side.watch_asked.connect(lambda: watched.ask(self, self._settings, self.watch))
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
        self.run_bar.start.connect(self.job.begin)
        self.run_bar.pause.connect(runner.pause)
        self.run_bar.resume.connect(runner.resume)
        self.run_bar.stop.connect(runner.stop)
        picture.model_chosen.connect(self.choose_model)
        picture.shown.connect(self._shown)
        picture.unshown.connect(lambda: self.exportable.emit(False))
        picture.unshown.connect(self._say_price)
        picture.message.connect(self.message)
        picture.save_asked.connect(lambda: self.saver.ask_comparison(self.view))
        picture.part_asked.connect(self.saver.ask_part)
        picture.preview.timed.connect(self.timed)
        picture.preview.timed.connect(lambda ms, detail: self._say_price())
        picture.preview.went_wrong.connect(lambda failure: self._bad(failure.what, failure.why, failure.hint))
        picture.crops.came.connect(lambda name: self._price_soon.start())
        intake.came.connect(self._came)
        intake.planned.connect(self._rows_planned)
        intake.settled.connect(self._settled)
        intake.picture_pasted.connect(self.receive)
        intake.nothing_came.connect(self._nothing_came)
        intake.came_again.connect(self._plan_again)
        self.watcher.lost.connect(lambda why: self._bad(self.tr("The watched folder cannot be read any more."), why))
        runner.row_changed.connect(self._row_changed)
        runner.outdated.connect(lambda row: self._repainted([row]))
        runner.tile_came.connect(picture.show_tile)
        runner.state_changed.connect(self._run_state)
        job, saver = self.job, self.saver
        self.missing.noticed.connect(self.noticed)
        self.missing.get_models.connect(self.get_models)
        job.noticed.connect(self.noticed)
        job.progressed.connect(self.progressed)
        job.again.connect(self._again)
        job.look.connect(self.list.choose)
        job.model_wanted.connect(self._use)
        job.ended.connect(self._show_counts)
        job.ended.connect(self._say_price)
        saver.noticed.connect(self.noticed)
        saver.message.connect(self.message)
        protector, looks = self.protector, self.options.looks
        looks.paint_asked.connect(lambda: protector.paint(not protector.layer.active))
        looks.mask_asked.connect(protector.ask_file)
        looks.mask_dropped.connect(protector.drop)
        protector.noticed.connect(self.noticed)
        protector.again.connect(self._repainted)
        protector.changed.connect(self._retry_soon.start)
        for keys, action in ((QKeySequence.StandardKey.Copy, picture.copy), (QKeySequence.StandardKey.Paste, intake.paste)):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    def _bad(self, what: str, why: str = "", hint: str = "") -> None:
        self.noticed.emit(Notice(what, why, hint, bad=True))

    # The window's side

    def restore(self, state: dict[str, Any]) -> None:
        self._device_ticket = self._worker.submit(DeviceRequest())
        self.catalogue_changed()
        self._show_counts()
        photos = kept if isinstance(kept := state.get("photos"), list) else []
        if next(recall.kept_photos(photos), None) is not None:
            self.intake.add_kept(photos)
            self.runner.succeeds(state.get("job"))
        else:
            self.picture.show_sample()
        if isinstance(left_out := state.get("left_out"), int) and left_out > 0:
            self.missing.photos(len(photos), left_out)
        self.job.offer_unfinished()

    def state(self) -> dict[str, Any]:
        waiting = (row.found for row in self.queue.rows if row.open and not self.runner.has(row))  # the journal has the others
        return {**recall.keep_photos(waiting, self.intake.still_coming()), "job": self.runner.stopped_job}

    def catalogue_changed(self) -> None:
        self.models.read()
        self.options.picker.set_choices(self.models.choices())
        self.picture.show_models(self.models.groups())
        entry = self.models.wanted(self._device, self.picture.photo_size)
        gone, mixed = self.models.forget_gone() if entry else "", self.queue.choices.other
        self._use(entry.name if entry else "")
        if entry is None:
            self.missing.any_model()
        elif gone:
            self.missing.model(gone, entry.card.title)
        elif mixed and not self.queue.choices.other:
            self.missing.second(mixed)

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

    def _nothing_came(self, paths: list[Path]) -> None:
        names = ", ".join(path.name for path in paths[:3]) + ("…" if len(paths) > 3 else "")
        hint = "" if self.queue.rows else self.tr("To add a model, drop its file.")
        self.noticed.emit(Notice(self.tr("No new photo came from {}.").format(names), hint=hint))

    def receive(self, content: Any) -> None:
        if isinstance(content, np.ndarray):
            self._files.run(lambda: recall.keep_picture(content), self.intake.add_received)
        else:
            super().receive(content)

    def export(self) -> None:
        """Enlarge the photo that is shown as a whole, into a file that is asked for."""
        self.saver.ask_whole()

    def closing(self) -> str:
        return self.job.closing()

    def shut(self) -> None:
        self._worker.updated.disconnect(self._engine_said)
        if self._keep_soon.isActive():
            recall.keep_looks(self._settings, self.queue.choices)
        self._keep_soon.stop()
        self._count_soon.stop()
        self._retry_soon.stop()
        self._price_soon.stop()
        self.watcher.shut()
        self.job.shut()
        self.runner.shut()
        self.saver.shut()
        self.protector.shut()
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
        # What appears in a watched folder tears no stroke off; nor would the next one be meant for it.
        if not self.protector.layer.active or self.watcher.folder not in rows[0].found.path.parents:
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
        self.job.go_on_with_planned()

    def _remove(self, rows: list[Row]) -> None:
        self.runner.withdraw(rows)
        self.queue.remove(rows, self.tr("Remove photos"))

    def _again(self, rows: list[Row]) -> None:
        """Do rows once more, whatever became of them, and no others."""
        self.job.enlarge(row.found.path for row in rows)
        self._plan_again(rows)

    def _repainted(self, rows: list[Row]) -> None:
        """Photos that were done are protected otherwise. One of the job at work is done once more by it: its result was not asked
        for as it is."""
        rows = [row for row in rows if row.planned is not None]  # the others are just being looked at
        of_job = [row for row in rows if row.made_by is not None and self.runner.has(row)]
        if self.runner.state != "stopping":
            self.job.enlarge(row.found.path for row in of_job)
        self._plan_again(rows, of_job)

    def _plan_again(self, rows: list[Row], replaced: Collection[Row] = ()) -> None:
        if not rows:
            return
        for row in rows:
            self._thumbs.forget(row.found.path)
        self.picture.look_again({row.found.path for row in rows})
        self.intake.plan_again(rows, replaced)
        self.list.queue_model.touch_all()

    # A folder that is watched

    def watch(self, folder: Path | None) -> None:
        """Enlarge what appears in a folder from now on (None: no more)."""
        self.watcher.watch(folder)
        self.side.show_watched(folder)
        self.message.emit(self.tr("Watching {0}").format(folder) if folder else self.tr("No folder is watched"))
        self._show_counts()

    # Choosing

    def _use_preset(self, choices: Choices) -> None:
        fitting = replace(self.models.fitting(choices), protect=self.queue.choices.protect)  # a mask is of one shape of photos
        self.queue.choose(fitting, self.tr("Preset"))
        self.missing.of_preset(choices, fitting)

    def _use(self, name: str) -> None:
        """Work with this model from now on."""
        self._show_model(name)
        card = self.models.card
        if card is not None:
            choices = self.models.fitting(replace(self.queue.choices, model=name))
            if recall.follows_the_model(self._settings) or choices.task == "translation":
                choices = replace(choices, target=parse_target(f"x{card.scale}"))
            self.queue.set_choices(choices)
        self.picture.bar.here.setEnabled(card is not None)

    def _show_model(self, name: str) -> None:
        self.models.use(name)
        self.options.picker.choose(name)
        self.picture.strip.select(name)
        self.preview.use(self.models.card)
        self.options.looks.show_others(self.models.alike())

    def _follow(self, choices: Choices) -> bool:
        """Take the model of choices that a step of the history or a preset brought; False where others were to be set: a model
        of theirs is gone."""
        card, fitting = self.models.card, self.models.fitting(choices)
        if card is None or (choices.model == card.name == fitting.model and choices.other == fitting.other):
            return True
        if fitting != choices:
            self.queue.set_choices(fitting)
            return False
        self._settings.set("upscale.model", choices.model)
        self._show_model(choices.model)
        self._retry_soon.start()
        return True

    def _queue_changed(self, what: str) -> None:
        if what == "choices":
            choices = self.queue.choices
            if not self._follow(choices):
                return
            self.options.show_choices(choices)
            before, self.preview.choices = self.preview.choices, choices
            if before.looks != choices.looks and before.model == choices.model:
                self._retry_soon.start()
            if choices.model:
                recall.keep_choices(self._settings, choices)
                self._keep_soon.start()
            if self.runner.state == "idle":
                self.intake.plan_all(choices)
        elif what == "masks":
            self.runner.masks_changed()
        elif what == "rows" and self.job.runs:
            self.job.go_on_with_planned()  # one that was taken off is back
        if what != "choices":
            self.worth_keeping.emit()
        self._count_soon.start()
        self.options.looks.show_painted(self.protector.painted)
        if what == "choices":
            self._say_price()

    def _retry(self) -> None:
        """Something of the picture was chosen anew: show what it means, while nothing more important is at work."""
        if self.preview.now is not None and not self.job.runs:
            self.preview.try_quickly()

    # The picture

    def _show_row(self, row: Row | None) -> None:
        if row is not None:
            self.picture.show_row(row)
            self._say_price()

    def _shown(self, shown: Shown) -> None:
        self.exportable.emit(self.models.card is not None)
        self.protector.look_at(self.picture.row)
        self.titled.emit("" if self.picture.on_sample else shown.path.name)
        if self._choose_for_first and not self._settings.get("upscale.model", ""):
            # Nobody chose a model yet: the best one that has the first photo done within a minute.
            entry = self.models.wanted(self._device, self.picture.photo_size)
            if entry is not None and entry.name != self.queue.choices.model and self.runner.state == "idle":
                self._use(entry.name)
        self._choose_for_first = False
        self._say_price()

    def _row_changed(self, row: Row) -> None:
        self.list.queue_model.touch(row)
        if row.state in ("done", "failed") and not self._count_soon.isActive():  # put off by each, it would come at the end
            self._count_soon.start()
        if row.state == "done":
            self.picture.row_done(row)

    def _run_state(self, state: str) -> None:
        self.worth_keeping.emit()  # a job that has begun is the journal's: its photos do not wait on the list as well
        self.options.setEnabled(state == "idle")
        self.picture.job_runs(state != "idle")
        self._show_counts()

    def _say_price(self) -> None:
        self._priced += 1
        ticket, choices, card, devices = self._priced, self.queue.choices, self.models.card, 1 + len(self.runner.further.names)
        size = self.picture.photo_size if self.preview.now is not None else None
        ready = [row.planned for row in self.queue.rows if row.state == "ready" and row.planned is not None]

        def say(prices: JobPrices) -> None:
            if ticket == self._priced:
                self.options.say(price_of(choices, card, self.paces, self._device, size, prices))
                self.picture.show_prices(choices, prices)

        # Fifty thousand photos take a moment to be counted.
        self._files.run(lambda: JobPrices(ready, choices, self.paces, self._device, devices), say)

    def _show_counts(self) -> None:
        counts = self.queue.counts()
        self.side.show_counts(counts, self.watcher.folder)
        self.run_bar.show_state(self.runner.state, self.job.can_begin(counts))

    # What the engine says

    def _engine_said(self, ticket: int, update: Update) -> None:
        if not isinstance(update, Done) or not isinstance(update.result, DeviceFacts):
            return
        self.runner.use_devices(update.result)
        if ticket != self._device_ticket:  # the window asked, about their memory
            return
        self._device = update.result.device
        self.picture.use_device(self._device)
        if self._device != "cpu" and not self._settings.get("upscale.model", ""):
            self.catalogue_changed()
