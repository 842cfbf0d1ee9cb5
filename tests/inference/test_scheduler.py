"""Who is served next: lanes before batches, the newest in a lane, the batches in order and in turn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.inference.scheduler import PATIENCE, Scheduler
from app.inference.updates import ENDINGS, Cancelled, Done, Failure, Step, Update


@dataclass(frozen=True)
class Work:
    """So many steps, then a result."""

    name: str
    steps: int = 3
    deadline_ms: float | None = None


@dataclass(frozen=True)
class OtherWork(Work):
    """Work of another type."""


class Engine:
    """Notes each step it does; may fail, raise or forget its ending."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.dropped: list[str] = []

    def run(self, request: Any) -> Iterator[Update]:
        try:
            for _ in range(request.steps):
                self.trace.append(request.name)
                yield Step()
            if request.name == "forgets":
                return
            if request.name == "raises":
                raise ZeroDivisionError("by zero")
            yield Failure("It failed.") if request.name == "fails" else Done(request.name, 0.0)
        except GeneratorExit:
            self.dropped.append(request.name)
            raise


class Watch:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class House:
    """A scheduler with its engine and what it delivered."""

    def __init__(self) -> None:
        self.engine, self.watch = Engine(), Watch()
        self.delivered: list[tuple[int, Update]] = []
        self.scheduler = Scheduler(self.engine, lambda ticket, update: self.delivered.append((ticket, update)), self.watch)

    def finish(self) -> None:
        while self.scheduler.step():
            pass

    @property
    def endings(self) -> dict[int, str]:
        return {ticket: type(update).__name__ for ticket, update in self.delivered if isinstance(update, ENDINGS)}

    @property
    def results(self) -> list[str]:
        return [update.result for _, update in self.delivered if isinstance(update, Done)]


def test_in_a_lane_the_newest_replaces_the_one_that_waits() -> None:
    house = House()
    for ticket, name in enumerate("abc"):
        house.scheduler.submit(ticket, Work(name), "explore")
    house.finish()
    assert house.endings == {0: "Cancelled", 1: "Cancelled", 2: "Done"}
    assert house.engine.trace == ["c"] * 3


def test_work_without_a_deadline_is_dropped_for_a_newer_request() -> None:
    house = House()
    house.scheduler.submit(1, Work("old"), "explore")
    house.scheduler.step()
    house.scheduler.submit(2, Work("new"), "explore")
    assert house.engine.dropped == ["old"]
    house.finish()
    assert house.results == ["new"]


def test_work_with_a_deadline_is_finished_so_that_a_moving_hand_sees_pictures() -> None:
    house = House()
    house.scheduler.submit(1, Work("preview", deadline_ms=40), "explore")
    house.scheduler.step()
    house.scheduler.submit(2, Work("next", deadline_ms=40), "explore")
    house.finish()
    assert house.results == ["preview", "next"]


def test_a_lane_that_only_drops_finishes_something_after_a_while() -> None:
    house = House()
    for ticket in range(100):
        house.scheduler.submit(ticket, Work(f"{ticket}", steps=5), "explore")
        house.scheduler.step()
        house.watch.now += PATIENCE / 4
    assert len(house.results) > 5
    house.finish()
    assert house.results[-1] == "99"


def test_a_hurried_request_never_waits_for_work_without_a_deadline() -> None:
    house = House()
    house.scheduler.submit(1, Work("full", steps=1000), "explore")
    for _ in range(10):
        house.scheduler.step()
    house.watch.now += 10 * PATIENCE
    house.scheduler.submit(2, Work("preview", deadline_ms=40), "explore")
    assert house.engine.dropped == ["full"]


def test_lanes_go_before_batches_and_hurried_lanes_before_others() -> None:
    house = House()
    house.scheduler.submit(1, Work("batch"))
    house.scheduler.submit(2, Work("rest"), "paint")
    house.scheduler.submit(3, Work("hand", deadline_ms=40), "explore")
    house.finish()
    assert house.engine.trace == ["hand"] * 3 + ["rest"] * 3 + ["batch"] * 3


def test_two_lanes_take_turns() -> None:
    house = House()
    house.scheduler.submit(1, Work("a"), "explore")
    house.scheduler.submit(2, Work("b"), "paint")
    house.finish()
    assert house.engine.trace == ["a", "b"] * 3


