"""Which model a sub-command works with: one of the catalogue by its name, or the one in a file or in a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.report import ending_of
from app.inference.requests import InspectRequest
from app.inference.updates import Failure
from models.catalogue import weights_of
from models.errors import ModelError
from models.recommended import missing

if TYPE_CHECKING:
    from app.inference.engine import Engine
    from models.card import Card, Task


def card_of(machine: Engine, name: str, does: str, *tasks: Task) -> Card | Failure:
    """The card of the model of this name or path, or why it cannot do what `does` says ("enlarge photos"); `tasks` can."""
    try:
        entry = machine.catalogue.find(name)
    except ModelError as error:
        return Failure(error.what, error.why, error.hint)
    card = entry.card if entry is not None else _in_file(machine, name)
    if not isinstance(card, Failure) and card.task not in tasks:
        return Failure(f"{card.title} does not {does}.", hint="`ganvas models list` shows which models do.")
    return card


def _in_file(machine: Engine, name: str) -> Card | Failure:
    path = Path(name)
    if not path.exists():
        error = missing(name)
        return Failure(error.what, error.why, error.hint)
    ending = ending_of(machine.run(InspectRequest(weights_of(path))))
    if isinstance(ending, Failure):
        return ending
    cards: list[Card] = ending.result
    if len(cards) != 1:
        return Failure(f"{path} holds {len(cards)} models.", hint="Add it with `ganvas models add` and choose one by name.")
    return cards[0]
