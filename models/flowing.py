"""One window of a photo, enlarged by a network that a picture flows through: finished parts of some rows each, from the top.

The channels of a photo may need several runs of the network (alpha, or colours where it knows grey alone). They flow side by
side, so that no whole map is ever held.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F

from models.errors import BadPicture
from models.pixels import Pixels, bleed, from_planes, to_planes
from models.running import in_pieces, piece_of_work
from models.steps import Steps
from models.tiling import Window

PART_ROWS = 64  # rows of the source that a finished part has, the last one fewer

Bands = Generator[torch.Tensor | None, None, None]


class NotFinite(Exception):
    """The network returned numbers that are infinite or undefined."""


def parts_of(rows: int) -> int:
    """How many parts so many rows come in."""
    return -(-rows // PART_ROWS)


def planes_of(source: Pixels, window: Window) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What a network sees of a photo `[H, W, C]` in a window: colours `[1 or 3, h, w]`, and alpha `[1, h, w]` if there is any."""
    rows, columns = window.rows, window.columns
    planes = to_planes(source[rows.start : rows.stop, columns.start : columns.stop])
    if planes.shape[0] not in (2, 4):
        return planes, None
    return bleed(planes[:-1], planes[-1:]), planes[-1:]


def same_everywhere(alpha: torch.Tensor) -> bool:
    """Whether there is nothing to compute in this alpha."""
    return bool((alpha == alpha[0, 0, 0]).all())


def refuse_flat(made: torch.Tensor, seen: torch.Tensor) -> None:
    """`BadPicture` where one flat colour was made of a picture that is none."""
    if bool(made.amax() - made.amin() < 1e-4) and bool(seen.amax() - seen.amin() > 0.25):
        raise BadPicture(
            "The model returned one flat colour for a picture that is none.", "Its file may be damaged.", "Add it again."
        )


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
    """One picture on its way through the network, taken off at its end by rows."""

    def __init__(self, network: FlowingNetwork, x: torch.Tensor) -> None:
        height, width = x.shape[-2:]
        padding = (0, -width % network.multiple, 0, -height % network.multiple)
        self._bands = in_pieces(network.bands(F.pad(x, padding, mode="replicate")))
        self._waiting: list[torch.Tensor] = []
        self._width = width * network.scale

    def take(self, rows: int) -> Steps[torch.Tensor]:
        """The next `rows` of the result, `[C, rows, w]`. `NotFinite` where they are none."""
        found: list[torch.Tensor] = []
        while rows > 0:
            if not self._waiting:
                band = next(self._bands)
                if band is None:
                    yield
                    continue
                with piece_of_work():
                    if not bool(torch.isfinite(band.sum())):  # much quicker than to look at each
                        raise NotFinite
                self._waiting.append(band)
            band = self._waiting.pop()
            if band.shape[2] > rows:
                self._waiting.append(band[:, :, rows:])
                band = band[:, :, :rows]
            rows -= band.shape[2]
            found.append(band[0, :, :, : self._width])
        with piece_of_work():
            return torch.cat(found, 1).cpu()

    def close(self) -> None:
        """Drop what was not taken."""
        self._bands.close()


def flowing_parts(network: FlowingNetwork, source: Pixels, window: Window) -> Generator[Pixels | None, None, None]:
    """The window's core `[rows, w, C]` part by part, `PART_ROWS` of the source in each, and None between two pieces of work."""
    rows, columns, scale = window.rows, window.columns, network.scale
    left, right = (columns.first - columns.start) * scale, (columns.last - columns.start) * scale
    with piece_of_work():
        colours, alpha = planes_of(source, window)
        if colours.shape[0] == network.channels_in:
            pictures = [colours[None]]
        elif colours.shape[0] == 1:
            pictures = [colours.expand(network.channels_in, -1, -1)[None]]
        else:
            pictures = [plane[None, None] for plane in colours]
        if alpha is not None and not same_everywhere(alpha):
            pictures.append(alpha.expand(network.channels_in, -1, -1)[None])
        runs = [_Run(network, picture) for picture in pictures]
    yield None
    try:
        if rows.first > rows.start:
            for run in runs:
                yield from run.take((rows.first - rows.start) * scale)
        for top in range(rows.first, rows.last, PART_ROWS):
            bottom = min(rows.last, top + PART_ROWS)
            made = []
            for run in runs:
                made.append((yield from run.take((bottom - top) * scale)))
            with piece_of_work():
                for part, picture in zip(made, pictures, strict=True):
                    refuse_flat(part, picture[..., top - rows.start : bottom - rows.start, :])
                pixels = from_planes(_together(made, colours.shape[0], alpha)[:, :, left:right], source.dtype)
            yield pixels
    finally:
        for run in runs:
            run.close()


def _together(made: list[torch.Tensor], colours: int, alpha: torch.Tensor | None) -> torch.Tensor:
    """The answers of all runs as planes of one photo: so many colours, and alpha behind them."""
    runs = list(made)
    planes = []
    if alpha is not None:
        if same_everywhere(alpha):
            planes.append(torch.full_like(runs[0][:1], float(alpha[0, 0, 0])))
        else:
            planes.append(runs.pop().mean(0, keepdim=True))
    seen = torch.cat(runs)
    planes.insert(0, seen if seen.shape[0] == colours else seen.mean(0, keepdim=True))
    return torch.cat(planes)
