"""Which square of a photo a model is asked to find: moved, turned and enlarged until the face lies as in the model's pictures.

Models of faces were taught on pictures that are aligned like FFHQ's (Karras et al., arXiv 1812.04948): turned until the eyes are
level, with a middle a tenth of the way from the eyes to the mouth, and as large as four times the distance between the eyes or
3.6 times that from eyes to mouth, whichever is more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Place = tuple[float, float]  # pixels from the top left corner

EYES: tuple[Place, Place] = ((0.375, 0.475), (0.625, 0.475))  # where they lie in most aligned pictures, in shares of the side
MOUTH: Place = (0.5, 0.735)
CHIN = 0.92
BY_EYES, BY_MOUTH = 4.0, 3.6  # the side, in distances between the eyes and from eyes to mouth
LOWERED = 0.1  # of the distance from eyes to mouth: how far the middle lies below the eyes


@dataclass(frozen=True)
class Framing:
    """A square of a photo: its middle and side in the photo's pixels, turned clockwise by `angle` degrees.

    It may reach beyond the photo, which is continued there as in a mirror.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def place(self, at: Place) -> Place:
        """Pixels of the photo of a place in the square (shares of its side)."""
        turn = math.radians(self.angle)
        right, down = (at[0] - 0.5) * self.side, (at[1] - 0.5) * self.side
        return (
            self.x + right * math.cos(turn) - down * math.sin(turn),
            self.y + right * math.sin(turn) + down * math.cos(turn),
        )


def middle(width: int, height: int) -> Framing:
    """The middle square of a photo, as large as it can be."""
    return Framing(width / 2, height / 2, min(width, height))


def by_face(left: Place, right: Place, mouth: Place | None = None) -> Framing:
    """The square around a face, of its eyes (the one at the picture's left first) and the middle of its mouth.

    Without a mouth the face is taken to be of common proportions. `ValueError` where both eyes are at one place.
    """
    across = (right[0] - left[0], right[1] - left[1])
    apart = math.hypot(*across)
    if not apart:
        raise ValueError("both eyes are at one place")
    along = (across[0] / apart, across[1] / apart)
    between = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
    if mouth is None:
        down = apart * (MOUTH[1] - EYES[0][1]) / (EYES[1][0] - EYES[0][0])
    else:  # what it lies below the line through the eyes
        down = abs((mouth[1] - between[1]) * along[0] - (mouth[0] - between[0]) * along[1])
    below = LOWERED * down
    return Framing(
        between[0] - below * along[1],
        between[1] + below * along[0],
        max(BY_EYES * apart, BY_MOUTH * down),
        math.degrees(math.atan2(along[1], along[0])),
    )


def framed(photo: NDArray[np.uint8], framing: Framing, side: int) -> NDArray[np.uint8]:
    """The square uint8 `[side, side, 3]` of a photo uint8 `[H, W, 3]`."""
    factor = max(1, int(framing.side / (2 * side)))
    if factor > 1:
        photo = np.asarray(Image.fromarray(photo).reduce(factor))
    height, width = photo.shape[:2]
    fine = 2 * side
    steps = (np.arange(fine) + 0.5) / fine - 0.5
    turn, size = math.radians(framing.angle), framing.side / factor
    across, down = steps[None] * size, steps[:, None] * size
    x = framing.x / factor + across * math.cos(turn) - down * math.sin(turn) - 0.5
    y = framing.y / factor + across * math.sin(turn) + down * math.cos(turn) - 0.5
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = (x - left)[..., None], (y - top)[..., None]
    columns = [_mirrored(left + step, width) for step in (0, 1)]
    rows = [_mirrored(top + step, height) for step in (0, 1)]
    upper = photo[rows[0], columns[0]] * (1 - right_share) + photo[rows[0], columns[1]] * right_share
    lower = photo[rows[1], columns[0]] * (1 - right_share) + photo[rows[1], columns[1]] * right_share
    made = upper * (1 - low_share) + lower * low_share
    small: NDArray[np.uint8] = np.rint(made.reshape(side, 2, side, 2, 3).mean((1, 3))).astype(np.uint8)
    return small


def _mirrored(at: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Numbers of pixels, those beyond either end counted back from it."""
    around = np.mod(at, 2 * count)
    counted: NDArray[np.intp] = np.minimum(around, 2 * count - 1 - around).astype(np.intp)
    return counted
