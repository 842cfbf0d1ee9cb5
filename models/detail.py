"""How finely a painter may paint. Imports no torch.

A network of convolutions can work at more than the size it was taught. SPADE's pictures wash out there (NVlabs/SPADE issue 35);
those of the landscape painters do not: what a pixel is made of is looked up by its label, and only height in the picture and
nearness of an edge are told beside it. At one and a half times the taught size crags, leaves and waves are smaller against the
picture, and crisp where an enlarged picture is soft. At twice the size they are crisper still, and forests look woven.
"""

from __future__ import annotations

from models.card import Card

FINER = {"landscapes": 1.5}  # by family; looked at, and measured in docs/training.md
WORTH = 1.5  # a picture that is hardly larger than the taught size gains nothing
PICTURES_UNTIL_FINER = 16  # after so many finished ones at the taught size: whoever held the memory may have given it back


def detail_for(card: Card, height: int, width: int) -> float:
    """How many times the taught size a finished picture `height` x `width` is painted at: 1, or what its family allows."""
    finer = FINER.get(card.family, 1)
    return finer if card.resolution and max(height, width) >= WORTH * card.resolution else 1
