"""Runs the queue: between the worker's signals, the belt and the journal. Lives on the window's thread and never waits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Qt, Signal

from app.inference.devices import threads_beside
from app.inference.requests import DescribeRequest, DeviceFacts, FurtherDevices
from app.inference.updates import Failure, Tile, Update
from app.upscale.conveyor import Conveyor
from app.upscale.crew import Crew, WindowHand
from app.upscale.hands import ProcessHand
from app.upscale.items import Event, Outcome
from app.upscale.journal import JobTaken, JournalError
from app.upscale.noted import Noted, note
from app.upscale.pace import JobProgress, Paces
from app.upscale.plan import Choices, Planned
from app.upscale.queue import AT_WORK, Row
from app.widgets.background import Background

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

log = logging.getLogger(__name__)

RunState = Literal["idle", "preparing", "running", "paused", "stopping"]


class Runner(QObject):
    """One job at a time.

    `row_changed(Row)` tells that a row's state, share or reason changed; `tile_came(Row, Tile, place)` brings a part of a
    photo at work with its place (left, top, width, height as shares); `state_changed(str)` is one of `RunState`; `progressed()`
    means that the figures moved; `ended(Outcome)`; `halted(Failure)`: the job is paused because nothing can be written;
    `journal_failed(str)`: the job runs, but could not be gone on with after a crash; `refused(str)`: it does not run, since
    another program works on it; `device_lost(str)`: a device is left out;
    `outdated(Row)`: it is done, but was painted over since its turn came;
    `memory_refused(str, Failure)`: a further device, by its name, could not take over how much memory it may use.
    """

    row_changed = Signal(object)
    tile_came = Signal(object, object, object)
    state_changed = Signal(str)
    progressed = Signal()
    ended = Signal(object)
    halted = Signal(object)
    journal_failed = Signal(str)
    refused = Signal(str)
    device_lost = Signal(str)
    memory_refused = Signal(str, object)
    outdated = Signal(object)
    _woken = Signal()

    def __init__(self, worker: InferenceWorker, paces: Paces, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state: RunState = "idle"
        self.progress = JobProgress([])
        self.device, self.further = "cpu", FurtherDevices()
        self._worker, self._paces = worker, paces
        self._notes = Background(self)  # all that is written to the journal, in order
        self._processes = Background(self)  # those of further devices are begun and ended there
        self._belt: Conveyor | None = None
        self._rows: list[Row] = []
        self._crew: Crew | None = None
        self._noted: Noted | None = None
        self._stopped_job: int | None = None
        self._supersedes = True  # whether the job at work is of the list's photos
        self._done = self._failed = 0
        self._choices = Choices("", 1)  # of the job at work, or of the last one
        self._places: dict[int, int] = {}  # in the journal
        self._following = 0  # the place there that the next photo gets
        self._coming: list[Row] = []
        self._known: set[int] = set()
        self._over: dict[int, tuple[int, bool]] = {}  # photos that have ended: their place in the rows, and whether they failed
        self._given: dict[int, Planned] = {}  # to the belt, by their place in the rows
        self._gone: set[int] = set()  # places in the rows whose photo was taken off, or is done once more at a later one
        # What the window's own worker says is taken at once, what other threads say when the window has time.
        self._woken.connect(self._pump, Qt.ConnectionType.AutoConnection)

    @property
    def choices(self) -> Choices | None:
        """Of the job at work."""
        return self._belt.choices if self._belt else None

    @property
    def rows(self) -> list[Row]:
        """Those of the job at work, or of the last one."""
        return [row for index, row in enumerate(self._rows) if index not in self._gone]

    @property
    def counts(self) -> tuple[int, int]:
        """Photos of this job that are finished (done or failed), and how many there are."""
        return self._done + self._failed, len(self._rows) - len(self._gone)

    @property
    def devices(self) -> int:
        """How many compute for the job at work."""
        return self._crew.able if self._crew is not None else 0

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being computed: a pause comes at the next tile."""
        return self._crew is None or not self._crew.at_work

    def has(self, row: Row) -> bool:
        """Whether a row belongs to the job at work."""
        return self.state != "idle" and id(row) in self._known

    def is_to_do(self, row: Row) -> bool:
        """Whether the job at work is still to do a row."""
        return self.has(row) and id(row) not in self._over

    @property
    def stopped_job(self) -> int | None:
        """The journal's number of a job that a person stopped: its photos are on the list, and the next job ends it."""
        return self._stopped_job

    def succeeds(self, number: object) -> None:
        """The photos of a job that was stopped before the last start are on the list again: the next job ends it."""
        self._stopped_job = number if isinstance(number, int) else None

    def use_devices(self, facts: DeviceFacts) -> None:
        """What computes, and how much memory it may use: the job at work obeys too."""
        memory = facts.further.memory
        if self._crew is not None and memory is not None and memory != self.further.memory:
            self._crew.allow(memory)
        self.device, self.further = facts.device, facts.further

    def start(self, rows: Sequence[Row], choices: Choices, sha256: str, job: int | None = None, supersedes: bool = True) -> None:
        """Begin with these rows, which are planned and ready. `job` is the journal's number of a job that goes on. `supersedes`:
        its photos are the list's, so that one that was stopped is not gone on with otherwise."""
        if self.state != "idle" or not rows:
            return
        self._rows = list(rows)
        self._known, self._over, self._gone = {id(row) for row in rows}, {}, set()
        self._set_state("preparing")
        planned = [row.planned for row in rows if row.planned is not None]
        superseded, self._supersedes = None, supersedes
        if supersedes and job is None:  # otherwise the photos of one that was stopped are still to join
            superseded = self._end_stopped()

        def begin(noted: Noted | None) -> None:
            self._noted = noted
            self._places, self._following = (noted.places, noted.following) if noted else ({}, 0)
            self._begin(choices, sha256)

        def unnoted(error: Exception) -> None:
            if isinstance(error, JobTaken):  # without the journal each photo would be made twice
                self._rows, self._known, self._coming = [], set(), []
                self._set_state("idle")
                self.refused.emit(str(error))
                return
            said = str(error) if isinstance(error, JournalError) else f"The journal cannot be written: {error}."
            log.info("no journal: %s", error)
            self.journal_failed.emit(said)
            begin(None)

        self._notes.run(partial(note, choices, planned, job, superseded), begin, unnoted)

    def _begin(self, choices: Choices, sha256: str) -> None:
        self._done = self._failed = 0
        self.progress = JobProgress([row.work for row in self._rows])
        self._choices = choices
        told = self.device_lost.emit, self._woken.emit, self.memory_refused.emit
        self._given = {}
        self._crew = crew = Crew(self._worker, self.device, self._processes, *told)
        beside = threads_beside([self.device, *self.further.names])
        hands = WindowHand.holds + ProcessHand.holds * len(self.further.names)
        self._belt = Conveyor(choices, sha256, crew.wake, beside, patient=False, hands=hands)
        if len(self._rows) > 1:
            crew.gather(self.further, DescribeRequest(choices.network))
        for index, row in enumerate(self._rows):
            if row.planned is not None:
                self._given[index] = row.planned
                self._belt.add(index, row.planned)
        stop = self.state == "stopping"
        self._set_state("running")
        coming, self._coming = self._coming, []
        if coming:
            self._take_in(coming)
        if stop:
            self.stop()
        else:
            self._pump()

    def extend(self, rows: Sequence[Row]) -> None:
        """More photos join the job at work, or are to be done once more by it."""
        if self.state == "stopping":
            return
        rows = [row for row in rows if not self.is_to_do(row)]
        for row in rows:
            self._known.add(id(row))
            self._forget_end(row)
        if rows:
            self._take_in(rows)

    def _take_in(self, rows: Sequence[Row]) -> None:
        if self.state == "preparing":
            self._coming += rows
            return
        if self._belt is None or self.state == "stopping":
            return
        first = len(self._rows)
        self._rows += rows
        self.progress.extend([row.work for row in rows])
        planned: list[Planned] = []
        for index, row in enumerate(rows, first):
            if row.planned is not None:
                planned.append(row.planned)
                self._given[index] = row.planned
                self._belt.add(index, row.planned)
        noted = self._noted
        if noted is not None:
            self._places |= {first + i: self._following + i for i in range(len(rows))}
            self._following += len(planned)
            ended = self._end_stopped() if self._supersedes else None
            self._notes.run(lambda: noted.extend(planned, ended), _nothing, self._note_failed)
        self._pump()

    def supersede(self) -> None:
        """From now on the list's photos are those of the job at work: see `start`."""
        self._supersedes = True

    def _end_stopped(self) -> int | None:
        ended, self._stopped_job = self._stopped_job, None
        return ended

    def _forget_end(self, row: Row) -> None:
        """A photo that this job has done, or that failed in it, is to be done once more: the first time does not count."""
        if id(row) not in self._over:
            return
        index, failed = self._over.pop(id(row))
        self._gone.add(index)
        self._failed -= failed
        self._done -= not failed
        self._mark(index, "skipped", "It was done once more.", 0.0)

    def masks_changed(self) -> None:
        """Something was painted over photos: those whose turn has not come are protected by it."""
        if self._belt is None:
            return
        for index, planned in list(self._given.items()):
            now = self._rows[index].planned
            if now is not None and now.mask != planned.mask and self._belt.replan(index, replace(planned, mask=now.mask)):
                self._given[index] = replace(planned, mask=now.mask)
                self._note_mask(index, now.mask)

    def withdraw(self, rows: Sequence[Row]) -> None:
        """These photos were taken off the list: those that are not begun are not done."""
        if self._belt is None:
            return
        gone = {id(row) for row in rows}
        for index, row in enumerate(self._rows):
            if id(row) in gone and self._belt.remove(index):
                self._known.discard(id(row))
                self._gone.add(index)
                self.progress.give_up(index)
                self._mark(index, "skipped", "It was taken off the list.", 0.0)
                self.progressed.emit()

    def arrange(self, rows: Sequence[Row]) -> None:
        """Photos that are not begun are done in the order of these rows."""
        if self._belt is not None:
            places = {id(row): place for place, row in enumerate(rows)}
            self._belt.arrange([places.get(id(row), len(rows)) for row in self._rows])

    def pause(self) -> None:
        """Stop at the next tile; what is made is kept."""
        if self.state != "running" or self._belt is None:
            return
        self._belt.pause()
        for row in self._rows:
            if row.state == "reading":  # let go again, so that a pause gives memory back
                row.state = "ready"
                self.row_changed.emit(row)
        self.progress.pause(True)
        if self._crew is not None:
            self._crew.cancel()
        self._set_state("paused")
        self._pump()

    def resume(self) -> None:
        """Go on after a pause."""
        if self.state != "paused" or self._belt is None:
            return
        self._belt.resume()
        self.progress.pause(False)
        self._set_state("running")
        self._pump()

    def stop(self) -> None:
        """End the job at the next tile. What is finished stays; what is not can be gone on with."""
        if self.state == "preparing":
            self._set_state("stopping")
        if self._belt is None or self.state in ("idle", "stopping"):
            return
        self._set_state("stopping")
        if self._crew is not None:
            self._crew.cancel()
        self._pump()

    def shut(self) -> None:
        """The window closes: finish what is being written, leave the rest to the journal."""
        if self._belt is not None:
            self._belt.close()
            for event in self._belt.collect():
                self._take(event)
            self._belt = None
        self._end_crew()
        self._let_go(ended=False)
        self._notes.shut()
        self._processes.shut()

    # The belt

    def _pump(self) -> None:
        belt, crew = self._belt, self._crew
        if belt is None or crew is None:
            return
        able = crew.able
        crew.take(belt, self._show_tile)
        self._collect(belt)
        if crew.able != able:
            self.progressed.emit()
        if self.state == "stopping":
            if not crew.at_work:
                self._close_belt()
            return
        if self.state == "running":
            crew.hand_out(belt)
            self._collect(belt)
        if belt.halted is not None and belt.idle and self.state == "running":
            belt.pause()
            self.progress.pause(True)
            self._set_state("paused")
            self.halted.emit(belt.halted)
        if belt.finished and not crew.at_work:
            belt.close()
            self._belt = None
            self._end(Outcome(self._done, self._failed, self.progress.seconds))

    def _collect(self, belt: Conveyor) -> None:
        for event in belt.collect():
            self._take(event)

    def _show_tile(self, index: int, update: Update) -> None:
        if isinstance(update, Tile) and self._belt is not None:
            self.tile_came.emit(self._rows[index], update, self._belt.place_of(index, update))

    def _end_crew(self) -> None:
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.close()

    def _close_belt(self) -> None:
        """Wait for what is just being written beside the window, then end."""
        belt, self._belt = self._belt, None
        assert belt is not None

        def closed(_: object) -> None:
            self._collect(belt)
            for row in self._rows:
                if row.state in AT_WORK:
                    row.state, row.share = "ready", 0.0
                    self.row_changed.emit(row)
            self._end(Outcome(self._done, self._failed, self.progress.seconds, stopped=True))

        self._notes.run(belt.close, closed)

    def _end(self, outcome: Outcome) -> None:
        to_go_on_with = outcome.stopped and self._supersedes
        if to_go_on_with and self._noted is not None:
            if (ended := self._end_stopped()) is not None:
                self._notes.run(partial(self._noted.extend, (), ended), _nothing, self._note_failed)
            self._stopped_job = self._noted.number
        self._end_crew()
        self._let_go(ended=not to_go_on_with)
        paces = self._paces
        self._notes.run(paces.keep, _nothing)
        self._set_state("idle")
        self.progressed.emit()
        self.ended.emit(outcome)

    def _take(self, event: Event) -> None:
        row = self._rows[event.index]
        before, repainted = (row.state, row.share), False
        row.state, row.share = event.stage, event.share
        if event.stage in ("done", "failed"):
            self._over[id(row)] = event.index, event.stage == "failed"
        if event.stage == "done":
            self._done += 1
            row.finish(event, self._choices)
            self._paces.note(self._choices.model, self.device, row.work * self._choices.effort, event.network_seconds)
            self._mark(event.index, "done", "", event.seconds, event.output)
            given = self._given.get(event.index)
            repainted = row.planned is not None and given is not None and row.planned.mask != given.mask
        elif event.stage == "failed":
            self._failed += 1
            row.reason = str(event.failure or Failure("It failed."))
            self._mark(event.index, "failed", row.reason, event.seconds)
        self.progress.follow(event.index, event.stage, event.share)
        if before != (row.state, row.share):
            self.row_changed.emit(row)
            self.progressed.emit()
        if repainted:
            self.outdated.emit(row)

    # The journal

    def _mark(
        self, index: int, state: Literal["done", "failed", "skipped"], reason: str, seconds: float, output: Path | None = None
    ) -> None:
        noted, place = self._noted, self._places.get(index) if self._noted else None
        if noted is not None and place is not None:
            mark = partial(noted.journal.mark, noted.number, place, state, reason, seconds, output)
            self._notes.run(mark, _nothing, self._note_failed)

    def _note_mask(self, index: int, mask: Path | None) -> None:
        noted, place = self._noted, self._places.get(index)
        if noted is not None and place is not None:
            at = place
            self._notes.run(lambda: noted.journal.protect(noted.number, at, mask), _nothing, self._note_failed)

    def _note_failed(self, error: Exception) -> None:
        log.info("the journal: %s", error)
        self.journal_failed.emit(f"The journal cannot be written: {error}.")

    def _let_go(self, ended: bool) -> None:
        noted, self._noted = self._noted, None
        if noted is not None:
            self._notes.run(partial(noted.close, ended), _nothing, self._note_failed)

    def _set_state(self, state: RunState) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)


def _nothing(_: object) -> None:
    """Nothing follows."""
