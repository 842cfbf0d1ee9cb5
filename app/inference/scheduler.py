"""Who is served next. No threads and no clock of its own: somebody calls `step()` again and again, and each call does one
piece of work.

Interactive requests wait in lanes, one place a lane: the newest replaces the one before. All others are batches: those of
one type wait for each other in order (one photo after the other), those of different types take turns. While a lane has
work no batch is served.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from app.inference.requests import Request
from app.inference.updates import ENDINGS, Cancelled, Failure, Frame, Update

logger = logging.getLogger(__name__)

PATIENCE = 1.0  # Seconds for which a lane may drop what it works at for something newer without showing any picture.


class Runs(Protocol):
    """What a scheduler drives: an `Engine`."""

    def run(self, request: Request) -> Iterator[Update]:
        """The updates of a request, ending in a `Done` or a `Failure`."""
        ...


@dataclass(eq=False)
class _Job:
    ticket: int
    request: Request
    updates: Iterator[Update] | None = None  # None until its first turn

    @property
    def hurries(self) -> bool:
        return getattr(self.request, "deadline_ms", None) is not None


class _Lane:
    """One place to wait and one at work."""

    def __init__(self) -> None:
        self.working: _Job | None = None
        self.waiting: _Job | None = None
        self.starving_since: float | None = None  # when it first dropped work since its last picture
        self.served = 0  # the turn in which it was served last


class Scheduler:
    """Advances the iterators of an engine, a piece at a time. `deliver(ticket, update)` gets every update; a ticket's last one
    is a `Done`, `Failure` or `Cancelled`, and it has exactly one of these."""

    def __init__(self, engine: Runs, deliver: Callable[[int, Update], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._deliver = deliver
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._batches: deque[deque[_Job]] = deque()  # a queue for each type of request, the next one to be served first
        self._turn = 0
        self._held: set[int] = set()

    def submit(self, ticket: int, request: Request, lane: str | None = None) -> None:
        """Take a request. In a lane it replaces the one that waits, and stops the one at work where that is out of date."""
        job = _Job(ticket, request)
        if lane is None:
            self._queue_of(request).append(job)
            return
        place = self._lanes.setdefault(lane, _Lane())
        if place.waiting is not None:
            self._drop(place.waiting)
        place.waiting = job
        working = place.working
        if working is not None and self._is_out_of_date(working, job, place):
            place.working = None
            self._drop(working)

    def _is_out_of_date(self, working: _Job, newer: _Job, lane: _Lane) -> bool:
        """Whether to drop what the lane works at. Not what has a deadline: it is nearly done, and dropping it whenever the hand
        moves on would leave the eye without pictures. The same goes for other work that was dropped too often."""
        if working.hurries:
            return False
        now = self._clock()
        if lane.starving_since is None:
            lane.starving_since = now
        return newer.hurries or now - lane.starving_since < PATIENCE

    def cancel(self, ticket: int) -> None:
        """Drop a request, waiting or at work. One that has ended already is left alone."""
        self._held.discard(ticket)
        for lane in self._lanes.values():
            if (job := lane.waiting) is not None and job.ticket == ticket:
                lane.waiting = None
                self._drop(job)
            elif (job := lane.working) is not None and job.ticket == ticket:
                lane.working = None
                self._drop(job)
        for queue in self._batches:
            for job in [job for job in queue if job.ticket == ticket]:
                queue.remove(job)
                self._drop(job)

    def hold(self, ticket: int, held: bool) -> None:
        """Leave a batch as it is for a while, and those behind it in its queue; or go on with it. Others are served."""
        (self._held.add if held else self._held.discard)(ticket)

    def step(self) -> bool:
        """Do one piece of work; False where there is none."""
        self._turn += 1
        lanes = [lane for lane in self._lanes.values() if lane.working or lane.waiting]
        if lanes:
            self._serve_lane(min(lanes, key=lambda lane: (not _next(lane).hurries, lane.served)))
            return True
        self._batches = deque(queue for queue in self._batches if queue)
        queue = next((queue for queue in self._batches if queue[0].ticket not in self._held), None)
        if queue is None:
            return False
        self._batches.remove(queue)
        self._batches.append(queue)
        if self._advance(queue[0]):
            self._held.discard(queue.popleft().ticket)
        return True

    def drop_all(self) -> None:
        """Drop everything, so that each ticket has its ending."""
        for lane in self._lanes.values():
            for job in (lane.working, lane.waiting):
                if job is not None:
                    self._drop(job)
        for queue in self._batches:
            for job in queue:
                self._drop(job)
        self._lanes.clear()
        self._batches.clear()

    def _queue_of(self, request: Request) -> deque[_Job]:
        for queue in self._batches:
            if queue and type(queue[0].request) is type(request):
                return queue
        queue = deque()
        self._batches.append(queue)
        return queue

    def _serve_lane(self, lane: _Lane) -> None:
        lane.served = self._turn
        if lane.working is None:
            lane.working, lane.waiting = lane.waiting, None
        job = lane.working
        assert job is not None
        if self._advance(job, lane):
            lane.working = None

    def _advance(self, job: _Job, lane: _Lane | None = None) -> bool:
        """One piece of work of this job; True where it has ended."""
        try:
            if job.updates is None:
                job.updates = self._engine.run(job.request)
            update = next(job.updates)
        except StopIteration:
            logger.error("ticket %d ended without an ending: %s", job.ticket, type(job.request).__name__)
            update = Failure("The picture was not finished.", "The engine stopped without saying why.", "Try it again.")
        except Exception as error:
            logger.exception("ticket %d: %s", job.ticket, type(job.request).__name__)
            update = Failure("Something went wrong that should not.", f"{type(error).__name__}: {error}.", "Try it again.")
        if lane is not None and isinstance(update, Frame):
            lane.starving_since = None
        if not isinstance(update, ENDINGS):
            self._deliver(job.ticket, update)
            return False
        _close(job.updates)
        self._deliver(job.ticket, update)
        return True

    def _drop(self, job: _Job) -> None:
        _close(job.updates)
        self._deliver(job.ticket, Cancelled())


def _next(lane: _Lane) -> _Job:
    job = lane.working or lane.waiting
    assert job is not None
    return job


def _close(updates: Any) -> None:
    """Let an iterator end where it stands, so that it gives back what it holds."""
    close = getattr(updates, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            logger.exception("a request could not be dropped cleanly")
