"""Asks the engine for Explore's pictures: the one at hand in a lane of its own, thumbnails one after another behind it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from app.explore.variation import Variation
from app.inference.updates import ENDINGS, Cancelled, Failure, Frame, Update
from app.widgets.picture_view import image_of

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

LANE = "explore"
DEADLINE_MS = 66.0  # of a picture while a hand moves something: 15 a second, as large as they can be
REST_MS = 160  # a hand that keeps still this long has come to rest
DOTTED = 128  # pixels: previews up to this size are estimates with a pattern of dots
FULL_PICTURES = 16  # kept for undo, history and favourites: 4 MB each at 1024 px
THUMBNAILS = 600
THUMBNAIL_SIDE = 128
IN_FLIGHT = 2  # thumbnails handed to the engine at a time: what is no longer wanted is soon out of the way


def image_in(frame: Frame) -> QImage:
    """The picture of a frame. The smallest preview heads leave fine dots: such a preview is made a little smaller, which takes
    them away, then twice as large."""
    image = image_of(frame.picture)
    if not frame.estimate or frame.resolution > DOTTED:
        return image
    smooth, keep = Qt.TransformationMode.SmoothTransformation, Qt.AspectRatioMode.IgnoreAspectRatio
    return image.scaled(image.size() * 0.7, keep, smooth).scaled(image.size() * 2, keep, smooth)


class Renderer(QObject):
    """The picture at hand. `follow` shows previews while a hand moves, and the full picture once it rests.

    `shown(Variation, QImage, Frame)` comes for every picture in order, `failed(Failure)` where there is none. `upscaler` names
    what the full pictures of a model go through, "" for nothing. `made(Variation)` and `not_made(Variation, Failure)` answer
    `make`.
    """

    shown = Signal(object, object, object)
    failed = Signal(object)
    made = Signal(object)
    not_made = Signal(object, object)

    def __init__(self, worker: InferenceWorker, upscaler: Callable[[str], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._upscaler = worker, upscaler
        self._asked: dict[int, tuple[Variation, bool, str]] = {}  # ticket -> what, whether in full, what it goes through then
        self._alone: dict[int, tuple[Variation, str]] = {}  # what `make` has asked for
        self._newest = -1
        self._target: Variation | None = None
        self._full: OrderedDict[tuple[Variation, str], QImage] = OrderedDict()  # by what they went through too
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.finish)
        worker.updated.connect(self._update)

    def full(self, variation: Variation) -> QImage | None:
        """The full picture of a variation, as it is wanted now, where it is still at hand."""
        key = (variation, self._upscaler(variation.model))
        image = self._full.get(key)
        if image is not None:
            self._full.move_to_end(key)
        return image

    def follow(self, variation: Variation) -> None:
        """The hand is at this variation and may move on."""
        if variation == self._target:
            return
        self._target = variation
        if self._show_kept(variation):
            return
        self._drop_full()
        self._submit(variation, full=False)
        self._rest.start()

    def rest(self, variation: Variation) -> None:
        """The hand rests here: the full picture, at once where it is kept."""
        self._target = variation
        if not self._show_kept(variation):
            self._submit(variation, full=True)

    def make(self, variation: Variation) -> None:
        """The full picture of a variation that a hand has left, behind all that follows the hand; it is not shown."""
        wanted = (variation, self._upscaler(variation.model))
        if wanted not in self._alone.values():
            self._alone[self._worker.submit(replace(variation.request(), enlarge_with=wanted[1] or None))] = wanted

    def finish(self) -> None:
        """Ask for the full picture of where the hand is now."""
        self._rest.stop()
        target = self._target
        if target is None or self.full(target) or (target, True, self._upscaler(target.model)) in self._asked.values():
            return
        self._submit(target, full=True)

    def forget(self, model: str) -> None:
        """Another model bears this name now: what the one before made, alone or as upscaler, is not its picture."""
        self._full = OrderedDict((key, image) for key, image in self._full.items() if model not in (key[0].model, key[1]))
        if any(model in (variation.model, upscaler) for variation, _, upscaler in self._asked.values()):
            self._drop_all()
            self._target = None

    def shut(self) -> None:
        """The window closes: ask for nothing more."""
        self._rest.stop()
        self._worker.updated.disconnect(self._update)

    def _show_kept(self, variation: Variation) -> bool:
        kept = self.full(variation)
        if kept is None:
            return False
        self._rest.stop()
        self._drop_all()
        self.shown.emit(variation, kept, None)
        return True

    def _submit(self, variation: Variation, full: bool) -> None:
        request, upscaler = variation.request(deadline_ms=None if full else DEADLINE_MS), self._upscaler(variation.model)
        ticket = self._worker.submit(replace(request, enlarge_with=upscaler or None), lane=LANE)
        self._asked[ticket] = (variation, full, upscaler)

    def _drop_full(self) -> None:
        """A full picture of where the hand was is work for nothing."""
        for ticket, (_, full, _) in list(self._asked.items()):
            if full:
                self._worker.cancel(ticket)

    def _drop_all(self) -> None:
        for ticket in list(self._asked):
            self._worker.cancel(ticket)
        # Their pictures come too late, also those that are on their way already.
        self._newest = max([self._newest, *(ticket + 1 for ticket in self._asked)])

    def _update(self, ticket: int, update: Update) -> None:
        if ticket in self._alone:
            self._update_alone(ticket, update)
        if ticket not in self._asked:
            return
        variation, full, upscaler = self._asked[ticket]
        if isinstance(update, Frame) and ticket >= self._newest:
            self._newest = ticket
            image = image_in(update)
            if update.final:
                self._keep((variation, upscaler), image)
            self.shown.emit(variation, image, update)
        elif isinstance(update, ENDINGS):
            del self._asked[ticket]
            if isinstance(update, Failure) and variation == self._target:
                self._rest.stop()
                self.failed.emit(update)
            elif not full and not isinstance(update, Cancelled) and not self._asked and not self._rest.isActive():
                self.finish()

    def _update_alone(self, ticket: int, update: Update) -> None:
        wanted = self._alone[ticket]
        if isinstance(update, Frame) and update.final:
            self._keep(wanted, image_in(update))
            self.made.emit(wanted[0])
        elif isinstance(update, ENDINGS):
            del self._alone[ticket]
            if isinstance(update, Failure):
                self.not_made.emit(wanted[0], update)

    def _keep(self, key: tuple[Variation, str], image: QImage) -> None:
        self._full[key] = image
        self._full.move_to_end(key)
        while len(self._full) > FULL_PICTURES:
            self._full.popitem(last=False)


class Thumbnails(QObject):
    """Small pictures of variations, made when nothing better is to do. `came(Variation, QImage)` for each."""

    came = Signal(object, object)

    def __init__(self, worker: InferenceWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._kept: OrderedDict[Variation, QImage] = OrderedDict()
        self._refused: set[Variation] = set()
        self._wanted: list[Variation] = []
        self._asked: dict[int, Variation] = {}
        worker.updated.connect(self._update)

    def get(self, variation: Variation) -> QImage | None:
        return self._kept.get(variation)

    def keep(self, variation: Variation, image: QImage) -> None:
        """A larger picture is there already: its thumbnail is made from it."""
        small = image.scaled(
            THUMBNAIL_SIDE,
            THUMBNAIL_SIDE,
            Qt.AspectRatioMode.KeepAspectRatioByExpanding,
            Qt.TransformationMode.SmoothTransformation,
        )
        self._store(variation, small)

    def all(self) -> list[tuple[Variation, QImage]]:
        """Those at hand, the newest first."""
        return list(reversed(self._kept.items()))

    def take(self, thumbnails: Iterable[tuple[Variation, QImage]]) -> None:
        """Thumbnails that were made before, the newest first."""
        for variation, image in reversed(list(thumbnails)):
            self._kept.setdefault(variation, image)

    def want(self, variations: Iterable[Variation]) -> None:
        """What is on show now, the most wanted first. What was wanted before and is not among them is dropped."""
        self._wanted = [v for v in variations if v.model and v not in self._kept and v not in self._refused]
        for ticket, variation in list(self._asked.items()):
            if variation not in self._wanted:
                self._worker.cancel(ticket)
        self._next()

    def forget(self, model: str) -> None:
        """Another model bears this name now: its thumbnails are others, and those that failed may not."""
        self._kept = OrderedDict((variation, image) for variation, image in self._kept.items() if variation.model != model)
        self._refused = {variation for variation in self._refused if variation.model != model}
        for ticket, variation in list(self._asked.items()):
            if variation.model == model:
                self._worker.cancel(ticket)
                del self._asked[ticket]

    def shut(self) -> None:
        """The window closes: ask for nothing more."""
        self._wanted.clear()
        self._worker.updated.disconnect(self._update)

    def _next(self) -> None:
        under_way = set(self._asked.values())
        for variation in self._wanted:
            if len(self._asked) >= IN_FLIGHT:
                return
            if variation not in under_way:
                self._asked[self._worker.submit(variation.request(resolution=THUMBNAIL_SIDE))] = variation
                under_way.add(variation)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket not in self._asked:
            return
        if isinstance(update, Frame):
            self.keep(self._asked[ticket], image_of(update.picture))
        elif isinstance(update, ENDINGS):
            variation = self._asked.pop(ticket)
            if isinstance(update, Failure):
                self._refused.add(variation)  # a model that fails for one seed would be asked for ever
            self._wanted = [v for v in self._wanted if v not in self._kept and v not in self._refused]
            self._next()

    def _store(self, variation: Variation, image: QImage) -> None:
        self._kept[variation] = image
        self._kept.move_to_end(variation)
        while len(self._kept) > THUMBNAILS:
            self._kept.popitem(last=False)
        self.came.emit(variation, image)
