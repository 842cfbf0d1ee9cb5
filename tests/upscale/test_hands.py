"""Several devices share a queue: two processes of one thread each stand for them here, and one is killed at its work."""

import gc
import os
import queue
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.inference.devices import devices_named, own_device, threads_beside, threads_of
from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, DeviceRequest, Request, UpscaleRequest
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Tile, Update
from app.log import log_file
from app.photos.decoding import decode
from app.upscale.conveyor import Conveyor
from app.upscale.hands import Hand, Heard, Lost, News, ProcessHand, Refused, Spreading
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from models.allowance import Allowance
from tests.upscale.belt import TWICE, SlowDisk, catalogue, doubled, engine, photos, planned

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


class Two:
    """Two hands, and what was told of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.tiles: dict[str, int] = {"cpu:0": 0, "cpu:1": 0}
        self.killed: ProcessHand | None = None
        self.spreading: Spreading[ProcessHand] = Spreading(self.lost.append)
        self.spreading.hands += [ProcessHand(name, "float32", 1, self.heard) for name in self.tiles]

    def heard(self, hand: Hand, update: News) -> None:
        if isinstance(update, Tile):
            self.tiles[hand.name] += 1
            if hand is self.killed:
                os.kill(self.killed.process, signal.SIGKILL)
        self.spreading.heard(hand, update)

    def run(self, paths: list[Path], choices: Choices) -> None:
        with Conveyor(choices, wake=self.spreading.wake, hands=2) as belt:
            for index, one in enumerate(planned(paths, choices)):
                belt.add(index, one)
            assert self.spreading.run(belt, self.events.append) is None
            self.events += belt.collect()


@pytest.fixture
def two(ganvas_home: Path) -> Iterator[Two]:
    catalogue(ganvas_home / "data" / "catalogue")
    made = Two()
    assert made.spreading.open(DescribeRequest(TWICE)) is None
    yield made
    made.spreading.close()


def check(two: Two, paths: list[Path], choices: Choices) -> None:
    ends = [event.index for event in two.events if event.stage in ("done", "failed")]
    assert [event.failure for event in two.events if event.failure] == []
    assert sorted(ends) == list(range(len(paths)))  # each once
    for one in planned(paths, replace(choices, on_exists="overwrite")):
        assert one.output is not None
        assert np.abs(decode(one.output).pixels.astype(int) - doubled(decode(one.source).pixels)).max() <= 1


def test_both_take_from_one_queue_and_a_lost_one_gives_its_photo_back(two: Two, tmp_path: Path) -> None:
    both = photos(tmp_path / "both", 8, 400, 600)
    two.run(both, replace(X2, into=tmp_path / "out"))
    check(two, both, replace(X2, into=tmp_path / "out"))
    assert min(two.tiles.values()) > 0
    two.events.clear()
    first = two.spreading.hands[0]
    assert isinstance(first, ProcessHand)
    two.killed = first
    more = photos(tmp_path / "more", 6, 400, 600)
    two.run(more, replace(X2, into=tmp_path / "out2"))
    check(two, more, replace(X2, into=tmp_path / "out2"))
    assert two.lost == ["cpu:0 was lost: its process ended."]
    assert [hand.name for hand in two.spreading.hands] == ["cpu:1"]


def test_what_cannot_compute_is_told_and_left_out(ganvas_home: Path) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    lost: list[str] = []
    spreading: Spreading[Hand] = Spreading(lost.append)
    spreading.hands += [ProcessHand("cuda:7", None, 1, spreading.heard)]
    try:
        failure = spreading.open(DescribeRequest(TWICE))
    finally:
        spreading.close()
    assert failure is not None
    assert "cuda:7" in str(failure)
    assert len(lost) == 1


def test_what_cannot_be_handed_over_fails_and_the_hand_goes_on(expected_warnings: list[str]) -> None:
    expected_warnings.append("nothing could be handed to cpu:0")
    said: queue.SimpleQueue[News] = queue.SimpleQueue()
    hand = ProcessHand("cpu:0", None, 1, lambda hand, update: said.put(update))
    try:
        hand.begin(UpscaleRequest(TWICE, threading.Lock()))  # type: ignore[arg-type]  # as one that no memory is left for
        failed = said.get(timeout=60)
        assert isinstance(failed, Failure)
        assert failed.what == "It could not be handed over to cpu:0."
        hand.begin(DeviceRequest())
        hand.begin(UpscaleRequest(TWICE, threading.Lock()))  # type: ignore[arg-type]
        assert isinstance(said.get(timeout=60), Done)  # of the one before it
        assert isinstance(said.get(timeout=60), Failure)
    finally:
        hand.close()


def test_what_goes_wrong_in_a_hand_stands_in_the_log_that_it_names() -> None:
    said: queue.SimpleQueue[News] = queue.SimpleQueue()
    hand = ProcessHand("cpu:0", None, 1, lambda hand, update: said.put(update))
    try:
        hand.begin(DescribeRequest(None))  # type: ignore[arg-type]
        while not isinstance(failed := said.get(timeout=60), Failure | Lost):
            pass
    finally:
        hand.close()
    assert isinstance(failed, Failure)
    assert failed.hint == f"The details are in {log_file()}."
    assert "Traceback" in log_file().read_text(encoding="utf-8")


class Answers:
    """Keeps what a hand says."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[News] = queue.SimpleQueue()

    def heard(self, hand: Hand, update: News) -> None:
        self._said.put(update)

    def until(self, kind: type[Update]) -> Any:
        while not isinstance(update := self._said.get(timeout=60), kind):
            assert not isinstance(update, Failure | Lost)
        return update

    def next_ending(self) -> Update:
        while not isinstance(update := self._said.get(timeout=60), ENDINGS):
            assert not isinstance(update, Lost)
        return update


