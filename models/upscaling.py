"""A model that enlarges photos, tile by tile: any size, any type, with or without alpha."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from models.card import Card
from models.errors import BadInput, OutOfMemory
from models.flowing import FlowingNetwork, NotFinite, flowing_parts, parts_of, planes_of, refuse_flat, same_everywhere
from models.pixels import Pixels, check_photo, from_planes
from models.precision import Precise, Runtime
from models.running import finite_or_again, not_finite, piece_of_work
from models.steps import Steps, drain
from models.tiling import Area, Tile, Window, from_row, plan, quarters
from models.turning import TURNS, turned, turned_back

SMALLEST_TILE = 16  # memory that is too little for this is too little for the network
LARGEST_TURNED = 512  # side of a tile whose eight turns are held at once
# Bytes of the result that windows side by side make: whoever puts it together holds so much until the last of them is made.
# With it a picture of 100 megapixels, 16 bits and alpha is enlarged four times in less than 3 GB.
ROW_BYTES = 600 * 10**6
TILES_UNTIL_LARGER = 64  # after so many that fitted, twice the side is tried: whoever held the memory may have given it back


class TileLimit:
    """The largest side of a tile that the device's memory was seen to hold: halved when it is full, doubled after a while."""

    def __init__(self) -> None:
        self._side: int | None = None
        self._fitted = 0
        self._patience = TILES_UNTIL_LARGER
        self._grew = False

    def of(self, side: int) -> int:
        """The side to use where this one is wanted."""
        return side if self._side is None else min(side, self._side)

    def full(self, side: int) -> None:
        """Memory ran out, and this side is tried next. A larger one that was tried in vain is tried again later than before."""
        if self._grew:
            self._patience *= 2
        self._side, self._fitted, self._grew = side, 0, False

    def fitted(self, wanted: int) -> None:
        """A tile fitted. Once the side that was wanted is reached again, there is no limit any more."""
        if self._side is None:
            return
        self._fitted += 1
        if self._fitted >= self._patience:
            self._side, self._fitted, self._grew = 2 * self._side, 0, True
            if self._side >= wanted:
                self._side = None


class UpscalingNetwork(Protocol):
    """What `UpscalingModel` drives: RRDBNet, the compact network and SRResNet stand behind it.

    `overlap` is how far, in source pixels, a tile must see beyond its core; `multiple` what its sides must be a multiple of;
    `tile` the side of a core at which overlap and memory are in balance. One that is a `FlowingNetwork` too hands its tiles
    over by rows, while it makes them.
    """

    channels_in: int
    scale: int
    multiple: int
    overlap: int

    @property
    def tile(self) -> int: ...

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """`[1, channels_in, h, w]` float32, 0..1, to `[1, channels_in, scale*h, scale*w]` float32, nominally 0..1."""
        ...


