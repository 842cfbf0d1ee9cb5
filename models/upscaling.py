"""A model that enlarges photos, tile by tile: any size, any type, with or without alpha."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F

from models import device
from models.at_once import UNTIL_MORE, AtOnce, Limit
from models.card import Card
from models.carrying import Arrival, looked
from models.errors import BadInput, BadPicture, OutOfMemory
from models.flowing import FlowingNetwork, View, WrongPart, core_of, flowing_parts, parts_of, refused
from models.networks.streaming import CARD_PIXELS
from models.pixels import Pixels, check_photo, levels, pixels_of
from models.precision import Precise, Runtime, in_true_float32
from models.running import in_pieces, piece_of_work
from models.steps import Steps, drain
from models.tiling import Area, Tile, Window, from_row, plan, quarters
from models.turning import TURNS, turned, turned_back

SMALLEST_TILE = 16  # memory that is too little for this is too little for the network
LARGEST_TURNED = 512  # side of a tile whose eight turns are held at once
# Bytes of the result that windows side by side make: whoever puts it together holds so much until the last of them is made.
# With it a picture of 100 megapixels, 16 bits and alpha is enlarged four times in less than 3 GB.
ROW_BYTES = 600 * 10**6
MOST_TOGETHER = 16  # tiles: more have to wait for each other too long
ROOM_SHARE = 4  # what is taken at once may fill this part of the memory that is free


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
        """`[N, channels_in, h, w]` float32, 0..1, to `[N, channels_in, scale*h, scale*w]` float32, nominally 0..1. N is 1 where
        the network is not a `GenerousNetwork` that takes many."""
        ...


@runtime_checkable
class GenerousNetwork(Protocol):
    """An `UpscalingNetwork` that a card is told by how much to take at once.

    `at_once` is how many pixels that is, set before each piece of work (None on a processor), `bytes_a_pixel` about what the card
    holds for each of them. `takes_many` says whether several pictures may go through together.
    """

    at_once: int | None

    @property
    def bytes_a_pixel(self) -> int: ...

    @property
    def takes_many(self) -> bool: ...


@dataclass(frozen=True)
class _Together:
    """Windows of one size, made together: `pixels` is how many are taken `at_once` of them on a card (None on a processor);
    `told` says whether their speed tells anything of that."""

    windows: list[Window]
    at_once: int | None = None
    told: bool = False

    @property
    def pixels(self) -> int:
        """Of all of them, as the network sees them."""
        return len(self.windows) * _area(self.windows[0])


class UpscalingModel:
    """An upscaler (ESRGAN and its kin) or, with scale 1, a restorer.

    Pictures are uint8, uint16 or float32 0..1, `[H, W]` or `[H, W, C]` with 1 to 4 channels, the last of 2 or 4 being alpha. The
    type and channels that come in go out; 16 bits are computed in float32; grey stays grey. `amount` says how much a graphics
    card takes at once: by default what is seen to be the quickest.
    """

    def __init__(
        self,
        card: Card,
        build: Callable[[Runtime], UpscalingNetwork],
        runtime: Runtime,
        amount: AtOnce | None = None,
    ) -> None:
        self.card = card
        self._precise = Precise(build, runtime)
        self._limit = Limit[int](UNTIL_MORE)
        self._amount = amount or AtOnce(CARD_PIXELS)
        self._taken: int | None = None

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

    @property
    def at_once(self) -> int | None:
        """How many pixels a card was given at once, the last time; None where none was at work."""
        return self._taken

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
        """Finished tiles from the top, those that are made one by one in reading order, and None between two pieces of work.

        `region` (top, left, height, width) enlarges only that part, with its surroundings in view; tiles are placed relative
        to it. Where memory runs out, `make_room` is asked first (it says whether it gave anything back), then a card is given
        less at once, then tiles become smaller; after a while more is tried again. `turns` asks the network for each tile's
        eight turns and averages them: eight times the work.
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
            side = _side(waiting[0])
            smaller = self._smaller(waiting[0], size)
            if smaller and side >= 1.5 * self._limit.of(side):  # it was planned before memory ran out
                waiting.popleft()
                waiting.extendleft(reversed(smaller))
                continue
            ahead = done + self._parts_in(waiting, turns)
            together = self._together(waiting, source, turns)
            again = together.windows
            for _ in again:
                waiting.popleft()
            rows = [window.rows.first for window in again]
            try:
                for part in self._watched(source, together, turns):
                    if part is None:
                        yield None
                        continue
                    number, pixels = part
                    done += 1
                    row, column = rows[number] - top, again[number].columns.first - left
                    shaped = pixels if np.ndim(image) == 3 else pixels[:, :, 0]
                    yield Tile(shaped, row * self.scale, column * self.scale, done, ahead)
                    rows[number] += pixels.shape[0] // self.scale
                self._fitted(wanted)
                continue
            except WrongPart as wrong:
                if not self._precise.distrust():
                    raise wrong.said from None
                pieces = [[window] for window in again]
            except OutOfMemory:
                pieces = [[window] for window in again]
                if not make_room() and not self._take_less(together):
                    if not smaller:
                        raise
                    pieces = [self._smaller(window, size) or [window] for window in again]
                    self._limit.full(side // 2)
            rest = [piece for row, cut in zip(rows, pieces, strict=True) for piece in from_row(row, cut)]
            waiting.extendleft(reversed(rest))

    def _smaller(self, window: Window, size: tuple[int, int]) -> list[Window]:
        """The window in quarters; none where it cannot be parted, or should not."""
        network = self._precise.network
        parts = quarters(window, size, network.overlap, network.multiple)
        return parts if len(parts) > 1 and _side(window) // 2 >= SMALLEST_TILE else []

    def _network_for(self, source: Pixels) -> UpscalingNetwork:
        """16 bits are computed in float32."""
        return self._precise.exact if source.dtype == np.uint16 else self._precise.network

    def _true_float32(self, exact: bool) -> bool:
        """Whether what is in float32 must not be rounded for speed: for 16 bits, and beside a lower format."""
        return self.runtime.device.type == "cuda" and (exact or self.runtime.dtype is not torch.float32)

    def _parts_in(self, windows: Collection[Window], turns: bool) -> int:
        """How many tiles these windows are handed over in."""
        if turns or not isinstance(self._precise.network, FlowingNetwork):
            return len(windows)
        return sum(parts_of(window.rows.last - window.rows.first) for window in windows)

    # How much at once

    def _together(self, waiting: Sequence[Window], source: Pixels, turns: bool) -> _Together:
        """The next windows that are made together: on a card as many of one size as it takes at once, side by side."""
        first = waiting[0]
        network, place = self._network_for(source), str(self.runtime.device)
        if not (device.has_own_memory(place) and isinstance(network, GenerousNetwork) and network.takes_many):
            return _Together([first])
        beside = [first]
        if not turns and self._limit.free:  # where tiles are small for want of memory, many of them are no help
            beside = list(takewhile(lambda one: one.rows == first.rows and _width(one) == _width(first), waiting))
        room = device.memory(place).free // ROOM_SHARE // network.bytes_a_pixel
        if isinstance(network, FlowingNetwork):  # the rows of one window are many already: enough for two bands, to learn from
            there, ahead = _area(first) * len(beside), 2
        else:
            there, ahead = _area(first) * min(len(beside), MOST_TOGETHER), 1
        taken = self._amount.of(there // ahead, room)
        count = max(1, min(len(beside), MOST_TOGETHER, taken // _area(first)))
        told = not turns and there // ahead >= taken and (count + 1) * _area(first) > taken
        return _Together(beside[:count], taken, told)

    def _watched(self, source: Pixels, together: _Together, turns: bool) -> Generator[tuple[int, Pixels] | None, None, None]:
        """`_parts`, and on a card how quick that was."""
        parts = self._parts(source, together, turns)
        if together.at_once is None:
            return parts
        self._taken = together.at_once
        return self._amount.watched(parts, together.at_once, together.pixels, together.told)

    def _take_less(self, together: _Together) -> bool:
        """Memory ran out; whether a card can be given less at once than it was."""
        if together.at_once is None:
            return False
        parted = len(together.windows) > 1 or isinstance(self._precise.network, FlowingNetwork)
        return parted and self._amount.full(min(together.at_once, together.pixels))

    def _fitted(self, wanted: int) -> None:
        """What was made fitted into memory: tiles grow again first, then what is taken at once."""
        if self._limit.free:
            self._amount.fitted()
        self._limit.fitted(wanted)

    # The network

    def _parts(self, source: Pixels, together: _Together, turns: bool) -> Generator[tuple[int, Pixels] | None, None, None]:
        """The cores of windows, enlarged, `[h, w, C]`, and of which window each is: part by part where the network lets pictures
        flow, else as one. None between two pieces of work."""
        network, many = self._network_for(source), together.at_once is not None
        if many and isinstance(network, GenerousNetwork):
            network.at_once = together.at_once
        if isinstance(network, FlowingNetwork) and not turns:
            true = self._true_float32(source.dtype == np.uint16)
            yield from flowing_parts(network, source, together.windows, self.runtime.device, many, true)
        else:
            yield from self._wholes(source, together, turns)

    def _wholes(self, source: Pixels, together: _Together, turns: bool) -> Generator[tuple[int, Pixels] | None, None, None]:
        """`_parts`, each window as one."""
        exact, scale = source.dtype == np.uint16, self.scale
        with piece_of_work():
            views = [View(source, window, self._precise.network.channels_in, self.runtime.device) for window in together.windows]
        yield None
        pictures = [picture for view in views for picture in view.pictures]
        answers = self._turned(pictures, exact, together) if turns else self._answers(pictures, exact, together)
        made = iter((yield from answers))
        with piece_of_work():
            cores = []
            for view, window in zip(views, together.windows, strict=True):
                planes = core_of(view.together([next(made) for _ in view.pictures]), window.columns, scale)
                rows = window.rows
                core = planes[:, (rows.first - rows.start) * scale : (rows.last - rows.start) * scale]
                cores.append(levels(core, source.dtype))
            found = [pixels_of(core, source.dtype) for core in Arrival(cores).taken()]
        yield from enumerate(found)

    def _turned(self, pictures: list[torch.Tensor], exact: bool, together: _Together) -> Steps[list[torch.Tensor]]:
        """`_answers`, as the average over the eight turns of each picture."""
        totals: list[torch.Tensor] | None = None
        for group in _turns_together(1 if together.at_once is None else together.at_once // _area(together.windows[0])):
            with piece_of_work():
                seen = [turned(picture, turn) for turn in group for picture in pictures]
            made = iter((yield from self._answers(seen, exact, together)))
            with piece_of_work():
                for turn in group:
                    back = [turned_back(next(made), turn) for _ in pictures]
                    totals = back if totals is None else [a + b for a, b in zip(totals, back, strict=True)]
        assert totals is not None
        return [total / TURNS for total in totals]

    def _answers(self, pictures: list[torch.Tensor], exact: bool, together: _Together) -> Steps[list[torch.Tensor]]:
        """The network's answers `[C, h, w]` to pictures `[1, C, h, w]` of one size, several at once where it takes them so.

        What cannot be right is made again in float32, and everything from then on; `BadPicture` where that is no better."""
        found = []
        with piece_of_work():
            batches = pictures if together.at_once is None else [torch.cat(pictures)]
        for x in batches:
            network = self._precise.exact if exact else self._precise.network
            made = yield from self._asked(network, x, exact)
            wrong = _wrong(made, x)
            if wrong and self._precise.distrust():
                numbers = list(wrong)
                with piece_of_work():
                    again = x[numbers]
                better = yield from self._asked(self._precise.network, again, exact)
                for number, one in zip(numbers, better, strict=True):
                    made[number] = one
                wrong = _wrong(made, x)
            for said in wrong.values():
                raise said
            found += made
        return found

    def _asked(self, network: UpscalingNetwork, x: torch.Tensor, exact: bool) -> Steps[list[torch.Tensor]]:
        """The answers `[C, h, w]` of a network to the pictures `[N, C, h, w]`, which are brought to sides that it takes."""
        height, width = x.shape[-2:]
        with piece_of_work():
            padded = F.pad(x, (0, -width % network.multiple, 0, -height % network.multiple), mode="replicate")
        made = yield from in_pieces(in_true_float32(network.enlarge(padded), self._true_float32(exact)))
        return [one[:, : height * self.scale, : width * self.scale] for one in made]


def _wrong(made: Sequence[torch.Tensor], seen: torch.Tensor) -> dict[int, BadPicture]:
    """Which of the answers to the pictures `[N, C, h, w]` cannot be right, and what is told then."""
    with piece_of_work():
        looks = looked(list(made), list(seen)).tolist()
    return {number: said for number, look in enumerate(looks) if (said := refused(look)) is not None}


def _turns_together(most: int) -> list[list[int]]:
    """The eight turns in groups that a network is asked for at once: those of one group have one size."""
    if most < 2:
        return [[turn] for turn in range(TURNS)]
    alike = [list(range(first, TURNS, 2)) for first in (0, 1)]
    return [turns[start : start + most] for turns in alike for start in range(0, len(turns), most)]


def _area(window: Window) -> int:
    """Pixels of what the network sees of a window."""
    return (window.rows.stop - window.rows.start) * _width(window)


def _width(window: Window) -> int:
    return window.columns.stop - window.columns.start


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
