"""Small pictures carried to a size worth looking at once the hand rests, where a person has not said no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.inference.finishing import AUTO, upscaler_for
from app.settings import Settings
from app.widgets.icon_button import icon_button

if TYPE_CHECKING:
    from app.inference.requests import ModelFacts
    from models.card import Card
    from models.catalogue import Entry

WANTED = 512  # pixels at which a face can be looked at: models that make smaller pictures are helped
CHOSEN = "explore.finish"


class Finish(QObject):
    """`changed()` when full pictures are to be made anew. `button` turns it on and off; it is there with small models alone."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._upscalers: list[Card] = []
        self._resolutions: dict[str, int] = {}
        self._on_processor = True
        self._shown = ""  # the model whose pictures are shown
        self.button = icon_button("upscale", "", "crisp", check=True)
        self.button.setChecked(self._wanted)
        self.button.toggled.connect(self._choose)

    def set_entries(self, entries: Iterable[Entry]) -> None:
        """The models at hand, of all tasks. Of upscalers those that somebody added are left out: nobody chose them for this."""
        entries = list(entries)
        self._upscalers = [entry.card for entry in entries if entry.card.task == "upscaling" and entry.origin != "added"]
        self._resolutions = {entry.name: entry.card.resolution for entry in entries if entry.card.task == "latent"}
        self._show()

    def show_model(self, facts: ModelFacts) -> None:
        """What is known of the model whose pictures are shown now."""
        self._on_processor = facts.device == "cpu"
        self._shown = facts.name
        self._show()

    def upscaler(self, model: str) -> str:
        """The upscaler for the full pictures of this model, "" for none."""
        return self._fitting(model) if self._wanted else ""

    @property
    def _wanted(self) -> bool:
        return bool(self._settings.get(CHOSEN, True))

    def _fitting(self, model: str) -> str:
        resolution = self._resolutions.get(model, 0)
        if not 0 < resolution < WANTED:
            return ""
        return upscaler_for(self._upscalers, AUTO, WANTED / resolution, self._on_processor)

    def _choose(self, wanted: bool) -> None:
        self._settings.set(CHOSEN, wanted)
        self.changed.emit()

    def _show(self) -> None:
        name = self._fitting(self._shown)
        card = next((card for card in self._upscalers if card.name == name), None)
        self.button.setVisible(card is not None)
        if card is not None:
            tip = self.tr("Crisp: once the hand rests, {} carries these small pictures to {} times their size")
            self.button.setToolTip(tip.format(card.title, card.scale))
            self.button.setAccessibleName(self.button.toolTip())
