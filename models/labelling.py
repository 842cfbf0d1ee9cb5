"""A model that labels: a photo in, a label map of its size out, so that a photo can be painted anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.card import Card, Label
from models.errors import BadInput
from models.guided import guided
from models.pixels import LARGEST_SIDE
from models.precision import Precise, Runtime
from models.regions import enlarged, without_specks
from models.running import finite_or_again, piece_of_work
from models.steps import Steps, drain

LabelMap = NDArray[np.uint8]

SMALLEST_SIDE = 16  # pixels; below it there is nothing to tell labels by
LONGEST_RATIO = 8.0
SPECK = 1 / 400  # of the picture; a smaller region is a mistake more often than a thing, and nobody would paint it
# Borders are brought to the photo's own edges within so many pixels of working size; greys that vary less are flat.
EDGE_REACH, EDGE_FLAT = 6, 1e-3


class LabellingNetwork(Protocol):
    """What `LabellingModel` drives."""

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The size in pixels at which the network looks at a photo of this size."""
        ...

    def logits(self, photo: torch.Tensor) -> Steps[torch.Tensor]:
        """Logits `[1, labels, h, w]` of a photo `[1, 3, H, W]`, float32 -1..1, of working size; h and w may be smaller."""
        ...


class LabellingModel:
    """From photos to label maps. The same photo gives the same map."""

    def __init__(self, card: Card, build: Callable[[Runtime], LabellingNetwork], runtime: Runtime) -> None:
        self.card = card
        self._precise = Precise(build, runtime)
        self._ids = np.array([label.id for label in card.labels], np.uint8)

    @property
    def runtime(self) -> Runtime:
        """Where the network runs, and in which number format."""
        return self._precise.runtime

    @property
    def labels(self) -> tuple[Label, ...]:
        """What it can say of a pixel, in the order of the network's channels."""
        return self.card.labels

    def label(self, photo: NDArray[np.uint8], speck: float = SPECK) -> LabelMap:
        """The label map uint8 `[H, W]` of a photo uint8 `[H, W, 3]`: the labels' ids, every pixel labelled.

        Regions that cover less than `speck` of the picture go to their neighbours (0: all stay). `BadInput`, `BadPicture`.
        """
        return drain(self.label_steps(photo, speck))

    def label_steps(self, photo: NDArray[np.uint8], speck: float = SPECK) -> Steps[LabelMap]:
        """`label` in pieces of bounded work."""
        checked = _check(photo)
        height, width = checked.shape[:2]
        size = self._precise.network.working_size(height, width)
        with piece_of_work():
            planes = torch.from_numpy(np.array(checked)).permute(2, 0, 1)[None].to(self.runtime.device)
            x = F.interpolate(planes.float(), size, mode="bilinear", antialias=True).clamp_(0, 255).div_(127.5).sub_(1)
        yield
        found = yield from finite_or_again(self._precise, lambda network: network.logits(x))
        with piece_of_work():
            shares = F.interpolate(found.float(), size, mode="bilinear").softmax(1)
            grey = x.mean(1, keepdim=True).add_(1).div_(2)
        yield
        with piece_of_work():
            said = guided(shares, grey, EDGE_REACH, EDGE_FLAT)[0].argmax(0).to(torch.uint8).cpu().numpy()
        yield
        tidy = without_specks(said, round(speck * said.size))
        yield
        channels = yield from enlarged(tidy, height, width)
        labelled: LabelMap = self._ids[channels]
        return labelled


def _check(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    found = np.asarray(photo)
    if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3:
        raise BadInput(
            "This is no photo that can be labelled.",
            f"It is {found.dtype} {list(found.shape)}.",
            "A photo is uint8 [height, width, 3].",
        )
    height, width = found.shape[:2]
    low, high = min(height, width), max(height, width)
    if low < SMALLEST_SIDE or high > LARGEST_SIDE or high > LONGEST_RATIO * low:
        raise BadInput(
            f"A photo of {width} x {height} pixels cannot be labelled.",
            hint=f"Each side must be at least {SMALLEST_SIDE} pixels, and none {LONGEST_RATIO:.0f} times as long as the other.",
        )
    return found
