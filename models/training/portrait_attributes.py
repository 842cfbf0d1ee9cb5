"""The attributes that the portraits' index.csv tells, as a painter would name them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput
from models.training.source import Source

Row = Mapping[str, str]
_SITTING = 2023  # last_term_year of sitting members lies in the future; their pictures were taken about then


@dataclass(frozen=True)
class Attribute:
    """A slider: its name, its title and what minus and plus do, for painters; `value` reads a row of the index (KeyError,
    TypeError or ValueError: unknown), `turns` says whether it changes its sign in a mirror."""

    name: str
    title: str
    remark: str
    value: Callable[[Row], float]
    turns: bool = False


def _year(row: Row) -> float:
    return min(float(row["last_term_year"]), _SITTING)


def _age(row: Row) -> float:
    age = _year(row) - float(row["birth_year"])
    if not 20 <= age <= 100:
        raise ValueError(f"an age of {age}")
    return age


ATTRIBUTES = (
    Attribute("era", "Era", "Minus towards the 19th century, plus towards today.", _year),
    Attribute(
        "colour", "Colour", "Minus towards grey, plus towards colour.", lambda row: math.log1p(float(row["chroma_spread"]))
    ),
    Attribute(
        "yaw", "Turn head", "Minus turns the face to the right of the picture, plus to the left.", lambda r: float(r["yaw"]), True
    ),
    Attribute("pitch", "Nod", "Minus looks up, plus looks down.", lambda row: float(row["pitch"])),
    Attribute("smile", "Smile", "Minus is serious, plus smiles.", lambda row: float(row["smile"])),
    Attribute("mouth_open", "Open mouth", "Minus closes the lips, plus parts them.", lambda row: float(row["mouth_open"])),
    Attribute("beard", "Beard", "Minus is shaven, plus wears a beard or a moustache.", lambda row: float(row["beard"])),
    Attribute("age", "Age", "Minus is younger, plus is older.", _age),
)


def read_attributes(source: Source, names: Sequence[str], attributes: Sequence[Attribute] = ATTRIBUTES) -> NDArray[np.float64]:
    """Values `[pictures, attributes]` of the pictures of these names, nan where unknown; `BadInput` where there is no index."""
    index = source.find("index.csv")
    if index is None:
        raise BadInput(f"There is no index.csv in {source.path}.", "It tells the attributes of the pictures.")
    table = csv.DictReader(io.StringIO(source.read(index).decode("utf-8", "replace")))
    rows = {PurePosixPath(row["file"]).stem: row for row in table if row.get("file")}
    values = np.full((len(names), len(attributes)), np.nan)
    for i, name in enumerate(names):
        row = rows.get(PurePosixPath(name).stem, {})
        for k, attribute in enumerate(attributes):
            try:
                values[i, k] = attribute.value(row)
            except (KeyError, TypeError, ValueError):  # no such column, a line that is too short, no number
                continue
    return values
