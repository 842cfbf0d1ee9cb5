"""What the choices mean, in a sentence: for the photo that is shown, and for all that are ready. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from app.upscale.pace import Paces, disk_size, duration
from app.upscale.plan import Choices, Planned, expected_bytes
from app.upscale.sizes import size_for
from models.card import Card


def price_of(
    choices: Choices,
    card: Card | None,
    paces: Paces,
    device: str,
    shown: tuple[int, int] | None,
    ready: Sequence[Planned],
) -> str:
    """The sentences; `shown` is the size of the photo that is looked at, `ready` what is to be done."""
    if card is None:
        return "Choose a model first."
    said = []
    if shown is not None:
        wanted = size_for(choices.target, *shown)
        seconds = paces.seconds(card, device, shown, wanted) * choices.effort
        said.append(f"{shown[0]:,} × {shown[1]:,} px become {wanted[0]:,} × {wanted[1]:,}, in about {duration(seconds)}.")
    if len(ready) > 1:
        seconds = sum(one.network_megapixels for one in ready) * choices.effort / paces.expected(card, device)
        disk = sum(expected_bytes(one, choices.quality) for one in ready)
        said.append(f"All {len(ready):,}: about {duration(seconds)}, {disk_size(disk)}.")
    return " ".join(said)
