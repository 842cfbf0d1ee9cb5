"""Names of a generator's classes: from a text file beside it, or those of the data set that its file is named after.

A checkpoint holds only how many classes there are. `classes.txt` beside it has a name on each line, in the order of the
training set's numbers, which whoever trained the network can write. CIFAR-10: Krizhevsky, 2009.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files

from models.card import Card, Label

CLASSES_BESIDE = "classes.txt"
LONGEST_NAME = 80  # letters
DATA_SETS: Mapping[str, tuple[str, ...]] = {"cifar10": ("cifar10", "cifar-10", "cifar_10")}  # as files are named after them


def with_class_names(card: Card, file: str, siblings: Mapping[str, bytes]) -> Card:
    """The card of a generator with names of its classes, as far as they are known. Any other card is given back as it is.

    Names beside the file that are not as many as the classes are left out, and the card says so.
    """
    classes = card.config.get("classes")
    if card.task != "latent" or card.labels or not isinstance(classes, int) or classes < 1:
        return card
    told = siblings.get(CLASSES_BESIDE)
    names = _lines(told.decode("utf-8", "replace")) if told is not None else _of_data_set(file)
    if len(names) == classes:
        return replace(card, labels=tuple(Label(number, name, (128, 128, 128)) for number, name in enumerate(names)))
    if told is None:
        return card
    said = f"{CLASSES_BESIDE} beside it names {len(names):,} classes, but it has {classes:,}: the names were left out."
    return replace(card, limits=" ".join(filter(None, (card.limits, said))))


def _of_data_set(file: str) -> list[str]:
    for name, spellings in DATA_SETS.items():
        if any(spelling in file.lower() for spelling in spellings):
            return _lines((files("resources") / "labels" / f"{name}.txt").read_text(encoding="utf-8"))
    return []


def _lines(text: str) -> list[str]:
    return [line.strip()[:LONGEST_NAME] for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
