"""Follows the recipe of a picture that was dropped or chosen, or says why it cannot be followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.explore import files
from app.explore.variation import RecipeError, Variation
from app.widgets.panel import Notice

if TYPE_CHECKING:
    from models.catalogue import Entry


class Opening(QObject):
    """`noticed(Notice)` says what stands in the way, `get_models()` asks for the Models page."""

    noticed = Signal(object)
    get_models = Signal()

    def follow(self, recipe: dict[str, Any], name: str, entries: Iterable[Entry]) -> Variation | None:
        """The variation of the recipe in the file of this name, in one of these models; None where a notice said why not."""
        try:
            variation, title = files.variation_of(recipe, entries)
        except RecipeError as error:
            self.noticed.emit(Notice(str(error), bad=True))
            return None
        if variation.model:
            return variation
        self.noticed.emit(
            Notice(
                self.tr("{} was made with the model {}, which is not here.").format(name, title),
                hint=self.tr("Add the model, then drop the picture again."),
                button=self.tr("Open Models"),
                action=self.get_models.emit,
                bad=True,
            )
        )
        return None

    def say_gone(self) -> None:
        """A picture of Explore's own document cannot be shown: its model was removed."""
        what = self.tr("The model of this picture is no longer here.")
        hint, button = self.tr("Add it again, or go on to another picture."), self.tr("Open Models")
        self.noticed.emit(Notice(what, hint=hint, button=button, action=self.get_models.emit, bad=True))
