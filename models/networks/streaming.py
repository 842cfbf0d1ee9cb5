"""A picture that flows through a network of 3x3 convolutions by bands of rows, from the top to the bottom.

Each layer keeps the last rows of what it saw until the rows below them come, so nothing is computed twice, nothing is cut and
no border shows: the result is that of the whole picture. What is being worked on fits the processor's caches, and memory
holds a few rows for each layer instead of whole maps.

Maps are channels_last. On a processor one picture flows at a time: bands of it are runs of memory. A card may take several of one
size, since what it is given at once must be much; each is made as if it were alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F

from models import device
from models.networks import pieces
from models.networks.pieces import FEWEST_ROWS
from models.steps import Steps

WIDEST, NARROWEST = 2048, 256  # of a picture that flows through a network at once
CARD_PIXELS = 1 << 18  # of a band on a card, where no other number was measured to be better: 64 channels are 32 MB
PIXELS = 16384  # of a band: 64 channels in bfloat16 are 2 MB, and a call's own cost is below a hundredth

Bands = Generator[torch.Tensor | None, None, None]
Slope = float | torch.Tensor | None  # of a leaky ReLU after a convolution: a number, or one for each channel


class Stage(Protocol):
    """A part of a network that takes bands of rows. `most` is how many rows it takes at once."""

    most: int

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """Take the next rows `[N, C, r, w]`; give those that can be made now, None where there are none yet.

        After the picture's `last` rows all that is missing comes.
        """
        ...


def at_once_on(place: torch.device) -> int | None:
    """How many pixels a network takes at once on a device, to begin with; None on the processor, where caches decide."""
    return None if place.type == "cpu" else CARD_PIXELS


def rows_at_once(width: int, work: float, dtype: torch.dtype, at_once: int | None = None) -> int:
    """How many rows of `width` pixels (of all pictures that flow together) a stage takes at once, if a pixel costs `work`
    operations in its longest call. `at_once` is how many pixels a card takes, None on the processor."""
    if at_once is not None:
        return max(FEWEST_ROWS, at_once // width)
    piece = pieces.PIECE if dtype is torch.float32 else pieces.PIECE * pieces.LOWER
    return max(FEWEST_ROWS, min(PIXELS // width, int(piece / (work * width))))


def flow(x: torch.Tensor, stages: Sequence[Stage]) -> Bands:
    """The pictures `x` through all stages: the last one's bands from the top to the bottom, None between two pieces of work."""
    waiting: list[deque[tuple[torch.Tensor, bool]]] = [deque() for _ in stages]
    fed, height = 0, x.shape[2]
    while True:
        number = next((n for n in reversed(range(len(stages))) if waiting[n]), None)
        if number is None:
            if fed == height:
                return
            count = min(stages[0].most, height - fed)
            waiting[0].append((x[:, :, fed : fed + count], fed + count == height))
            fed += count
            continue
        stage = stages[number]
        rows, last = waiting[number].popleft()
        if rows.shape[2] > stage.most:
            waiting[number].appendleft((rows[:, :, stage.most :], last))
            rows, last = rows[:, :, : stage.most], False
        made = yield from stage.push(rows, last)
        yield None
        if made is None:
            continue
        if number + 1 < len(stages):
            waiting[number + 1].append((made, last))
        else:
            yield made


class Rows:
    """Rows that wait in the order they came: what a way around some layers carries."""

    def __init__(self) -> None:
        self._bands: deque[torch.Tensor] = deque()

    def put(self, rows: torch.Tensor) -> None:
        """Add rows `[N, C, r, w]` below the others."""
        self._bands.append(rows)

    def take(self, count: int) -> Iterator[torch.Tensor]:
        """The upper `count` rows, in one or more bands; they wait no longer."""
        while count > 0:
            band = self._bands.popleft()
            if band.shape[2] > count:
                self._bands.appendleft(band[:, :, count:])
                band = band[:, :, :count]
            count -= band.shape[2]
            yield band

    def plus(self, made: torch.Tensor, share: float) -> torch.Tensor:
        """`share` of what was made, added to the rows that waited for it, in their number format."""
        whole: torch.Tensor | None = None
        top = 0
        for band in self.take(made.shape[2]):
            if whole is None:
                whole = empty(band, made.shape[2])
            bottom = top + band.shape[2]
            torch.add(band, made[:, :, top:bottom], alpha=share, out=whole[:, :, top:bottom])
            top = bottom
        assert whole is not None
        return whole


