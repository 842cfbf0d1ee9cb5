"""Which models paint: the order in which a painter is offered them, and which one is taken first."""

from __future__ import annotations

from collections.abc import Sequence

from models.card import Card
from models.catalogue import Catalogue, Entry


def painters(catalogue: Catalogue) -> list[Entry]:
    """The painting models at hand, in the order in which they are preferred: recommended, embedded, added."""
    return [entry for entry in catalogue.entries() if entry.card.task == "painting" and entry.card.labels]


def upscalers(catalogue: Catalogue) -> list[Card]:
    """The models that can enlarge a landscape."""
    return [entry.card for entry in catalogue.entries() if entry.card.task == "upscaling" and entry.card.scale > 1]


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
