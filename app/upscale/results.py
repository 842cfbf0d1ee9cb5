"""What becomes of the tiles of one photo: put together, brought to the exact size, blended, stamped, written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.updates import Failure, Tile
from app.photos import exif, iptc, placing, recipe
from app.photos.animation import Animation, encode_animation, stacked
from app.photos.encoding import encode_parts, not_kept, on_white, to_8_bits
from app.photos.finishing import Finish, finished
from app.photos.formats import FORMATS
from app.photos.grain import grain_of
from app.photos.masks import softened
from app.photos.photo import Photo
from app.photos.resizing import to_image, to_pixels
from app.photos.streaming import Shape, StripWriter
from app.upscale import naming
from app.upscale.pace import disk_size
from app.upscale.plan import Choices, Planned, expected_bytes
from app.upscale.sizes import describe, print_dpi


class Assembly:
    """Tiles of one run of the network, put together to `[height, width, C]` in memory.

    `rows` is how many rows from the top are complete: work that was interrupted goes on from there.
    """

    def __init__(self, shape: Shape) -> None:
        self.pixels: NDArray[Any] = np.empty((shape.height, shape.width, shape.channels), shape.dtype)
        self._filled = np.zeros(shape.height, np.int64)
        self.rows = 0

    def put(self, tile: Tile, below: int = 0) -> None:
        """Take a tile in its place; `below` is the row that its request began at."""
        height, width = tile.pixels.shape[:2]
        top = tile.top + below
        part = self.pixels[top : top + height, tile.left : tile.left + width]
        part[...] = tile.pixels.reshape(part.shape)
        self._filled[top : top + height] += width
        while self.rows < len(self._filled) and self._filled[self.rows] >= self.pixels.shape[1]:
            self.rows += 1

    def go_on_from(self, row: int) -> None:
        """What was put below `row` will come again."""
        self._filled[row:] = 0
        self.rows = min(self.rows, row)


BLOCK_ROWS = 256


class StreamedAssembly:
    """The same for a result too large to be held: complete rows go to a `StripWriter`, the rest waits in blocks of rows.

    A block is taken when its first tile comes and let go when its last row is written: no row is ever copied, and what waits is
    as much as the network makes in one row of its windows.
    """

    def __init__(self, writer: StripWriter, shape: Shape) -> None:
        self._writer, self._shape = writer, shape
        self._blocks: deque[NDArray[Any]] = deque()
        self._top = 0  # the row that the first block begins with
        self._filled = np.zeros(0, np.int64)  # of each row of the blocks
        self.rows = 0

    def put(self, tile: Tile, below: int = 0) -> None:
        """Take a tile in its place; waits while the encoder is busy."""
        again = max(0, self.rows - tile.top - below)  # rows that were written already
        pixels = tile.pixels[again:]
        height, width = pixels.shape[:2]
        first = tile.top + below + again - self._top
        pixels = pixels.reshape(height, width, self._shape.channels)
        while len(self._filled) < first + height:
            self._blocks.append(np.empty((BLOCK_ROWS, self._shape.width, self._shape.channels), self._shape.dtype))
            self._filled = np.concatenate([self._filled, np.zeros(BLOCK_ROWS, np.int64)])
        for number in range(first // BLOCK_ROWS, -(-(first + height) // BLOCK_ROWS)):
            start, stop = max(first, number * BLOCK_ROWS), min(first + height, (number + 1) * BLOCK_ROWS)
            part = self._blocks[number][start - number * BLOCK_ROWS : stop - number * BLOCK_ROWS]
            part[:, tile.left : tile.left + width] = pixels[start - first : stop - first]
        self._filled[first : first + height] += width
        unfinished = np.flatnonzero(self._filled < self._shape.width)
        self._write_until(self._top + (int(unfinished[0]) if unfinished.size else len(self._filled)))

    def go_on_from(self, row: int) -> None:
        """What was put below `row` will come again; rows that were written already are left as they are."""
        self._filled[max(row, self.rows) - self._top :] = 0

    def _write_until(self, row: int) -> None:
        while self.rows < row:
            start, stop = self.rows - self._top, min(row - self._top, BLOCK_ROWS)
            self._writer.write(self._blocks[0][start:stop])
            self.rows += stop - start
            if stop == BLOCK_ROWS:
                self._blocks.popleft()
                self._top, self._filled = self._top + BLOCK_ROWS, self._filled[BLOCK_ROWS:]


def prepared(photo: Photo, planned: Planned, choices: Choices) -> Photo:
    """The photo as its result's format holds it (bits and alpha reduced where that was allowed), so that the network does
    not compute what cannot be written."""
    kind = FORMATS[planned.format]
    pixels = photo.pixels
    if choices.reduce and photo.bits not in kind.bits:
        pixels = to_8_bits(pixels)
    if choices.reduce and photo.has_alpha and not kind.alpha:
        pixels = on_white(pixels)
    return photo if pixels is photo.pixels else replace(photo, pixels=pixels)


def making_of(planned: Planned, choices: Choices, sha256: str = "") -> dict[str, Any]:
    """The recipe that the result carries: enough to do it again from the original."""
    return {
        "ganvas": _version(),
        "task": "upscale",
        "model": Path(choices.model).name,  # of a file its name alone: where it lies is nobody's business
        "model_sha256": sha256,
        "scale": choices.scale,
        "target": describe(choices.target),
        "size": list(planned.size),
        **looks(planned, choices),
        "source": planned.source.name,
    }


def looks(planned: Planned, choices: Choices) -> dict[str, Any]:
    """What the pixels depend on besides the model, the size and the photo; what was not chosen is left out."""
    made: dict[str, Any] = {"strength": choices.strength}
    if choices.other:
        made |= {"other": Path(choices.other).name, "share": choices.share}
    if choices.turns:
        made["turns"] = True
    if choices.grain:
        made["grain"] = choices.grain
    if planned.mask is not None:
        made["protected"] = planned.mask.stem
    return made


def finish_of(plain: NDArray[Any], planned: Planned, choices: Choices, seed: int = 0) -> Finish:
    """What is to be done after the network to what becomes of `plain`, the photo `[H, W, C]` or one frame. `PhotoError` where
    its mask is gone."""
    mask = softened(planned.mask, (plain.shape[1], plain.shape[0])) if planned.mask is not None else None
    grain = choices.grain * grain_of(plain) if choices.grain else 0.0
    return Finish(choices.strength, grain, seed, mask)


def dressed(photo: Photo, planned: Planned, choices: Choices, sha256: str = "") -> Photo:
    """The photo with everything its result is to carry: what was kept of its metadata, the recipe, its resolution.

    The pixels are still those of the original. `choices.metadata` "keep" keeps all, "no-place" all but where it was taken,
    "strip" nothing but the colour profile. The printed size stays what it was, where the file said one.
    """
    block, records, texts = photo.exif, photo.iptc, photo.texts
    packet, lost = recipe.without_behind(photo.xmp) if photo.xmp else (None, ())
    if choices.metadata == "strip":
        block, packet, records, texts = None, None, None, ()
    elif choices.metadata == "no-place":
        block = exif.without_place(block) if block else None
        packet = recipe.without_place(packet) if packet else None
        records = iptc.without_place(records) if records else None
        texts, unsure = recipe.texts_without_place(texts)
        lost += unsure
    made = recipe.stamp(packet, making_of(planned, choices, sha256), choices.kind, planned.size)
    dpi = print_dpi(choices.target)
    if dpi is None and photo.dpi is not None:
        dpi = (photo.dpi[0] * planned.size[0] / photo.width, photo.dpi[1] * planned.size[1] / photo.height)
    kept = replace(photo, exif=block, xmp=made, iptc=records, dpi=dpi, texts=texts)
    return replace(kept, warnings=(*photo.warnings, *lost, *not_kept(kept, planned.format)))


class Place:
    """Where a result is put. Where another program took its name since it was planned, it gets the next one that is free, if that
    is what was chosen for names that are taken: the network's work would be lost with it."""

    def __init__(self, planned: Planned, choices: Choices) -> None:
        assert planned.output is not None
        self.path, self._wanted = planned.output, planned.output
        self.otherwise = self._next if choices.on_exists == "rename" else None

    def _next(self) -> Path:
        self.path = naming.free(self._wanted, ())
        return self.path


