"""The look of a landscape: what makes two pictures of one label map differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LookKind = Literal["plain", "seed", "photo"]

# The style encoder sees a photo at about its training size: more is only bytes in every recipe.
PHOTO_SIDE = 256
# The encoder of landscapes finds nothing in a photo that is narrower.
LEAST_PHOTO = 32
# numpy's RandomState takes seeds up to this.
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Look:
    """A seed, a photo uint8 `[h, w, 3]` (at most `PHOTO_SIDE` a side, if it is no panorama), or the model's plain look. `name`
    is for a person."""

    kind: LookKind = "seed"
    seed: int = 0
    name: str = ""
    photo: NDArray[np.uint8] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Look):
            return NotImplemented
        photos = (self.photo, other.photo)
        same_photo = photos[0] is photos[1] or (
            photos[0] is not None and photos[1] is not None and np.array_equal(photos[0], photos[1])
        )
        return (self.kind, self.seed, self.name) == (other.kind, other.seed, other.name) and same_photo

    def __hash__(self) -> int:
        return hash((self.kind, self.seed, self.name))

    @property
    def style(self) -> Any:
        """What a `PaintRequest` takes: int, picture or None."""
        return {"plain": None, "seed": self.seed, "photo": self.photo}[self.kind]

    @property
    def title(self) -> str:
        """A few words for the strip."""
        return self.name or (str(self.seed) if self.kind == "seed" else "Plain" if self.kind == "plain" else "Photo")


def photo_look(picture: NDArray[np.uint8], name: str) -> Look:
    """The look of a photo uint8 `[h, w, 3]`, made small enough to travel with every drawing, a panorama not too thin."""
    image = Image.fromarray(picture)
    side = max(PHOTO_SIDE, math.ceil(LEAST_PHOTO * max(image.size) / min(image.size)))
    image.thumbnail((side, side), Image.Resampling.BOX)
    return Look("photo", name=name, photo=np.array(image))


def seed_look(seed: int) -> Look:
    """The look that a seed draws; any integer is brought into range."""
    return Look("seed", seed=seed % (LARGEST_SEED + 1))


@dataclass(frozen=True)
class Looks:
    """All that decides on a picture besides the map: a look, a second one blended in by `blend` 0..1, the grain's seed, and
    whether strokes get the outline of what they stand for (`models.edges`) or are followed exactly."""

    first: Look = Look()
    second: Look | None = None
    blend: float = 0.0
    grain: int = 0
    natural_edges: bool = True
