"""Which upscaler carries a picture to the size that a person wants, where the network that makes it makes it smaller: the same
one in the window and at the command line."""

from __future__ import annotations

from collections.abc import Sequence

from models.card import Card
from models.detail import detail_for

# Networks that enlarge a picture of 256 px within a second or two on a processor.
QUICK_FAMILIES = ("compact",)
AUTO = "auto"


def upscaler_for(cards: Sequence[Card], chosen: str, factor: float, on_processor: bool = True) -> str:
    """The name of the upscaler that finishes a picture which a network makes `factor` times too small, "" for none.

    `chosen` is a name, "none", or "auto": the quick one whose scale is nearest; on a processor the deep networks (minutes
    for a picture) are taken only by name. Of equal ones that which makes nothing up is taken, then the first: a network's own
    faint noise would become strokes under one that makes texture.
    """
    known = {card.name for card in cards if card.task == "upscaling" and card.scale > 1}
    if chosen != AUTO:
        return chosen if chosen in known else ""
    if factor <= 1.0:
        return ""
    fitting = [
        card
        for card in cards
        if card.name in known and (not on_processor or card.family in QUICK_FAMILIES) and not _is_drawn(card)
    ]
    best = min(fitting, key=lambda card: (abs(card.scale - factor), not _is_faithful(card)), default=None)
    return "" if best is None else best.name


def finisher_of(painter: Card, cards: Sequence[Card], chosen: str, height: int, width: int, on_processor: bool = True) -> str:
    """The name of the upscaler that finishes what `painter` makes of a map of this size, "" for none; see `upscaler_for`."""
    if not painter.resolution:
        return ""
    made = painter.resolution * detail_for(painter, height, width)
    return upscaler_for(cards, chosen, min(height, width) / made, on_processor)


def _is_faithful(card: Card) -> bool:
    return "faithful" in f"{card.name} {card.title}".lower()


def _is_drawn(card: Card) -> bool:
    """Models for drawn pictures flatten the grain of skin, rock and grass."""
    return "anime" in f"{card.name} {card.title}".lower()
