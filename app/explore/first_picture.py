"""Where Explore stands when a model comes to hand: at its first picture, or at the place that a person had chosen. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.explore.variation import Variation

if TYPE_CHECKING:
    from models.catalogue import Entry


def brought_to(variation: Variation, model: str, entries: Mapping[str, Entry]) -> Variation:
    """A variation in another model of `entries`, at the same place.

    One that still stands where its own model opens, or that has no model yet, stands where the new one opens instead: at the
    first seed of its card. So every model shows its best first, until a person has gone somewhere.
    """
    moved = variation.of_model(model)
    before = entries.get(variation.model)
    fresh = not variation.model or (before is not None and variation == variation.at_seed(before.card.first_seed))
    return moved.at_seed(entries[model].card.first_seed) if fresh else moved
