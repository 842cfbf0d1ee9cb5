"""What a dropped or given file is, so that the window can bring it to the right place. Looks at bytes; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.photos.formats import HEAD, sniff
from models.catalogue import weights_of

Kind = Literal["missing", "folder", "recipe", "map", "photo", "document", "other"]
DOCUMENT_SUFFIX = ".ganvas"
MAP_LABELS = 64  # a grey picture of more values than this is a photo
SMALL = 4 << 20  # pixels that are looked at to tell a map from a photo


@dataclass(frozen=True)
class Dropped:
    """A file and what it is. `panel` is the panel whose recipe it carries ("" for none); "other" may be a model."""

    path: Path
    kind: Kind
    panel: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)


def look_at(path: Path) -> Dropped:
    """Tell what a path is. Reads at most one picture; raises nothing."""
    from app.photos import recipe as recipes
    from app.photos.photo import PhotoError

    try:
        if path.is_dir():
            return Dropped(path, "folder" if weights_of(path) == path else "other")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return Dropped(path, "missing")
    if path.suffix.lower() == DOCUMENT_SUFFIX:
        return Dropped(path, "document", "paint")
    if sniff(head) is None:
        return Dropped(path, "other")
    try:
        recipe = recipes.read(path)
    except (OSError, PhotoError):
        recipe = None
    if recipe is not None:
        return Dropped(path, "recipe", str(recipe.get("panel", "")), recipe)
    return Dropped(path, "map" if _is_map(path, head) else "photo")


def _is_map(path: Path, head: bytes) -> bool:
    """A label map is a PNG of few values or few flat colours, without a soft edge between them."""
    from app.photos.decoding import decode, probe
    from app.photos.photo import PhotoError

    if sniff(head) != "png":
        return False
    try:
        facts = probe(path)
        if facts.bits != 8 or facts.width * facts.height > SMALL * 4:
            return False
        pixels = decode(path).pixels[..., :3]
    except (OSError, PhotoError):
        return False
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / SMALL) ** 0.5))
    part = pixels[::step, ::step].reshape(-1, pixels.shape[2]).astype(np.uint32)
    codes = part[:, 0] if part.shape[1] < 3 else part[:, 0] << 16 | part[:, 1] << 8 | part[:, 2]
    return len(np.unique(codes)) <= MAP_LABELS
