"""Photos are given to several hands, which are lost, quick, slow, or quicker than a disk."""

import errno
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, Request, UpscaleRequest
from app.inference.updates import Done, Failure, Tile
from app.photos.decoding import decode
from app.upscale import making
from app.upscale.conveyor import Conveyor
from app.upscale.hands import Heard, Lost, Receiving, Spreading
from app.upscale.items import Event
from tests.upscale.belt import TWICE, doubled, engine, photos, planned
from tests.upscale.test_hands import X2


class Mortal:
    """A hand that is lost once it has made so many tiles of 16 source rows (None: all, and was not yet done)."""

    holds = 1

    def __init__(self, name: str, running: Engine, tiles: int | None, heard: Heard) -> None:
        self.name, self._running, self._tiles, self._heard = name, running, tiles, heard

    def begin(self, request: Request) -> None:
        if not isinstance(request, UpscaleRequest):
            self._heard(self, Done(None, 0.0))
            return
        made = 0
        for update in self._running.run(replace(request, tile=16)):
            if isinstance(update, Tile) and made != self._tiles:
                self._heard(self, update)
                made += 1
        self._heard(self, Lost("its process ended"))

    def hold(self, held: bool) -> None:
        """It waits for nobody."""

    def close(self) -> None:
        """There is no process."""


def spread(tmp_path: Path, count: int, *tiles: int | None) -> tuple[list[Event], Failure | None]:
    """What comes of photos of 64 rows at hands that are lost after so many tiles each."""
    running = engine(tmp_path / "catalogue")
    choices = replace(X2, into=tmp_path / "out")
    events: list[Event] = []
    spreading: Spreading[Mortal] = Spreading(lambda said: None)
    spreading.hands += [Mortal(str(i), running, each, spreading.heard) for i, each in enumerate(tiles)]
    assert spreading.open(DescribeRequest(TWICE)) is None
    with Conveyor(choices, wake=spreading.wake, hands=len(tiles)) as belt:
        for index, one in enumerate(planned(photos(tmp_path / "in", count, 64, 48), choices)):
            belt.add(index, one)
        failure = spreading.run(belt, events.append)
        events += belt.collect()
    return events, failure


def test_a_photo_whose_rows_are_all_made_is_finished_whoever_was_lost_at_it(tmp_path: Path) -> None:
    events, failure = spread(tmp_path, 1, 2, None)
    assert failure is None  # no hand is left, and none is needed
    assert [event.stage for event in events if event.stage in ("done", "failed")] == ["done"]
    (result,) = (tmp_path / "out").iterdir()
    assert np.array_equal(decode(result).pixels, doubled(decode(tmp_path / "in/photo0.png").pixels))


def test_a_photo_that_takes_two_devices_down_fails_alone_and_without_devices_the_job_ends(tmp_path: Path) -> None:
    events, failure = spread(tmp_path, 1, 2, 2, 0)
    assert failure is None
    assert [str(event.failure) for event in events if event.failure] == ["It was at work in 2 devices when they were lost."]
    events, failure = spread(tmp_path / "more", 3, 1, 1)
    assert str(failure) == "All devices were lost. --resume goes on."


class Diligent(Mortal):
    """A hand that does all that it is given."""

    def begin(self, request: Request) -> None:
        for update in self._running.run(request):
            self._heard(self, update)


def test_a_job_whose_disk_is_full_ends_with_several_hands_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*about: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(making, "_check_room", full)
    choices, running = replace(X2, into=tmp_path / "out"), engine(tmp_path / "catalogue")
    (tmp_path / "out").mkdir()
    spreading: Spreading[Diligent] = Spreading(lambda said: None)
    spreading.hands += [Diligent(str(i), running, None, spreading.heard) for i in range(2)]
    assert spreading.open(DescribeRequest(TWICE)) is None
    with Conveyor(choices, wake=spreading.wake, hands=2) as belt:
        for index, one in enumerate(planned(photos(tmp_path / "in", 4), choices)):
            belt.add(index, one)
        job = threading.Thread(target=spreading.run, args=(belt, lambda event: None), daemon=True)
        job.start()
        job.join(60)
        assert not job.is_alive()
        assert belt.halted is not None
        assert belt.halted.what == "The disk is full."


class Listed:
    """A hand that keeps what it is given, and answers when it is told to."""

    holds = 2

    def __init__(self, name: str, heard: Heard) -> None:
        self.name, self._heard = name, heard
        self.lying: list[np.ndarray] = []
        self.orders: list[bool] = []

    def begin(self, request: Request) -> None:
        if isinstance(request, UpscaleRequest):
            self.lying.append(request.pixels)
        else:
            self._heard(self, Done(None, 0.0))

    def finish(self, seconds: float) -> None:
        """Make the photo it is at."""
        self._heard(self, Tile(doubled(self.lying.pop(0)), 0, 0))
        self._heard(self, Done(None, seconds))

    def receive(self, begun: bool) -> None:
        self._heard(self, Receiving(begun))

    def lose(self) -> None:
        self._heard(self, Lost("its process ended"))

    def hold(self, held: bool) -> None:
        self.orders.append(held)

    def close(self) -> None:
        """There is no process."""


