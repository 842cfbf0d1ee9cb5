"""Drag requests through the real engine: a picture a step, what was reached, and directions that stay sliders."""

from contextlib import AbstractContextManager

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, DragRequest, GenerateRequest
from app.inference.updates import Done, Dragged, Failure, Update
from models.errors import OutOfMemory
from models.latents import dragging, gradients
from tests.inference import small_models


def first_steps(engine: Engine, request: DragRequest, count: int) -> list[Update]:
    updates: list[Update] = []
    run = engine.run(request)
    for update in run:
        if isinstance(update, Dragged | Done | Failure):
            updates.append(update)
        if len(updates) == count:
            break
    run.close()
    return updates


def drag(start: GenerateRequest) -> DragRequest:
    return DragRequest(start, ((0.4, 0.4),), ((0.7, 0.4),))


def test_each_step_tells_where_the_handle_is_and_shows_a_picture(engine: Engine) -> None:
    steps = first_steps(engine, drag(GenerateRequest(small_models.FACES)), 3)
    assert [step.step for step in steps if isinstance(step, Dragged)] == [0, 1, 2]
    first, last = steps[0], steps[-1]
    assert isinstance(first, Dragged)
    assert isinstance(last, Dragged)
    assert first.left[0] == pytest.approx(0.3, abs=1e-4)
    assert last.frame.picture.shape[2] == 3
    assert not np.array_equal(first.ws, last.ws)


def test_what_is_reached_makes_the_picture_that_was_shown_with_the_same_directions(engine: Engine) -> None:
    (facts,) = [update.result for update in engine.run(DescribeRequest(small_models.FACES)) if isinstance(update, Done)]
    start = GenerateRequest(small_models.FACES, directions=((facts.directions[0].name, 2.0),))
    last = first_steps(engine, drag(start), 3)[-1]
    assert isinstance(last, Dragged)
    again = GenerateRequest(small_models.FACES, directions=start.directions, ws=last.ws, resolution=last.frame.resolution)
    (made,) = [update.result for update in engine.run(again) if isinstance(update, Done)]
    assert np.abs(made.picture.astype(int) - last.frame.picture).max() <= 1


def test_a_model_says_that_its_points_can_be_dragged_and_one_that_paints_does_not(engine: Engine) -> None:
    told = {}
    for name in (small_models.FACES, small_models.PAINTER):
        (facts,) = [update.result for update in engine.run(DescribeRequest(name)) if isinstance(update, Done)]
        told[name] = facts.draggable
    assert told == {small_models.FACES: True, small_models.PAINTER: False}


def test_where_memory_is_full_others_go_and_the_drag_begins_once_more(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    list(engine.run(DescribeRequest(small_models.PAINTER)))
    plain, full = gradients.piece_with_gradients, [True]

    def first_full() -> AbstractContextManager[None]:
        if full.pop() if full else False:
            raise OutOfMemory("Full.")
        return plain()

    monkeypatch.setattr(dragging, "piece_with_gradients", first_full)
    steps = first_steps(engine, drag(GenerateRequest(small_models.FACES)), 3)
    assert [step.step for step in steps if isinstance(step, Dragged)] == [0, 1, 2]
    full.append(True)  # nothing else is open now
    (failure,) = first_steps(engine, drag(GenerateRequest(small_models.FACES)), 5)
    assert isinstance(failure, Failure)


def test_points_of_another_kind_of_model_are_a_failure_in_words(engine: Engine) -> None:
    (failure,) = first_steps(engine, drag(GenerateRequest(small_models.PAINTER)), 5)
    assert isinstance(failure, Failure)
    assert "does not make pictures from seeds" in failure.what
