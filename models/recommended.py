"""Models of real quality that are one command away: pinned wheels whose data Ganvas reads and whose code it never runs.

The pins stand in `resources/recommended.json`. Imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from models.card import Task


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


def pin_of(sha256: str) -> Pin | None:
    """The pin whose wheel has this sha256, or None."""
    return next((pin for pin in pins() if pin.sha256 == sha256), None)
