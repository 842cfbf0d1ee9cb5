"""Results that were placed before a crash and are not noted: whether a file is one, told by what it says of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from app.photos import recipe
from app.photos.decoding import probe
from app.photos.photo import PhotoError
from app.upscale import naming, results
from app.upscale.plan import Choices, Planned

_OF_THE_DAY = ("ganvas", "model_sha256")  # The job may go on with another version of either.


def is_result(path: Path, planned: Planned, choices: Choices, others: Collection[str] = ()) -> bool:
    """Whether a file is what is made of this photo. A GIF says nothing of itself, a video not always: of them it is what has that
    size and format, unless its key is among `others`, the results that other jobs know."""
    try:
        facts = probe(path)
        if facts.video or planned.format == "gif":
            alike = (facts.format, facts.width, facts.height) == (planned.format, *planned.size)
            return alike and naming.key(os.path.abspath(path)) not in others
        told = recipe.read(path)
    except (PhotoError, OSError):
        return False
    return told is not None and _lasting(told) == _lasting(results.making_of(planned, choices))


def _lasting(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in json.loads(json.dumps(told)).items() if key not in _OF_THE_DAY}


def place_of(planned: Planned, choices: Choices, taken: Collection[str], others: Collection[str]) -> Path:
    """Where the result is to be put: under the planned name, or the first that is numbered, where nothing bears it or just this
    result does. `taken` are keys of names that it cannot be in any case, `others` those of what other jobs made."""
    assert planned.output is not None
    path, number = planned.output, 1
    while (number > 1 and naming.key(os.path.abspath(path)) in taken) or (
        os.path.lexists(path) and not is_result(path, planned, choices, others)
    ):
        number += 1
        path = planned.output.with_name(naming.numbered(planned.output.name, number))
    return path
