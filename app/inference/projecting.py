"""A request to find a photo in a latent model: step by step, with pictures of what is reached."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from app.inference.requests import ProjectionTimeRequest, ProjectRequest
from app.inference.updates import Frame, Progress, Projected, Step
from app.inference.workbench import Job, Workbench, timed
from models.errors import BadInput

if TYPE_CHECKING:
    from models.latent import LatentModel
    from models.latents.gradients import WayIn
    from models.latents.projecting import State
    from models.latents.whitened import Whitened
    from models.networks.efficientnet_lite import EfficientNetLite

SHOWN_EVERY = 0.5  # seconds between two pictures of what is reached
SHOWN_AT = 256  # pixels of such a picture, where the model makes them as small
STEADY_AFTER = 3  # steps of a stage, by when it is known how long one takes


def project(bench: Workbench, request: ProjectRequest) -> Job[Projected]:
    """See `ProjectRequest`. Where memory runs out other models go, and it begins once more."""
    return (yield from bench.with_room(request.model, lambda: _found(bench, request)))


def _found(bench: Workbench, request: ProjectRequest) -> Job[Projected]:
    from models.latents.projecting import STEPS, compared_at, projected

    if request.photo.ndim != 3 or request.photo.shape[2] != 3 or request.photo.shape[0] != request.photo.shape[1]:
        raise BadInput(f"A photo of {list(request.photo.shape)} is not square.", hint="Cut it to a square first.")
    yield Progress(0, sum(STEPS), "looking at the model")
    model = _opened(bench, request.model)
    way, space, trunk = yield from _prepared(bench, request.model, model, request.label)
    coarse, fine = compared_at(way)
    size = min((*model.previews, model.resolution), key=lambda side: abs(side - SHOWN_AT))
    clock, shown = _Clock(STEPS, (fine / coarse) ** 2), time.monotonic()
    states = projected(way, space, trunk, request.photo, request.freedom, request.noise, request.noise_seed, STEPS)
    with closing(states):
        while True:
            state, spent = yield from _next_state(states)
            if state is None:
                break
            last = state
            yield Progress(state.done, state.total, clock.told(state.done, spent))
            if time.monotonic() - shown >= SHOWN_EVERY:
                picture, took = yield from timed(model.picture_steps(state.ws, request.noise, request.noise_seed, size))
                shown = time.monotonic()
                yield Frame(picture, size, took, final=False, estimate=size < model.resolution)
    picture, took = yield from timed(model.picture_steps(last.ws, request.noise, request.noise_seed))
    yield Frame(picture, model.resolution, took, final=True)
    return Projected(picture, last.ws, last.total)


def projection_time(bench: Workbench, request: ProjectionTimeRequest) -> Job[float]:
    """See `ProjectionTimeRequest`."""
    return (yield from bench.with_room(request.model, lambda: _estimated(bench, request)))


def _estimated(bench: Workbench, request: ProjectionTimeRequest) -> Job[float]:
    from models.latents.projecting import STEPS, projected

    model = _opened(bench, request.model)
    way, space, trunk = yield from _prepared(bench, request.model, model, request.label)
    grey = np.full((SHOWN_AT, SHOWN_AT, 3), 128, np.uint8)
    states, seconds = projected(way, space, trunk, grey, steps=(2, 2)), []
    with closing(states):
        while True:
            state, spent = yield from _next_state(states)
            if state is None:
                break
            seconds.append(spent)
    return STEPS[0] * seconds[1] + STEPS[1] * seconds[3]  # the first step of each stage pays for what is got ready, too


def _opened(bench: Workbench, name: str) -> LatentModel:
    from models.latent import LatentModel

    return bench.opened(name, LatentModel, "make pictures from seeds", "Explore")


def _prepared(
    bench: Workbench, name: str, model: LatentModel, label: int | None
) -> Job[tuple[WayIn, Whitened, EfficientNetLite]]:
    """The way into the model, what is known of its latents, and the network that photos are compared with."""
    from models.latents.gradients import way_into
    from models.latents.projecting import surveyed
    from models.training.trunk import read_trunk

    way = way_into(model)
    key = (name, label, model.average.tobytes())
    space = bench.spaces.get(key, lambda: surveyed(model, way, label))
    yield Step()
    trunk = read_trunk().eval().to(way.device)
    yield Step()
    return way, space, trunk


def _next_state(states: Generator[State | None, None, State]) -> Job[tuple[State | None, float]]:
    """The next state and the seconds that it took; None after the last one."""
    spent = 0.0
    while True:
        began = time.perf_counter()
        try:
            state = next(states)
        except StopIteration:
            return None, spent
        spent += time.perf_counter() - began
        if state is not None:
            return state, spent
        yield Step()


class _Clock:
    """Says how long it will take yet, by the steps that were made. Those of the second stage are `factor` times as long as those
    of the first, until it is known better."""

    def __init__(self, steps: tuple[int, ...], factor: float) -> None:
        self._steps, self._factor = steps, factor
        self._seconds: tuple[list[float], list[float]] = ([], [])

    def told(self, done: int, seconds: float) -> str:
        """In words, after the step `done` that took so many seconds; "" while nobody knows."""
        first, second = self._steps
        self._seconds[done > first].append(seconds)
        coarse, fine = (sorted(known)[len(known) // 2] if len(known) >= STEADY_AFTER else None for known in self._seconds)
        if coarse is None:
            return ""
        fine = coarse * self._factor if fine is None else fine
        left = max(first - done, 0) * coarse + min(second, first + second - done) * fine
        return f"about {max(1, round(left))} s left"
