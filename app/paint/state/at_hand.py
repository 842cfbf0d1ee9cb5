"""Which models paint: the order in which a painter is offered them, and which one is taken first."""

from __future__ import annotations

from collections.abc import Sequence

from models.card import Card, Label
from models.catalogue import Catalogue, Entry


def painters(catalogue: Catalogue) -> list[Entry]:
    """The painting models at hand, in the order in which they are preferred: recommended, embedded, added."""
    return [entry for entry in catalogue.entries() if entry.card.task == "painting" and entry.card.labels]


def upscalers(catalogue: Catalogue) -> list[Card]:
    """The models that can enlarge a landscape."""
    return [entry.card for entry in catalogue.entries() if entry.card.task == "upscaling" and entry.card.scale > 1]


def labellers(catalogue: Catalogue) -> list[Entry]:
    """The models that make label maps from photos."""
    return [entry for entry in catalogue.entries() if entry.card.task == "labelling"]


def labeller_for(entries: Sequence[Entry], labels: Sequence[Label], wanted: str = "") -> Entry | None:
    """The labeller for a drawing with these labels: the `wanted` one, else the one that shares most of their names."""
    names = {label.name for label in labels}
    found = [entry for entry in entries if entry.name == wanted] or list(entries)
    return max(found, key=lambda entry: sum(label.name in names for label in entry.card.labels), default=None)


def first_choice(entries: Sequence[Entry], *wanted: str) -> Entry | None:
    """The first of the `wanted` names that is at hand, else the preferred one; None where there is none at all."""
    for name in wanted:
        for entry in entries:
            if entry.name == name:
                return entry
    return entries[0] if entries else None


def same_model(entries: Sequence[Entry], name: str, sha256: str) -> Entry | None:
    """The model of a recipe: of these bytes, else of this name, else None."""
    for entry in entries:
        if sha256 and entry.card.sha256 == sha256:
            return entry
    return next((entry for entry in entries if entry.name == name), None)
