"""From a path or a name to a model that works: `models.open` with torch behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch

from models import recommended
from models.card import Card
from models.catalogue import DIRECTIONS, VECTORS, Catalogue, Entry
from models.checkpoints.family import Contents
from models.checkpoints.reading import read
from models.checkpoints.recognise import converted, family_named
from models.checkpoints.safetensors_reader import read_safetensors
from models.checkpoints.source import file_source
from models.errors import CheckpointError, OutOfMemory
from models.interpolation import mixed
from models.latent import LatentModel
from models.latents.beside import directions_in, files_beside
from models.precision import choose
from models.running import is_out_of_memory

if TYPE_CHECKING:
    from models.labelling import LabellingModel
    from models.painting import PaintingModel
    from models.translation import TranslationModel
    from models.upscaling import UpscalingModel

    Model: TypeAlias = LatentModel | PaintingModel | UpscalingModel | TranslationModel | LabellingModel

# Card and tensors of a model, and the files of directions that lay beside its weights, by name.
Loaded: TypeAlias = tuple[Card, Mapping[str, torch.Tensor], Mapping[str, bytes]]


def open_model(model: str | Path, device: str | None, precision: str | None, answers: Mapping[str, str]) -> Model:
    """What `models.open` does; its docstring says it."""
    return open_measured(model, Catalogue(), device, precision, answers)[0]


def open_measured(
    model: str | Path, catalogue: Catalogue, device: str | None, precision: str | None, answers: Mapping[str, str]
) -> tuple[Model, int]:
    """As `models.open` with this catalogue, and the bytes that the weights hold in memory: as stored, and as built from that."""
    return _measured(*_weights(model, catalogue, answers), device, precision)


def open_mixed(
    model: str, other: str, share: float, catalogue: Catalogue, device: str | None, precision: str | None
) -> tuple[Model, int]:
    """As `open_measured`, for `share` of a second model and the rest of the first. `BadInput` where they are not built alike."""
    (card, weights, _), (second, others, _) = _weights(model, catalogue, {}), _weights(other, catalogue, {})
    return _measured(*mixed(card, weights, second, others, share), {}, device, precision)


def _weights(model: str | Path, catalogue: Catalogue, answers: Mapping[str, str]) -> Loaded:
    entry = catalogue.find(model) if isinstance(model, str) else None
    if entry is not None and entry.refers:
        return _referred(entry)
    if entry is not None:
        source = file_source(entry.weights, ours=True)
        fitted = {} if entry.origin == "embedded" else files_beside(source, lambda: entry.card.sha256)
        return entry.card, _owned(read_safetensors(source).tensors), fitted
    if isinstance(model, str) and not Path(model).suffix and not Path(model).exists():
        raise recommended.missing(model)
    return load(Path(model), answers)


def _measured(
    card: Card, tensors: Mapping[str, torch.Tensor], fitted: Mapping[str, bytes], device: str | None, precision: str | None
) -> tuple[Model, int]:
    opened = assemble(card, tensors, device, precision)
    _give_directions(opened, fitted)
    built = opened.runtime.dtype.itemsize
    return opened, sum(tensor.numel() * (tensor.element_size() + built) for tensor in tensors.values())


def check_directions(card: Card, tensors: Mapping[str, torch.Tensor], fitted: Mapping[str, bytes]) -> None:
    """`CheckpointError` where the directions that were found beside a generator's weights do not fit it."""
    _give_directions(assemble(card, _owned(tensors), "cpu", "float32"), fitted)


def _give_directions(model: Model, fitted: Mapping[str, bytes]) -> None:
    if fitted and isinstance(model, LatentModel):
        model.own_directions = directions_in(fitted, model.num_ws, model.w_dim)


def _referred(entry: Entry) -> Loaded:
    """A model of the catalogue whose file lies elsewhere: weights and directions as they are there, its card as it is here."""
    answers = {**entry.card.answers, **({} if entry.member is None else {"member": entry.member})}
    found, tensors, fitted = load(entry.weights, answers)
    if found.sha256 != entry.card.sha256:
        raise CheckpointError(
            f"{entry.weights.name} has changed since it was added as {entry.name}.", hint=f"Remove {entry.name} and add it again."
        )
    return entry.card, tensors, fitted


def load(path: Path, answers: Mapping[str, str]) -> Loaded:
    """A model file as the catalogue would store it. Nothing is written, nothing in it is run."""
    contents = read(path, answers.get("member"))
    card, tensors = converted(contents, answers)
    return _recommended(card, path, contents.name), _owned(tensors), fitted_in(contents)


def fitted_in(contents: Contents) -> dict[str, bytes]:
    """The files of directions that were found beside a model, by name."""
    return {name: contents.siblings[name] for name in (DIRECTIONS, VECTORS) if name in contents.siblings}


def sha256_of_weights(path: Path) -> str:
    """What the weights of a model file are known by: the same where another file holds the same ones, with its siblings
    (`.bin` beside `.param`) read like it. Raises what `load` does."""
    _, tensors, _ = load(path, {})
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _recommended(card: Card, path: Path, member: str) -> Card:
    """The card with what is known of a recommended model, where the file is the pinned wheel that holds it."""
    archive = next((place for place in (path, *path.parents) if place.is_file()), path)
    pin = recommended.pin_at(archive)
    said = pin.model_in(member) if pin is not None else None
    return card if pin is None or said is None else recommended.described(card, pin, said)


def _owned(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies of tensors that are pages of a file. A model outlives its file: overwritten, those pages would end the program."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def assemble(card: Card, tensors: Mapping[str, torch.Tensor], device: str | None = None, precision: str | None = None) -> Model:
    """The working model of a card and its tensors, on the chosen device."""
    family = family_named(card.family)
    runtime = choose(device, precision, card)
    try:
        model: Model = family.assemble(card, tensors, runtime)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(f"There is no memory left to open {card.name}.", hint="Close another model first.") from error
        raise CheckpointError(
            f"The card of {card.name} does not fit its weights.", f"{type(error).__name__}: {str(error)[:200]}."
        ) from error
    return model
