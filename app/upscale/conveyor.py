"""Photos on their way through decoding, network and encoding, all three at once. No Qt, no engine.

One thread owns a conveyor: it asks for the next request, has an engine run it, hands every update back and collects what
happened. Decoding and encoding run in a small pool; all that its threads do is to leave their result in a queue and to call
`wake`. So a for-loop drives it (command line) as well as the signals of a worker (window).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from numpy.typing import NDArray

from app.inference.requests import TranslateRequest, UpscaleRequest
from app.inference.updates import Cancelled, Done, Failure, Progress, Tile, Update
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import resize
from app.upscale import making, results
from app.upscale.beside import Beside
from app.upscale.destination import Destination, Sources, halt_of, stops_all
from app.upscale.items import Event, Item, expected_pixels, in_words, share_of
from app.upscale.moving import Moving
from app.upscale.plan import Choices, Planned

T = TypeVar("T")

LAID_AHEAD = 4  # Tiles that may wait to be put in their place, where the owner can wait.
AHEAD = 2  # Photos that are decoded ahead of the network.
HELD_BYTES = 1_500 * 10**6  # Results on their way to the disk hold no more than this together, or one photo.
BEHIND_BYTES = 400 * 10**6  # Parts of results that wait to be laid, at most: whoever makes them waits until half of them are.


class Conveyor:
    """See the module. `wake` is called from the pool's threads when something can be collected. A context manager."""

    def __init__(
        self,
        choices: Choices,
        sha256: str = "",
        wake: Callable[[], None] = lambda: None,
        threads: int = 2,
        patient: bool = True,
        hands: int = 1,
    ) -> None:
        """`patient` says whether the owner may wait for a slow disk while it hands over tiles (a window may not), `hands` how
        many requests it has run at a time, each of another photo."""
        self._at_once = hands
        self.choices, self._sha256, self._patient = choices, sha256, patient
        self.halted: Failure | None = None  # why nothing can be written any more
        self._beside, self._wake = Beside(threads, wake), wake
        self._destination, self._sources = Destination(choices.into), Sources()
        self._unlaid, self._behind, self._counting = 0, False, threading.Lock()
        self._events: list[Event] = []
        self._waiting: deque[tuple[int, Planned]] = deque()
        self._places: Sequence[int] = ()  # by index, where somebody arranged them
        self._ready: deque[Item] = deque()
        self._unwritten: deque[Item] = deque()  # made, but there was no room on the disk
        self._current: dict[int, Item] = {}  # whose requests are being run, by their index
        self._reading: list[Item] = []
        self._turns = 0  # given to photos so far
        self._in_hand: set[Item] = set()  # those that a thread of the pool has, or is to have
        self._writing_bytes = 0
        self._paused = self._closed = False

    def __enter__(self) -> Conveyor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, index: int, planned: Planned) -> None:
        """Put a photo at the end of the belt; `index` is what its events bear."""
        self._waiting.append((index, planned))

    def remove(self, index: int) -> bool:
        """Take a photo off that has not been begun; False where it has."""
        found = next((pair for pair in self._waiting if pair[0] == index), None)
        if found is not None:
            self._waiting.remove(found)
        return found is not None

    def arrange(self, places: Sequence[int]) -> None:
        """Photos that have not been begun come in the order of their places, which are given by index."""
        self._places = places
        self._waiting = deque(sorted(self._waiting, key=lambda pair: self._rank(pair[0])))

    def _rank(self, index: int) -> int:
        return self._places[index] if index < len(self._places) else len(self._places) + index

    def replan(self, index: int, planned: Planned) -> bool:
        """Plan a photo that has not been begun otherwise; False where it has."""
        place = next((i for i, pair in enumerate(self._waiting) if pair[0] == index), None)
        if place is not None:
            self._waiting[place] = (index, planned)
        return place is not None

    def place_of(self, index: int, tile: Tile) -> tuple[float, float, float, float]:
        """Where a tile of a photo at work lies in it: left, top, width and height, each as a share (0..1)."""
        item = self._current.get(index)
        if item is None or not item.planned.passes:
            return (0.0, 0.0, 1.0, 1.0)
        width, height = item.planned.passes[item.run].out
        rows, columns = tile.pixels.shape[:2]
        top = tile.top + item.below * self.choices.scale
        return tile.left / width, top / height, columns / width, rows / height

    @property
    def is_behind(self) -> bool:
        """Whether parts come quicker than they can be laid, by far: their makers should wait."""
        return self._behind

    @property
    def idle(self) -> bool:
        """Nothing is at work, neither here nor (as far as is known here) in the engine."""
        return self._beside.idle and not self._current and not self._events

    @property
    def finished(self) -> bool:
        """Everything that was put on the belt has come off it."""
        return self.idle and not (self._waiting or self._ready or self._unwritten)

    def next_request(self) -> tuple[int, UpscaleRequest | TranslateRequest] | None:
        """The next thing for the engine, with the photo it belongs to; None while there is nothing to do but wait.

        There are no more at a time than there are hands: until an ending was handed to `update` this returns None.
        """
        self._fill()
        if len(self._current) >= self._at_once or self._paused or self.halted or not self._ready:
            return None
        item = self._ready[0]
        if self._writing_bytes and self._writing_bytes + making.next_bytes(item, self.choices.scale) > HELD_BYTES:
            return None
        self._ready.popleft()
        self._current[item.index] = item
        item.network_began = time.perf_counter()
        item.below = item.assembly.rows // self.choices.scale if item.assembly is not None else 0
        self._events.append(Event(item.index, "working", share_of(item, Progress(0, 1))))
        assert item.pixels is not None
        if self.choices.task == "translation":
            return item.index, TranslateRequest(self.choices.model, item.pixels)
        if item.assembly is None:
            opened = partial(making.open_assembly, item, self.choices)
            try:
                if making.is_streamed(item, self.choices):
                    self._destination.guard(opened)
                else:
                    opened()  # without a look at the disk: one that sleeps or hangs would hold the owner up
            except (OSError, MemoryError, PhotoError) as error:
                del self._current[item.index]
                if stops_all(error):
                    self._ready.appendleft(item)  # it waits for room as those do that are made already
                    self.halted = halt_of(error)
                    return None
                self._fail(item, error)
                return self.next_request()
        assert item.assembly is not None
        item.below = item.assembly.rows // self.choices.scale
        item.assembly.go_on_from(item.below * self.choices.scale)
        height, width = item.pixels.shape[:2]
        region = (item.below, 0, height - item.below, width) if item.below else None
        turns = self.choices.turns
        return item.index, UpscaleRequest(self.choices.network, item.pixels, region, keep_result=False, turns=turns)

    def update(self, index: int, update: Update) -> None:
        """Take what the engine says of the request that `next_request` gave."""
        item = self._current.get(index)
        if item is None:
            return
        if isinstance(update, Tile):
            self._lay(item, update)
        elif isinstance(update, Progress):
            self._events.append(Event(index, "working", share_of(item, update)))
        elif isinstance(update, Failure):
            self._leave(item)
            self._fail(item, update)
        elif isinstance(update, Done):
            self._leave(item, update.seconds)
            self._after_laying(item, partial(self._run_done, item, update))
        elif isinstance(update, Cancelled):
            self._leave(item)
            self._after_laying(item, partial(self._put_back, item))

    def collect(self) -> list[Event]:
        """What has happened since the last call, in order."""
        self._beside.collect()
        self._fill()
        events, self._events = self._events, []
        return events

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until there is something to collect."""
        if not self._events:
            self._beside.wait(seconds)

    def pause(self) -> None:
        """Begin nothing new. The owner cancels the request at work: what is made of it is kept, and it goes on from there.
        Photos that were only decoded are let go, so that a pause gives memory back; those that lay waiting in a hand are so when
        they come back."""
        self._paused = True
        for item in reversed(list(self._ready)):
            if not item.begun:
                self._ready.remove(item)
                self._read_again(item)

    def _read_again(self, item: Item) -> None:
        """Let it go, and read it again when its turn comes."""
        self._abandon(item)
        rank = self._rank(item.index)
        place = next((i for i, (index, _) in enumerate(self._waiting) if self._rank(index) > rank), len(self._waiting))
        self._waiting.insert(place, (item.index, item.planned))

    def resume(self) -> None:
        """Go on after a pause, or after the disk has room again."""
        self._paused, self.halted = False, None
        while self._unwritten:
            self._write(self._unwritten.popleft())

    def close(self) -> None:
        """Forget everything; wait for what is just being written (`collect` tells of it still). Nothing half-made is left."""
        self._closed = True
        self._waiting.clear()
        self._let_go()
        self._beside.close()
        self._beside.collect()  # what was just being read or made is here now
        self._let_go(*self._in_hand)  # and what was to be, but never was begun

    def _let_go(self, *others: Item) -> None:
        for item in {*self._ready, *self._unwritten, *others, *self._current.values()}:
            self._abandon(item)
        self._ready.clear()
        self._unwritten.clear()
        self._current.clear()

    # Reading

    def _fill(self) -> None:
        while self._waiting and not (self._paused or self._closed or self.halted) and self._may_read(self._waiting[0][1]):
            item = Item(*self._waiting.popleft(), self._turns)
            self._turns += 1
            self._reading.append(item)
            self._events.append(Event(item.index, "reading"))
            read = partial(making.read, item.planned, self.choices, self._sha256)
            video = item.planned.facts is not None and item.planned.facts.video  # which opens what it is to write, too
            read = partial(self._sources.guard, item.planned.source, partial(self._destination.guard, read) if video else read)
            self._in_pool(item, read, partial(self._read_done, item))

    def _may_read(self, planned: Planned) -> bool:
        ahead = [*self._reading, *self._ready]
        held = expected_pixels(planned) + sum(expected_pixels(other.planned) for other in ahead)
        return not ahead or (len(ahead) < AHEAD + self._at_once - 1 and held < HELD_BYTES / 2)

    def _read_done(self, item: Item, outcome: tuple[Photo, Moving | None] | BaseException) -> None:
        self._reading.remove(item)
        if isinstance(outcome, BaseException):
            self._fail(item, outcome)
            return
        item.photo, item.moving = outcome
        item.pixels = item.photo.pixels
        if item.moving is not None and item.moving.complete:
            self._write(item)
            return
        # Those that were begun first go first, whoever is decoded sooner.
        place = next(
            (i for i, other in enumerate(self._ready) if other.turn > item.turn and not other.begun),
            len(self._ready),
        )
        self._ready.insert(place, item)

    # The network

    def _lay(self, item: Item, tile: Tile) -> None:
        """Put a tile in its place, beside the owner: copying one takes up to a tenth of a second on a busy machine."""
        assembly, below = item.assembly, item.below * self.choices.scale
        if assembly is None:
            return

        def put() -> None:
            if item.trouble is None:
                try:
                    assembly.put(tile, below)
                except Exception as error:  # whatever it was, there is a hole in the picture
                    item.trouble = self._destination.met(error)
            self._count(-tile.pixels.nbytes)

        self._count(tile.pixels.nbytes)
        laid = self._beside.tiles.submit(put)
        if self._patient:
            item.laid.append(laid)
            if len(item.laid) > LAID_AHEAD:
                item.laid.popleft().result()

    def _count(self, size: int) -> None:
        """So many bytes more wait to be laid, or (from the thread that lays them) fewer."""
        with self._counting:
            self._unlaid += size
            before = self._behind
            self._behind = self._unlaid > (BEHIND_BYTES / 2 if before else BEHIND_BYTES)
            freed = before and not self._behind
        if freed:
            self._wake()

    def _after_laying(self, item: Item, then: Callable[[], None]) -> None:
        """Go on when every tile that was handed over lies in its place."""

        def laid(_: object) -> None:
            if item.trouble is not None:
                self._fail(item, item.trouble)
            else:
                then()

        self._in_pool(item, _nothing, laid, on_tiles=True)

    def _leave(self, item: Item, seconds: float | None = None) -> None:
        """The request has ended. `seconds` are those that were worked on it: on a hand that others use too it takes longer."""
        del self._current[item.index]
        item.network_seconds += time.perf_counter() - item.network_began if seconds is None else seconds

    def _put_back(self, item: Item) -> None:
        """A run that was cancelled goes on from where it was; where it came too late for that, nothing was left to do."""
        assert item.pixels is not None
        if item.assembly is not None and item.assembly.rows >= item.pixels.shape[0] * self.choices.scale:
            self._run_done(item, Done(None, 0.0))
            return
        whole_rows = item.assembly.rows // self.choices.scale if item.assembly is not None else 0
        if self._paused and not (whole_rows or item.run or item.frames_done):
            self._read_again(item)
            return
        # Several may come back at once, from a device that had the next one already: they keep their order.
        place = next((i for i, other in enumerate(self._ready) if other.turn > item.turn), len(self._ready))
        self._ready.insert(place, item)

    def _run_done(self, item: Item, done: Done) -> None:
        if isinstance(item.assembly, results.Assembly):
            item.pixels = item.assembly.pixels
        elif item.assembly is None:
            item.pixels = done.result if done.result.ndim == 3 else done.result[..., None]
        item.assembly = None
        assert item.pixels is not None
        if item.last_run and item.moving is not None:
            take = partial(item.moving.take, item.pixels)
            guarded = partial(self._sources.guard, item.planned.source, partial(self._destination.guard, take))
            self._in_pool(item, guarded, partial(self._frame_done, item))
            return
        if item.last_run:
            self._write(item)
            return
        item.run += 1
        wanted = item.planned.passes[item.run]
        self._in_pool(item, partial(resize, item.pixels, wanted.width, wanted.height), partial(self._resized, item))

    def _frame_done(self, item: Item, outcome: NDArray[Any] | BaseException | None) -> None:
        """The next frame goes to the network; None comes behind the last one."""
        if isinstance(outcome, BaseException):
            self._fail(item, outcome)
        elif outcome is None:
            self._write(item)
        else:
            item.run, item.pixels = 0, outcome
            self._ready.appendleft(item)

    def _resized(self, item: Item, outcome: NDArray[Any] | BaseException) -> None:
        if isinstance(outcome, BaseException):
            self._fail(item, outcome)
            return
        item.pixels = outcome
        self._ready.appendleft(item)

    # Writing

    def _write(self, item: Item) -> None:
        self._events.append(Event(item.index, "writing", 1.0))
        held = 0 if item.stream or item.pixels is None else item.pixels.nbytes
        self._writing_bytes += held
        write = partial(making.write, item, self.choices)
        guarded = partial(self._destination.guard, write, lambda written: written[1])
        self._in_pool(item, guarded, partial(self._written, item, held))

    def _written(self, item: Item, held: int, outcome: tuple[int, Path] | BaseException) -> None:
        self._writing_bytes -= held
        if isinstance(outcome, BaseException):
            if stops_all(outcome) and item.is_made:
                self.halted = halt_of(outcome)
                self._unwritten.append(item)
                return
            self._fail(item, outcome)
            return
        self._events.append(
            Event(
                item.index,
                "done",
                1.0,
                seconds=item.spent + item.network_seconds,
                network_seconds=item.network_seconds,
                bytes=outcome[0],
                output=outcome[1],
                warnings=(*(item.photo.warnings if item.photo else ()), *(item.moving.notes if item.moving else ())),
            )
        )

    # What goes wrong

    def _fail(self, item: Item, reason: Failure | BaseException) -> None:
        if self._closed:  # perhaps by what ended all of it: it is not done, no more
            self._abandon(item)
            return
        if isinstance(reason, BaseException) and stops_all(reason):
            self._read_again(item)  # a video goes on behind its last finished segment, a large photo is made anew
            self.halted = halt_of(reason)
            return
        # A file that cannot be read to its end will not be the next time either.
        self._abandon(item, gone=isinstance(reason, PhotoError))
        failure = reason if isinstance(reason, Failure) else in_words(reason)
        self._events.append(Event(item.index, "failed", failure=failure, seconds=item.spent + item.network_seconds))

    def _abandon(self, item: Item, gone: bool = False) -> None:
        if item.stream is not None:
            item.stream.abandon()
        if item.moving is not None:
            item.moving.close(gone)
        item.photo = item.pixels = item.assembly = item.stream = item.moving = None
        item.gone = True

    def _in_pool(
        self, item: Item, work: Callable[[], T], then: Callable[[T | BaseException], None], on_tiles: bool = False
    ) -> None:
        def unless_gone(outcome: T | BaseException) -> None:
            self._in_hand.discard(item)
            if not item.gone:
                then(outcome)

        if self._closed:  # made, but not wanted any more
            self._abandon(item)
        else:
            self._in_hand.add(item)
            self._beside.run(item, work, unless_gone, on_tiles)


def _nothing() -> None:
    """Comes after what was handed over before it."""
