"""A request for a landscape: label map and look to a picture of the map's size."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.inference.requests import PaintRequest
from app.inference.updates import Frame, Picture
from app.inference.workbench import Job, Workbench, timed
from models.detail import detail_for
from models.errors import BadInput

if TYPE_CHECKING:
    from models.painting import PaintingModel, Style


def paint(bench: Workbench, request: PaintRequest) -> Job[Picture]:
    """See `PaintRequest`. Where an upscaler follows, the plainly enlarged picture comes first, so that the eye has something."""
    from models.painting import PaintingModel
    from models.upscaling import UpscalingModel

    model = bench.opened(request.model, PaintingModel, "paint label maps", "Paint")
    if request.label_map.ndim != 2:
        raise BadInput("This is no label map.", f"It has {request.label_map.ndim} dimensions.", "A map has two.")
    height, width = request.label_map.shape
    finest = detail_for(model.card, height, width)
    detail = _detail(bench, model, request, finest)
    side = max(model.working_size(height, width, detail))
    look = _look(bench, model, request)
    upscaler = request.enlarge_with if side < max(height, width) else None
    follows = upscaler is not None and request.deadline_ms is None
    steps = partial(
        model.paint_steps,
        request.label_map,
        look,
        request.noise_seed,
        natural_edges=request.natural_edges,
        own_size=follows,
        detail=detail,
    )
    picture, spent = yield from bench.with_room(request.model, lambda: timed(steps()))
    bench.speeds.note(request.model, side, spent)
    if upscaler is None or not follows:
        yield Frame(picture, side, spent, final=upscaler is None and detail == finest)
        return picture
    yield Frame(_resized(picture, height, width), side, spent, final=False)
    enlarger = bench.opened(upscaler, UpscalingModel, "enlarge photos", "Upscale")
    enlarged, more = yield from timed(enlarger.upscale_steps(picture))
    result = _resized(enlarged, height, width)
    yield Frame(result, side, spent + more, final=True)
    return result


def _detail(bench: Workbench, model: PaintingModel, request: PaintRequest, finest: int) -> int:
    """How finely it is painted: as fine as the model can where there is time, else as it was taught."""
    if request.deadline_ms is None or finest == 1:
        return finest
    height, width = request.label_map.shape
    took = bench.speeds.known(request.model, max(model.working_size(height, width, finest)))
    return finest if took is not None and took <= request.deadline_ms else 1


def _resized(picture: Picture, height: int, width: int) -> Picture:
    """The picture brought plainly to a size: bicubic, averaged where it becomes smaller."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def _look(bench: Workbench, model: PaintingModel, request: PaintRequest) -> Style:
    """The look as the model takes it, or what lies between two of them.

    Between two styles the length goes evenly from one to the other's: a straight line alone would pass close to the middle,
    where every look is pale.
    """
    if not request.blend:
        return _style(bench, model, request.look)
    first = model.style_vector(_style(bench, model, request.look))
    second = model.style_vector(_style(bench, model, request.second_look))
    if first is None or second is None:
        raise BadInput("The plain look cannot be blended.", hint="Blend two seeds or photos.")
    share = min(max(request.blend, 0.0), 1.0)
    between = (1 - share) * first + share * second
    length = (1 - share) * float(np.linalg.norm(first)) + share * float(np.linalg.norm(second))
    blended: NDArray[np.float32] = (between * (length / max(float(np.linalg.norm(between)), 1e-6))).astype(np.float32)
    return blended


def _style(bench: Workbench, model: PaintingModel, look: Style) -> Style:
    """A look, a photo as its style vector: encoded once and kept, since every stroke asks again."""
    if not isinstance(look, np.ndarray) or look.dtype != np.uint8:
        return look
    photo = np.asarray(look, np.uint8)
    key = (model.card.name, model.card.sha256, photo.shape, hashlib.sha256(photo.tobytes()).digest())
    return bench.looks.get(key, lambda: model.style_vector(photo))
