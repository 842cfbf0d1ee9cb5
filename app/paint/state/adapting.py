"""A drawing made for one model, painted by another: its labels are carried over by name, the rest is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from app.paint.state.drawing import Drawing, relabelled, used_labels
from app.paint.state.palette import Palette, UnknownLabel, carried_over, nearest_label
from models.card import Card


def missing_labels(drawing: Drawing, card: Card) -> tuple[UnknownLabel, ...]:
    """The labels that the drawing uses and the model does not have, the most used first."""
    if drawing.labels == card.labels:
        return ()
    palette = Palette(card.labels)
    used = used_labels(drawing)
    _, missing = carried_over(drawing.labels, palette)
    found = [
        UnknownLabel(label.id, label.name, label.colour, used[label.id], nearest_label(palette, label.colour))
        for label in missing
        if label.id in used
    ]
    return tuple(sorted(found, key=lambda label: -label.pixels))


def adapted(drawing: Drawing, card: Card, answers: Mapping[int, int] | None = None) -> Drawing:
    """The drawing in the labels of a model. Labels without a namesake become what `answers` says, else the nearest colour."""
    if drawing.labels == card.labels:
        return replace(drawing, model=card.name)
    palette = Palette(card.labels)
    table, missing = carried_over(drawing.labels, palette)
    for label in missing:
        table[label.id] = (answers or {}).get(label.id, nearest_label(palette, label.colour))
    known = np.array([number in palette or number == 255 for number in range(256)])
    table[~known[table]] = palette.labels[0].id  # numbers that no label of the drawing has
    return replace(relabelled(drawing, table, card.labels), model=card.name)