def empty(like: torch.Tensor, rows: int, channels: int | None = None, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Room for `rows` rows as wide as those of `like`, channels_last."""
    wide = like.shape[1] if channels is None else channels
    room = torch.empty(like.shape[0], rows, like.shape[3], wide, dtype=dtype or like.dtype, device=like.device)
    return room.permute(0, 3, 1, 2)


class Convolution:
    """A 3x3 convolution with zeros around the picture, and what follows it.

    `slope` is that of a leaky ReLU behind it. What it makes also goes to `copy`; what waits in `around` is added to it. `width`
    and `at_once` are those of `rows_at_once`.
    """

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor,
        width: int,
        *,
        slope: Slope = None,
        copy: Rows | None = None,
        around: Rows | None = None,
        at_once: int | None = None,
    ) -> None:
        self._weight, self._bias, self._slope = weight, bias, slope
        self._copy, self._around = copy, around
        self._tail: torch.Tensor | None = None
        self.most = rows_at_once(width, 2.0 * weight.numel(), weight.dtype, at_once)

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`."""
        seen = self._seen(rows, last)
        if seen.shape[2] < 3:
            return None
        made = F.conv2d(seen, self._weight, self._bias, padding=(0, 1))
        yield
        made = activated(made, self._slope)
        if self._around is not None:
            made = self._around.plus(made, 1)
        if self._copy is not None:
            self._copy.put(made)
        return made

    def _seen(self, rows: torch.Tensor, last: bool) -> torch.Tensor:
        """The rows with the two above them, the first with one of zeros above it, the last with one below it."""
        above = 1 if self._tail is None else self._tail.shape[2]
        count = rows.shape[2]
        seen = empty(rows, above + count + last, dtype=self._weight.dtype)
        if self._tail is None:
            seen[:, :, :1] = 0
        else:
            seen[:, :, :above] = self._tail
        seen[:, :, above : above + count] = rows
        if last:
            seen[:, :, above + count :] = 0
        self._tail = None if last else seen[:, :, -2:].clone(memory_format=torch.channels_last)
        return seen


class DoublingConvolution(Convolution):
    """A 3x3 convolution of the picture doubled by copying, zeros around it, computed before it is doubled.

    Each pixel of the result comes from 2x2 pixels of the small picture, by sums of the nine weights: four convolutions of
    size 2, one for each place in the doubled square, with 4/9 of the multiplications and the same result.
    """

    def __init__(
        self, weights: Sequence[torch.Tensor], bias: torch.Tensor, width: int, slope: float, at_once: int | None = None
    ) -> None:
        super().__init__(weights[0], bias, width)
        self.most = rows_at_once(width, 4.0 * weights[0].numel(), bias.dtype, at_once)
        self._weights, self._leak = weights, slope

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`."""
        seen = self._seen(rows, last)
        count = seen.shape[2] - 2
        if count < 1:
            return None
        size = len(seen), 2 * count, 2 * seen.shape[3], len(self._bias)
        room = torch.empty(size, dtype=seen.dtype, device=seen.device)
        whole = room.permute(0, 3, 1, 2)
        for place, weight in enumerate(self._weights):
            down, right = divmod(place, 2)
            made = F.conv2d(seen[:, :, down : down + count + 1], weight, self._bias, padding=(0, 1))
            made = made[:, :, :, right : right + seen.shape[3]]
            torch._C._nn.leaky_relu(made, self._leak, out=whole[:, :, down::2, right::2])
            yield
        return whole


class LastConvolution(Convolution):
    """A 3x3 convolution into few channels, four pixels at once.

    Kernels fill vectors with channels, and three fill a fifth of one. Seen as a convolution of size 4 and stride 2 into the
    channels of a square of 2x2 pixels, it needs 4/9 of the operations for the same sums. Width and height must be even.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, width: int, at_once: int | None = None) -> None:
        super().__init__(weight, bias.repeat_interleave(4), width, at_once=at_once)

    def push(self, rows: torch.Tensor, last: bool) -> Steps[torch.Tensor | None]:
        """See `Stage`."""
        seen = self._seen(rows, last)
        if self._tail is not None and seen.shape[2] % 2:
            self._tail = seen[:, :, -3:].clone(memory_format=torch.channels_last)  # a row without its pair comes again
        if seen.shape[2] < 4:
            return None
        made = F.conv2d(seen, self._weight, self._bias, stride=2, padding=(0, 1))
        yield
        return F.pixel_shuffle(made, 2)


def before_doubling(weight: torch.Tensor) -> list[torch.Tensor]:
    """The four `[K, C, 2, 2]` kernels of `DoublingConvolution`, from a `[K, C, 3, 3]` one: upper left, upper right, lower ..."""
    wide = weight.double()
    upper = torch.stack([wide[:, :, 0], wide[:, :, 1] + wide[:, :, 2]], 2)
    lower = torch.stack([wide[:, :, 0] + wide[:, :, 1], wide[:, :, 2]], 2)
    four = []
    for rows in (upper, lower):
        four.append(torch.stack([rows[..., 0], rows[..., 1] + rows[..., 2]], 3))
        four.append(torch.stack([rows[..., 0] + rows[..., 1], rows[..., 2]], 3))
    return [kernel.to(weight.dtype) for kernel in four]


def four_at_once(weight: torch.Tensor) -> torch.Tensor:
    """The `[4*K, C, 4, 4]` kernel of `LastConvolution`, from a `[K, C, 3, 3]` one."""
    count, channels = weight.shape[:2]
    wide = weight.new_zeros(count, 2, 2, channels, 4, 4)
    for down in range(2):
        for right in range(2):
            wide[:, down, right, :, down : down + 3, right : right + 3] = weight
    return wide.reshape(4 * count, channels, 4, 4)


def widest(bytes_a_column: int, place: torch.device) -> int:
    """How wide a picture may be whose every column keeps so many bytes in a device's memory: a quarter of what is free there,
    and `WIDEST` at most."""
    width, free = WIDEST, device.memory(str(place)).free
    while width > NARROWEST and width * bytes_a_column > free // 4:
        width //= 2
    return width


def whole(bands: Bands) -> Steps[torch.Tensor]:
    """All bands as one picture."""
    made = []
    for band in bands:
        if band is not None:
            made.append(band)
        yield
    return torch.cat(made, 2)


def cut(bands: Bands, beyond: int, height: int, width: int) -> Bands:
    """The `height` rows and `width` columns of all bands together that lie `beyond` pixels inside their sides."""
    top = -beyond
    for band in bands:
        if band is None:
            yield None
            continue
        inside = band[:, :, max(0, -top) : max(0, height - top), beyond : beyond + width]
        top += band.shape[2]
        if inside.shape[2]:
            yield inside


def activated(x: torch.Tensor, slope: Slope) -> torch.Tensor:
    """A leaky ReLU behind a channels_last map (in place where it can be): with one slope, with one for each channel, or none."""
    if slope is None:
        return x
    if isinstance(slope, torch.Tensor):  # with the slopes of a whole row, rows are what the kernel's loops run over
        rows = x.permute(0, 2, 3, 1).flatten(2).flatten(0, 1)
        made = F.prelu(rows, slope.repeat(x.shape[3]))
        return made.view(len(x), *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)
    return F.leaky_relu_(x, slope)
