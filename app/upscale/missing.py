"""What is said where something that was chosen, kept or asked for is not here any more."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.upscale.plan import Choices
from app.widgets.panel import Notice


class Missing(QObject):
    """`noticed(Notice)` says it; `get_models()` is what it offers where there is no model at all."""

    noticed = Signal(object)
    get_models = Signal()

    def any_model(self) -> None:
        """Nothing enlarges photos."""
        self.noticed.emit(
            Notice(
                self.tr("There is no model that enlarges photos."),
                hint=self.tr("The recommended ones are one download away."),
                button=self.tr("Get models"),
                action=self.get_models.emit,
            )
        )

    def model(self, name: str, instead: str) -> None:
        """The model of the last time."""
        self._say(
            self.tr("The model that was chosen, {0}, is no longer here.").format(name),
            self.tr("{0} is taken instead; choose another if you like.").format(instead),
        )

    def second(self, name: str) -> None:
        """The second model of the last time."""
        self._say(self.tr("The second model, {0}, cannot be mixed in any more.").format(name), self.tr("Nothing is mixed in."))

    def photos(self, kept: int, left_out: int) -> None:
        """Photos that waited when the program ended."""
        said = self.tr("{0:,} of the {1:,} photos that waited on the list are not on it any more.")
        if left_out == 1:
            said = self.tr("{0:,} of the {1:,} photos that waited on the list is not on it any more.")
        self._say(
            said.format(left_out, kept + left_out),
            self.tr("So many cannot be kept from one start to the next; add their folder again."),
        )

    def of_preset(self, wanted: Choices, taken: Choices) -> None:
        """Models of a preset, where others were taken."""
        if taken.model != wanted.model:
            self._say(
                self.tr("The model of this preset, {0}, is no longer here.").format(wanted.model),
                self.tr("Its other choices were taken; the model is still the one that was chosen before."),
            )
        elif taken.other != wanted.other:
            self._say(
                self.tr("The second model of this preset, {0}, cannot be mixed in any more.").format(wanted.other),
                self.tr("Its other choices were taken; nothing is mixed in."),
            )

    def _say(self, what: str, why: str) -> None:
        self.noticed.emit(Notice(what, why, bad=True, lasts=True))