def test_a_process_uses_the_memory_it_was_begun_with_and_obeys_while_it_is_at_work(ganvas_home: Path) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    answers = Answers()
    hand = ProcessHand("cpu:1", "float32", 1, answers.heard, Allowance(0.5))
    try:
        hand.begin(DeviceRequest())
        assert answers.until(Done).result.further.memory == Allowance(0.5)
        hand.begin(UpscaleRequest(TWICE, np.zeros((4000, 300, 3), np.uint8)))
        answers.until(Tile)
        hand.allow(Allowance(0.25))
        answers.until(Done)  # it was not dropped
        hand.begin(DeviceRequest())
        assert answers.until(Done).result.further.memory == Allowance(0.25)
        hand.allow(Allowance(0.75))  # while nothing is at work
        hand.begin(DeviceRequest())
        assert answers.until(Done).result.further.memory == Allowance(0.75)
    finally:
        hand.close()


def test_an_order_that_a_process_cannot_follow_is_told_and_is_not_taken_for_the_end_of_its_photo() -> None:
    said: queue.SimpleQueue[News] = queue.SimpleQueue()
    hand = ProcessHand("cuda:7", None, 1, lambda hand, update: said.put(update))  # there is none: nothing can be done with it
    try:
        hand.allow(Allowance(0.5))
        told = said.get(timeout=60)
        assert isinstance(told, Refused)
        assert "cuda:7" in str(told.failure)
    finally:
        hand.close()


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


def test_devices_are_named_by_a_list_and_share_the_cores() -> None:
    assert devices_named("cpu:0, cpu:1") == ("cpu:0", "cpu:1")
    assert devices_named("cuda") == ()
    assert devices_named("cpu:0,cpu:0") == ()
    assert own_device("cpu:0,cpu:1") == "cpu"
    assert own_device("cuda:1, cuda:0") == "cuda:1"
    assert own_device(None) is None
    assert own_device("cpu:x") == "cpu:x"  # no part of the processor: whoever opens it says so
    assert threads_of(("cpu:0", "cpu:1"), 3) == 3
    assert threads_of(("cpu:0", "cpu:1"), None) == max(1, (os.cpu_count() or 1) // 2)
    assert threads_of(("cuda:0", "cuda:1"), None) is None


def test_what_decodes_beside_cards_is_more_than_what_is_taken_from_a_processors_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert threads_beside(("cuda:0", "cuda:1")) == 5
    assert threads_beside(()) == 5  # others compute: a cluster
    assert threads_beside(("cuda:0", "cpu")) == 2
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert threads_beside(("mps",)) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads_beside(("cuda",)) == 2


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


def test_a_process_drops_all_that_lies_with_it_and_goes_on(ganvas_home: Path) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    answers = Answers()
    hand = ProcessHand("cpu:0", "float32", 1, answers.heard)
    try:
        for _ in range(2):
            hand.begin(UpscaleRequest(TWICE, np.zeros((4000, 300, 3), np.uint8)))
        answers.until(Tile)
        hand.cancel()
        assert answers.next_ending() == Cancelled()
        assert answers.next_ending() == Cancelled()
        hand.cancel()  # nothing lies there
        photo = np.random.RandomState(0).randint(0, 255, (70, 50, 3)).astype(np.uint8)
        for _ in range(2):
            hand.begin(UpscaleRequest(TWICE, photo, keep_result=False))
        for _ in range(2):
            made = answers.until(Tile).pixels
            assert np.abs(made.astype(int) - doubled(photo)[: len(made)]).max() <= 1
            assert isinstance(answers.next_ending(), Done)
    finally:
        hand.close()


def test_a_process_waits_where_it_is_told_to_and_can_be_dropped_meanwhile(ganvas_home: Path) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    answers = Answers()
    hand = ProcessHand("cpu:0", "float32", 1, answers.heard)
    request = UpscaleRequest(TWICE, np.zeros((4000, 300, 3), np.uint8), keep_result=False)
    try:
        hand.hold(True)  # nothing is at work that could wait
        hand.begin(request)
        answers.until(Tile)
        hand.hold(True)
        time.sleep(1.5)  # it would be done
        hand.cancel()
        assert answers.next_ending() == Cancelled()
        hand.begin(request)
        answers.until(Tile)
        hand.hold(True)
        hand.hold(False)
        assert isinstance(answers.next_ending(), Done)
    finally:
        hand.close()


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


def test_a_large_result_of_a_quick_device_does_not_pile_up_before_a_slow_disk(
    ganvas_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    slow = SlowDisk(monkeypatch)
    choices = replace(X2, into=tmp_path / "out")
    named = photos(tmp_path / "in", 1, 4000, 300)
    spreading: Spreading[ProcessHand] = Spreading(lambda said: None)
    spreading.hands += [ProcessHand("cpu:0", "float32", 1, spreading.heard)]
    try:
        assert spreading.open(DescribeRequest(TWICE)) is None
        with Conveyor(choices, wake=spreading.wake, patient=False) as belt:
            for index, one in enumerate(planned(named, choices)):
                belt.add(index, one)
            assert spreading.run(belt, lambda event: None) is None
    finally:
        spreading.close()
    (one,) = planned(named, replace(choices, on_exists="overwrite"))
    assert one.output is not None
    assert np.abs(decode(one.output).pixels.astype(int) - doubled(decode(one.source).pixels)).max() <= 1
    slow.check()


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
