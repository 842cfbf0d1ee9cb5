"""Hands that run requests for a belt: each a process of its own with an engine of its own, on one device of this machine.

What takes a process down (a graphics driver, the system that wants memory back) costs that hand and no more: the photo it was
at goes to another. No Qt.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from app import log
from app.inference.devices import own_device
from app.inference.requests import DeviceMemoryRequest, Request
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Step, Update
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.passing import Giving, Laid, Taking
from models.allowance import Allowance

if TYPE_CHECKING:
    from app.inference.engine import Engine

logger = logging.getLogger(__name__)

TRIES = 2  # A photo that was at work in so many hands as they were lost is not given to another.
QUICK_SECONDS = 1.0  # Where photos take less, the next one lies at the hand already. Longer, and another may take it sooner.


@dataclass(frozen=True)
class Lost:
    """A hand is gone; `why` in a few words."""

    why: str


@dataclass(frozen=True)
class Refused:
    """A hand could not do what needs no answer otherwise; it goes on as it was."""

    failure: Failure


@dataclass(frozen=True)
class Receiving:
    """A hand that is at work takes what comes next into its memory, or (`begun` False) has it. What it is at work at is not what
    takes it down meanwhile."""

    begun: bool


@dataclass(frozen=True)
class _Unsent:
    """Stands for a request that could not be handed over: it ends so when its turn comes."""

    failure: Failure


@dataclass(frozen=True)
class _Hold:
    """Wait, or go on."""

    held: bool


News = Update | Lost | Refused | Receiving
Order = Request | _Unsent | _Hold | None
Heard = Callable[["Hand", News], None]


class Hand(Protocol):
    """Runs one request after another. What comes of them goes to whom it was made for, from a thread of its own.

    `holds` is how many requests may lie with it, the one at work among them.
    """

    name: str
    holds: int

    def begin(self, request: Request) -> None:
        """Run a request after those that lie there. Its last update is one of `ENDINGS`, or `Lost` where the hand ends before
        it."""
        ...

    def hold(self, held: bool) -> None:
        """Wait at the next step of what is at work, or go on with it."""
        ...

    def close(self) -> None:
        """End, whatever is at work."""
        ...


class ProcessHand:
    """A process of this machine. `device` is "cuda:1", "mps" or "cpu:0", where the number only parts one hand from another."""

    holds = 2  # a device does not wait while a result is handed over and the next photo is on its way

    def __init__(
        self, device: str, precision: str | None, threads: int | None, heard: Heard, memory: Allowance | None = None
    ) -> None:
        self.name, self._heard = device, heard
        # A new interpreter, not a copy of this one: locks of torch and of the window would be copied locked.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._taking = Taking(context)
        chosen = theirs, self._taking.theirs(), device, precision, threads, memory
        self._process = context.Process(target=_serve, args=chosen, name=f"ganvas {device}")
        self._process.daemon = True
        self._process.start()
        theirs.close()
        self._taking.begun()
        self._listener = threading.Thread(target=self._listen, name=f"hand {device}", daemon=True)
        self._listener.start()
        # A large photo takes its time through the pipe, and who asks may be a window.
        self._sender = ThreadPoolExecutor(1, thread_name_prefix=f"to {device}")

    @property
    def process(self) -> int:
        """The system's number of the process."""
        return int(self._process.pid or 0)

    def begin(self, request: Request) -> None:
        """See `Hand`."""
        self._sender.submit(self._send, request)

    def cancel(self) -> None:
        """Drop all that lies here, what is at work at its next step: the last update of each is then `Cancelled`. Where nothing
        does, nothing happens."""
        self._sender.submit(self._send, None)

    def hold(self, held: bool) -> None:
        """See `Hand`."""
        self._sender.submit(self._send, _Hold(held))

    def allow(self, memory: Allowance) -> None:
        """Use so much of a graphics card's memory, from the next step on."""
        self._sender.submit(self._send, DeviceMemoryRequest(memory))

    def close(self) -> None:
        """See `Hand`."""
        self._process.kill()
        self._process.join()
        self._listener.join()
        self._sender.shutdown()
        self._pipe.close()
        self._taking.close()
        self._process.close()

    def _send(self, message: Order) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            return  # the listener tells that it is lost
        except Exception as error:  # no memory for a copy, as a rule; nothing was sent, and whoever asked waits for an answer
            logger.exception("nothing could be handed to %s", self.name)
            why = f"{type(error).__name__}: {error}."
            with contextlib.suppress(OSError):
                self._pipe.send(_Unsent(Failure(f"It could not be handed over to {self.name}.", why)))

    def _listen(self) -> None:
        while (update := self._next()) is not None:
            self._heard(self, update)
        self._heard(self, Lost("its process ended"))

    def _next(self) -> Update | Refused | Receiving | None:
        """What the process says next; None where it says nothing any more."""
        # The process is watched beside the pipe: where it ends before it took its end of that, there is no end to be seen.
        if self._pipe not in wait([self._pipe, self._process.sentinel]):
            return None
        try:
            update: Update | Refused | Receiving | Laid = self._pipe.recv()
            return self._taking.taken(update) if isinstance(update, Laid) else update
        except (EOFError, OSError):
            return None
        except Exception:  # no memory for what comes: what follows it cannot be told from its rest
            logger.exception("what came from %s could not be read", self.name)
            self._process.kill()
            return None


