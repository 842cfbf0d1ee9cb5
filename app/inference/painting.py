"""A request for a landscape: label map and look to a picture of the map's size."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from app.inference.requests import PaintRequest
from app.inference.updates import Frame, Picture
from app.inference.workbench import Job, Workbench, timed
from models.errors import BadInput

if TYPE_CHECKING:
    from models.painting import PaintingModel, Style


def paint(bench: Workbench, request: PaintRequest) -> Job[Picture]:
    """See `PaintRequest`."""
    model = painting_model(bench, request.model)
    height, width = np.shape(request.label_map)[:2]
    side = max(model.working_size(height, width))
    look = _look(bench, model, request)
    picture, spent = yield from bench.with_room(
        request.model, lambda: timed(model.paint_steps(request.label_map, look, request.noise_seed))
    )
    bench.speeds.note(request.model, side, spent)
    yield Frame(picture, side, spent, final=True)
    return picture


def painting_model(bench: Workbench, name: str) -> PaintingModel:
    """The opened model of that name, if it paints label maps."""
    from models.painting import PaintingModel

    model = bench.models.get(name)
    if not isinstance(model, PaintingModel):
        raise BadInput(f"{model.card.title} does not paint label maps.", hint="Choose a model of Paint.")
    return model


def _look(bench: Workbench, model: PaintingModel, request: PaintRequest) -> Style:
    """The look as the model takes it; a photo is encoded once and its style vector kept, since every stroke asks again."""
    look = request.look
    if not isinstance(look, np.ndarray) or look.dtype != np.uint8:
        return look
    key = (request.model, look.shape, hashlib.sha256(look.tobytes()).digest())
    return bench.looks.get(key, lambda: model.style_vector(look))
