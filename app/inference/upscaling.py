"""A request for a larger photo: tile by tile, so that it is seen to grow and can be dropped between two tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.requests import UpscaleRequest
from app.inference.updates import Progress, Step, Tile
from app.inference.workbench import Job, Workbench
from models.errors import OutOfMemory

Pixels = NDArray[Any]


def upscale(bench: Workbench, request: UpscaleRequest) -> Job[Pixels | None]:
    """See `UpscaleRequest`."""
    from models.upscaling import UpscalingModel

    model = bench.opened(request.model, UpscalingModel, "enlarge photos", "Upscale")
    result: Pixels | None = None
    tiles = model.tiles(
        request.pixels,
        request.region,
        request.tile,
        make_room=lambda: bench.models.forget_all(but=request.model),
        turns=request.turns,
    )
    try:
        for tile in tiles:
            if tile is None:
                yield Step()
                continue
            if request.keep_result:
                result = _empty(model.scale, request) if result is None else result
                height, width = tile.pixels.shape[:2]
                result[tile.top : tile.top + height, tile.left : tile.left + width] = tile.pixels
            yield Tile(tile.pixels, tile.top, tile.left)
            yield Progress(tile.done, tile.total, "tiles")
    finally:
        tiles.close()
    return result


def _empty(scale: int, request: UpscaleRequest) -> Pixels:
    """Room for the result. Raises `OutOfMemory` where there is none."""
    height, width = request.region[2:] if request.region is not None else request.pixels.shape[:2]
    try:
        return np.empty((height * scale, width * scale, *request.pixels.shape[2:]), request.pixels.dtype)
    except MemoryError as error:
        raise OutOfMemory(
            "There is no memory for a picture of that size.", f"It would have {width * scale} x {height * scale} pixels."
        ) from error
