"""What is done to a picture after the network: its exact size, the plain resize blended in, grain, and what is protected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.photos.grain import grained
from app.photos.resizing import fitted, to_image


@dataclass(frozen=True, eq=False)
class Finish:
    """`strength` 0..1 of the network, the rest is the plain resize; `grain` is the standard deviation of what is laid over
    (share of the range), drawn from `seed`; `mask` uint8 `[H, W]`, of the photo's size, is 255 where the plain resize is kept."""

    strength: float = 1.0
    grain: float = 0.0
    seed: int = 0
    mask: NDArray[np.uint8] | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is done but for the size."""
        return self.needs_plain or self.grain > 0

    @property
    def needs_plain(self) -> bool:
        """Whether the photo itself is needed."""
        return self.strength < 1 or self.mask is not None


def finished(image: Any, plain: Any, size: tuple[int, int], finish: Finish) -> Any:
    """A lazy picture, of the format that came in and exactly (width, height) `size`; `plain` is the photo, lazy too.

    Rows are made from above to below, so that a picture may be finished while it is still being made.
    """
    made = fitted(image, size)
    kind = made.format
    if not finish.changes:
        return made
    under = fitted(plain, size) if finish.needs_plain else None
    if under is not None and finish.strength < 1:
        made = made * finish.strength + under * (1 - finish.strength)
    if finish.grain > 0:
        top = 65535.0 if kind == "ushort" else 255.0
        made = grained(made, finish.grain * top, size[0] / plain.width, finish.seed)
    if under is not None and finish.mask is not None:
        kept = to_image(finish.mask[..., None])
        kept = kept.resize(size[0] / kept.width, vscale=size[1] / kept.height, kernel="linear")
        if (kept.width, kept.height) != size:
            kept = kept.gravity("north-west", *size, extend="copy")
        share = kept / 255
        # Where the mask is white, the plain resize times one and the rest times nothing: to the bit.
        made = under * share + made * (1 - share)
    return made.rint().cast(kind)
