"""The landscape follows the hand: quick pictures while it moves, the full one when it rests, one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.inference.requests import PaintRequest
from app.inference.updates import ENDINGS, Done, Failure, Frame, Picture, Remark, Update
from app.inference.worker import InferenceWorker

LANE = "paint"
REST_MS = 180  # a hand that changes nothing for so long rests: the full picture is asked for

State = Literal["idle", "working", "finishing", "paused", "failed"]


class Live(QObject):
    """Asks the worker for landscapes. `make(hurry)` gives the request of the drawing as it is now, or None while there is no
    model.

    `answered(picture, request, milliseconds, resolution, final)` brings every picture, `failed(Failure)` what went wrong,
    `state_changed(state)` what it is doing: "working" on a picture, "finishing" one that is shown already, "paused" ...
    `moved_on()` tells that the drawing as it was is not worked on any more, `remarked(text)` what is to be said of a picture.
    """

    answered = Signal(object, object, float, int, bool)
    failed = Signal(object)
    state_changed = Signal(str)
    settled = Signal()
    moved_on = Signal()
    remarked = Signal(str)

    def __init__(
        self, worker: InferenceWorker, make: Callable[[bool], PaintRequest | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._worker, self._make = worker, make
        self._state: State = "idle"
        self.changes = 0  # how often the drawing changed: which state it is in
        self.remark = ""  # what is to be said of the finished picture
        self._draft: int | None = None
        self._full: int | None = None
        self._asked = 0  # the state of the drawing that was asked for last
        self._finished = 0  # the state whose final picture is shown, or of which there will be none
        self._failed = True  # there was none: at first because nothing was asked for
        self._complete = 0  # the state whose quick picture was as good as the network can ...
        self._drafted: tuple[int, ...] = ()  # ... of a map of this shape
        self._moving = self._paused = False
        self._shown: tuple[Picture, PaintRequest] | None = None
        self._requests: dict[int, PaintRequest] = {}  # what was asked for and has not ended ...
        self._states: dict[int, int] = {}  # ... and the state of the drawing that it was asked for
        self._heard = ""  # what was remarked of the picture that is being made
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._ask_for_all)
        worker.updated.connect(self._hear)

    @property
    def state(self) -> State:
        return self._state

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def up_to_date(self) -> bool:
        """Whether the picture that is shown is the final one of the drawing as it is."""
        return self._finished == self.changes

    @property
    def finished(self) -> Picture | None:
        """The final picture of the drawing as it is; None while it is not there, and where it cannot be made."""
        return self._shown[0] if self.up_to_date and not self._failed and self._shown is not None else None

    @property
    def at_work(self) -> bool:
        """Whether a final picture of the drawing as it is will come, or word that it cannot be made."""
        return not self._paused and not self.up_to_date and (self._moving or self._rest.isActive() or self._full is not None)

    def take(self, picture: Picture, request: PaintRequest, state: int, remark: str) -> None:
        """A final picture of the drawing in this state came by another way: it is shown if the drawing is in it still."""
        if state == self.changes and self.finished is None:
            self._finish(remark)
            self._show(picture, request, 0.0, 0, final=True)
            self.drop()
            self.settled.emit()

    def changed(self) -> None:
        """The drawing (map, look, model) changed."""
        self.moved_on.emit()
        self.changes += 1
        if self._paused:
            return
        if self._full is not None:
            self._worker.cancel(self._full)
            self._full = None  # what still comes of it is out of date
        if self._draft is None:
            self._ask(hurry=True)
        if not self._moving:
            self._rest.start(REST_MS)

    def move(self, moving: bool) -> None:
        """A hand is on the canvas, or was lifted: then the full picture follows at once."""
        self._moving = moving
        if moving:
            self._rest.stop()
        elif not self.up_to_date:
            self._rest.start(0)

    def pause(self, paused: bool) -> None:
        """Ask for nothing until told otherwise; what is at work stops at its next step."""
        self._paused = paused
        self._rest.stop()
        if paused:
            self.moved_on.emit()
            self.drop()
        elif not self.up_to_date:
            self._ask(hurry=True)
            self._rest.start(REST_MS)
        self._tell()

    def drop(self) -> None:
        """Forget what was asked for."""
        for ticket in (self._draft, self._full):
            if ticket is not None:
                self._worker.cancel(ticket)
        self._draft = self._full = None
        self._tell()

    def shut(self) -> None:
        """The window closes."""
        self._rest.stop()
        self.drop()
        self._worker.updated.disconnect(self._hear)

    def _ask(self, hurry: bool) -> None:
        request = self._make(hurry)
        if request is None:
            return
        if (
            not hurry
            and request.enlarge_with is None
            and self._complete == self.changes
            and self._drafted == request.label_map.shape
        ):
            self._finish("")  # the quick picture is the full one
            if self._shown is not None:
                self.answered.emit(*self._shown, 0.0, 0, True)
            self._tell()
            self.settled.emit()
            return
        self._heard = ""
        ticket = self._worker.submit(request, LANE)
        self._requests[ticket] = request
        self._asked = self._states[ticket] = self.changes
        if hurry:
            self._draft, self._drafted = ticket, request.label_map.shape
        else:
            self._full = ticket
        self._tell()

    def _ask_for_all(self) -> None:
        if not self._paused and not self._moving and not self.up_to_date and self._full is None:
            self._ask(hurry=False)

    def _hear(self, ticket: int, update: Update) -> None:
        request, state = self._requests.get(ticket), self._states.get(ticket)
        if isinstance(update, ENDINGS):
            self._requests.pop(ticket, None)
            self._states.pop(ticket, None)
        if request is None or ticket not in (self._draft, self._full):
            return
        full = ticket == self._full
        failed = isinstance(update, Failure) and state == self.changes  # else the drawing changed since: asking again may help
        if isinstance(update, Frame):
            if not full and update.final and self._asked == self.changes:
                self._complete = self.changes
            self._show(update.picture, request, update.milliseconds, update.resolution, final=False)
        elif isinstance(update, Done):
            picture = np.asarray(update.result)
            if full and self._asked == self.changes:
                self._finish(self._heard)
            self._show(picture, request, 0.0, 0, final=self.up_to_date)
        elif isinstance(update, Remark):
            self._heard = update.text
            self.remarked.emit(update.text)
        elif isinstance(update, Failure) and failed:
            self._finished, self._failed = self.changes, True  # asking again would fail again
            self.failed.emit(update)
        if isinstance(update, ENDINGS):
            self._end(full, failed)

    def _finish(self, remark: str) -> None:
        """The final picture of the drawing as it is is there."""
        self._finished, self._failed, self.remark = self.changes, False, remark

    def _show(self, picture: Picture, request: PaintRequest, milliseconds: float, resolution: int, final: bool) -> None:
        if self._shown is None or picture is not self._shown[0] or milliseconds or final:
            self._shown = (picture, request)
            self.answered.emit(picture, request, milliseconds, resolution, final)

    def _end(self, full: bool, failed: bool) -> None:
        if full:
            self._full = None
        else:
            self._draft = None
            if self._asked != self.changes and not self._paused and not failed:
                self._ask(hurry=True)
        self._tell("failed" if failed else None)
        if self.up_to_date and self._draft is None and self._full is None:
            self.settled.emit()

    def _tell(self, state: State | None = None) -> None:
        if state is None:
            if self._paused:
                state = "paused"
            elif self._draft is not None:
                state = "working"
            else:
                state = "finishing" if self._full is not None else "idle"
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)
