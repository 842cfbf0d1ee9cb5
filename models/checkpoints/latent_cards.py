"""The card of a generator that was just read."""

from __future__ import annotations

from typing import Any, Protocol

from models.card import Card
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import stem
from models.errors import CheckpointError


class Described(Protocol):
    """What tells one generator of a family from another."""

    @property
    def classes(self) -> int:
        """How many classes of pictures it makes; 0 where it knows none."""
        ...

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""
        ...

    def to_config(self) -> dict[str, Any]:
        """As a card keeps it."""
        ...


def latent_card(contents: Contents, family: str, shape: Described, what: str) -> Card:
    """The card of a file with this generator, as far as the file tells. `what` is what a person calls its kind."""
    return Card(
        name=proper_name(stem(contents)),
        title=stem(contents),
        task="latent",
        family=family,
        config=shape.to_config(),
        resolution=shape.resolution,
        description=f"{what}, {shape.resolution} px{f', {shape.classes} classes' if shape.classes else ''}.",
        sha256=contents.sha256,
        source=contents.name,
    )


def check_colours(colours: int, what: str) -> None:
    """`CheckpointError` where a generator's pictures are neither grey nor in colour."""
    if colours not in (1, 3):
        raise CheckpointError(f"This {what} makes pictures of {colours} channels.", "Ganvas shows grey and colour.")
