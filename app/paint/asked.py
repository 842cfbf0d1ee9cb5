"""Finished landscapes that somebody waits for: of the drawing as it was when they were asked for, whatever is painted next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.inference.requests import PaintRequest
from app.inference.updates import ENDINGS, Done, Failure, Picture, Remark, Update
from app.inference.worker import InferenceWorker
from app.paint.live import Live
from app.paint.state.drawing import Drawing, snapshot


@dataclass(frozen=True, eq=False)
class Landscape:
    """A finished `picture` of `drawing`; the upscaler that finished it ("": none), and what is to be said of it."""

    picture: Picture
    drawing: Drawing
    enlarge_with: str
    remark: str = ""


@dataclass(eq=False)
class _Wish:
    """Somebody waits for the landscape of this request. `state` is the drawing's in `Live`'s count."""

    then: Callable[[Landscape], None]
    request: PaintRequest
    drawing: Drawing
    state: int
    remark: str = ""


class Asked(QObject):
    """Whoever asks gets the landscape of this moment: the one that is shown, the one that is being finished, or one of its own.

    While the drawing stays as it is, `Live` finishes it and nothing is painted twice. As soon as a hand goes on (or the live
    picture is paused) the moment that was asked for is painted by itself, behind what follows the hand.

    `waiting()` tells that it takes a moment, `failed(Failure)` that there will be no landscape.
    """

    waiting = Signal()
    failed = Signal(object)

    def __init__(
        self,
        worker: InferenceWorker,
        live: Live,
        now: Callable[[], Drawing],
        make: Callable[[], PaintRequest | None],
        parent: QObject | None = None,
    ) -> None:
        """`now` gives the drawing, `make` the request of its finished landscape (None while there is no model)."""
        super().__init__(parent)
        self._worker, self._live, self._now, self._make = worker, live, now, make
        self._with_live: list[_Wish] = []
        self._alone: dict[int, _Wish] = {}  # by ticket
        live.moved_on.connect(self._go_alone)
        live.settled.connect(self._settled)
        live.failed.connect(self._live_failed)
        worker.updated.connect(self._hear)

    @property
    def busy(self) -> bool:
        """Whether somebody waits."""
        return bool(self._with_live or self._alone)

    def once_finished(self, then: Callable[[Landscape], None]) -> None:
        """Call `then` with the finished landscape of the drawing as it is now, at once where it is there already."""
        request = self._make()
        if request is None:
            return
        wish = _Wish(then, request, snapshot(self._now()), self._live.changes)
        finished = self._live.finished
        if finished is not None:
            self._grant(wish, finished, self._live.remark)
            return
        self.waiting.emit()
        self._with_live.append(wish)
        if not self._live.at_work:
            self._go_alone()

    def shut(self) -> None:
        """The window closes."""
        self._with_live.clear()
        for ticket in self._alone:
            self._worker.cancel(ticket)
        self._worker.updated.disconnect(self._hear)

    def _go_alone(self) -> None:
        """The drawing moves on, or nobody is at work for it: what was asked for is painted for its own sake."""
        wishes, self._with_live = self._with_live, []
        for wish in wishes:
            self._alone[self._worker.submit(wish.request)] = wish

    def _settled(self) -> None:
        finished = self._live.finished
        if finished is not None:
            wishes, self._with_live = self._with_live, []
            for wish in wishes:
                self._grant(wish, finished, self._live.remark)

    def _live_failed(self, failure: Failure) -> None:
        self._with_live.clear()  # the panel tells why

    def _hear(self, ticket: int, update: Update) -> None:
        wish = self._alone.get(ticket)
        if wish is None:
            return
        if isinstance(update, Remark):
            wish.remark = update.text
        if isinstance(update, ENDINGS):
            del self._alone[ticket]
        if isinstance(update, Failure):
            self.failed.emit(update)
        elif isinstance(update, Done):
            picture = np.asarray(update.result)
            self._live.take(picture, wish.request, wish.state, wish.remark)
            self._grant(wish, picture, wish.remark)

    def _grant(self, wish: _Wish, picture: Picture, remark: str) -> None:
        wish.then(Landscape(picture, wish.drawing, wish.request.enlarge_with or "", remark))
