"""A request for a landscape: label map and look to a picture of the map's size."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
    """The look as the model takes it, or what lies between two of them.

    Between two styles the length goes evenly from one to the other's: a straight line alone would pass close to the middle,
    where every look is pale.
    """
    if not request.blend:
        return _style(bench, model, request.model, request.look)
    first = model.style_vector(_style(bench, model, request.model, request.look))
    second = model.style_vector(_style(bench, model, request.model, request.second_look))
    if first is None or second is None:
        raise BadInput("The plain look cannot be blended.", hint="Blend two seeds or photos.")
    share = min(max(request.blend, 0.0), 1.0)
    between = (1 - share) * first + share * second
    length = (1 - share) * float(np.linalg.norm(first)) + share * float(np.linalg.norm(second))
    blended: NDArray[np.float32] = (between * (length / max(float(np.linalg.norm(between)), 1e-6))).astype(np.float32)
    return blended


def _style(bench: Workbench, model: PaintingModel, name: str, look: Style) -> Style:
    """A look, a photo as its style vector: encoded once and kept, since every stroke asks again."""
    if not isinstance(look, np.ndarray) or look.dtype != np.uint8:
        return look
    photo = np.asarray(look, np.uint8)
    key = (name, photo.shape, hashlib.sha256(photo.tobytes()).digest())
    return bench.looks.get(key, lambda: model.style_vector(photo))
