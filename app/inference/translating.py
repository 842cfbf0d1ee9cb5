"""A request to translate a photo as a whole: sketch to photo, horse to zebra, day to night."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from app.inference.requests import TranslateRequest
from app.inference.workbench import Job, Workbench, timed


def translate(bench: Workbench, request: TranslateRequest) -> Job[NDArray[Any]]:
    """See `TranslateRequest`."""
    from models.translation import TranslationModel

    model = bench.opened(request.model, TranslationModel, "transform photos", "the group Transform")
    result, _ = yield from bench.with_room(request.model, lambda: timed(model.translate_steps(request.pixels)))
    return result
