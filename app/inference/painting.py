"""A request for a landscape: label map and look to a picture of the map's size."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.inference.requests import PaintRequest
from app.inference.updates import Frame, Picture, Remark
from app.inference.workbench import Job, Workbench, timed
from models.detail import detail_for
from models.errors import BadInput, OutOfMemory

if TYPE_CHECKING:
    from models.painting import PaintingModel, Style

logger = logging.getLogger(__name__)

SOFTER = "There was too little memory to paint this landscape as finely as usual, so it is softer."


def paint(bench: Workbench, request: PaintRequest) -> Job[Picture]:
    """See `PaintRequest`. Where an upscaler follows, the plainly enlarged picture comes first, so that the eye has something."""
    from models.painting import PaintingModel
    from models.upscaling import UpscalingModel

    model = bench.opened(request.model, PaintingModel, "paint label maps", "Paint")
    if request.label_map.ndim != 2:
        raise BadInput("This is no label map.", f"It has {request.label_map.ndim} dimensions.", "A map has two.")
    height, width = request.label_map.shape
    finest = detail_for(model.card, height, width)
    detail = _detail(bench, model, request, model.detail_limit.of(finest))
    upscaler = request.enlarge_with if max(model.working_size(height, width, detail)) < max(height, width) else None
    follows = upscaler is not None and request.deadline_ms is None
    look = _look(bench, model, request)
    picture, spent, fitted = yield from _painted(bench, model, request, look, detail, own_size=follows)
    side = max(model.working_size(height, width, fitted))
    bench.speeds.note(request.model, side, spent)
    if request.deadline_ms is None:
        model.detail_limit.fitted(finest)
        if fitted < finest:
            yield Remark(SOFTER)
    if upscaler is None or not follows:
        yield Frame(picture, side, spent, final=upscaler is None and (request.deadline_ms is None or fitted == finest))
        return picture
    yield Frame(_resized(picture, height, width), side, spent, final=False)
    enlarger = bench.opened(upscaler, UpscalingModel, "enlarge photos", "Upscale")
    enlarged, more = yield from timed(enlarger.upscale_steps(picture))
    result = _resized(enlarged, height, width)
    yield Frame(result, side, spent + more, final=True)
    return result


def _painted(
    bench: Workbench, model: PaintingModel, request: PaintRequest, look: Style, detail: float, *, own_size: bool
) -> Job[tuple[Picture, float, float]]:
    """The picture, the milliseconds it took, and how finely it is painted: as it was taught where memory ran out at `detail`."""
    from models import device

    def steps(detail: float) -> Job[tuple[Picture, float]]:
        made = model.paint_steps(
            request.label_map,
            look,
            request.noise_seed,
            natural_edges=request.natural_edges,
            own_size=own_size,
            detail=detail,
        )
        return timed(made)

    if detail > 1:
        try:
            return *(yield from bench.with_room(request.model, lambda: steps(detail))), detail
        except OutOfMemory as error:
            logger.info("%s is painted at the size it was taught: %s", request.model, str(error))
            model.detail_limit.full(1)
        device.give_back()
    return *(yield from bench.with_room(request.model, lambda: steps(1))), 1


def _detail(bench: Workbench, model: PaintingModel, request: PaintRequest, finest: float) -> float:
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
