"""Every change of Explore's document can be taken back, and the document survives a restart."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.explore.state import SEEN_LIMIT, Document
from app.explore.variation import Variation


def test_a_drag_is_one_step_and_the_next_drag_another() -> None:
    document = Document()
    for psi in (0.6, 0.5, 0.4):
        document.change("psi", "Truncation", psi=psi)
    document.seal()
    document.change("psi", "Truncation", psi=0.3)
    document.history.undo()
    assert document.now.psi == 0.4
    document.history.undo()
    assert document.now.psi == 0.7
    document.history.redo()
    assert document.now.psi == 0.4


def test_two_sliders_are_two_steps_even_without_a_pause() -> None:
    document = Document()
    document.become("direction:a", "A", document.now.along("a", 1.0))
    document.become("direction:b", "B", document.now.along("b", 1.0))
    document.history.undo()
    assert document.now.directions == (("a", 1.0),)


def test_a_change_to_what_it_is_already_is_no_step() -> None:
    document = Document()
    document.change("psi", "Truncation", psi=document.now.psi)
    assert document.history.undo_title is None


def test_favourites_and_the_pin_can_be_taken_back() -> None:
    document = Document()
    assert document.favour() is True
    document.pin()
    document.history.undo()
    document.history.undo()
    assert (document.favourites, document.pinned) == ((), None)
    document.history.redo()
    assert document.favourites == (document.now,)
    assert document.favour() is False
    assert document.favourites == ()


def test_what_was_seen_remembers_what_it_was_made_from() -> None:
    document = Document()
    first = document.settle()
    document.change("seed", "Seed", x=5.0)
    second = document.settle()
    document.become("back", "Go back", first.variation)
    document.seal()
    assert document.settle() is first
    document.change("psi", "Truncation", psi=0.2)
    third = document.settle()
    assert (second.parent, third.parent) == (first.number, first.number)


def test_the_list_of_those_seen_is_bounded() -> None:
    document = Document()
    for column in range(SEEN_LIMIT + 20):
        document.change("seed", "Seed", x=float(column))
        document.seal()
        document.settle()
    assert len(document.seen) == SEEN_LIMIT
    assert document.seen[-1].variation.x == SEEN_LIMIT + 19


def test_the_document_comes_back_after_a_restart() -> None:
    before = Document()
    before.change("seed", "Seed", model="faces", x=12.25, y=3.0)
    before.favour()
    before.pin()
    before.settle()
    before.change("psi", "Truncation", psi=1.1)
    before.settle()
    after = Document()
    after.restore(json.loads(json.dumps(before.state())))
    assert (after.now, after.pinned, after.favourites) == (before.now, before.pinned, before.favourites)
    assert (after.seen, after.place) == (before.seen, before.place)
    assert after.history.undo_title is None


@pytest.mark.parametrize("place", [99, [4], "4"])
def test_a_kept_state_that_is_damaged_leaves_what_can_be_read(place: object) -> None:
    good = Variation("faces", 3.0, 1.0)
    document = Document()
    document.restore(
        {
            "version": 1,
            "now": good.to_dict(),
            "pinned": {"x": "far"},
            "favourites": [good.to_dict(), 7, {"psi": []}],
            "seen": [{"number": 4, "parent": None, **good.to_dict()}, {"number": "five"}, {"number": 2, **good.to_dict()}],
            "place": place,
        }
    )
    assert (document.now, document.pinned, document.favourites) == (good, None, (good,))
    assert [seen.number for seen in document.seen] == [4]
    assert document.place is None


class AnyGestures(RuleBasedStateMachine):
    """Whatever is done, undoing all of it leads back, and redoing all of it forward."""

    def __init__(self) -> None:
        super().__init__()
        self.document = Document()
        self.start = (self.document.now, self.document.favourites, self.document.pinned)

    @rule(psi=st.sampled_from([0.1, 0.5, 0.7, 1.2]))
    def drag_psi(self, psi: float) -> None:
        self.document.change("psi", "Truncation", psi=psi)

    @rule(name=st.sampled_from("ab"), value=st.sampled_from([-1.0, 0.0, 2.0]))
    def drag_direction(self, name: str, value: float) -> None:
        self.document.become(name, name, self.document.now.along(name, value))

    @rule()
    def let_go(self) -> None:
        self.document.seal()

    @rule()
    def star(self) -> None:
        self.document.favour()

    @rule()
    def pin(self) -> None:
        self.document.pin()

    @rule()
    def undo(self) -> None:
        self.document.history.undo()

    @rule()
    def redo(self) -> None:
        self.document.history.redo()

    @invariant()
    def all_the_way_back_and_forth(self) -> None:
        here = (self.document.now, self.document.favourites, self.document.pinned)
        steps = 0
        while self.document.history.undo():
            steps += 1
        assert (self.document.now, self.document.favourites, self.document.pinned) == self.start
        for _ in range(steps):
            assert self.document.history.redo()
        assert (self.document.now, self.document.favourites, self.document.pinned) == here


TestAnyGestures = AnyGestures.TestCase
TestAnyGestures.settings = settings(max_examples=40, stateful_step_count=25)