class UpscalingModel:
    """An upscaler (ESRGAN and its kin) or, with scale 1, a restorer.

    Pictures are uint8, uint16 or float32 0..1, `[H, W]` or `[H, W, C]` with 1 to 4 channels, the last of 2 or 4 being alpha. The
    type and channels that come in go out; 16 bits are computed in float32; grey stays grey.
    """

    def __init__(self, card: Card, build: Callable[[Runtime], UpscalingNetwork], runtime: Runtime) -> None:
        self.card = card
        self._precise = Precise(build, runtime)
        self._limit = TileLimit()

    @property
    def runtime(self) -> Runtime:
        """Where the network runs, and in which number format."""
        return self._precise.runtime

    @property
    def scale(self) -> int:
        """How many times larger a picture becomes."""
        return self._precise.network.scale

    @property
    def tile(self) -> int:
        """The side of a tile, in source pixels, that is used where nobody chooses one."""
        return self._precise.network.tile

    def upscale(self, image: Pixels, tile: int | None = None) -> Pixels:
        """The picture `scale` times as large, of the type and channels that came in. `BadInput`, `BadPicture`, `OutOfMemory`."""
        return drain(self.upscale_steps(image, tile))

    def upscale_steps(self, image: Pixels, tile: int | None = None) -> Steps[Pixels]:
        """`upscale` in pieces of bounded work."""
        source = check_photo(image)
        height, width, channels = source.shape
        try:
            result = np.empty((height * self.scale, width * self.scale, channels), source.dtype)
        except MemoryError as error:
            raise OutOfMemory("There is no memory for a picture of that size.") from error
        for made in self.tiles(image, tile=tile):
            if made is not None:
                rows, columns = made.pixels.shape[:2]
                part = result[made.top : made.top + rows, made.left : made.left + columns]
                part[...] = made.pixels.reshape(part.shape)
            yield
        return result if np.ndim(image) == 3 else result[:, :, 0]

    def tiles(
        self,
        image: Pixels,
        region: Area | None = None,
        tile: int | None = None,
        make_room: Callable[[], bool] = lambda: False,
        turns: bool = False,
    ) -> Generator[Tile | None, None, None]:
        """Finished tiles in reading order, and None between two pieces of work.

        `region` (top, left, height, width) enlarges only that part, with its surroundings in view; tiles are placed relative
        to it. Where memory runs out, `make_room` is asked first (it says whether it gave anything back), then tiles become
        smaller; after a while larger ones are tried again. `turns` asks the network for each tile's eight turns and averages
        them: eight times the work.
        """
        source = check_photo(image)
        size = (source.shape[0], source.shape[1])
        top, left, *_ = area = _check_region(region, size)
        network = self._precise.network
        wanted = tile or (min(network.tile, LARGEST_TURNED) if turns else network.tile)
        if wanted < 1:
            raise BadInput("A tile must have at least one pixel.")
        tallest = max(SMALLEST_TILE, ROW_BYTES // (area[3] * self.scale**2 * source.shape[2] * source.itemsize))
        waiting = deque(plan(size, area, self._limit.of(wanted), network.overlap, network.multiple, tallest))
        done = 0
        while waiting:
            window = waiting.popleft()
            side = _side(window)
            again = quarters(window, size, network.overlap, network.multiple)
            divides = len(again) > 1 and side // 2 >= SMALLEST_TILE
            row, column = window.rows.first, (window.columns.first - left) * self.scale
            if not divides or side < 1.5 * self._limit.of(side):  # beyond that it was planned before memory ran out
                ahead = done + sum(self._parts_in(one, turns) for one in (window, *waiting))
                try:
                    for pixels in self._parts(source, window, turns):
                        if pixels is None:
                            yield None
                            continue
                        done += 1
                        yield Tile(
                            pixels if np.ndim(image) == 3 else pixels[:, :, 0], (row - top) * self.scale, column, done, ahead
                        )
                        row += pixels.shape[0] // self.scale
                    self._limit.fitted(wanted)
                    continue
                except NotFinite:
                    if not self._precise.distrust():
                        raise not_finite() from None
                    again = [window]
                except OutOfMemory:
                    if make_room():
                        again = [window]
                    elif not divides:
                        raise
                    else:
                        self._limit.full(side // 2)
            waiting.extendleft(reversed(from_row(row, again)))

    def _parts_in(self, window: Window, turns: bool) -> int:
        """How many tiles a window is handed over in."""
        if turns or not isinstance(self._precise.network, FlowingNetwork):
            return 1
        return parts_of(window.rows.last - window.rows.first)

    def _parts(self, source: Pixels, window: Window, turns: bool) -> Generator[Pixels | None, None, None]:
        """The core of a window, enlarged, `[h, w, C]`: part by part where the network lets pictures flow, else as one."""
        network = self._precise.exact if source.dtype == np.uint16 else self._precise.network
        if isinstance(network, FlowingNetwork) and not turns:
            yield from flowing_parts(network, source, window)
        else:
            yield (yield from self._one(source, window, turns))

    def _one(self, source: Pixels, window: Window, turns: bool) -> Steps[Pixels]:
        """The core of a window, enlarged, `[h, w, C]`."""
        rows, columns = window.rows, window.columns
        with piece_of_work():
            colours, alpha = planes_of(source, window)
            exact = source.dtype == np.uint16
        yield
        made = yield from self._enlarge(colours, exact, turns)
        if alpha is not None:
            made = torch.cat([made, (yield from self._enlarge_alpha(alpha, exact, turns))])
        with piece_of_work():
            scale = self.scale
            core = made[
                :,
                (rows.first - rows.start) * scale : (rows.last - rows.start) * scale,
                (columns.first - columns.start) * scale : (columns.last - columns.start) * scale,
            ]
            return from_planes(core, source.dtype)

    def _enlarge_alpha(self, alpha: torch.Tensor, exact: bool, turns: bool) -> Steps[torch.Tensor]:
        """Alpha `[1, h, w]` seen as a grey picture; where it is the same everywhere there is nothing to compute."""
        if same_everywhere(alpha):
            side = self.scale
            return alpha.repeat_interleave(side, 1).repeat_interleave(side, 2)
        return (yield from self._enlarge(alpha, exact, turns))

    def _enlarge(self, planes: torch.Tensor, exact: bool, turns: bool) -> Steps[torch.Tensor]:
        """`[C, h, w]` of 1 or 3 channels through the network, which may itself have 1 or 3."""
        takes = self._precise.network.channels_in
        if planes.shape[0] == takes:
            return (yield from self._turned(planes[None], exact, turns))
        if planes.shape[0] == 1:
            made = yield from self._turned(planes.expand(takes, -1, -1)[None], exact, turns)
            return made.mean(0, keepdim=True)
        parts = []
        for plane in planes:
            parts.append((yield from self._turned(plane[None, None], exact, turns)))
        return torch.cat(parts)

    def _turned(self, x: torch.Tensor, exact: bool, turns: bool) -> Steps[torch.Tensor]:
        """`_checked`, of the picture alone or as the average over its eight turns."""
        if not turns:
            return (yield from self._checked(x, exact))
        total = torch.zeros(())
        for turn in range(TURNS):
            made = yield from self._checked(turned(x, turn), exact)
            with piece_of_work():
                total = total + turned_back(made, turn)
        return total / TURNS

    def _checked(self, x: torch.Tensor, exact: bool) -> Steps[torch.Tensor]:
        """The network's answer `[C, h, w]` to one padded picture; `BadPicture` where it cannot be right."""
        height, width = x.shape[-2:]
        multiple = self._precise.network.multiple
        padded = F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        made = yield from finite_or_again(self._precise, lambda network: network.enlarge(padded), exact)
        made = made[0, :, : height * self.scale, : width * self.scale]
        refuse_flat(made, x)
        return made.cpu()


def _side(window: Window) -> int:
    """The longer side of a window's core."""
    return max(window.rows.last - window.rows.first, window.columns.last - window.columns.first)


def _check_region(region: Area | None, size: tuple[int, int]) -> Area:
    if region is None:
        return (0, 0, *size)
    top, left, height, width = (int(number) for number in region)
    if min(top, left) < 0 or min(height, width) < 1 or top + height > size[0] or left + width > size[1]:
        raise BadInput(
            f"The region {height} x {width} at row {top}, column {left} does not lie in the picture of {size[0]} x {size[1]}."
        )
    return top, left, height, width
