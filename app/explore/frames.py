"""The frames around Explore's picture: the sheet of seeds, the bar below the picture, the strip, the page without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.widgets.icon_button import icon_button
from app.widgets.keys import as_here
from app.widgets.model_picker import Choice
from app.widgets.thumbnail_strip import ThumbnailStrip

if TYPE_CHECKING:
    from models.catalogue import Entry


NARROW, WIDE = 1100, 2000  # widths of the panel at which sheet and tools change theirs


class SheetColumn(QFrame):
    """A sheet of seeds with buttons to turn it: `turned(pages)`, `shuffled()`."""

    turned = Signal(int)
    shuffled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sheet")
        self.seeds = ThumbnailStrip("sheet:seeds", self.tr("Sheet of seeds"), columns=2)
        self.title = QLabel(self.tr("Seeds"))
        self.title.setFont(theme.heading(0))
        self.back = icon_button("left", self.tr("The seeds before"), "sheet:back")
        self.back.clicked.connect(lambda: self.turned.emit(-1))
        onward = icon_button("right", self.tr("The next seeds"), "sheet:next")
        onward.clicked.connect(lambda: self.turned.emit(1))
        shuffle = icon_button("shuffle", self.tr("A sheet of other seeds"), "sheet:shuffle")
        shuffle.clicked.connect(self.shuffled)
        head = QHBoxLayout()
        head.setContentsMargins(4, 0, 4, 0)
        head.setSpacing(0)
        head.addWidget(self.title, 1)
        for button in (self.back, onward, shuffle):
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 12, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.seeds)

    def set_columns(self, columns: int) -> None:
        """How many seeds stand side by side; one column leaves no room for the title."""
        self.seeds.set_columns(columns)
        self.title.setVisible(columns > 1)


class StripRow(QFrame):
    """History and favourites side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.seen = ThumbnailStrip("history", self.tr("History"), side=52)
        self.favourites = ThumbnailStrip("favourites", self.tr("Favourites"), side=52)
        self.favourites.empty = self.tr("F stars the picture at hand")
        self.favourites.removing = self.tr("No longer a favourite")
        self.seen.empty = self.tr("What you have seen gathers here")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(16)
        for text, strip, share in ((self.tr("History"), self.seen, 3), (self.tr("Favourites"), self.favourites, 2)):
            if row.count():
                rule = QFrame()
                rule.setProperty("look", "upright")
                row.addWidget(rule)
            title = QLabel(text)
            title.setFont(theme.remark_font())
            title.setProperty("tone", "dim")
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(title)
            column.addWidget(strip)
            row.addLayout(column, share)
        self.morph = QPushButton(self.tr("Morph"))
        self.morph.setObjectName("morph")
        self.morph.setToolTip(self.tr("Let the favourites flow into one another"))
        theme.give_icon(self.morph, "play")
        row.addWidget(self.morph)


