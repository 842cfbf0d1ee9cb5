"""The job of the panel: begun, seen to run, told of at its end, and gone on with after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.inference.updates import Failure
from app.upscale import recall, results
from app.upscale.afterwards import Then
from app.upscale.awake import Awake
from app.upscale.bars import RunBar
from app.upscale.farewell import Farewell
from app.upscale.intake import Intake
from app.upscale.items import Outcome, in_words
from app.upscale.models_here import Models
from app.upscale.pace import duration, speed
from app.upscale.plan import Choices
from app.upscale.queue import Counts, Queue, Row
from app.upscale.queue_list import result_of, show_in_folder
from app.upscale.running import Runner
from app.widgets.background import Background
from app.widgets.panel import Notice

# Whose photos a job does: all of the list, those that were asked for (they came by a watched folder, or are to be done once
# more), or one that is saved by itself.
Scope = Literal["list", "asked", "alone"]


class Job(QObject):
    """See the module. `noticed(Notice)` and `progressed(done, total, text)` are for the window; `again(rows)` wants rows to be
    done once more, `look(rows)` to be shown, `model_wanted(name)` another model to be taken; `ended()`: nothing runs any more."""

    noticed = Signal(object)
    progressed = Signal(int, int, str)
    again = Signal(object)
    look = Signal(object)
    model_wanted = Signal(str)
    ended = Signal()

    def __init__(self, queue: Queue, models: Models, intake: Intake, runner: Runner, bar: RunBar, window: QWidget) -> None:
        super().__init__(window)
        self._queue, self._models, self._intake, self._runner, self._bar = queue, models, intake, runner, bar
        self._window = window
        self._files = Background(self)
        self._awake = Awake()
        self.farewell = Farewell(window)
        self.farewell.noticed.connect(self.noticed)
        bar.then.connect(self._wish)
        self._wanted = False  # the whole list, as soon as everything is planned
        self._asked: set[Path] = set()  # these alone, as soon as they are planned
        self._looking = False  # whether what was asked for can be written
        self._scope: Scope = "list"  # of the one at work, or of the last one
        self._started_with = queue.choices
        self._progress_soon = QTimer(self)
        self._progress_soon.setSingleShot(True)
        self._progress_soon.setInterval(200)
        self._progress_soon.timeout.connect(self._show_progress)
        runner.state_changed.connect(self._state_changed)
        runner.progressed.connect(self._progressed)
        runner.ended.connect(self._run_ended)
        runner.halted.connect(self._halted)
        runner.journal_failed.connect(self._journal_failed)
        runner.refused.connect(self._refused)
        runner.device_lost.connect(lambda said: self.noticed.emit(Notice(said, self.tr("The job goes on without it."), bad=True)))
        runner.memory_refused.connect(self._memory_refused)

    @property
    def runs(self) -> bool:
        """Whether one is at work, or paused."""
        return self._runner.state != "idle"

    # Beginning

    def can_begin(self, counts: Counts) -> bool:
        """Whether there is something to do that is not being done."""
        if self._models.card is None:
            return False
        if self.runs:
            return self._scope == "asked" and any(not self._runner.has(row) for row in self._ready())
        return counts.ready > 0 or (not counts.looking and next(self._queue.done_otherwise(), None) is not None)

    def begin(self) -> None:
        """A person wants it: enlarge everything that is ready, or what was done otherwise once more where nothing is. It joins a
        job of photos that were asked for."""
        if self.runs:
            if self._scope == "asked":
                self._scope = "list"
                self._runner.supersede()
                self.go_on_with_planned()
        elif self._ready():
            self.start()
        elif again := list(self._queue.done_otherwise()):
            self.again.emit(again)

    def start(self) -> None:
        """Enlarge everything that is ready, and what is still being looked at."""
        self._start("list")

    def _start(self, scope: Scope) -> None:
        rows = self._ready(scope)
        if not rows or self._models.card is None or self.runs:
            return
        if self._looking:
            self._wanted = self._wanted or scope == "list"
            return
        if self._intake.plans_anew:  # other choices than those that some rows are planned with
            self._wanted = self._wanted or scope == "list"
            self._say_waiting()
            return
        choices = self._queue.choices
        planned = [row.planned for row in rows if row.planned is not None]

        def looked(obstacle: Failure | None) -> None:
            self._looking = False
            meant: Scope = "list" if self._wanted else scope
            self._wanted = False
            if obstacle is not None:
                self._want_nothing()
                self._bar.say("")
                self.noticed.emit(Notice(obstacle.what, obstacle.why, obstacle.hint, bad=True))
            elif self.runs:
                self._wanted = meant == "list"  # a photo was saved by itself meanwhile
            elif (
                self._queue.choices != choices
                or self._intake.plans_anew
                or meant != scope
                or (self._ready(scope) != rows and not self._intake.busy)
            ):
                self._start(meant)  # something else, or more, is meant by now
            else:
                self.run(self._ready(scope), scope=scope)  # what is still to be planned joins it

        self._looking = True
        self.noticed.emit(None)
        self._files.run(lambda: results.obstacle(choices, planned), looked, lambda error: looked(in_words(error)))

    def _ready(self, scope: Scope = "list") -> list[Row]:
        ready = [row for row in self._queue.rows if row.state == "ready" and row.planned is not None]
        return ready if scope == "list" else [row for row in ready if row.found.path in self._asked]

    def run(self, rows: list[Row], number: int | None = None, scope: Scope = "list") -> None:
        """Begin with these rows as they are planned; `number` is the journal's of a job that goes on. Photos that are planned
        later join one of the list, and one of photos that were asked for where they are such."""
        self._scope = scope
        self._asked -= {row.found.path for row in rows}
        self.farewell.stop()
        self._queue.history.seal()  # what is chosen after it is another step than what it is done with
        self._started_with = self._queue.choices
        # One that was stopped is gone on with by what does its photos. Where there is none, what is stopped now can be.
        supersedes = scope == "list" or (scope == "asked" and self._runner.stopped_job is None)
        # What is saved by itself goes elsewhere than the list's results, whose folder may be gone.
        choices = replace(self._queue.choices, into=None) if scope == "alone" else self._queue.choices
        self._runner.start(rows, choices, self._models.sha256, number, supersedes=supersedes)

    def enlarge(self, photos: Iterable[Path]) -> None:
        """Do these photos, and no others, as soon as they are planned: what else is on the list waits there for a person, who may
        have stopped it, or only looks at it."""
        paths = set(photos)
        self._asked |= paths
        if paths:
            self._say_waiting()

    def _say_waiting(self) -> None:
        if not self.runs:
            self._bar.say(self.tr("Starts as soon as every photo has been looked at…"))

    def _want_nothing(self) -> None:
        self._wanted = False
        self._asked.clear()

    def go_on_with_planned(self) -> None:
        """Everything is planned now: what came while a job runs joins it, where it is a job of such photos."""
        if self._runner.state in ("running", "paused", "preparing"):
            self._join()
            self._runner.arrange(self._queue.rows)  # what joins is not always the last of the list, and some may have been moved
        elif (self._wanted or self._asked) and not (self._looking or self.runs):
            scope: Scope = "list" if self._wanted else "asked"
            self._wanted = False
            self._bar.say("")
            self._start(scope)
        if not (self._intake.busy or self._looking):  # what is not ready now is no photo, or none that can be done
            self._asked &= {row.found.path for row in self._ready()}

    def _join(self) -> None:
        if self._scope == "alone":
            return  # the list's turn comes at its end
        joining = [row for row in self._ready() if not self._runner.is_to_do(row)]
        if self._scope == "asked":
            joining = [row for row in joining if row.found.path in self._asked or self._runner.has(row)]
        else:
            self._wanted = False
        self._asked -= {row.found.path for row in joining}
        self._runner.extend(joining)

    # Going on after a crash

    def offer_unfinished(self) -> None:
        """Ask whether to go on with a job that did not come to its end, where there is one."""
        self._files.run(recall.interrupted, self._offer)

    def _offer(self, found: tuple[int, int, int] | None) -> None:
        if found is None or self.runs or found[0] == self._runner.stopped_job:  # whose photos are on the list already
            return
        number, done, total = found

        def cannot(error: Exception) -> None:
            self.noticed.emit(replace(offer, hint=str(error)))

        def go_on(job: tuple[Choices, list[Row]] | None = None) -> None:
            if self.runs:  # since that was read, perhaps
                self.noticed.emit(replace(offer, hint=self.tr("It can go on once the job at work has ended.")))
            elif job is None:
                self._files.run(lambda: recall.reopened(number), go_on, cannot)
            else:
                self._go_on_with(number, *job)

        said = self.tr("A job was interrupted: {0:,} of {1:,} photos are done.").format(done, total)
        offer = Notice(said, button=self.tr("Continue"), action=go_on, lasts=True)
        self.noticed.emit(offer)

    def _go_on_with(self, number: int, choices: Choices, rows: list[Row]) -> None:
        entry = self._models.entry(choices.model)
        if entry is None:
            self.noticed.emit(Notice(self.tr("The model of that job is no longer here."), choices.model, bad=True))
            return
        if self._models.fitting(choices).other != choices.other:
            self.noticed.emit(Notice(self.tr("The second model of that job is no longer here."), choices.other, bad=True))
            return
        self.model_wanted.emit(entry.name)
        again = {row.found.path for row in rows if row.open}
        since = [row for row in self._queue.rows if row.found.path not in again]  # added while it was offered
        self._intake.know(rows)
        self._queue.set_rows([*rows, *since])
        self._queue.set_choices(choices)
        waiting = [row for row in rows if row.state == "ready"]
        self.run(waiting, number)
        self.look.emit(waiting[:1])

    # At work

    def closing(self) -> str:
        """What the window says before it closes; "" where nothing runs."""
        if not self.runs:
            return ""
        done, total = self._runner.counts
        return self.tr("{0} of {1} photos are done; the job can go on at the next start.").format(f"{done:,}", f"{total:,}")

    def _state_changed(self, state: str) -> None:
        if state == "running":
            self._runner.arrange(self._queue.rows)  # some may have been moved while it was prepared
            self._awake.keep()
        elif state in ("idle", "paused"):
            self._awake.release()
        if state == "stopping" and self._scope != "alone":
            self._want_nothing()  # what came until then is stopped as well
        if state == "idle":
            self.progressed.emit(0, 0, "")

    def _progressed(self) -> None:
        if not self._progress_soon.isActive():  # put off by each small photo, it would come at the end
            self._progress_soon.start()

    def _show_progress(self) -> None:
        done, total = self._runner.counts
        progress = self._runner.progress
        if not self.runs or not total:
            return
        left = progress.seconds_left
        parts = [f"{done:,}/{total:,}", speed(progress.rate) if progress.rate else ""]
        if self._runner.devices > 1:
            parts.append(self.tr("{0} devices").format(self._runner.devices))
        if self._runner.state == "paused":
            parts.append(self.tr("paused"))
        elif left:
            parts.append(self.tr("{0} left").format(duration(left)))
        text = " · ".join(filter(None, parts))
        self._bar.say(text, progress.share)
        self.progressed.emit(round(progress.share * 1000), 1000, text)

    def _halted(self, failure: Failure) -> None:
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, self.tr("Go on"), self._runner.resume, bad=True))

    def _journal_failed(self, said: str) -> None:
        self.noticed.emit(Notice(said, self.tr("The job runs, but cannot go on after a crash."), bad=True))

    def _refused(self, said: str) -> None:
        self.noticed.emit(Notice(said, hint=self.tr("Wait until it has ended, or clear the list."), bad=True))

    def _memory_refused(self, device: str, failure: Failure) -> None:
        said = self.tr("{0} goes on with the graphics memory that it had.").format(device)
        self.noticed.emit(Notice(said, f"{failure.what} {failure.why}".strip(), failure.hint, bad=True))

    # At its end

    def _run_ended(self, outcome: Outcome) -> None:
        if self._started_with != self._queue.choices:  # something else was chosen meanwhile
            self._intake.plan_all(self._queue.choices)
        self.ended.emit()
        said = self.tr("{0:,} photos enlarged in {1}.").format(outcome.done, duration(outcome.seconds))
        if outcome.done == 1:
            said = self.tr("One photo enlarged in {0}.").format(duration(outcome.seconds))
        self._bar.say(said)
        self._tell(outcome, said)
        if outcome.failed:
            self._tell_failed([row for row in self._runner.rows if row.state == "failed"])
        elif outcome.done and not outcome.stopped:
            target = next((made for row in reversed(self._runner.rows) if (made := result_of(row))), None)
            show = (lambda: show_in_folder(target)) if target else None
            # No list tells of a photo that was saved by itself what was done to it (the first frame alone, other colours).
            told = self._runner.rows[0].reason if self._scope == "alone" else ""
            self.noticed.emit(Notice(said, told, button=self.tr("Show in folder") if target else "", action=show))
        if (self._wanted or self._asked) and not self._intake.busy:  # what did not belong to it
            self.go_on_with_planned()

    def _wish(self, then: Then) -> None:
        self.farewell.then = then

    def _tell(self, outcome: Outcome, said: str) -> None:
        """Tell those who look elsewhere; then the machine may sleep, unless a person ended the job."""
        if outcome.stopped:
            self.farewell.stop()
        else:
            counted = self.tr("{0:,} photos failed.").format(outcome.failed) if outcome.failed else ""
            if outcome.failed == 1:
                counted = self.tr("One photo failed.")
            self.farewell.tell(" ".join(filter(None, (said, counted))))
            self.farewell.leave()
        self._bar.show_then("nothing")

    def _tell_failed(self, rows: list[Row]) -> None:
        listed = set(map(id, self._queue.rows))
        if any(id(row) not in listed for row in rows):  # a photo that was saved by itself: no list says why
            self.noticed.emit(Notice(self.tr("The photo could not be enlarged."), rows[0].reason, bad=True))
            return
        what = self.tr("{0:,} photos failed; the list says why.").format(len(rows))
        if len(rows) == 1:
            what = self.tr("One photo failed; the list says why.")
        show = (self.tr("Show them") if len(rows) > 1 else self.tr("Show it"), lambda: self.look.emit(rows))
        again = self.tr("Do them again") if len(rows) > 1 else self.tr("Do it again")
        self.noticed.emit(Notice(what, button=again, action=lambda: self.again.emit(rows), bad=True, choices=(show,)))

    def shut(self) -> None:
        """The window closes."""
        self._progress_soon.stop()
        self._awake.release()
        self.farewell.shut()
        self._files.shut()
