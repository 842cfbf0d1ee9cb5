"""The models that Upscale can work with, in their groups, and the one at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.settings import Settings
from app.upscale.pace import Paces, best_within
from app.upscale.plan import Choices, Task
from app.widgets.model_picker import Choice
from models.card import Card
from models.catalogue import Entry
from models.interpolation import refusal

if TYPE_CHECKING:
    from models.catalogue import Catalogue

ENLARGE, RESTORE, TRANSFORM = "Enlarge", "Restore", "Transform"


def group_of(card: Card) -> str:
    """The heading under which a model stands; "" for those that Upscale has no use for."""
    if card.task == "upscaling":
        return ENLARGE if card.scale > 1 else RESTORE
    return TRANSFORM if card.task == "translation" else ""


class Models:
    """See the module. `card` is that of the model at hand, or None."""

    def __init__(self, catalogue: Catalogue, settings: Settings, paces: Paces) -> None:
        self._catalogue, self._settings, self._paces = catalogue, settings, paces
        self._entries: dict[str, Entry] = {}
        self.card: Card | None = None

    def read(self) -> None:
        """Look at the catalogue again."""
        self._entries = {entry.name: entry for entry in self._catalogue.entries() if group_of(entry.card)}

    def entry(self, name: str) -> Entry | None:
        return self._entries.get(name)

    def use(self, name: str) -> None:
        """Take the model at hand."""
        entry = self._entries.get(name)
        self.card = entry.card if entry is not None else None

    @property
    def sha256(self) -> str:
        return self.card.sha256 if self.card else ""

    def wanted(self, device: str, size: tuple[int, int]) -> Entry | None:
        """What a person chose last, or the best model that has a photo of this size done within a minute here."""
        chosen = self._entries.get(self._settings.get("upscale.model", ""))
        return (
            chosen or best_within(self._entries.values(), self._paces, device, size) or next(iter(self._entries.values()), None)
        )

    def forget_gone(self) -> str:
        """The model that a person chose last, where it is no longer here: forgotten, so that it is told once; else ""."""
        chosen: str = self._settings.get("upscale.model", "")
        if not chosen or chosen in self._entries:
            return ""
        self._settings.set("upscale.model", "")
        return chosen

    def alike(self) -> list[tuple[str, str]]:
        """Models (name, title) that can be mixed with the one at hand."""
        return self._alike(self.card) if self.card is not None else []

    def _alike(self, card: Card) -> list[tuple[str, str]]:
        others = [entry.card for entry in self._entries.values() if entry.name != card.name]
        return [(other.name, other.title) for other in others if not refusal(card, other)]

    def fitting(self, choices: Choices) -> Choices:
        """These choices with their model as it is here, or with the one at hand where theirs is gone; without a second model
        that cannot be mixed with it."""
        entry = self._entries.get(choices.model)
        card = entry.card if entry is not None else self.card
        if card is None:
            return choices
        task: Task = "translation" if card.task == "translation" else "upscaling"
        fitting = replace(choices, model=card.name, scale=card.scale, task=task)
        if entry is None or fitting.other not in [name for name, _ in self._alike(card)]:
            fitting = replace(fitting, other="", share=0.0)
        return fitting

    def groups(self) -> list[tuple[str, Sequence[Entry]]]:
        """Headings with their models."""
        return [
            (group, [entry for entry in self._entries.values() if group_of(entry.card) == group])
            for group in (ENLARGE, RESTORE, TRANSFORM)
        ]

    def choices(self) -> list[Choice]:
        """The same for a picker."""
        return [
            Choice(
                entry.name,
                entry.card.title,
                f"x{entry.card.scale}, {entry.card.licence_said}" if entry.card.scale > 1 else entry.card.licence_said,
                bool(entry.card.non_commercial),
                group,
            )
            for group, entries in self.groups()
            for entry in entries
        ]
