"""From a path to `Contents`: what a file is, told by its bytes and never by its name's ending."""

from __future__ import annotations

from pathlib import Path

import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.safetensors_reader import looks_like_safetensors, read_safetensors
from models.checkpoints.source import Source, file_source
from models.errors import CheckpointError

CARD_KEY = "ganvas.card"  # in a safetensors file's metadata: the card as JSON
CARD_BESIDE = "card.json"


def read(path: Path, member: str | None = None) -> Contents:
    """What a file holds, as inert data. `member` names one of several models in an archive. `CheckpointError`."""
    return read_source(file_source(path))


def read_source(source: Source) -> Contents:
    """What these bytes hold. `CheckpointError` names what was found where it is nothing that can be read."""
    head = bytes(source.data[:64])
    if looks_like_safetensors(head, source.size):
        return _safetensors(source)
    raise CheckpointError(f"{source.name} is no model file that Ganvas can read.")


def own_model(contents: Contents) -> tuple[Card, dict[str, torch.Tensor]] | None:
    """Card and tensors of a model that Ganvas wrote: its card stands in the file or beside it. None where there is none."""
    card = contents.siblings.get(CARD_BESIDE)
    if contents.format != "safetensors" or card is None:
        return None
    return Card.from_json(card), contents.tree


def _safetensors(source: Source) -> Contents:
    """Tensors by name; the card of a model of ours goes among the siblings, also where it stands inside the file."""
    stored = read_safetensors(source)
    siblings: dict[str, bytes] = {}
    card = stored.metadata[CARD_KEY].encode() if CARD_KEY in stored.metadata else source.beside(CARD_BESIDE)
    if card is not None:
        siblings[CARD_BESIDE] = card
    return Contents("safetensors", stored.tensors, source.name, source.sha256(), siblings)