def write(pixels: NDArray[Any], photo: Photo, planned: Planned, choices: Choices) -> tuple[int, Path]:
    """Bring the network's answer to the exact size, blend, encode and place it; the bytes written, and where they are. `photo` is
    `dressed`."""
    assert planned.output is not None
    finish = finish_of(photo.pixels, planned, choices)
    if finish.changes or planned.size != (pixels.shape[1], pixels.shape[0]):
        pixels = to_pixels(finished(to_image(pixels), to_image(photo.pixels), planned.size, finish))
    planned.output.parent.mkdir(parents=True, exist_ok=True)
    parts, place = encode_parts(replace(photo, pixels=pixels), planned.format, choices.quality), Place(planned, choices)
    placing.write(place.path, parts, planned.replaces, place.otherwise)
    keep_time(place.path, planned, choices)
    return sum(len(part) for part in parts), place.path


def recipe_text(planned: Planned, choices: Choices, sha256: str = "") -> str:
    """The recipe as one line of JSON, for files whose tags are plain text."""
    return json.dumps(making_of(planned, choices, sha256), ensure_ascii=False)


def frame(pixels: NDArray[Any], plain: NDArray[Any], planned: Planned, choices: Choices, seed: int = 0) -> NDArray[Any]:
    """One frame of an animation or a video, finished. `seed` is its own: grain that stands still looks like dirt."""
    finish = finish_of(plain, planned, choices, seed)
    return to_pixels(finished(to_image(pixels), to_image(plain), planned.size, finish))


