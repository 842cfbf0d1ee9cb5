"""What a new upscaling run may start from: the network of another run, or a compact model of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from models.card import Card
from models.catalogue import CARD, WEIGHTS, Catalogue
from models.errors import BadInput
from models.networks.compact import CompactConfig
from models.training.loop import STATE
from models.training.resuming import state_of
from models.training.upscaling import begun_with


@dataclass(frozen=True, eq=False)
class Beginning:
    """Shape and tensors (`body.0.weight` ..., float32) of a compact network that has learnt something already."""

    config: CompactConfig
    tensors: Mapping[str, Tensor]


def read_beginning(place: Path) -> Beginning:
    """The network in a run's folder or state, in a model's folder, or of a name of the catalogue.

    `BadInput` where there is none, or where it is no compact network.
    """
    if (place / STATE).is_file() or place.is_file():
        return _of_run(place)
    if (place / CARD).is_file():
        return _of_model(Card.from_json((place / CARD).read_bytes()), place / WEIGHTS)
    entry = Catalogue().find(str(place))
    if entry is None:
        hint = "Give the folder of another run, or a name that `ganvas models list` shows."
        raise BadInput(f"There is nothing to begin from at {place}.", hint=hint)
    return _of_model(entry.card, entry.weights)


def _of_run(place: Path) -> Beginning:
    state = state_of(place)
    return Beginning(begun_with(state, place).network(), state["networks"]["averaged"])


def _of_model(card: Card, weights: Path) -> Beginning:
    if card.task != "upscaling" or card.family != "compact" or card.config.get("resized"):
        raise BadInput(f"{card.title} is no compact upscaler, so a run cannot begin from it.", hint="Begin from another model.")
    config = {key: value for key, value in card.config.items() if key != "around"}  # is not of the network
    return Beginning(CompactConfig(**config), {name: tensor.float() for name, tensor in load_file(weights).items()})
