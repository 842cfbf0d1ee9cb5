"""Labels as a painter sees them: names, colours, keys, patterns; and how one set of labels is carried over to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import Label

# Side of the square that a label's pattern repeats in, in map pixels.
PATTERN = 16


class Palette:
    """Labels in the order in which they are listed. `ids` must be unique and below 255 (which is unlabelled)."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = tuple(labels)
        self._by_id = {label.id: label for label in self.labels}
        if len(self._by_id) != len(self.labels) or not all(0 <= label.id < 255 for label in self.labels):
            raise ValueError("label numbers must be unique and lie in 0..254")

    def __len__(self) -> int:
        return len(self.labels)

    def __contains__(self, number: int) -> bool:
        return number in self._by_id

    def label(self, number: int) -> Label:
        """The label of this number; `KeyError` where there is none."""
        return self._by_id[number]

    def named(self, name: str) -> Label | None:
        """The label of this name (letter case aside), or None."""
        return next((label for label in self.labels if label.name.lower() == name.lower()), None)

    def colours(self) -> NDArray[np.uint8]:
        """Table uint8 `[256, 3]` from numbers to sRGB; numbers without a label are mid grey."""
        table = np.full((256, 3), 128, np.uint8)
        for label in self.labels:
            table[label.id] = label.colour
        return table

    def shown(self) -> NDArray[np.uint32]:
        """Table uint32 `[256]` from numbers to opaque pixels as Qt's RGB32 has them (0xffRRGGBB)."""
        rgb = self.colours().astype(np.uint32)
        return np.asarray(0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], np.uint32)

    def patterned(self) -> NDArray[np.uint32]:
        """Table uint32 `[256, PATTERN, PATTERN]`: `shown`, with a pattern of its own in every label.

        For eyes that cannot tell the colours apart: neighbours in the list differ in the kind of pattern.
        """
        table = np.repeat(self.shown(), PATTERN * PATTERN).reshape(256, PATTERN, PATTERN)
        for position, label in enumerate(self.labels):
            light = sum(w * c for w, c in zip((0.299, 0.587, 0.114), label.colour, strict=True)) > 128
            ink = [round(c * 0.62) if light else round(c + (255 - c) * 0.42) for c in label.colour]
            table[label.id][pattern(position)] = np.uint32(0xFF000000 | ink[0] << 16 | ink[1] << 8 | ink[2])
        return table


def pattern(position: int) -> NDArray[np.bool_]:
    """One of the patterns, bool `[PATTERN, PATTERN]`, by a label's place in the list: dots, lines, grids in three densities."""
    y, x = np.mgrid[0:PATTERN, 0:PATTERN]
    wide = (16, 8, 4)[position // 6 % 3]
    kinds = (
        (x % wide // 2 == 0) & (y % wide // 2 == 0),
        (x + y) % wide < 2,
        y % wide < 2,
        (x - y) % wide < 2,
        x % wide < 2,
        (x % wide < 1) | (y % wide < 1),
    )
    return np.asarray(kinds[position % 6], np.bool_)


@dataclass(frozen=True)
class UnknownLabel:
    """A number or colour of a map that is none of the labels, how many pixels have it, and the label it is nearest to."""

    number: int
    name: str
    colour: tuple[int, int, int] | None
    pixels: int
    nearest: int


def nearest_label(palette: Palette, colour: tuple[int, int, int] | None) -> int:
    """The label whose colour is nearest (squared distance in sRGB); the first label where there is no colour to go by."""
    if colour is None:
        return palette.labels[0].id
    return min(
        palette.labels, key=lambda label: sum((int(a) - int(b)) ** 2 for a, b in zip(label.colour, colour, strict=True))
    ).id


def carried_over(source: Sequence[Label], target: Palette) -> tuple[NDArray[np.uint8], tuple[Label, ...]]:
    """How numbers of `source` become numbers of `target`, by name: table uint8 `[256]`, and the labels that have no namesake.

    Numbers without a label, and those of labels without a namesake, stay as they are in the table.
    """
    table = np.arange(256, dtype=np.uint8)
    missing = []
    for label in source:
        namesake = target.named(label.name)
        if namesake is None:
            missing.append(label)
        else:
            table[label.id] = namesake.id
    return table, tuple(missing)
