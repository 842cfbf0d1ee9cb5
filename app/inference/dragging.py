"""A request to drag points of a generated picture: step by step, each with a picture to look at."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.inference.exploring import latents
from app.inference.requests import DragRequest
from app.inference.updates import Dragged, Frame, Step
from app.inference.workbench import Job, Workbench, timed

if TYPE_CHECKING:
    from models.latent import LatentModel
    from models.latents.dragging import Moved

SOON_MS = 60.0  # a picture may take so long, or as long as its step does


def drag(bench: Workbench, request: DragRequest) -> Job[Dragged]:
    """See `DragRequest`. Where memory runs out other models go, and it begins once more."""
    return (yield from bench.with_room(request.start.model, lambda: _dragged(bench, request)))


def _dragged(bench: Workbench, request: DragRequest) -> Job[Dragged]:
    from models.latent import LatentModel
    from models.latents.dragging import drag_steps

    name, start = request.start.model, request.start
    model = bench.opened(name, LatentModel, "make pictures from seeds", "Explore")
    ws = latents(model, start)
    moved_already: NDArray[np.float32] = ws - latents(model, replace(start, directions=()))
    handles, targets = np.array(request.handles, np.float32), np.array(request.targets, np.float32)
    steps = drag_steps(model, ws, handles, targets, request.movable, start.noise, start.noise_seed)
    spent = 0.0  # milliseconds of the step under way
    try:
        while True:
            began = time.perf_counter()
            try:
                moved = next(steps)
            except StopIteration as stop:
                return (yield from _shown(bench, model, request, stop.value, moved_already, spent))
            spent += 1000 * (time.perf_counter() - began)
            if moved is None:
                yield Step()
            else:
                yield (yield from _shown(bench, model, request, moved, moved_already, spent))
                spent = 0.0
    finally:
        steps.close()


def _shown(
    bench: Workbench,
    model: LatentModel,
    request: DragRequest,
    moved: Moved,
    moved_already: NDArray[np.float32],
    step_ms: float,
) -> Job[Dragged]:
    """The picture of a step, as large as can be had soon."""
    start = request.start
    size = bench.speeds.largest(start.model, sorted({*model.previews, model.resolution}), max(SOON_MS, step_ms))
    picture, spent = yield from timed(model.picture_steps(moved.ws, start.noise, start.noise_seed, size))
    bench.speeds.note(start.model, size, spent)
    frame = Frame(picture, size, spent, final=size == model.resolution, estimate=size < model.resolution)
    points = tuple((float(x), float(y)) for x, y in moved.points)
    left = tuple(float(far) for far in moved.left)
    return Dragged(frame, moved.step, points, left, moved.ws - moved_already, moved.ending)
