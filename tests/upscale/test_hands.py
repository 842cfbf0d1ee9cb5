"""Several devices share a queue: two processes of one thread each stand for them here, and one is killed at its work."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.requests import DescribeRequest
from app.inference.updates import Tile, Update
from app.photos.decoding import decode
from app.upscale.conveyor import Conveyor
from app.upscale.hands import Hand, Lost, ProcessHand, Spreading, devices_named, threads_of
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.upscale.belt import TWICE, catalogue, doubled, photos, planned

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


class Two:
    """Two hands, and what was told of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.tiles: dict[str, int] = {"cpu:0": 0, "cpu:1": 0}
        self.killed: ProcessHand | None = None
        self.spreading = Spreading(self.events.append, self.lost.append)
        self.spreading.hands += [ProcessHand(name, "float32", 1, self.heard) for name in self.tiles]

    def heard(self, hand: Hand, update: Update | Lost) -> None:
        if isinstance(update, Tile):
            self.tiles[hand.name] += 1
            if hand is self.killed:
                os.kill(self.killed.process, signal.SIGKILL)
        self.spreading.heard(hand, update)

    def run(self, paths: list[Path], choices: Choices) -> None:
        with Conveyor(choices, wake=self.spreading.wake, hands=2) as belt:
            for index, one in enumerate(planned(paths, choices)):
                belt.add(index, one)
            assert self.spreading.run(belt) is None
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
    spreading = Spreading(lambda event: None, lost.append)
    spreading.hands += [ProcessHand("cuda:7", None, 1, spreading.heard)]
    try:
        failure = spreading.open(DescribeRequest(TWICE))
    finally:
        spreading.close()
    assert failure is not None
    assert "cuda:7" in str(failure)
    assert len(lost) == 1


def test_devices_are_named_by_a_list_and_share_the_cores() -> None:
    assert devices_named("cpu:0, cpu:1") == ("cpu:0", "cpu:1")
    assert devices_named("cuda") == ()
    assert devices_named("cpu:0,cpu:0") == ()
    assert threads_of(("cpu:0", "cpu:1"), 3) == 3
    assert threads_of(("cpu:0", "cpu:1"), None) == max(1, (os.cpu_count() or 1) // 2)
    assert threads_of(("cuda:0", "cuda:1"), None) is None
