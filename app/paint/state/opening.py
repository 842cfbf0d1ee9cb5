"""What a file is to a painter: a project, a picture with a recipe, a label map, or a photo.

The library that reads photos takes a moment to load: it is imported when the first file is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.paint.state.drawing import Drawing
from app.paint.state.files import PaintFileError
from app.paint.state.map_files import ReadMap, looks_like_map, read_map
from app.paint.state.palette import Palette
from app.paint.state.project import is_project, read_project
from app.paint.state.recipe import Recipe, from_recipe
from app.photos.formats import HEAD, sniff

# A photo to trace is shown on a canvas of about this size.
PHOTO_SIDE = 2048

Kind = Literal["project", "recipe", "map", "photo"]


@dataclass(frozen=True, eq=False)
class Opened:
    """What was in a file: a `drawing` (project), a `recipe`, a `map`, or a `picture` uint8 `[h, w, 3]` (photo)."""

    path: Path
    kind: Kind
    drawing: Drawing | None = None
    recipe: Recipe | None = None
    map: ReadMap | None = None
    picture: NDArray[np.uint8] | None = None


def has_use_for(path: Path) -> bool:
    """Whether Paint can open a file, by its first bytes alone."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return sniff(head) is not None or is_project(path)


def open_file(path: Path, palette: Palette, wanted: Literal["", "map", "photo"] = "") -> Opened:
    """Open a file as what it is; a picture as the "map" or "photo" that is `wanted`, whatever it looks like or holds.

    `PaintFileError` says why it cannot be opened, `OSError` where it cannot be read.
    """
    from app.paint.state.photo_input import load_picture
    from app.photos import recipe as recipes
    from app.photos.photo import PhotoError

    if is_project(path):
        return Opened(path, "project", drawing=read_project(path))
    if wanted == "map":
        return Opened(path, "map", map=read_map(path, palette))
    try:
        if wanted == "photo":
            return Opened(path, "photo", picture=load_picture(path, PHOTO_SIDE))
        found = recipes.read(path)
        recipe = from_recipe(found) if found is not None else None
        if recipe is not None:
            return Opened(path, "recipe", recipe=recipe)
        if looks_like_map(path, palette):
            return Opened(path, "map", map=read_map(path, palette))
        return Opened(path, "photo", picture=load_picture(path, PHOTO_SIDE))
    except PhotoError as error:
        raise PaintFileError(error.what, error.hint) from error
