"""A request to translate a photo as a whole: sketch to photo, horse to zebra, day to night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from app.inference.requests import TranslateRequest
from app.inference.workbench import Job, Workbench, timed
from models.errors import BadInput

if TYPE_CHECKING:
    from models.translation import TranslationModel


def translate(bench: Workbench, request: TranslateRequest) -> Job[NDArray[Any]]:
    """See `TranslateRequest`."""
    model = translation_model(bench, request.model)
    result, _ = yield from bench.with_room(request.model, lambda: timed(model.translate_steps(request.pixels)))
    return result


def translation_model(bench: Workbench, name: str) -> TranslationModel:
    """The opened model of that name, if it translates photos."""
    from models.translation import TranslationModel

    model = bench.models.get(name)
    if not isinstance(model, TranslationModel):
        raise BadInput(f"{model.card.title} does not transform photos.", hint="Choose a model of the group Transform.")
    return model