def test_batches_of_one_type_wait_in_order_and_types_take_turns() -> None:
    house = House()
    house.scheduler.submit(1, Work("photo 1"))
    house.scheduler.submit(2, Work("photo 2"))
    house.scheduler.submit(3, OtherWork("question", steps=2))
    house.finish()
    assert house.engine.trace == ["photo 1", "question", "photo 1", "question", "photo 1", "photo 2", "photo 2", "photo 2"]


def test_a_lane_interrupts_a_batch_between_two_steps_and_the_batch_goes_on() -> None:
    house = House()
    house.scheduler.submit(1, Work("batch", steps=4))
    house.scheduler.step()
    house.scheduler.submit(2, Work("hand", steps=2), "explore")
    house.finish()
    assert house.engine.trace == ["batch", "hand", "hand", "batch", "batch", "batch"]


@pytest.mark.parametrize("bad", ["fails", "raises", "forgets"])
@pytest.mark.parametrize("lane", ["explore", None])
def test_what_fails_ends_in_a_failure_and_the_next_is_served(bad: str, lane: str | None, expected_warnings: list[str]) -> None:
    if bad != "fails":  # that is a sentence for a person already
        expected_warnings.append("ticket 1")
    house = House()
    house.scheduler.submit(1, Work(bad), lane)
    house.scheduler.submit(2, OtherWork("good"), None)
    house.finish()
    assert house.endings == {1: "Failure", 2: "Done"}


@pytest.mark.parametrize("lane", ["explore", None])
def test_cancelling_drops_what_waits_and_what_is_at_work(lane: str | None) -> None:
    house = House()
    house.scheduler.submit(1, Work("a", deadline_ms=1), lane)
    house.scheduler.step()
    house.scheduler.submit(2, Work("b", deadline_ms=1), lane)
    house.scheduler.cancel(2)
    house.scheduler.cancel(1)
    house.scheduler.cancel(1)
    house.scheduler.cancel(99)
    house.finish()
    assert house.endings == {1: "Cancelled", 2: "Cancelled"}
    assert house.engine.dropped == ["a"]
    assert len(house.delivered) == 3


def test_a_batch_that_is_held_is_left_as_it_is_while_others_are_served() -> None:
    house = House()
    house.scheduler.submit(1, Work("photo 1"))
    house.scheduler.submit(2, Work("photo 2"))
    house.scheduler.step()
    house.scheduler.hold(1, True)
    house.scheduler.submit(3, OtherWork("question", steps=1))
    house.scheduler.submit(4, Work("hand", steps=1), "explore")
    house.finish()
    assert house.engine.trace == ["photo 1", "hand", "question"]
    house.scheduler.hold(1, False)
    house.finish()
    assert house.engine.trace[3:] == ["photo 1"] * 2 + ["photo 2"] * 3


def test_a_batch_that_is_held_can_be_dropped() -> None:
    house = House()
    house.scheduler.submit(1, Work("a"))
    house.scheduler.submit(2, Work("b"))
    house.scheduler.step()
    house.scheduler.hold(1, True)
    house.scheduler.cancel(1)
    house.finish()
    assert house.endings == {1: "Cancelled", 2: "Done"}


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.sampled_from(["explore", "paint", None]), st.integers(0, 4), st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("hold"), st.integers(0, 40), st.booleans()),
        st.tuples(st.just("step"), st.integers(1, 6)),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(ACTIONS, st.booleans())
def test_whatever_happens_each_ticket_ends_once_and_a_lane_never_runs_backwards(actions: list[Any], drop: bool) -> None:
    house = House()
    lanes: dict[int, str | None] = {}
    for action in actions:
        if action[0] == "submit":
            ticket = len(lanes)
            lanes[ticket] = action[1]
            house.scheduler.submit(ticket, Work(f"{ticket}", action[2], 40.0 if action[3] else None), action[1])
        elif action[0] == "cancel":
            house.scheduler.cancel(action[1])
        elif action[0] == "hold":
            house.scheduler.hold(*action[1:])
        else:
            for _ in range(action[1]):
                house.scheduler.step()
        house.watch.now += PATIENCE / 7
    if drop:
        house.scheduler.drop_all()
    for ticket in range(41):
        house.scheduler.hold(ticket, False)
    house.finish()
    for ticket in lanes:
        mine = [update for other, update in house.delivered if other == ticket]
        assert [isinstance(update, ENDINGS) for update in mine] == [False] * (len(mine) - 1) + [True]
    for lane in ("explore", "paint"):
        shown = [ticket for ticket, update in house.delivered if lanes[ticket] == lane and not isinstance(update, Cancelled)]
        assert shown == sorted(shown)