class ViewBar(QFrame):
    """What can be done with the picture at hand; `crisp` is a button of somebody else's."""

    def __init__(self, crisp: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewbar")
        self.pin = icon_button("pin", self.tr("Pin (P): hold Space on the picture to compare with it"), "pin", check=True)
        self.star = icon_button("star", self.tr("Favourite (F)"), "favourite", check=True)
        self.copy = icon_button("copy", self.tr("Copy the picture (Ctrl+C)"), "copy")
        self.fit = icon_button("fit", self.tr("Whole picture (0); 1 shows its own pixels"), "fit")
        self._from_photo = self.tr("From a photo…")
        self.photo = QPushButton(self._from_photo)
        self.photo.setObjectName("photo")
        self.photo.setAccessibleName(self._from_photo)
        self.photo.setProperty("look", "quiet")
        theme.give_icon(self.photo, "picture")
        self.photo.setToolTip(as_here(self.tr("Find a photo among this model's pictures (Ctrl+V takes it from the clipboard)")))
        self.photo.hide()  # until it is known whether the model can
        self.zoom = QLabel()
        self.zoom.setProperty("tone", "dim")
        self.zoom.setFont(theme.remark_font())
        self.zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.zoom.setMinimumWidth(48)
        self.send = QPushButton(self.tr("Send to Upscale"))
        self.send.setObjectName("send:upscale")
        self.send.setProperty("look", "quiet")
        theme.give_icon(self.send, "send")
        self.send.setToolTip(self.tr("Enlarge this picture in the Upscale panel"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(4)
        for part in (self.pin, self.star, self.copy):
            row.addWidget(part)
        row.addSpacing(8)
        row.addWidget(self.photo)
        row.addStretch(1)
        row.addWidget(self.zoom)
        row.addWidget(crisp)
        row.addWidget(self.fit)
        row.addSpacing(8)
        row.addWidget(self.send)

    def offer_photo(self, offered: bool) -> None:
        """Whether a photo can be found in the model at hand."""
        self.photo.setVisible(offered)
        self._fit_words()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_words()

    def _fit_words(self) -> None:
        """In a narrow window the photo's button keeps its icon alone."""
        layout = self.layout()
        if layout is None or self.photo.isHidden():
            return
        lacking = 0 if self.photo.text() else self.photo.fontMetrics().horizontalAdvance(self._from_photo) + 8
        fits = layout.minimumSize().width() + lacking <= self.width()
        if fits != bool(self.photo.text()):
            self.photo.setText(self._from_photo if fits else "")


class EmptyPage(QWidget):
    """What stands in the panel's place while there is no model for it: `get()` and `add()` are its two ways out."""

    get = Signal()
    add = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("No model for Explore yet"))
        title.setFont(theme.heading(5))
        text = QLabel(
            self.tr(
                "Explore needs a model that makes pictures from seeds. The recommended one makes faces of 1,024 pixels and is "
                "one download away. A StyleGAN file of your own works too: drop it on the window."
            )
        )
        text.setWordWrap(True)
        text.setProperty("tone", "dim")
        text.setFixedWidth(440)
        get = QPushButton(self.tr("Get the recommended models…"))
        get.setObjectName("explore:get")
        get.setProperty("look", "primary")
        get.clicked.connect(self.get)
        add = QPushButton(self.tr("Add a model file…"))
        add.setObjectName("explore:add")
        add.clicked.connect(self.add)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(get)
        buttons.addWidget(add)
        buttons.addStretch(1)
        inner = QVBoxLayout()
        inner.setSpacing(16)
        inner.addStretch(2)
        inner.addWidget(theme.Drawing("explore", 48, "dim"))
        inner.addWidget(title)
        inner.addWidget(text)
        inner.addLayout(buttons)
        inner.addStretch(3)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addLayout(inner)
        row.addStretch(1)


def widths(panel: int) -> tuple[int, int, int]:
    """Columns of the sheet, its width and that of the tools, for a panel this wide (logical pixels)."""
    return (1, 112, 288) if panel < NARROW else (3, 300, 360) if panel >= WIDE else (2, 200, 320)


def arranged(sheet: QWidget, view: QWidget, bar: QWidget, tools: QWidget, strip: QWidget, morph: QWidget) -> QWidget:
    """The panel's parts in their places: sheet, picture and tools above, strip or timeline below."""
    whole = QWidget()
    middle, upper, column = QVBoxLayout(), QHBoxLayout(), QVBoxLayout(whole)
    middle.addWidget(view, 1)
    middle.addWidget(bar)
    upper.addWidget(sheet)
    upper.addLayout(middle, 1)
    upper.addWidget(tools)
    column.addLayout(upper, 1)
    column.addWidget(strip)
    column.addWidget(morph)
    for layout in (middle, upper, column):
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
    return whole


def choice_of(entry: Entry) -> Choice:
    """A model of the catalogue as the picker shows it."""
    card = entry.card
    size = f"{card.resolution:,} px" if card.resolution else ""
    return Choice(entry.name, card.title, " · ".join(filter(None, (size, card.licence_said))), card.non_commercial is True)
