"""What the choices cost, in time and room on the disk: the photo that is shown, and all that are ready, by each model. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.upscale.pace import Paces, disk_size, duration
from app.upscale.plan import Choices, Planned, expected_bytes
from app.upscale.sizes import passes, size_for
from models.card import Card

MOST_KINDS = 300  # different sizes of photos that are looked at one by one; beyond that they stand for all


@dataclass(frozen=True)
class Price:
    """About how many seconds, and how many bytes on the disk."""

    seconds: float
    bytes: int

    def __str__(self) -> str:
        return f"{duration(self.seconds)}, {disk_size(self.bytes)}"


class JobPrices:
    """Prices of a job by any model. Photos of one size cost the same: they are counted, so that fifty thousand take no time."""

    def __init__(self, ready: Sequence[Planned], choices: Choices, paces: Paces, device: str, devices: int = 1) -> None:
        """`devices` is how many there are of the kind of `device`: each takes whole photos."""
        self._at_once = max(1, min(devices, len(ready)))
        self._choices, self._paces, self._device = choices, paces, device
        kinds = Counter((one.facts, one.format) for one in ready if one.facts is not None)
        step = -(-len(kinds) // MOST_KINDS) or 1
        self._kinds = list(kinds.items())[::step]
        counted = sum(count for _, count in self._kinds)
        self._share = counted / sum(kinds.values()) if kinds else 1.0
        self._one = {(one.facts, one.format): one for one in ready}
        self.photos = len(ready)

    def of(self, card: Card) -> Price:
        """What the whole job costs with this model."""
        megapixels, size = 0.0, 0
        for (facts, format), count in self._kinds:
            assert facts is not None
            wanted = size_for(self._choices.target, facts.width, facts.height)
            runs = passes(facts.width, facts.height, wanted, card.scale)
            one = replace(self._one[facts, format], size=wanted, passes=runs)
            megapixels += count * one.network_megapixels
            size += count * expected_bytes(one, self._choices.quality)
        pace = self._paces.expected(card, self._device) / self._choices.effort * self._at_once
        return Price(megapixels / pace / self._share, round(size / self._share))


def price_of(
    choices: Choices,
    card: Card | None,
    paces: Paces,
    device: str,
    shown: tuple[int, int] | None,
    job: JobPrices,
) -> str:
    """Sentences for the photo that is looked at (`shown` is its size) and for all that is to be done."""
    if card is None:
        return "Choose a model first."
    said = []
    if shown is not None:
        wanted = size_for(choices.target, *shown)
        seconds = paces.seconds(card, device, shown, wanted) * choices.effort
        said.append(f"{shown[0]:,} × {shown[1]:,} px become {wanted[0]:,} × {wanted[1]:,}, in about {duration(seconds)}.")
    if job.photos > 1:
        said.append(f"All {job.photos:,}: about {job.of(card)}.")
    return " ".join(said)
