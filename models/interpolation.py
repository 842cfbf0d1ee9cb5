"""Between two models of one build: their weights, mixed. A sharp and a truthful one give any share of both at the price of one.

Wang et al., ESRGAN, 2018, section 3.4. Between two that were not trained one from the other lies nothing one wants to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.errors import BadInput

if TYPE_CHECKING:
    import torch


def _build(card: Card) -> dict[str, Any]:
    """How the network of a card is built. What it is shown beyond a photo's sides is no part of that."""
    return {key: value for key, value in card.config.items() if key != "around"}


def refusal(first: Card, second: Card) -> str:
    """Why two models cannot be mixed, as far as their cards tell; "" where they can."""
    if first.task != "upscaling" or second.task != "upscaling":
        return "Only models that enlarge or restore photos can be mixed."
    if first.scale != second.scale:
        return f"{first.title} enlarges {first.scale} times and {second.title} {second.scale} times."
    if first.family != second.family:
        return f"{first.title} and {second.title} are networks of different kinds."
    if _build(first) != _build(second):
        return f"{first.title} and {second.title} are not built alike."
    return ""


def mixed(
    first: Card, weights: Mapping[str, torch.Tensor], second: Card, others: Mapping[str, torch.Tensor], share: float
) -> tuple[Card, dict[str, torch.Tensor]]:
    """Card and tensors of `share` (0..1) of the second model and the rest of the first. `BadInput` where they are not alike."""
    what, hint = f"{first.title} and {second.title} cannot be mixed.", "Choose two models of one kind and scale."
    why = refusal(first, second)
    if why:
        raise BadInput(what, why, hint)
    if weights.keys() != others.keys() or any(weights[name].shape != others[name].shape for name in weights):
        raise BadInput(what, "Their weights have different shapes.", hint)
    if not 0 <= share <= 1:
        raise BadInput(f"A share of {share:g} is none.", hint="Give a number from 0 to 1.")
    import torch

    made = {}
    for name, tensor in weights.items():
        if tensor.is_floating_point():
            made[name] = torch.lerp(tensor.float(), others[name].float(), share).to(tensor.dtype)
        else:
            made[name] = tensor
    title = f"{first.title} with {share:.0%} {second.title}"
    # Whoever may not use one of the two for something may not use the mixture for it.
    terms = {first.non_commercial, second.non_commercial}
    # What one of the two is shown beyond a photo's sides the mixture is too, whichever of them comes first.
    config = first.config if share == 0 else second.config if share == 1 else {**second.config, **first.config}
    non_commercial = True if True in terms else None if None in terms else False
    return replace(first, title=title, config=config, non_commercial=non_commercial), made
