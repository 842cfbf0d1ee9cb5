"""Label maps from and to picture files: by the names that Ganvas writes along, by index, or by colour.

What a file holds that is none of the labels is never guessed away: it is listed with its pixels, and a person says what it
is to be (`settle`). Formats: PNG, GIF, BMP, TIFF, WebP; of JPEG the colours are taken as near as they come.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import LARGEST_SIDE, SMALLEST_SIDE
from app.paint.state.files import PILLOW_ERRORS, PaintFileError, encode_map, indices
from app.paint.state.layers import CLEAR
from app.paint.state.palette import Palette, UnknownLabel, carried_over, nearest_label
from models.card import Label

FORMATS = ("PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG")
# A label map packs well: a file larger than this is something else.
LARGEST_FILE = 256 << 20
# More colours than this that are no label's, and the picture is a photo or was saved as JPEG.
MOST_STRANGERS = 64
NAMES_KEY = "ganvas:labels"


@dataclass(frozen=True, eq=False)
class ReadMap:
    """A map as it was read: `labels` uint8 `[H, W]` hold known numbers, 255 for unlabelled, and the numbers of `unknown`."""

    labels: NDArray[np.uint8]
    unknown: tuple[UnknownLabel, ...] = ()
    remark: str = ""


def read_map(path: Path, palette: Palette) -> ReadMap:
    """Read a label map in the labels of `palette`; `PaintFileError` says why it cannot be."""
    image = _load(path)
    number_of = indices(image)
    written_names = _names(image)
    if number_of is not None and written_names:
        return _by_name(number_of, written_names, palette)
    if number_of is not None:
        by_colour = image.mode == "P" and _all_colours_known(image, number_of, palette)
        if not by_colour:
            return _by_index(number_of, image, palette)
    if image.mode.startswith(("I", "F")):
        return _by_index(_small_numbers(image), image, palette)
    return _by_colour(np.array(image.convert("RGBA")), palette, lossy=image.format == "JPEG")


def settle(read: ReadMap, answers: Mapping[int, int]) -> NDArray[np.uint8]:
    """The map with every unknown number replaced: by the answer, else by the label it is nearest to."""
    table = np.arange(256, dtype=np.uint8)
    for unknown in read.unknown:
        table[unknown.number] = answers.get(unknown.number, unknown.nearest)
    return table[read.labels]


def map_bytes(label_map: NDArray[np.uint8], labels: tuple[Label, ...], kind: Literal["index", "colour"] = "index") -> bytes:
    """A label map as PNG: palette indices with the names written along, or plain colours for other programs."""
    palette = Palette(labels)
    if kind == "colour":
        from app.paint.state.files import encode_picture

        return encode_picture(palette.colours()[label_map])
    names = [{"id": label.id, "name": label.name, "colour": list(label.colour)} for label in labels]
    return encode_map(label_map, palette.colours(), {NAMES_KEY: json.dumps(names)})


def looks_like_map(path: Path, palette: Palette) -> bool:
    """Whether a picture file is a label map rather than a photo: few numbers, or nearly all its colours are labels'."""
    try:
        image = _load(path)
    except PaintFileError:
        return False
    if NAMES_KEY in image.info:
        return True
    number_of = indices(image)
    if number_of is not None:
        return len(_used(number_of)) <= MOST_STRANGERS
    if image.mode not in ("RGB", "RGBA"):
        return False
    colours = _packed(np.array(image.convert("RGB")))
    known = np.isin(colours, _packed(np.array([[label.colour for label in palette.labels]], np.uint8)))
    return bool(known.mean() > 0.98) or len(np.unique(colours)) <= MOST_STRANGERS // 2


