"""The card of a model: all that is known of it, as one JSON document beside its weights. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from models.errors import CheckpointError

Task = Literal["latent", "painting", "upscaling", "translation", "labelling"]
TASKS: tuple[Task, ...] = get_args(Task)
SEEDS = 2**32


@dataclass(frozen=True)
class Label:
    """One class of a label map: its number in the map, its name and the colour it is painted with (sRGB 0..255)."""

    id: int
    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Card:
    """What a person and a program need to know of a model before it is opened.

    `name` is the catalogue's key (letters, digits, `-`, `_`, `.`), `title` what the picker shows. `family` names the published
    spelling ("esrgan", "mobilestylegan" ...), `config` whatever rebuilds the network besides its tensors. `resolution` is the
    native size in pixels of a latent or painting model (0 if it has none), `scale` the factor of an upscaling one (1 otherwise).
    `non_commercial` is None where nobody knows. `sha256` is that of the original bytes, `key` what the catalogue knows an added
    copy by (bytes, siblings and answers); `metrics` maps a name to a figure. `first_seed` (0 to 2**32 - 1) is where Explore opens
    a latent model: a seed whose picture somebody has looked at and found good; 0 where nobody has.
    """

    name: str
    title: str
    task: Task
    family: str
    config: dict[str, Any] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    resolution: int = 0
    scale: int = 1
    licence: str = "unknown"
    licence_note: str = ""
    non_commercial: bool | None = None
    credit: str = ""
    description: str = ""
    data: str = ""
    recipe: str = ""
    limits: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    sha256: str = ""
    source: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    key: str = ""
    first_seed: int = 0

    @property
    def licence_said(self) -> str:
        """The licence where nothing beside it says what it is: "unknown" alone would be a riddle."""
        return "licence unknown" if self.licence == "unknown" else self.licence

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Card:
        """Read a card; `CheckpointError` where it is not one. Unknown keys are left out, so newer cards still open."""
        try:
            raw = json.loads(text)
            known = {f.name for f in fields(cls)}
            values = {key: value for key, value in raw.items() if key in known}
            values["labels"] = tuple(
                Label(int(x["id"]), str(x["name"]), (int(x["colour"][0]), int(x["colour"][1]), int(x["colour"][2])))
                for x in values.get("labels", ())
            )
            for one in fields(cls):
                if one.name in values and not _is_of(values[one.name], str(one.type)):
                    raise ValueError(f"{one.name} {str(values[one.name])[:40]!r}")
            if values["task"] not in TASKS:
                raise ValueError(f"task {values['task'][:40]!r}")
            if not 0 <= values.get("first_seed", 0) < SEEDS:
                raise ValueError(f"first seed {values['first_seed']}")
            if values.get("resolution", 0) < 0 or values.get("scale", 1) < 1:
                raise ValueError("a resolution or scale below what there can be")
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
            raise CheckpointError("The model's card cannot be read.", f"{type(error).__name__}: {error}.") from error


def _is_of(value: Any, kind: str) -> bool:
    """Whether a value that JSON gave is what a field of this annotation holds: a stranger wrote it, and whoever shows a title
    or multiplies by a scale relies on it."""
    held = {"str": (str,), "Task": (str,), "int": (int,), "bool | None": (bool, type(None)), "tuple[Label, ...]": (tuple,)}
    if kind.startswith("dict"):
        parts = {"dict[str, float]": (int, float), "dict[str, str]": (str,)}.get(kind)
        return type(value) is dict and (parts is None or all(type(part) in parts for part in value.values()))
    return type(value) in held[kind]
