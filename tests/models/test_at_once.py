"""What a card is given at once is what was seen to be the quickest, short enough, and fits into its memory."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from models.at_once import LEAST, LONGEST, MOST, TRIES, UNTIL_MORE, AtOnce

FIRST = 1 << 18
PLENTY = 1 << 40


class Card:
    """Takes `call` seconds for each amount that it is given, and a while for each pixel; `clock` is its time."""

    def __init__(self, call: float, pixels_a_second: float) -> None:
        self.call, self.speed, self.now = call, pixels_a_second, 0.0

    def clock(self) -> float:
        return self.now

    def work(self, taken: int, pixels: int) -> Generator[int, None, None]:
        for _ in range(-(-pixels // taken)):
            self.now += self.call + taken / self.speed
            yield taken


def _learnt(card: Card, pixels: int, room: int = PLENTY, photos: int = 60) -> int:
    at_once = AtOnce(FIRST, card.clock)
    for _ in range(photos):
        taken = at_once.of(pixels // 2, room)
        for _ in at_once.watched(card.work(taken, pixels), taken, pixels, told=pixels // 2 >= taken):
            card.now += 1  # what others do meanwhile
    return at_once.of(pixels // 2, room)


def test_a_card_that_waits_for_calls_is_given_more_at_once() -> None:
    assert _learnt(Card(call=0.02, pixels_a_second=100e6), 1 << 23) == MOST


def test_a_card_that_is_full_already_is_given_no_more_than_it_needs() -> None:
    taken = _learnt(Card(call=0.0001, pixels_a_second=20e6), 1 << 23)
    assert LEAST < taken < FIRST
    assert 0.04 * taken / 20e6 > 0.0001, "calls cost more than what is called as quick"


def test_nothing_that_is_taken_at_once_lasts_long_however_quick_it_is() -> None:
    slow = Card(call=0.1, pixels_a_second=1e6)
    taken = _learnt(slow, 1 << 23)
    assert taken < FIRST
    assert slow.call + taken / slow.speed <= LONGEST
    assert _learnt(Card(call=5, pixels_a_second=1e6), 1 << 23) == LEAST


def test_no_more_is_taken_than_there_is_memory_for() -> None:
    assert _learnt(Card(call=0.02, pixels_a_second=100e6), 1 << 23, room=FIRST) == FIRST
    assert AtOnce(FIRST).of(1 << 23, room=FIRST // 3) == FIRST // 4
    assert AtOnce(FIRST).of(1 << 23, room=1) == LEAST


def test_small_photos_are_made_by_what_is_known_and_teach_nothing() -> None:
    card = Card(call=0.02, pixels_a_second=100e6)
    at_once = AtOnce(FIRST, card.clock)
    for _ in range(TRIES):
        for _ in at_once.watched(card.work(FIRST, 1 << 23), FIRST, 1 << 23, told=True):
            pass
    assert at_once.of(1 << 23, PLENTY) == 2 * FIRST
    assert at_once.of(1 << 16, PLENTY) == FIRST


def test_the_first_of_an_amount_is_not_counted() -> None:
    card = Card(call=0.001, pixels_a_second=100e6)
    at_once = AtOnce(FIRST, card.clock)
    for turn in range(TRIES):
        card.call = 3.0 if turn == 0 else 0.001  # as if memory had to be found
        for _ in at_once.watched(card.work(FIRST, 1 << 22), FIRST, 1 << 22, told=True):
            pass
    assert at_once.of(1 << 22, PLENTY) == 2 * FIRST, "it was thought to last too long"


def test_full_memory_halves_it_and_what_fits_doubles_it_again() -> None:
    at_once = AtOnce(FIRST)
    assert at_once.full(FIRST)
    assert at_once.of(1 << 23, PLENTY) == FIRST // 2
    for _ in range(UNTIL_MORE):
        at_once.fitted()
    assert at_once.of(1 << 23, PLENTY) == FIRST
    assert at_once.full(FIRST)
    for _ in range(UNTIL_MORE):
        at_once.fitted()
    assert at_once.of(1 << 23, PLENTY) == FIRST // 2, "what was tried in vain is tried again as soon"
    for _ in range(UNTIL_MORE):
        at_once.fitted()
    assert at_once.of(1 << 23, PLENTY) == FIRST


def test_less_than_the_least_is_not_tried() -> None:
    at_once = AtOnce(FIRST)
    taken, halved = FIRST, 0
    while at_once.full(taken):
        taken = at_once.of(1 << 23, PLENTY)
        halved += 1
    assert (taken, halved) == (LEAST, 3)


def test_work_that_is_dropped_is_closed_and_not_counted() -> None:
    closed = []

    def work() -> Generator[None, None, None]:
        try:
            while True:
                yield
        finally:
            closed.append(True)

    at_once = AtOnce(FIRST)
    watched = at_once.watched(work(), FIRST, 1 << 22, told=True)
    next(watched)
    watched.close()
    assert closed == [True]
    with pytest.raises(StopIteration):
        next(watched)
