"""The card of an upscaler that was just read."""

from __future__ import annotations

from typing import Any

from models.card import Card
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import stem


def upscaler_card(
    contents: Contents, family: str, config: dict[str, Any], scale: int, description: str, limits: str = ""
) -> Card:
    """The card of a file with this upscaler, as far as the file tells; `limits` is what a person should know of its pictures."""
    return Card(
        name=proper_name(stem(contents)),
        title=stem(contents),
        task="upscaling",
        family=family,
        config=config,
        scale=scale,
        description=description,
        limits=limits,
        sha256=contents.sha256,
        source=contents.name,
    )
