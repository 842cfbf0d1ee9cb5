"""Windows of a photo, enlarged by a network that pictures flow through: finished parts of some rows each, from the top.

The channels of a photo may need several runs of the network (alpha, or colours where it knows grey alone). They flow side by
side, so that no whole map is ever held. So do several windows of one size, where the device takes them together.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F

from models import device
from models.carrying import Arrival, looked
from models.errors import BadPicture
from models.pixels import Pixels, bleed, levels, pixels_of, to_planes
from models.precision import in_true_float32
from models.running import in_pieces, not_finite, piece_of_work
from models.steps import Steps
from models.tiling import Span, Window

PART_ROWS = 64  # rows of the source that a finished part has, the last one fewer

Bands = Generator[torch.Tensor | None, None, None]


class WrongPart(Exception):
    """What the network returned cannot be right: `said` tells why, where nothing better is left to try."""

    def __init__(self, said: BadPicture) -> None:
        super().__init__(str(said))
        self.said = said


def parts_of(rows: int) -> int:
    """How many parts so many rows come in."""
    return -(-rows // PART_ROWS)


def refused(look: Sequence[float]) -> BadPicture | None:
    """What is wrong with a picture that looks so (a row of `looked`): not finite, or one flat colour made of a picture that is
    none, black for example."""
    total, low, high, dark, bright = look
    if not math.isfinite(total):
        return not_finite()
    if high - low < 1e-4 and bright - dark > 0.25:
        return BadPicture(
            "The model returned one flat colour for a picture that is none.", "Its file may be damaged.", "Add it again."
        )
    return None


class View:
    """What a network is shown of a photo `[H, W, C]` in a window: as many `pictures`, `[1, channels_in, h, w]` each, as it needs
    to enlarge all channels. Alpha is a grey picture of its own; where it is the same everywhere there is nothing to compute."""

    def __init__(self, source: Pixels, window: Window, channels_in: int, place: torch.device) -> None:
        rows, columns = window.rows, window.columns
        planes = to_planes(source[rows.start : rows.stop, columns.start : columns.stop], place)
        alpha = planes[-1:] if len(planes) in (2, 4) else None
        colours = planes if alpha is None else bleed(planes[:-1], alpha)
        self._colours, self._even = len(colours), None
        if len(colours) == channels_in:
            self.pictures = [colours[None]]
        elif len(colours) == 1:
            self.pictures = [colours.expand(channels_in, -1, -1)[None]]
        else:
            self.pictures = [plane[None, None] for plane in colours]
        self._runs = len(self.pictures)  # for the colours
        if alpha is not None:
            if bool((alpha == alpha[0, 0, 0]).all()):
                self._even = float(alpha[0, 0, 0])
            else:
                self.pictures.append(alpha.expand(channels_in, -1, -1)[None])
        self.pictures = [picture.to(place) for picture in self.pictures]

    def together(self, made: Sequence[torch.Tensor]) -> torch.Tensor:
        """The answers `[channels_in, h, w]` to all pictures as planes of one photo: its colours, and alpha behind them."""
        seen = torch.cat(list(made[: self._runs]))
        planes = [seen if len(seen) == self._colours else seen.mean(0, keepdim=True)]
        if self._even is not None:
            planes.append(torch.full_like(seen[:1], self._even))
        planes += [one.mean(0, keepdim=True) for one in made[self._runs :]]
        return torch.cat(planes)


@runtime_checkable
class FlowingNetwork(Protocol):
    """An `UpscalingNetwork` that can hand over its result while it is being made."""

    channels_in: int
    scale: int
    multiple: int

    def bands(self, x: torch.Tensor) -> Bands:
        """As `enlarge`, in bands of any heights from the top to the bottom; None between two pieces of work."""
        ...


class _Run:
    """Pictures of one size, `[N, C, h, w]`, on their way through the network, taken off at its end by rows."""

    def __init__(self, network: FlowingNetwork, x: torch.Tensor, true_float32: bool) -> None:
        height, width = x.shape[-2:]
        padded = F.pad(x, (0, -width % network.multiple, 0, -height % network.multiple), mode="replicate")
        self._bands = in_pieces(in_true_float32(network.bands(padded), true_float32))
        self._waiting: list[torch.Tensor] = []
        self._width = width * network.scale

    def take(self, rows: int) -> Steps[list[torch.Tensor]]:
        """The next `rows` of each result, `[C, rows, w]`."""
        found: list[torch.Tensor] = []
        while rows > 0:
            if not self._waiting:
                band = next(self._bands)
                if band is None:
                    yield
                    continue
                self._waiting.append(band)
            band = self._waiting.pop()
            if band.shape[2] > rows:
                self._waiting.append(band[:, :, rows:])
                band = band[:, :, :rows]
            rows -= band.shape[2]
            found.append(band[:, :, :, : self._width])
        with piece_of_work():
            return list(torch.cat(found, 2))

    def close(self) -> None:
        """Drop what was not taken."""
        self._bands.close()


def flowing_parts(
    network: FlowingNetwork,
    source: Pixels,
    windows: Sequence[Window],
    place: torch.device,
    takes_many: bool,
    true_float32: bool,
) -> Generator[tuple[int, Pixels] | None, None, None]:
    """The windows' cores part by part, `PART_ROWS` of the source in each: which window, and `[rows, w, C]` of it. None between
    two pieces of work. `WrongPart` where one cannot be right, after those beside it.

    The windows lie side by side, of one size and with the same rows. `takes_many` says whether the network takes several
    pictures at once; else there is one window. `true_float32`: see `in_true_float32`. A card that has memory of its own makes the
    next parts while one is brought.
    """
    rows, scale, dtype = windows[0].rows, network.scale, source.dtype
    with piece_of_work():
        views = [View(source, window, network.channels_in, place) for window in windows]
        pictures = [picture for view in views for picture in view.pictures]
        runs = [_Run(network, x, true_float32) for x in ([torch.cat(pictures)] if takes_many else pictures)]
    yield None
    coming: deque[Arrival] = deque()
    ahead = int(device.has_own_memory(str(place)))
    counts = [len(view.pictures) for view in views]
    try:
        if rows.first > rows.start:
            for run in runs:
                yield from run.take((rows.first - rows.start) * scale)
        for top in range(rows.first, rows.last, PART_ROWS):
            bottom = min(rows.last, top + PART_ROWS)
            made: list[torch.Tensor] = []
            for run in runs:
                made += yield from run.take((bottom - top) * scale)
            with piece_of_work():
                seen = [picture[0, :, top - rows.start : bottom - rows.start] for picture in pictures]
                looks, planes = looked(made, seen), iter(made)
                parts = [view.together([next(planes) for _ in view.pictures]) for view in views]
                cores = [core_of(part, window.columns, scale) for part, window in zip(parts, windows, strict=True)]
                coming.append(Arrival([*(levels(core, dtype) for core in cores), looks]))
            if len(coming) > ahead:
                yield from _arrived(coming.popleft(), counts, dtype)
        while coming:
            yield from _arrived(coming.popleft(), counts, dtype)
    finally:
        for run in runs:
            run.close()


def core_of(made: torch.Tensor, columns: Span, scale: int) -> torch.Tensor:
    """What is kept of the enlarged `[C, h, w]` of these columns."""
    return made[:, :, (columns.first - columns.start) * scale : (columns.last - columns.start) * scale]


def _arrived(coming: Arrival, counts: Sequence[int], dtype: np.dtype[Any]) -> Generator[tuple[int, Pixels], None, None]:
    """What has come, window by window, `counts` telling of how many pictures each is made. `WrongPart` behind what is right."""
    with piece_of_work():
        *found, looks = coming.taken()
        rows = iter(looks.tolist())
        wrong = [[said for _ in range(count) if (said := refused(next(rows)))] for count in counts]
        pixels = [pixels_of(one, dtype) for one in found]
    for number, reasons in enumerate(wrong):
        if not reasons:
            yield number, pixels[number]
    for reason in (reason for reasons in wrong for reason in reasons):
        raise WrongPart(reason)
