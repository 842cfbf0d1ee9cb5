"""What is chosen of the picture itself beyond a model and a size: strength, grain, a second model, turns, what is protected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.upscale.plan import MOST_GRAIN, Choices
from app.widgets.icon_button import icon_button
from app.widgets.slider_row import SliderRow

LABEL_WIDTH = 72
FIRST_SHARE = 0.5  # of a second model that was just chosen


class LookOptions(QWidget):
    """Shows the choices; `changed(Choices, title)` when a person chose something else. `paint_asked()` and `mask_asked()` want a
    mask: painted over the photo that is shown, or from a file for all; `mask_dropped()` wants none any more."""

    changed = Signal(object, str)
    paint_asked = Signal()
    mask_asked = Signal()
    mask_dropped = Signal()

    def __init__(self, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = choices
        self._painted = 0
        self.strength = self._slider("strength", self.tr("Strength"), 100, 100)
        self.strength.setToolTip(self.tr("100 % is the model alone, 0 % the plain resize"))
        self.strength.changed.connect(
            lambda value: self._change(replace(self._choices, strength=value / 100), self.tr("Strength"))
        )
        self.grain = self._slider("grain", self.tr("Grain"), 100 * MOST_GRAIN, 0)
        self.grain.setToolTip(self.tr("Gives back the photo's own grain: 100 % is as much as it has"))
        self.grain.changed.connect(lambda value: self._change(replace(self._choices, grain=value / 100), self.tr("Grain")))
        self.other = QComboBox()
        self.other.setObjectName("upscale:other")
        self.other.setAccessibleName(self.tr("A second model to mix in"))
        self.other.setToolTip(self.tr("Models that are built alike; it looks right where one was trained from the other"))
        self.other.activated.connect(self._other_chosen)
        self.share = self._slider("share", self.tr("Share"), 100, 100 * FIRST_SHARE)
        self.share.setToolTip(self.tr("How much of the second model"))
        self.share.changed.connect(lambda value: self._change(replace(self._choices, share=value / 100), self.tr("Share")))
        self.turns = QCheckBox(self.tr("Average over eight turns (8 times as long)"))
        self.turns.setObjectName("upscale:turns")
        self.turns.toggled.connect(lambda on: self._change(replace(self._choices, turns=on), self.tr("Turns")))
        self._mix = self._row(self.tr("Mix with"), self.other)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self.strength, self.grain, self._mix, self.share, self._protection(), self.turns):
            column.addWidget(part)
        self.show_others(())
        self.show_choices(choices)

    def _slider(self, name: str, label: str, most: float, default: float) -> SliderRow:
        return SliderRow(f"upscale:{name}", label, 0, most, default, decimals=0, unit=" %", label_width=LABEL_WIDTH)

    def _row(self, text: str, *parts: QWidget) -> QWidget:
        row, label = QWidget(), QLabel(text)
        label.setFixedWidth(LABEL_WIDTH)
        label.setBuddy(parts[0])
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(label)
        for part in parts:
            line.addWidget(part, 1 if isinstance(part, QComboBox | QLabel) else 0)
        return row

    def _protection(self) -> QWidget:
        self.paint = QPushButton(self.tr("Paint"))
        self.paint.setObjectName("upscale:protect")
        self.paint.setToolTip(self.tr("Paint over the photo what is to stay as it is"))
        self.paint.clicked.connect(self.paint_asked)
        theme.give_icon(self.paint, "paint")
        self.from_file = QPushButton(self.tr("Mask…"))
        self.from_file.setObjectName("upscale:mask")
        self.from_file.setToolTip(self.tr("A black and white picture, or a label map from Paint, for all photos of its shape"))
        self.from_file.clicked.connect(self.mask_asked)
        self.drop = icon_button("close", self.tr("Protect nothing"), "upscale:unprotect")
        self.drop.clicked.connect(self.mask_dropped)
        self.protected = QLabel()
        self.protected.setProperty("tone", "dim")
        self.protected.setFont(theme.remark_font())
        return self._row(self.tr("Protect"), self.paint, self.from_file, self.protected, self.drop)

    def show_choices(self, choices: Choices) -> None:
        """Show these, without a signal."""
        self._choices = choices
        for part in (self.other, self.turns):
            part.blockSignals(True)
        self.strength.set_value(100 * choices.strength)
        self.grain.set_value(100 * choices.grain)
        self.other.setCurrentIndex(max(0, self.other.findData(choices.other)))
        self.share.set_value(100 * choices.share)
        self.share.setVisible(bool(choices.other) and self.other.count() > 1)
        self.turns.setChecked(choices.turns)
        for part in (self.other, self.turns):
            part.blockSignals(False)
        # A network that translates sees the photo as a whole: it has no tiles to turn.
        self.turns.setVisible(choices.task == "upscaling")
        self._say_protected()

    def show_others(self, models: Sequence[tuple[str, str]]) -> None:
        """The models (name, title) that can be mixed with the one at hand."""
        self.other.blockSignals(True)
        self.other.clear()
        self.other.addItem(self.tr("nothing"), "")
        for name, title in models:
            self.other.addItem(title, name)
        self.other.blockSignals(False)
        self._mix.setVisible(bool(models))
        self.show_choices(self._choices)

    def show_painted(self, photos: int) -> None:
        """How many photos have a mask of their own."""
        self._painted = photos
        self._say_protected()

    def _say_protected(self) -> None:
        said = []
        if self._choices.protect is not None:
            said.append(self.tr("by a mask"))
        if self._painted:
            said.append(self.tr("in one photo") if self._painted == 1 else self.tr("in {0:,} photos").format(self._painted))
        self.protected.setText(", ".join(said))
        self.drop.setVisible(bool(said))

    def _other_chosen(self) -> None:
        name = self.other.currentData() or ""
        share = self._choices.share or FIRST_SHARE
        self._change(replace(self._choices, other=name, share=share if name else 0.0), self.tr("Mix"))

    def _change(self, choices: Choices, title: str) -> None:
        if choices != self._choices:
            self._choices = choices
            self.changed.emit(choices, title)