def _serve(
    pipe: Connection, giving: Giving, device: str, precision: str | None, threads: int | None, memory: Allowance | None
) -> None:
    """In the hand's process: run what comes until nobody is there any more. None means: drop what lies here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all its processes: who began this one ends it
    from app.inference.engine import Engine

    log.start()
    engine = Engine(device=own_device(device), precision=precision, threads=threads, device_memory=memory)
    waiting: deque[Request | _Unsent] = deque()
    with contextlib.suppress(EOFError, OSError):
        while True:
            request: Order = waiting.popleft() if waiting else pipe.recv()
            if isinstance(request, _Unsent):
                pipe.send(request.failure)
            elif isinstance(request, DeviceMemoryRequest):
                _obey(pipe, engine, request)
            elif request is not None and not isinstance(request, _Hold):  # nothing is at work that could wait
                for update in _until_dropped(pipe, engine, request, waiting):
                    for part in giving.parts(update):
                        pipe.send(part)


def _until_dropped(pipe: Connection, engine: Engine, request: Request, waiting: deque[Request | _Unsent]) -> Iterator[Update]:
    """The updates of a request; what comes meanwhile is done or put to those that wait, and ends with it where it is dropped."""
    for update in engine.run(request):
        if not isinstance(update, Step):
            yield update
        if isinstance(update, ENDINGS):
            return
        held = False
        while pipe.poll(None if held else 0):
            pipe.send(Receiving(True))
            order: Order = pipe.recv()
            pipe.send(Receiving(False))
            if isinstance(order, _Hold):
                held = order.held
            elif isinstance(order, DeviceMemoryRequest):
                _obey(pipe, engine, order)
            elif order is not None:
                waiting.append(order)
            else:
                yield from [Cancelled()] * (1 + len(waiting))
                waiting.clear()
                return


def _obey(pipe: Connection, engine: Engine, order: DeviceMemoryRequest) -> None:
    """Do what needs no answer, but where it cannot be done."""
    for update in engine.run(order):
        if isinstance(update, Failure):
            pipe.send(Refused(update))


H = TypeVar("H", bound=Hand)


class Spreading(Generic[H]):
    """Gives the photos of a belt to several hands: those that wait are taken by whoever is free. One thread owns it.

    `lost` gets a sentence for each hand that goes; `woken` is called, from any thread, when there is something to take or to
    collect; `end` closes a hand (an owner that may not wait has it done elsewhere); `refused` gets the name of a hand that could
    not do what it was told beside its photos, and why.
    """

    def __init__(
        self,
        lost: Callable[[str], None],
        woken: Callable[[], None] | None = None,
        end: Callable[[H], None] | None = None,
        refused: Callable[[str, Failure], None] | None = None,
    ) -> None:
        self._lost, self._end, self._refused = lost, end or _close, refused
        self._news: queue.SimpleQueue[tuple[Hand, News]] = queue.SimpleQueue()
        self._arrived = threading.Event()
        self._woken = woken or self._arrived.set
        self._opening: set[Hand] = set()
        self._at: dict[Hand, deque[int]] = {}  # the photos that lie with each, the one at work first
        self._quick: set[Hand] = set()
        self._receiving: set[Hand] = set()
        self._losses: dict[int, int] = {}
        self._held = False
        self._gone: dict[Hand, str] = {}  # those that were lost before they were invited, and why
        self.hands: list[H] = []

    @property
    def at_work(self) -> list[H]:
        """The hands that have a photo."""
        return [hand for hand in self.hands if hand in self._at]

    @property
    def able(self) -> int:
        """How many hands have the model open."""
        return sum(hand not in self._opening for hand in self.hands)

    def wake(self) -> None:
        """Something can be collected: for the belt."""
        self._woken()

    def heard(self, hand: Hand, update: News) -> None:
        """Something came from a hand: for the hands, from any thread."""
        self._news.put((hand, update))
        self._woken()

    def invite(self, hand: H, model: Request) -> None:
        """Another hand, which takes photos once it has opened the model."""
        if (why := self._gone.pop(hand, None)) is not None:
            self._end(hand)
            self._lost(why)
            return
        self.hands.append(hand)
        self._opening.add(hand)
        hand.begin(model)

    def open(self, model: Request) -> Failure | None:
        """Wait until every hand has opened the model or is told as lost. A failure where none can."""
        hands, self.hands = self.hands, []
        for hand in hands:
            self.invite(hand, model)
        failure: Failure | None = None
        while self._opening:
            failure = self._opened(*self._news.get()) or failure
        return None if self.hands else failure

    def run(self, belt: Conveyor, told: Callable[[Event], None]) -> Failure | None:
        """Until everything has come off the belt (`told` gets its events), the disk is full, or no hand is left where one is
        needed: then that is told."""
        while not _over(belt):
            self._arrived.clear()
            self.take(belt)
            _tell(belt, told)
            self.hand_out(belt)
            _tell(belt, told)
            if not self.hands and belt.idle and not belt.finished:
                return Failure("All devices were lost.", hint="--resume goes on.")
            if not _over(belt):  # what was told just now may have been the last that anybody hears of
                self._arrived.wait()
        return None

    def take(self, belt: Conveyor, seen: Callable[[int, Update], None] | None = None) -> None:
        """Hand all that has come from the hands to the belt; `seen` is told of it first."""
        while not self._news.empty():
            hand, update = self._news.get()
            if isinstance(update, Refused):
                if self._refused is not None:
                    self._refused(hand.name, update.failure)
                continue
            if isinstance(update, Receiving):
                (self._receiving.add if update.begun else self._receiving.discard)(hand)
                continue
            indices = self._at.get(hand)
            if indices is None:
                self._opened(hand, update)
                continue
            ended = [indices[0]]
            if isinstance(update, Lost):
                guilty = indices[-1 if hand in self._receiving else 0]
                self._losses[guilty] = self._losses.get(guilty, 0) + 1
                ended = list(indices)
                self._drop(hand, f"{hand.name} was lost: {update.why}.")
                update = Cancelled()  # what is made of it is kept
            elif isinstance(update, ENDINGS):
                self._end_of(hand, update)
            for index in ended:
                if seen is not None:
                    seen(index, update)
                belt.update(index, update)

    def hand_out(self, belt: Conveyor) -> None:
        """Give what is ready to those who are free, then to those that will be soon. Where they are quicker than what is written,
        they wait: a large result would lie in memory as a whole."""
        held = belt.is_behind
        if held != self._held:
            self._held = held
            for one in self.hands:
                one.hold(held)
        if held:
            return
        while (hand := self._next_hand()) is not None and (job := belt.next_request()) is not None:
            index, request = job
            if self._losses.get(index, 0) >= TRIES:
                belt.update(index, Failure(f"It was at work in {TRIES} devices when they were lost."))
            else:
                self._at.setdefault(hand, deque()).append(index)
                hand.begin(request)

    def _next_hand(self) -> H | None:
        """Who has the fewest photos, and may have one more."""
        open_to = (hand for hand in self.hands if hand not in self._opening and self._lying(hand) < self._most(hand))
        return min(open_to, key=self._lying, default=None)

    def _most(self, hand: Hand) -> int:
        return hand.holds if hand in self._quick else 1

    def _lying(self, hand: Hand) -> int:
        return len(self._at.get(hand, ()))

    def _end_of(self, hand: Hand, ending: Done | Failure | Cancelled) -> None:
        """The photo that a hand was at is off its table."""
        self._at[hand].popleft()
        if not self._at[hand]:
            del self._at[hand]
        if isinstance(ending, Done):
            (self._quick.add if ending.seconds < QUICK_SECONDS else self._quick.discard)(hand)

    def close(self) -> None:
        """End all hands."""
        for hand in self.hands:
            self._end(hand)
        self.hands.clear()
        self._at.clear()
        self._opening.clear()
        self._quick.clear()
        self._receiving.clear()
        self._gone.clear()

    def _opened(self, hand: Hand, update: News) -> Failure | None:
        """What a hand says that has no photo: it has opened the model, or why it cannot be used any more."""
        if isinstance(update, Done):
            self._opening.discard(hand)
        elif isinstance(update, Lost):
            happened = "cannot be used" if hand in self._opening else "was lost"
            failure = Failure(f"{hand.name} {happened}: {update.why}.")
            self._drop(hand, str(failure))
            return failure
        elif isinstance(update, Failure):
            self._drop(hand, f"{hand.name} cannot be used. {update}")
            return update
        return None

    def _drop(self, hand: Hand, why: str) -> None:
        self._at.pop(hand, None)
        self._opening.discard(hand)
        self._quick.discard(hand)
        self._receiving.discard(hand)
        known = next((one for one in self.hands if one is hand), None)
        if known is None:
            self._gone[hand] = why
            return
        self.hands.remove(known)
        self._end(known)
        self._lost(why)


def _over(belt: Conveyor) -> bool:
    return belt.finished or (belt.halted is not None and belt.idle)


def _tell(belt: Conveyor, told: Callable[[Event], None]) -> None:
    for event in belt.collect():
        told(event)


def _close(hand: Hand) -> None:
    hand.close()
