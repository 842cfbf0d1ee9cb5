"""Undo and redo: what one gesture did is one step, and what is done after a step back is another."""

import pytest

from app.history import Command, History


class Sum:
    """A number that commands add to; `key` is what lets one merge into the one before."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int, key: str = "slider") -> "Add":
        return Add(self, amount, key)


class Add:
    bytes = 0

    def __init__(self, on: Sum, amount: int, key: str) -> None:
        self.on, self.amount, self.key, self.title = on, amount, key, f"add {amount}"

    def redo(self) -> None:
        self.on.value += self.amount

    def undo(self) -> None:
        self.on.value -= self.amount

    def merge(self, later: Command) -> bool:
        if not isinstance(later, Add) or later.key != self.key:
            return False
        self.amount += later.amount
        return True


def test_steps_of_one_gesture_are_taken_back_together_and_another_is_not() -> None:
    total, history = Sum(), History()
    for amount in (1, 10):
        history.do(total.add(amount))
    history.do(total.add(100, "another"))
    history.seal()
    history.do(total.add(1000, "another"))
    seen = [total.value]
    while history.undo():
        seen.append(total.value)
    assert seen == [1111, 111, 11, 0]


def test_what_is_done_after_a_step_back_is_a_step_of_its_own() -> None:
    total, history = Sum(), History()
    history.do(total.add(1))
    history.seal()
    history.do(total.add(10))
    history.undo()
    history.do(total.add(100))
    assert total.value == 101
    history.undo()
    assert total.value == 1
    assert history.redo()
    history.do(total.add(1000))
    history.undo()
    assert total.value == 101


def test_what_was_taken_back_is_gone_once_something_else_is_done() -> None:
    total, history = Sum(), History()
    history.do(total.add(1))
    history.undo()
    history.do(total.add(10))
    assert history.redo_title is None
    assert not history.redo()
    assert total.value == 10


def test_so_many_steps_are_kept_and_the_oldest_go() -> None:
    total, history = Sum(), History(limit=2)
    for amount in (1, 10, 100):
        history.do(total.add(amount))
        history.seal()
    assert [history.undo() for _ in range(3)] == [True, True, False]
    assert total.value == 1


@pytest.mark.parametrize(("sizes", "kept"), [((40, 30, 30), 3), ((50, 30, 30), 2), ((10, 10, 900), 1), ((900, 10, 10), 2)])
def test_so_many_bytes_are_kept_and_the_oldest_go_but_never_the_newest(sizes: tuple[int, ...], kept: int) -> None:
    total, history = Sum(), History(most_bytes=100)
    for size in sizes:
        step = total.add(1)
        step.bytes = size
        history.do(step)
        history.seal()
    assert [history.undo() for _ in range(kept + 1)] == [True] * kept + [False]
    assert [history.redo() for _ in range(kept)] == [True] * kept  # going back and forth loses none
    assert total.value == len(sizes)
