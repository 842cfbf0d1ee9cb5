"""Several devices share a queue: two processes of one thread each stand for them here, and one is killed at its work."""

import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.inference.devices import devices_named, own_device, threads_beside, threads_of
from app.inference.requests import DescribeRequest, DeviceRequest, UpscaleRequest
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Tile, Update
from app.log import log_file
from app.photos.decoding import decode
from app.upscale.conveyor import Conveyor
from app.upscale.hands import Hand, Lost, News, ProcessHand, Receiving, Refused, Spreading
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from models.allowance import Allowance
from tests.upscale.belt import TWICE, SlowDisk, catalogue, doubled, photos, planned

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

    def heard(hand: Hand, update: News) -> None:
        if not isinstance(update, Receiving):
            said.put(update)

    hand = ProcessHand("cpu:0", None, 1, heard)
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


class Deadly:
    """Whoever takes it into its memory is gone."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return os.abort, ()


def test_a_process_tells_that_it_takes_the_next_photo_before_it_does(ganvas_home: Path) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    said: queue.SimpleQueue[News] = queue.SimpleQueue()
    hand = ProcessHand("cpu:0", "float32", 1, lambda hand, update: said.put(update))
    try:
        hand.begin(UpscaleRequest(TWICE, np.zeros((8000, 300, 3), np.uint8)))
        hand.begin(UpscaleRequest(TWICE, np.zeros((40, 30, 3), np.uint8)))
        hand.begin(UpscaleRequest(TWICE, Deadly()))  # type: ignore[arg-type]
        told: list[News] = []
        while not isinstance(update := said.get(timeout=60), Lost):
            told.append(update)
    finally:
        hand.close()
    assert [one.begun for one in told if isinstance(one, Receiving)] == [True, False, True]
    assert not any(isinstance(one, Done) for one in told)  # it was at work


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
