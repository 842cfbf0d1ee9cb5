"""A model that translates a photo as a whole: sketch to photo, horse to zebra, day to night (pix2pix, CycleGAN)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from models.card import Card
from models.errors import BadInput
from models.pixels import Pixels, bleed, check_photo, from_planes, to_planes
from models.precision import Precise, Runtime
from models.running import finite_or_again, piece_of_work
from models.steps import Steps, drain

LARGEST_AREA = 2_000_000  # pixels; a CycleGAN of full width needs about a kilobyte for each of them
SMALLEST_SIDE = 8  # below it there is nothing to reflect around the edges
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey (Rec. 601), as the training scripts make grey


class TranslationNetwork(Protocol):
    """What `TranslationModel` drives. `fixed` is the only size (h, w) it takes, None where any multiple of `multiple` will do."""

    channels_in: int
    channels_out: int
    multiple: int
    fixed: tuple[int, int] | None

    def translate(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """`[1, channels_in, h, w]` float32, -1..1, to `[1, channels_out, h, w]` float32, -1..1."""
        ...


class TranslationModel:
    """A translator of photos. Statistics are those of the whole picture, so it is never cut into tiles.

    Pictures are uint8, uint16 or float32 0..1, `[H, W]` or `[H, W, C]` with 1 to 4 channels, the last of 2 or 4 being alpha. The
    type that came in goes out, in the same size; colours are as many as the network makes; alpha stays what it was.
    """

    def __init__(self, card: Card, build: Callable[[Runtime], TranslationNetwork], runtime: Runtime) -> None:
        self.card = card
        self._precise = Precise(build, runtime)

    @property
    def runtime(self) -> Runtime:
        """Where the network runs, and in which number format."""
        return self._precise.runtime

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which the network sees a photo of this size: its own size, or what is left of a large one."""
        network = self._precise.network
        if network.fixed is not None:
            return network.fixed
        factor = min(1.0, (LARGEST_AREA / (height * width)) ** 0.5)
        return max(SMALLEST_SIDE, int(height * factor)), max(SMALLEST_SIDE, int(width * factor))

    def translate(self, image: Pixels) -> Pixels:
        """The translated picture `[H, W, C]`, or `[H, W]` where a grey one came in so and goes out. `BadInput`, `BadPicture`."""
        return drain(self.translate_steps(image))

    def translate_steps(self, image: Pixels) -> Steps[Pixels]:
        """`translate` in pieces of bounded work."""
        source = check_photo(image)
        height, width = source.shape[:2]
        network = self._precise.network
        if network.fixed is None and max(height, width) > 64 * min(height, width):
            raise BadInput(f"A picture of {width} x {height} pixels is too narrow for this model.")
        size = self.working_size(height, width)
        with piece_of_work():
            planes = to_planes(source)
            alpha = planes[-1:] if planes.shape[0] in (2, 4) else None
            colours = planes if alpha is None else bleed(planes[:-1], alpha)
            x = resized(_channels(colours, network.channels_in)[None], size).clamp_(0, 1).mul_(2).sub_(1)
            x = F.pad(x, (0, -size[1] % network.multiple, 0, -size[0] % network.multiple), mode="reflect")
        yield
        made = yield from finite_or_again(self._precise, lambda net: net.translate(x), source.dtype == np.uint16)
        with piece_of_work():
            unit = made[:, :, : size[0], : size[1]].float().add(1).div_(2)
            unit = resized(unit, (height, width))[0].cpu()
            result = from_planes(unit if alpha is None else torch.cat([unit, alpha]), source.dtype)
        return result[:, :, 0] if result.shape[2] == 1 and np.ndim(image) == 2 else result


def resized(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`[1, C, h, w]` brought to a size: bicubic, averaged where it becomes smaller; itself where it has that size."""
    if x.shape[-2:] == size:
        return x.clone()
    return F.interpolate(x, size, mode="bicubic", align_corners=False, antialias=True)


def _channels(colours: torch.Tensor, wanted: int) -> torch.Tensor:
    if colours.shape[0] == wanted:
        return colours
    if wanted == 1:
        return (colours * colours.new_tensor(LUMA)[:, None, None]).sum(0, keepdim=True)
    return colours.expand(wanted, -1, -1)
