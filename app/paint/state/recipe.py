"""The making-of of a landscape: the drawing as one label map with its looks, small enough to travel inside the picture."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.paint.state.drawing import Drawing
from app.paint.state.layers import DrawingLayer
from app.paint.state.serial import KIND, from_json, to_json

PANEL = "paint"


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a picture was made from: the drawing, its model (name and sha256 of its file) and the upscaler ("": none)."""

    drawing: Drawing
    model: str
    sha256: str
    enlarge_with: str


def flattened(drawing: Drawing) -> Drawing:
    """The same picture from one layer: what was hidden, or traced from a photo, stays at home."""
    layer = DrawingLayer(1, "Drawing", drawing.label_map())
    return Drawing(drawing.width, drawing.height, drawing.labels, drawing.background, [layer], 1, drawing.looks, drawing.model)


def to_recipe(drawing: Drawing, sha256: str, enlarge_with: str, version: str) -> dict[str, Any]:
    """The recipe of the picture that `drawing` makes, as JSON values. `version` is Ganvas' own."""
    document, files = to_json(flattened(drawing), sha256)
    return {
        "panel": PANEL,
        "ganvas": version,
        "enlarge_with": enlarge_with,
        "drawing": document,
        "files": {name: base64.b64encode(data).decode("ascii") for name, data in files.items()},
    }


def from_recipe(recipe: Mapping[str, Any]) -> Recipe | None:
    """What `to_recipe` wrote; None where the recipe is another panel's. `PaintFileError` where it is ours and broken."""
    document = recipe.get("drawing")
    if recipe.get("panel") != PANEL or not isinstance(document, Mapping) or document.get("kind") != KIND:
        return None
    files = recipe.get("files")

    def attachment(name: str) -> bytes:
        text = files[name] if isinstance(files, Mapping) else None
        if not isinstance(text, str):
            raise KeyError(name)
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise KeyError(name) from error

    drawing = from_json(document, attachment)
    model = document.get("model")
    sha256 = model.get("sha256", "") if isinstance(model, Mapping) else ""
    enlarge_with = recipe.get("enlarge_with", "")
    return Recipe(
        drawing,
        drawing.model,
        sha256 if isinstance(sha256, str) else "",
        enlarge_with if isinstance(enlarge_with, str) else "",
    )
