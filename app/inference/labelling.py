"""A request for the label map of a photo, so that it can be painted anew."""

from __future__ import annotations

from app.inference.requests import LabelRequest
from app.inference.updates import Labelled
from app.inference.workbench import Job, Workbench, timed


def label(bench: Workbench, request: LabelRequest) -> Job[Labelled]:
    """See `LabelRequest`."""
    from models.labelling import LabellingModel

    model = bench.opened(request.model, LabellingModel, "tell what is on photos", "the task labelling")
    found, _ = yield from bench.with_room(request.model, lambda: timed(model.label_steps(request.pixels)))
    return Labelled(found, model.labels)
