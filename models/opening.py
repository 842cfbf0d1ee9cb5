"""From a path or a name to a model that works: `models.open` with torch behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from models.card import Card
from models.catalogue import Catalogue
from models.checkpoints.reading import own_model, read
from models.checkpoints.recognise import family_named, family_of
from models.checkpoints.safetensors_reader import read_safetensors
from models.checkpoints.source import file_source
from models.errors import CheckpointError
from models.precision import choose

if TYPE_CHECKING:
    from models.latent import LatentModel
    from models.painting import PaintingModel
    from models.translation import TranslationModel
    from models.upscaling import UpscalingModel

    Model = LatentModel | PaintingModel | UpscalingModel | TranslationModel


def open_model(model: str | Path, device: str | None, precision: str | None, answers: Mapping[str, str]) -> Model:
    """What `models.open` does; its docstring says it."""
    if isinstance(model, str):
        entry = Catalogue().find(model)
        if entry is not None:
            return assemble(entry.card, read_safetensors(file_source(entry.weights)).tensors, device, precision)
    card, tensors = load(Path(model), answers)
    return assemble(card, tensors, device, precision)


def load(path: Path, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
    """Card and tensors of a model file, as the catalogue would store them. Nothing is written, nothing in it is run."""
    contents = read(path, answers.get("member"))
    own = own_model(contents)
    if own is not None:
        return own
    return family_of(contents).convert(contents, answers)


def assemble(card: Card, tensors: Mapping[str, torch.Tensor], device: str | None = None, precision: str | None = None) -> Model:
    """The working model of a card and its tensors, on the chosen device."""
    family = family_named(card.family)
    runtime = choose(device, precision, card)
    try:
        model: Model = family.assemble(card, tensors, runtime)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The card of {card.name} does not fit its weights.", f"{type(error).__name__}: {str(error)[:200]}."
        ) from error
    return model