def _load(path: Path) -> Image.Image:
    if path.stat().st_size > LARGEST_FILE:
        raise PaintFileError("The file is too large to be a label map.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes (the bound below is ours) and of small oddities
            image = Image.open(path, formats=FORMATS)
            smallest, largest = min(image.size), max(image.size)
            if largest > LARGEST_SIDE or smallest < 1:
                raise PaintFileError(
                    f"The map is {image.width:,} x {image.height:,} pixels.", f"At most {LARGEST_SIDE:,} a side can be opened."
                )
            image.load()
    except FileNotFoundError:
        raise
    except PILLOW_ERRORS as error:
        raise PaintFileError("The file is no picture, or it is broken.", "Label maps are PNG files, as a rule.") from error
    if smallest < SMALLEST_SIDE:
        raise PaintFileError(
            f"The map is only {image.width} x {image.height} pixels.", f"It needs at least {SMALLEST_SIDE} a side."
        )
    return image


def _names(image: Image.Image) -> tuple[Label, ...]:
    """The labels that Ganvas wrote into the file, or none where there are none that make sense."""
    text = image.info.get(NAMES_KEY)
    if not isinstance(text, str):
        return ()
    try:
        found = tuple(
            Label(
                int(entry["id"]),
                str(entry["name"])[:80],
                (int(entry["colour"][0]), int(entry["colour"][1]), int(entry["colour"][2])),
            )
            for entry in json.loads(text)
        )
        return Palette(found).labels
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return ()


def _by_name(numbers: NDArray[np.uint8], written: tuple[Label, ...], palette: Palette) -> ReadMap:
    table, missing = carried_over(written, palette)
    colours = {label.id: label for label in missing}
    # Numbers of foreign labels may be those of other labels here: they move to numbers that nobody has.
    free = [n for n in range(254, -1, -1) if n not in palette and n not in {label.id for label in written}]
    counts = np.bincount(numbers.reshape(-1), minlength=256)
    unknown = []
    for number in np.nonzero(counts)[0]:
        if number == CLEAR or (int(number) not in colours and int(number) in {label.id for label in written}):
            continue
        label = colours.get(int(number), Label(int(number), f"index {number}", (128, 128, 128)))
        table[number] = free.pop(0) if free else CLEAR
        unknown.append(
            UnknownLabel(int(table[number]), label.name, label.colour, int(counts[number]), nearest_label(palette, label.colour))
        )
    table[CLEAR] = CLEAR
    return ReadMap(table[numbers], tuple(unknown))


def _by_index(numbers: NDArray[np.uint8], image: Image.Image, palette: Palette) -> ReadMap:
    counts = np.bincount(numbers.reshape(-1), minlength=256)
    colours = _palette_colours(image)
    unknown = tuple(
        UnknownLabel(int(n), f"index {n}", colours.get(int(n)), int(counts[n]), nearest_label(palette, colours.get(int(n))))
        for n in np.nonzero(counts)[0]
        if n != CLEAR and int(n) not in palette
    )
    return ReadMap(numbers, unknown)


def _by_colour(rgba: NDArray[np.uint8], palette: Palette, lossy: bool) -> ReadMap:
    packed = _packed(rgba[..., :3])
    clear = rgba[..., 3] < 128
    found, where = np.unique(packed, return_inverse=True)
    of_label = {_pack(label.colour): label.id for label in palette.labels}
    table = np.full(len(found), CLEAR, np.uint8)
    strangers = [i for i, colour in enumerate(found) if int(colour) not in of_label]
    for i, colour in enumerate(found):
        if int(colour) in of_label:
            table[i] = of_label[int(colour)]
    # Pixels that are clear anyway need no name.
    opaque = np.bincount(where.reshape(-1), weights=(~clear).reshape(-1), minlength=len(found)).astype(np.int64)
    strangers = [i for i in strangers if opaque[i]]
    unknown: list[UnknownLabel] = []
    remark = ""
    free = [n for n in range(254, -1, -1) if n not in palette]
    if lossy or len(strangers) > min(MOST_STRANGERS, len(free)):
        nearest = _nearest_all(found[strangers], palette)
        table[strangers] = nearest
        share = opaque[strangers].sum() / max(1, int((~clear).sum()))
        remark = f"{share:.0%} of the pixels had colours that are no label's; each became the label with the nearest colour."
    else:
        for i in strangers:
            table[i] = free.pop(0)
            colour = _unpack(int(found[i]))
            unknown.append(
                UnknownLabel(
                    int(table[i]), "#{:02x}{:02x}{:02x}".format(*colour), colour, int(opaque[i]), nearest_label(palette, colour)
                )
            )
    labels = table[where].reshape(packed.shape)
    labels[clear] = CLEAR
    return ReadMap(labels, tuple(sorted(unknown, key=lambda one: -one.pixels)), remark)


def _all_colours_known(image: Image.Image, numbers: NDArray[np.uint8], palette: Palette) -> bool:
    """Whether a palette picture shows exactly labels' colours (it may have been sorted anew by another program)."""
    shown = _palette_colours(image)
    wanted = {label.colour for label in palette.labels}
    return all(shown.get(int(n)) in wanted for n in _used(numbers) if n != CLEAR)


def _used(numbers: NDArray[np.uint8]) -> list[int]:
    """The numbers that a map holds."""
    return [int(n) for n in np.flatnonzero(np.bincount(numbers.reshape(-1), minlength=256))]


def _palette_colours(image: Image.Image) -> dict[int, tuple[int, int, int]]:
    flat = image.getpalette("RGB") if image.mode == "P" else None
    if not flat:
        return {}
    return {i: (flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]) for i in range(len(flat) // 3)}


def _small_numbers(image: Image.Image) -> NDArray[np.uint8]:
    """The numbers of a 16- or 32-bit grey picture, where they are whole and below 256."""
    values = np.array(image)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255 or (values != np.floor(values)).any():
        raise PaintFileError("The map holds numbers above 255.", "Label numbers go from 0 to 254.")
    return values.astype(np.uint8)


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    wide = rgb.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


def _pack(colour: tuple[int, int, int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _unpack(packed: int) -> tuple[int, int, int]:
    return packed >> 16, packed >> 8 & 255, packed & 255


def _nearest_all(packed: NDArray[np.uint32], palette: Palette) -> NDArray[np.uint8]:
    """The label nearest to each packed colour, in pieces that fit into the memory."""
    wanted = np.array([label.colour for label in palette.labels], np.int32)
    numbers = np.array([label.id for label in palette.labels], np.uint8)
    out = np.empty(len(packed), np.uint8)
    for start in range(0, len(packed), 65536):
        piece = packed[start : start + 65536].astype(np.int32)
        rgb = np.stack([piece >> 16, piece >> 8 & 255, piece & 255], axis=1)
        away = ((rgb[:, None, :] - wanted[None, :, :]) ** 2).sum(axis=2)
        out[start : start + 65536] = numbers[away.argmin(axis=1)]
    return out
