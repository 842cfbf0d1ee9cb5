"""Who computes a job of the window: its own worker, and beside it a process for each further device of the machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from app.inference.requests import DescribeRequest, FurtherDevices, Request
from app.inference.updates import ENDINGS, Failure, Update
from app.upscale.hands import Heard, ProcessHand, Spreading
from app.widgets.background import Background
from models.allowance import Allowance

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker


class WindowHand:
    """The worker of the window as a hand: it lives on the window's thread, and is open to other requests meanwhile."""

    holds = 1

    def __init__(self, name: str, worker: InferenceWorker, heard: Heard) -> None:
        self.name, self._worker, self._heard = name, worker, heard
        self._ticket: int | None = None
        worker.updated.connect(self._update)

    def begin(self, request: Request) -> None:
        """See `app.upscale.hands.Hand`."""
        self._ticket = self._worker.submit(request)

    def cancel(self) -> None:
        """Drop what is at work at its next step."""
        if self._ticket is not None:
            self._worker.cancel(self._ticket)

    def hold(self, held: bool) -> None:
        """See `Hand`."""
        if self._ticket is not None:
            self._worker.hold(self._ticket, held)

    def close(self) -> None:
        """Hear nothing more; the worker goes on, for others."""
        self._worker.updated.disconnect(self._update)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket == self._ticket:
            if isinstance(update, ENDINGS):
                self._ticket = None
            self._heard(self, update)


class Crew(Spreading[WindowHand | ProcessHand]):
    """The hands of one job. The window's own begins at once, the others join when they have the model open."""

    def __init__(
        self,
        worker: InferenceWorker,
        device: str,
        beside: Background,
        lost: Callable[[str], None],
        woken: Callable[[], None],
        refused: Callable[[str, Failure], None],
    ) -> None:
        """`beside` is where processes are begun and ended: both take longer than a window may wait."""
        super().__init__(lost, woken, self._end_one, refused)
        self._beside, self._over = beside, False
        self._memory: Allowance | None = None  # chosen since the hands were begun
        self._processes: set[ProcessHand] = set()  # for the thread of `beside` alone
        self.hands.append(WindowHand(device, worker, self.heard))

    def gather(self, further: FurtherDevices, model: DescribeRequest) -> None:
        """Have the further devices join in."""
        for name in further.names:
            self._beside.run(
                partial(self._begin, name, further), partial(self._come, model=model), partial(self._not_begun, name)
            )

    def cancel(self) -> None:
        """Have everything that is at work dropped at its next step."""
        for hand in self.at_work:
            hand.cancel()

    def allow(self, memory: Allowance) -> None:
        """Have the further devices use so much of their memory; the window's own worker is told by the window."""
        self._memory = memory
        for hand in self.hands:
            if isinstance(hand, ProcessHand):
                hand.allow(memory)

    def close(self) -> None:
        """See `Spreading`. Processes that are only just beginning are ended too."""
        self._over = True
        super().close()
        self._beside.run(self._end_processes, _nothing)

    def _begin(self, name: str, further: FurtherDevices) -> ProcessHand:
        hand = ProcessHand(name, further.precision, further.threads, self.heard, further.memory)
        self._processes.add(hand)
        return hand

    def _not_begun(self, name: str, error: Exception) -> None:
        if not self._over:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._lost(f"{name} cannot be used: {why}.")

    def _come(self, hand: ProcessHand, model: DescribeRequest) -> None:
        if not self._over:
            if self._memory is not None:
                hand.allow(self._memory)
            self.invite(hand, model)

    def _end_one(self, hand: WindowHand | ProcessHand) -> None:
        if isinstance(hand, WindowHand):
            hand.close()
        else:
            self._beside.run(lambda: self._end_processes(hand), _nothing)

    def _end_processes(self, *hands: ProcessHand) -> None:
        for hand in self._processes.intersection(hands) if hands else list(self._processes):
            self._processes.discard(hand)
            hand.close()


def _nothing(_: object) -> None:
    """Nothing follows."""
