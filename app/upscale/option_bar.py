"""What is chosen for all photos: how much, with what, into where, as what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.photos.formats import FORMATS
from app.upscale.look_options import LookOptions
from app.upscale.naming import DEFAULT_TEMPLATE, TemplateError, check_template
from app.upscale.plan import BESIDE, Choices, OnExists
from app.upscale.presets import Presets
from app.upscale.sizes import TARGET_HELP, TargetError, describe, parse_target
from app.video.writing import CODECS, CRF, MAX_CRF, TITLES
from app.widgets.model_picker import ModelPicker
from app.widgets.number_field import NumberField
from app.widgets.section import Section

SIZES = ("x2", "x3", "x4", "x8", "4096w", "2160h", "6000px", "24mp", "30x20cm@300")
FORMAT_CHOICES = ("", "jpeg", "png", "webp", "avif", "tiff")
LONGEST_NAME = 78  # pixels of a folder's name
ON_EXISTS: tuple[OnExists, ...] = ("rename", "skip", "overwrite")


class OptionBar(QFrame):
    """Shows a job's choices; `changed(Choices, title)` when a person chose something else."""

    changed = Signal(object, str)
    model_chosen = Signal(str)
    preset_chosen = Signal(object)

    def __init__(self, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewbar")
        self._choices = choices
        self.picker = ModelPicker("upscale:model")
        self.picker.setMinimumWidth(90)
        self.picker.chosen.connect(self.model_chosen)
        self.how_much = QComboBox()
        self.how_much.setObjectName("upscale:size")
        self.how_much.setAccessibleName(self.tr("How much larger"))
        self.how_much.setEditable(True)
        self.how_much.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.how_much.setToolTip(self.tr("A size: {0}").format(TARGET_HELP))
        self.how_much.addItems(SIZES)
        self.how_much.setMinimumWidth(112)
        self.how_much.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        edit = self.how_much.lineEdit()
        assert edit is not None
        edit.editingFinished.connect(self._size_typed)
        self.how_much.activated.connect(self._size_typed)
        self.into = QPushButton()
        self.into.setObjectName("upscale:into")
        self.into.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.into.clicked.connect(self._ask_folder)
        theme.give_icon(self.into, "folder")
        self.beside = QToolButton()
        self.beside.setObjectName("upscale:beside")
        self.beside.setIcon(theme.icon("reset"))
        self.beside.setToolTip(self.tr("Beside each photo's own folder again"))
        self.beside.setAccessibleName(self.beside.toolTip())
        self.beside.clicked.connect(lambda: self._change(replace(self._choices, into=None), self.tr("Folder")))
        self.format = QComboBox()
        self.format.setObjectName("upscale:format")
        self.format.setAccessibleName(self.tr("Kind of file"))
        self.format.setToolTip(self.tr("The kind of file that results become: that of the photo, or always one"))
        self.format.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.format.setMinimumContentsLength(5)
        self.format.setMinimumWidth(90)
        for name in FORMAT_CHOICES:
            self.format.addItem(FORMATS[name].title if name else self.tr("as it is"), name)
        self.format.activated.connect(self._format_chosen)
        self.quality = NumberField("upscale:quality", self.tr("Quality"), 1, 100)
        self.quality.setFixedWidth(40)
        self.quality.setToolTip(self.tr("Quality of JPEG, WebP and AVIF, 1 to 100"))
        self.quality.changed.connect(lambda value: self._change(replace(self._choices, quality=int(value)), self.tr("Quality")))
        self.said = QLabel()
        self.said.setObjectName("upscale:said")
        self.said.setProperty("tone", "dim")
        self.said.setFont(theme.remark_font())
        self.said.setWordWrap(True)
        self._more()
        self._lay()
        self.show_choices(choices)

    def _more(self) -> None:
        """What few people change."""
        self.more = Section("upscale:more", self.tr("More"), open_=False)
        self.presets = self.more.add_action("star", self.tr("Presets: named sets of choices"), "upscale:presets")
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._presets = Presets()
        self._preset_menu = QMenu(self.presets)
        self._preset_menu.aboutToShow.connect(self._fill_presets)
        self.presets.setMenu(self._preset_menu)
        self.looks = LookOptions(self._choices)
        self.looks.changed.connect(self._change)
        self.metadata = QComboBox()
        self.metadata.setObjectName("upscale:metadata")
        for key, text in (
            ("keep", self.tr("Keep all camera data")),
            ("no-place", self.tr("Keep all but the place")),
            ("strip", self.tr("Strip camera data")),
        ):
            self.metadata.addItem(text, key)
        self.metadata.activated.connect(
            lambda: self._change(replace(self._choices, metadata=self.metadata.currentData()), self.tr("Camera data"))
        )
        self.exists = QComboBox()
        self.exists.setObjectName("upscale:exists")
        for key, text in zip(
            ON_EXISTS,
            (self.tr("Number results whose name is taken"), self.tr("Skip what is there"), self.tr("Overwrite what is there")),
            strict=True,
        ):
            self.exists.addItem(text, key)
        self.exists.activated.connect(
            lambda: self._change(replace(self._choices, on_exists=self.exists.currentData()), self.tr("Names that are taken"))
        )
        self.codec = QComboBox()
        self.codec.setObjectName("upscale:codec")
        self.codec.setAccessibleName(self.tr("Codec of videos"))
        self.codec.setToolTip(self.tr("H.264, which everything plays; H.265 where there are more than 8 bits; VP9 in WebM"))
        self.codec.addItem(self.tr("Videos: the codec that suits"), None)
        for name in CODECS:
            self.codec.addItem(self.tr("Videos: {0}").format(TITLES[name]), name)
        self.codec.activated.connect(
            lambda: self._change(replace(self._choices, codec=self.codec.currentData(), crf=None), self.tr("Codec"))
        )
        self.crf = NumberField("upscale:crf", self.tr("Fineness of videos (crf)"), 0, MAX_CRF)
        self.crf.prefix = "crf "
        self.crf.setFixedWidth(64)
        self.crf.setToolTip(self.tr("Of videos: 0 is the finest, 6 more about halve the file"))
        self.crf.changed.connect(lambda value: self._change(replace(self._choices, crf=int(value)), self.tr("Fineness")))
        self.template = QLineEdit()
        self.template.setObjectName("upscale:template")
        self.template.setAccessibleName(self.tr("Names of results"))
        self.template.setToolTip(self.tr("{name} {model} {scale} {width} {height}"))
        self.template.editingFinished.connect(self._template_typed)
        self.time = QCheckBox(self.tr("Keep the photo's date of change"))
        self.time.toggled.connect(lambda on: self._change(replace(self._choices, keep_time=on), self.tr("Date")))
        self.reduce = QCheckBox(self.tr("8 bits and no transparency where a format asks"))
        self.reduce.setToolTip(self.tr("Let 16 bits and transparency go where the format has none, instead of refusing"))
        self.reduce.toggled.connect(lambda on: self._change(replace(self._choices, reduce=on), self.tr("Reduce")))
        video = QWidget()
        beside = QHBoxLayout(video)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(4)
        beside.addWidget(self.codec, 1)
        beside.addWidget(self.crf)
        for part in (self.looks, self.template, self.metadata, self.exists, video, self.time, self.reduce):
            self.more.body.addWidget(part)

    def _fill_presets(self) -> None:
        menu = self._preset_menu
        menu.clear()
        for name in self._presets.names():
            menu.addAction(name, partial(self._choose_preset, name))
        menu.addSeparator()
        menu.addAction(self.tr("Save these choices…"), self._ask_preset)
        if self._presets.names():
            gone = menu.addMenu(self.tr("Remove"))
            for name in self._presets.names():
                gone.addAction(name, partial(self._keep_presets, partial(self._presets.remove, name)))

    def _choose_preset(self, name: str) -> None:
        self.preset_chosen.emit(self._presets.get(name))

    def _ask_preset(self) -> None:
        name, sure = QInputDialog.getText(self, self.tr("Save these choices"), self.tr("Under the name"))
        name = name.strip()
        if sure and name and (not self._presets.has(name) or self._may_replace(name)):
            self.save_preset(name)

    def _may_replace(self, name: str) -> bool:
        box = QMessageBox(self)
        box.setObjectName("upscale:preset-there")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(self.tr("There is a preset {0} already.").format(name))
        box.setInformativeText(self.tr("Replace it?"))
        sure = box.addButton(self.tr("Replace"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is sure

    def save_preset(self, name: str) -> None:
        """Keep what is chosen now under a name."""
        # A mask belongs to photos of one shape: it would be in the way of others.
        self._keep_presets(lambda: self._presets.save(name, replace(self._choices, protect=None)))

    def _keep_presets(self, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            self.say(self.tr("The presets could not be written: {0}.").format(error.strerror), bad=True)

    def _lay(self) -> None:
        rows = QGridLayout()
        rows.setHorizontalSpacing(6)
        rows.setVerticalSpacing(8)
        rows.setColumnStretch(3, 1)

        def word(text: str, partner: QWidget) -> QLabel:
            label = QLabel(text)
            label.setProperty("tone", "dim")
            label.setBuddy(partner)
            return label

        rows.addWidget(word(self.tr("How much"), self.how_much), 0, 0)
        rows.addWidget(self.how_much, 0, 1)
        rows.addWidget(word(self.tr("With"), self.picker), 0, 2)
        rows.addWidget(self.picker, 0, 3)
        place = QHBoxLayout()
        place.setSpacing(2)
        place.addWidget(self.into, 1)
        place.addWidget(self.beside)
        rows.addWidget(word(self.tr("As"), self.format), 1, 0)
        kind = QHBoxLayout()
        kind.setSpacing(4)
        kind.addWidget(self.format)
        kind.addWidget(self.quality)
        rows.addLayout(kind, 1, 1)
        rows.addWidget(word(self.tr("Into"), self.into), 1, 2)
        rows.addLayout(place, 1, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 8)
        column.setSpacing(6)
        column.addLayout(rows)
        column.addWidget(self.more)
        column.addWidget(self.said)

    def show_choices(self, choices: Choices) -> None:
        """Show these, without a signal."""
        self._choices = choices
        parts = (self.how_much, self.format, self.metadata, self.exists, self.codec, self.time, self.reduce)
        for part in parts:
            part.blockSignals(True)
        self.how_much.setCurrentText(describe(choices.target))
        self.format.setCurrentIndex(max(0, self.format.findData(choices.format or "")))
        self.quality.set_value(choices.quality)
        lossy = choices.format is None or FORMATS[choices.format].lossy
        self.quality.setVisible(lossy)
        name = (choices.into.name or str(choices.into)) if choices.into else self.tr("./{0}").format(BESIDE)
        self.into.setText(self.into.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, LONGEST_NAME))
        self.into.setMinimumWidth(self.into.minimumSizeHint().width())
        self.into.setToolTip(
            str(choices.into) if choices.into else self.tr("A folder “{0}” beside each photo. Click for another.").format(BESIDE)
        )
        self.beside.setVisible(choices.into is not None)
        self.looks.show_choices(choices)
        self.metadata.setCurrentIndex(self.metadata.findData(choices.metadata))
        self.exists.setCurrentIndex(self.exists.findData(choices.on_exists))
        self.codec.setCurrentIndex(max(0, self.codec.findData(choices.codec)))
        self.crf.set_value(CRF[choices.codec or "h264"] if choices.crf is None else choices.crf)
        self.template.setText(choices.template)
        self.time.setChecked(choices.keep_time)
        self.reduce.setChecked(choices.reduce)
        for part in parts:
            part.blockSignals(False)
        self._mark(self.how_much, False)

    def say(self, text: str, bad: bool = False) -> None:
        """The line below: what the choices mean for the photo at hand, or what is wrong with them."""
        self.said.setText(text)
        tone = "bad" if bad else "dim"
        if self.said.property("tone") != tone:
            self.said.setProperty("tone", tone)
            self.said.style().unpolish(self.said)
            self.said.style().polish(self.said)

    def _change(self, choices: Choices, title: str) -> None:
        if choices != self._choices:
            self._choices = choices
            self.changed.emit(choices, title)

    def _size_typed(self) -> None:
        try:
            target = parse_target(self.how_much.currentText())
        except TargetError as error:
            self._mark(self.how_much, True)
            self.say(str(error), bad=True)
            return
        self._mark(self.how_much, False)
        self._change(replace(self._choices, target=target), self.tr("Size"))

    def _template_typed(self) -> None:
        text = self.template.text().strip() or DEFAULT_TEMPLATE
        try:
            self._change(replace(self._choices, template=check_template(text)), self.tr("Names"))
        except TemplateError as error:
            self.say(str(error), bad=True)

    def _format_chosen(self) -> None:
        name = self.format.currentData()
        self._change(replace(self._choices, format=name or None), self.tr("Kind of file"))

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Where the results go"), str(self._choices.into or ""))
        if folder:
            self._change(replace(self._choices, into=Path(folder)), self.tr("Folder"))

    def _mark(self, part: QWidget, wrong: bool) -> None:
        if part.property("wrong") != wrong:
            part.setProperty("wrong", wrong)
            part.style().unpolish(part)
            part.style().polish(part)