class Listeners:
    """A belt of photos before two such hands."""

    def __init__(self, tmp_path: Path, count: int) -> None:
        self.choices = replace(X2, into=tmp_path / "out")
        self.paths = photos(tmp_path / "in", count)
        self.spreading: Spreading[Listed] = Spreading(lambda said: None)
        self.hands = [Listed(name, self.spreading.heard) for name in ("a", "b")]
        self.spreading.hands += self.hands
        assert self.spreading.open(DescribeRequest(TWICE)) is None
        self.belt = Conveyor(self.choices, wake=self.spreading.wake, hands=4)
        for index, one in enumerate(planned(self.paths, self.choices)):
            self.belt.add(index, one)
        self.events: list[Event] = []

    def go_on(self, until: Callable[[], bool]) -> None:
        """Take and hand out until that is so."""
        late = time.monotonic() + 60
        while not until():
            assert time.monotonic() < late, self.lying()
            self.step()
            self.belt.wait(0.05)

    def step(self) -> None:
        self.spreading.take(self.belt)
        self.events += self.belt.collect()
        self.spreading.hand_out(self.belt)

    def lying(self) -> list[list[int]]:
        """Which photos lie with each hand."""
        known = [decode(path).pixels for path in self.paths]

        def number(photo: np.ndarray) -> int:
            return next(i for i, one in enumerate(known) if np.array_equal(one, photo))

        return [[number(photo) for photo in hand.lying] for hand in self.hands]

    def are_done(self, count: int) -> bool:
        return sum(event.stage == "done" for event in self.events) == count


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[Listeners]:
    made = Listeners(tmp_path, 8)
    yield made
    made.spreading.close()
    made.belt.close()


def test_the_next_photo_lies_with_a_hand_that_is_quick(listeners: Listeners) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])  # nobody knows yet how quick they are
    a, b = listeners.hands
    a.finish(0.1)
    b.finish(20.0)
    listeners.go_on(lambda: listeners.lying() == [[2, 4], [3]])
    a.finish(0.1)
    listeners.go_on(lambda: listeners.lying() == [[4, 5], [3]])
    b.finish(0.1)  # whoever has nothing comes before who has one
    listeners.go_on(lambda: listeners.lying() == [[4, 5], [6, 7]])
    a.finish(20.0)
    b.finish(0.1)
    a.finish(0.1)
    b.finish(0.1)
    listeners.go_on(lambda: listeners.belt.finished)
    assert listeners.are_done(8)
    for one in planned(listeners.paths, replace(listeners.choices, on_exists="overwrite")):
        assert one.output is not None
        assert np.array_equal(decode(one.output).pixels, doubled(decode(one.source).pixels))


def test_a_quick_hand_gets_its_next_photo_whoever_stands_before_it(listeners: Listeners) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])
    a, b = listeners.hands
    a.holds = 1  # as the window's own
    a.finish(0.1)
    b.finish(0.1)
    listeners.go_on(lambda: listeners.lying() == [[2], [3, 4]])


def test_a_hand_that_is_lost_gives_back_both_photos_and_only_the_one_at_work_was_lost_there(listeners: Listeners) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])
    a, b = listeners.hands
    a.finish(0.1)
    b.finish(0.1)
    listeners.go_on(lambda: listeners.lying() == [[2, 4], [3, 5]])
    a.lose()
    while not listeners.are_done(8):
        listeners.go_on(lambda: bool(b.lying) or listeners.belt.finished)
        if b.lying:
            b.finish(0.1)
    assert listeners.spreading.hands == [b]
    assert listeners.spreading._losses == {2: 1}


@pytest.mark.parametrize(("told", "counted"), [([True], {4: 1}), ([True, False], {2: 1})])
def test_a_hand_that_is_lost_as_it_takes_the_next_photo_was_lost_at_that_one(
    listeners: Listeners, told: list[bool], counted: dict[int, int]
) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])
    a, b = listeners.hands
    a.finish(0.1)
    b.finish(0.1)
    listeners.go_on(lambda: listeners.lying() == [[2, 4], [3, 5]])
    for begun in told:
        a.receive(begun)
    a.lose()
    listeners.step()
    assert listeners.spreading._losses == counted
    while not listeners.are_done(8):
        listeners.go_on(lambda: bool(b.lying) or listeners.belt.finished)
        if b.lying:
            b.finish(0.1)


def test_a_hand_that_is_lost_is_let_go_of(listeners: Listeners) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])
    lost = weakref.ref(listeners.hands[0])
    listeners.hands[0].finish(0.1)
    listeners.go_on(lambda: listeners.lying()[0] == [2, 3])
    listeners.hands[0].lose()
    listeners.hands.pop(0)
    listeners.step()
    gc.collect()
    assert lost() is None


def test_hands_that_are_quicker_than_what_is_written_wait_and_get_nothing_new(
    listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners.go_on(lambda: listeners.lying() == [[0], [1]])
    a, b = listeners.hands
    behind = True
    monkeypatch.setattr(Conveyor, "is_behind", property(lambda self: behind))
    a.finish(0.1)
    b.finish(0.1)
    listeners.go_on(lambda: listeners.are_done(2))
    assert (a.orders, b.orders, listeners.lying()) == ([True], [True], [[], []])
    behind = False
    listeners.step()
    assert (a.orders, b.orders) == ([True, False], [True, False])
    listeners.go_on(lambda: all(hand.lying for hand in listeners.hands))


def test_a_hand_that_was_lost_before_it_was_invited_is_told_and_not_waited_for(tmp_path: Path) -> None:
    lost: list[str] = []
    spreading: Spreading[Listed] = Spreading(lost.append)
    hand = Listed("a", spreading.heard)
    with Conveyor(replace(X2, into=tmp_path)) as belt:
        hand.lose()
        spreading.take(belt)
        assert lost == []  # nobody knows it yet
        spreading.invite(hand, DescribeRequest(TWICE))
    assert lost == ["a was lost: its process ended."]
    assert (spreading.hands, spreading.able) == ([], 0)