def write_animation(
    frames: list[NDArray[np.uint8]], moving: Animation, photo: Photo, planned: Planned, choices: Choices
) -> tuple[int, Path]:
    """Encode and place an animation of these frames with the times of `moving`; the bytes written, and where they are. `photo` is
    `dressed`."""
    assert planned.output is not None
    planned.output.parent.mkdir(parents=True, exist_ok=True)
    made = Animation(stacked(frames), moving.delays, moving.loop, photo.xmp, photo.exif)
    parts, place = encode_animation(made, planned.format, choices.quality), Place(planned, choices)
    placing.write(place.path, parts, planned.replaces, place.otherwise)
    keep_time(place.path, planned, choices)
    return sum(len(part) for part in parts), place.path


@dataclass(eq=False)
class Stream:
    """A result that is written while it is made: opened, then finished (its file is in its place) or abandoned (no trace)."""

    photo: Photo
    planned: Planned
    choices: Choices
    shape: Shape

    def open(self) -> StreamedAssembly:
        """Where the tiles go. `OSError` where the folder cannot be written, `PhotoError` where the mask is gone: then nothing is
        left there."""
        assert self.planned.output is not None
        self.planned.output.parent.mkdir(parents=True, exist_ok=True)
        self._place = Place(self.planned, self.choices)
        with contextlib.ExitStack() as stack:
            writer = StripWriter(
                stack.enter_context(placing.beside(self._place.path, self.planned.replaces, self._place.otherwise)),
                self.shape,
                self.photo,
                self.planned.format,
                self.planned.size,
                self.choices.quality,
                finish_of(self.photo.pixels, self.planned, self.choices),
            )
            assembly = StreamedAssembly(stack.enter_context(writer), self.shape)
            self._stack = stack.pop_all()
        return assembly

    def finish(self) -> tuple[int, Path]:
        """Wait for the encoder and place the file; the bytes written, and where they are. Raises what writing failed with."""
        self._stack.close()
        keep_time(self._place.path, self.planned, self.choices)
        return self._place.path.stat().st_size, self._place.path

    def abandon(self) -> None:
        """Stop the encoder and leave nothing behind."""
        with contextlib.suppress(_Abandoned), self._stack:
            raise _Abandoned


class _Abandoned(Exception):
    """Tells the writer and the temporary file that they are not wanted any more."""


def _version() -> str:
    try:
        return metadata.version("ganvas")
    except metadata.PackageNotFoundError:
        return "not installed"


def keep_time(result: Path, planned: Planned, choices: Choices) -> None:
    """Give the result the photo's time of change, where that was chosen; a photo that is gone by now has none."""
    if choices.keep_time:
        with contextlib.suppress(FileNotFoundError):
            about = os.stat(planned.source)
            os.utime(result, ns=(about.st_atime_ns, about.st_mtime_ns))


def obstacle(choices: Choices, planned: Iterable[Planned]) -> Failure | None:
    """What would keep the results from being written (a folder, the disk), told before the first is begun; None for nothing.

    Makes the folders that are chosen where they are missing.
    """
    needed: dict[Path, int] = {}
    for one in planned:
        if one.output is not None:
            folder = choices.into or one.output.parent
            needed[folder] = needed.get(folder, 0) + expected_bytes(one, choices.quality)
    disks: dict[int, tuple[Path, int]] = {}
    for folder, size in needed.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Failure(f"{folder} cannot be made: {error.strerror}.", hint="Choose another folder.")
        if not os.access(folder, os.W_OK | os.X_OK):
            return Failure(f"{folder} cannot be written to.", hint="Choose another folder.")
        disk = folder.stat().st_dev
        first, others = disks.get(disk, (folder, 0))
        disks[disk] = first, others + size
    for folder, size in disks.values():
        free = free_bytes(folder)
        if size > free:
            left = f"{disk_size(free)} free" if free >= 1e6 else "no room left"
            return Failure(
                f"The results need about {disk_size(size)} and {folder} has {left}.",
                hint="Free some space, or choose another folder.",
            )
    return None


def free_bytes(path: Path) -> int:
    """Bytes free where `path` is or will be."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free
