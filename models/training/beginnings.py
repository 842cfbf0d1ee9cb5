"""What a new run may start from: the networks of another run, or a model of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.card import Card, Label
from models.catalogue import CARD, Catalogue, weights_of
from models.errors import BadInput, CheckpointError
from models.networks.compact import CompactConfig
from models.networks.stylegan2 import Shape, shape_of
from models.training.latent_generator import levels_of
from models.training.latent_options import LatentOptions
from models.training.loop import STATE
from models.training.painting import PaintingOptions
from models.training.resuming import state_alike, state_of
from models.training.state import State
from models.training.upscaling import begun_with

ALONE = 3_200  # pictures that the critics of a run see first where it begins from a model, which has none
_STRENGTH = 0.4
_GENERATOR = "generator that this kit trains"


@dataclass(frozen=True, eq=False)
class Beginning:
    """Shape and tensors (`body.0.weight` ..., float32) of a compact network that has learnt something already."""

    config: CompactConfig
    tensors: Mapping[str, Tensor]


def read_beginning(place: Path) -> Beginning:
    """The compact network in a run's folder or state, in a model's folder, or of a name of the catalogue.

    `BadInput` where there is none, or where it is no compact network.
    """
    if _is_run(place):
        state = state_of(place)
        return Beginning(begun_with(state, place).network(), state["networks"]["averaged"])
    card, tensors = _model_at(place)
    if card.task != "upscaling" or card.family != "compact" or card.config.get("resized"):
        raise _another(card, "compact upscaler")
    config = {key: value for key, value in card.config.items() if key != "around"}  # is not of the network
    return Beginning(CompactConfig(**config), tensors)


def painter_at(place: Path, options: PaintingOptions, labels: Sequence[Label]) -> tuple[State, PaintingOptions]:
    """What a painting run takes over from another run or a painter, and its options: they have critics learn alone first where
    none are taken over. `BadInput` where there is nothing of the kind, or its labels are others."""
    if _is_run(place):
        return state_alike(PaintingOptions, place), options
    card, tensors = _model_at(place)
    if card.family != "landscapes":
        raise _another(card, "painter of this kit")
    if [label.name for label in card.labels] != [label.name for label in labels]:
        what = f"{card.title} paints other labels than the data has: {_names(card.labels)}, not {_names(labels)}."
        raise BadInput(what, hint="Give the data the labels of the model, in its order, or begin without it.")
    generator, encoder = (
        {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}
        for part in ("generator.", "encoder.")
    )
    networks = {"generator": generator, "averaged": generator, "encoder": encoder}
    return {"networks": networks, "seen": 0, "strength": _STRENGTH}, replace(options, alone=options.alone or ALONE)


def generator_at(place: Path, options: LatentOptions) -> tuple[State, LatentOptions]:
    """What a latent run takes over from another run or a generator, and its options: with a model they have its shape, and
    critics learn alone first. Of a model of half the size the first pictures stay as large as it makes them; of one as large none
    are smaller. `BadInput` where there is nothing of the kind."""
    if _is_run(place):
        return state_alike(LatentOptions, place), options
    card, tensors = _model_at(place)
    shape = _shape(card, tensors)
    levels, wanted = len(shape.channels), levels_of(options.size)
    if not levels <= wanted <= levels + 1:
        what = f"{card.title} makes pictures of {shape.resolution} px, the new run of {options.size} px."
        raise BadInput(what, hint="Begin from a model of that size, or of half of it.")
    alone = options.alone or ALONE
    further = tuple(min(shape.channels[-1], more) for more in options.channels[levels:wanted])
    options = replace(
        options,
        channels=(*shape.channels, *further),
        z_dim=shape.z_dim,
        w_dim=shape.w_dim,
        mapping=len(shape.mapping),
        alone=alone,
        small=alone if further else 0,
        settle=alone if further else options.settle,
    )
    if options.shape().mapping != shape.mapping:
        raise _another(card, _GENERATOR)
    return {"networks": dict.fromkeys(("generator", "averaged", "best"), tensors)}, options


def _shape(card: Card, tensors: Mapping[str, Tensor]) -> Shape:
    """The shape of a generator as this kit trains it."""
    try:
        shape = shape_of(tensors)
    except CheckpointError:
        raise _another(card, _GENERATOR) from None
    if shape != Shape(shape.mapping, shape.channels):  # other colours, classes or another architecture
        raise _another(card, _GENERATOR)
    return shape


def _is_run(place: Path) -> bool:
    return (place / STATE).is_file() or place.is_file()


def _model_at(place: Path) -> tuple[Card, dict[str, Tensor]]:
    """Card and tensors in float32 of a model's folder or of a name of the catalogue; `BadInput` where there is none."""
    weights = weights_of(place)
    if weights != place:
        card = Card.from_json((place / CARD).read_bytes())
    else:
        entry = Catalogue().find(str(place))
        if entry is None:
            hint = "Give the folder of another run, or a name that `ganvas models list` shows."
            raise BadInput(f"There is nothing to begin from at {place}.", hint=hint)
        card, weights = entry.card, entry.weights
    try:
        return card, {name: tensor.float() for name, tensor in load_file(weights).items()}
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{card.title} is no model that a run can begin from.", f"{error}.") from error


def _another(card: Card, wanted: str) -> BadInput:
    return BadInput(f"{card.title} is no {wanted}, so a run cannot begin from it.", hint="Begin from another model.")


def _names(labels: Sequence[Label]) -> str:
    return ", ".join(label.name for label in labels)
