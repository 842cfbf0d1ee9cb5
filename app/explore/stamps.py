"""What tells a model from another that takes its name later, and who is to forget the first one then. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from app.explore.files import stamp

if TYPE_CHECKING:
    from models.catalogue import Entry


class Forgetful(Protocol):
    """Keeps what models made, by their names."""

    def forget(self, model: str) -> None: ...


class Stamps:
    """The stamps of all models that were ever at hand while the window is open."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._here: frozenset[str] = frozenset()

    def of(self, model: str) -> str:
        """The stamp of a model, "" where it is not at hand."""
        return self._known[model] if model in self._here else ""

    def look(self, entries: Iterable[Entry], parts: Iterable[Forgetful]) -> set[str]:
        """These models are at hand now. Names that another one bears than before are given back, and `parts` forget the first."""
        stamps = {entry.name: stamp(entry) for entry in entries}
        renewed = {name for name, told in stamps.items() if self._known.get(name, told) != told}
        self._known |= stamps
        self._here = frozenset(stamps)
        for part in parts:
            for name in renewed:
                part.forget(name)
        return renewed
