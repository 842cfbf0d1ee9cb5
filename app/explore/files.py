"""Explore's pictures as files: saved with the recipe inside, read back by it. No widgets; pyvips is imported when needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.explore.state import from_recipe, model_of
from app.explore.variation import Variation

if TYPE_CHECKING:
    from models.catalogue import Entry


def stamp(entry: Entry) -> str:
    """What tells a model's file from another that took its name later: size and time of its weights; "" where it is gone."""
    try:
        told = entry.weights.stat()
    except OSError:
        return ""
    return f"{told.st_size}-{told.st_mtime_ns}"


def write(path: Path, picture: NDArray[np.uint8], recipe: dict[str, Any]) -> None:
    """Save a generated picture uint8 `[H, W, 3]`; the format is the extension's. `PhotoError`, `OSError`."""
    from app.photos import recipe as recipes

    recipes.write(path, picture, recipe, "generated")


def in_words(error: Exception) -> str:
    """Why a file could not be read or written: what the system says, without the name, which may be that of a passing file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[:1].upper()}{error.strerror[1:]}."
    return str(error)


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe in a file, if Explore made it; None for anything else."""
    from app.photos import recipe as recipes
    from app.photos.photo import PhotoError

    try:
        recipe = recipes.read(path)
    except (OSError, PhotoError):
        return None
    return recipe if recipe is not None and recipe.get("panel") == "explore" else None


def variation_of(recipe: dict[str, Any], entries: Iterable[Entry]) -> tuple[Variation, str]:
    """The variation of a recipe with the model of these entries that it was made with; and what that model is called.

    The model is the one of the same bytes, else (where the recipe does not know the bytes) of the same name; the
    variation's model is "" where it is not at hand. `RecipeError` where the recipe cannot be followed.
    """
    variation = from_recipe(recipe)
    title, sha256 = model_of(recipe)
    for entry in entries:
        if entry.card.sha256 == sha256 if sha256 else entry.name == variation.model:
            return replace(variation, model=entry.name), title
    return replace(variation, model=""), title or variation.model
