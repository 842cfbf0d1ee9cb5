"""Names of the labels that painters were published with, in the order of their networks' channels.

`resources/labels/*.txt` has a line for each label: its name and, after a tab, a colour where one suggests itself. COCO-Stuff
(Caesar et al., arXiv 1612.03716), ADE20K's 150 (Zhou et al., arXiv 1608.05442), Cityscapes (Cordts et al., arXiv 1604.01685).
"""

from __future__ import annotations

import colorsys
from importlib.resources import files

from models.card import Label

# What the training scripts of SPADE take for granted with each data set.
SETTINGS: dict[str, dict[str, str]] = {
    "coco": {"label_nc": "182", "contain_dontcare_label": "True", "no_instance": "False"},
    "ade20k": {"label_nc": "150", "contain_dontcare_label": "True", "no_instance": "True"},
    "cityscapes": {"label_nc": "35", "contain_dontcare_label": "False", "no_instance": "False"},
}


def labels_of(dataset: str, count: int) -> tuple[Label, ...]:
    """The labels of a data set, where it is known and has as many; else numbered ones. Colours differ from each other."""
    names = [(f"label {number}", "") for number in range(count)]
    if dataset in SETTINGS:
        text = (files("resources") / "labels" / f"{dataset}.txt").read_text(encoding="utf-8")
        lines = [(name, colour) for name, _, colour in (line.partition("\t") for line in text.splitlines())]
        names = lines if len(lines) == count else names
    return tuple(Label(number, name, _colour(number, colour)) for number, (name, colour) in enumerate(names))


def _colour(number: int, told: str) -> tuple[int, int, int]:
    """The colour that was told; else one far from those before it: hues by the golden angle, in three lightnesses."""
    if told:
        red, green, blue = map(int, told.split())
        return red, green, blue
    shares = colorsys.hls_to_rgb(number * 0.381966 % 1, (0.5, 0.68, 0.35)[number % 3], 0.6)
    red, green, blue = (round(share * 255) for share in shares)
    return red, green, blue
