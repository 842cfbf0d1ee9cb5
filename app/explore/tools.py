"""The column of tools at the right of Explore: seed and pad, psi, directions, style mixing, details. Shows a document's
variation and turns gestures into signals; keeps nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.explore.class_picker import ClassPicker
from app.explore.drag_section import DragSection
from app.explore.layer_bar import LayerBar
from app.explore.pad import Pad
from app.explore.variation import LAST_SEED, PSI, Variation
from app.inference.requests import ModelFacts, Noise
from app.widgets.number_field import NumberField
from app.widgets.section import Section
from app.widgets.slider_row import SliderRow
from app.widgets.tab_order import order_tabs

LABEL_WIDTH = 104
COARSE, MIDDLE = 8, 32  # pixels: StyleGAN's authors call layers up to these coarse and middle, the rest fine


class _Swatch(QWidget):
    """The thumbnail of the second seed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(56, 56)
        self.image: QImage | None = None

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.fillRect(self.rect(), theme.colour("raised"))
            if self.image is not None:
                painter.drawImage(self.rect(), self.image)


def _button(icon: str, tip: str, name: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setIcon(theme.icon(icon))
    button.setIconSize(QSize(20, 20))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


class Tools(QFrame):
    """Signals carry what a hand asked for; `settled()` ends a gesture. `mix_seed_changed` carries a seed, -1 for any other
    one, or None to end the mixing. `thumbnail(seed)` gives the pad its images."""

    seed_typed = Signal(int)
    dice = Signal()
    moved = Signal(float, float)
    psi_changed = Signal(float)
    direction_changed = Signal(str, float)
    directions_reset = Signal()
    label_changed = Signal(int)
    mix_seed_changed = Signal(object)
    mix_layers_changed = Signal(object)
    noise_changed = Signal(str)
    noise_dice = Signal()
    settled = Signal()

    def __init__(self, thumbnail: Callable[[int], QImage | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self._facts = ModelFacts("")
        self._rows: dict[str, SliderRow] = {}
        self._thumbnail = thumbnail
        self._mixed_with: int | None = None
        self.drag = DragSection()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 12, 8, 16)
        column.setSpacing(8)
        for section in (
            self._seed_section(),
            self._direction_section(),
            self._mixing_section(),
            self._noise_section(),
            self.drag,
        ):
            column.addWidget(section)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(content)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    # Sections

    def _seed_field(self, name: str, title: str) -> NumberField:
        field = NumberField(name, title, 0, LAST_SEED)
        field.setToolTip(title)
        return field

    def _seed_section(self) -> Section:
        section = Section("seed", self.tr("Seed"))
        self.seed = self._seed_field("seed", self.tr("Seed: the same number always gives the same picture"))
        self.seed.changed.connect(lambda seed: self.seed_typed.emit(int(seed)))
        roll = _button("dice", self.tr("Another one (R)"), "dice")
        roll.clicked.connect(self.dice)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.seed)
        line.addWidget(roll)
        section.body.addLayout(line)
        self.pad = Pad(self._thumbnail)
        self.pad.moved.connect(self.moved)
        self.pad.settled.connect(self.settled)
        section.body.addWidget(self.pad)
        self.label_box = ClassPicker()
        self.label_box.changed.connect(self.label_changed)
        section.body.addWidget(self.label_box)
        self.psi = SliderRow(
            "psi",
            self.tr("Truncation ψ"),
            *PSI,
            0.7,
            label_width=LABEL_WIDTH,
            remark=self.tr("Low: safe and average. High: varied and bold. 1 leaves the model as it was taught."),
        )
        self.psi.changed.connect(self.psi_changed)
        self.psi.settled.connect(self.settled)
        section.body.addWidget(self.psi)
        return section

    def _direction_section(self) -> Section:
        section = Section("directions", self.tr("Directions"))
        self._direction_section_widget = section
        self.reset_all = section.add_action("reset", self.tr("All directions back to 0"), "directions:reset")
        self.reset_all.clicked.connect(self.directions_reset)
        self.search = QLineEdit()
        self.search.setObjectName("directions:search")
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.setAcceptDrops(False)  # a dropped file is for the window
        self.search.setAccessibleName(self.tr("Search directions"))
        self.search.addAction(theme.icon("search", "dim"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        section.body.addWidget(self.search)
        self._direction_column = QVBoxLayout()
        self._direction_column.setSpacing(4)
        section.body.addLayout(self._direction_column)
        self._no_direction = QLabel()
        self._no_direction.setProperty("tone", "dim")
        self._no_direction.setWordWrap(True)
        section.body.addWidget(self._no_direction)
        return section

    def _mixing_section(self) -> Section:
        section = Section("mixing", self.tr("Style mixing"), open_=False)
        self._mixing = section
        self.mix_seed = self._seed_field("mix-seed", self.tr("Second seed: it lends its style to the layers chosen below"))
        self.mix_seed.changed.connect(lambda seed: self.mix_seed_changed.emit(int(seed)))
        roll = _button("dice", self.tr("Another second seed"), "mix-dice")
        roll.clicked.connect(lambda: self.mix_seed_changed.emit(-1))
        off = _button("close", self.tr("No mixing"), "mix-off")
        off.clicked.connect(lambda: self.mix_seed_changed.emit(None))
        self._swatch = _Swatch()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._swatch)
        line.addWidget(self.mix_seed)
        line.addWidget(roll)
        line.addWidget(off)
        section.body.addLayout(line)
        chips = QHBoxLayout()
        chips.setSpacing(4)
        self._chips: list[QPushButton] = []
        for text, tip in (
            (self.tr("Shape"), self.tr("Coarse layers: pose, outline")),
            (self.tr("Features"), self.tr("Middle layers: the parts and how they look")),
            (self.tr("Colours"), self.tr("Fine layers: colours, light, surface")),
        ):
            chip = QPushButton(text)
            chip.setObjectName(f"mix:{len(self._chips)}")
            chip.setToolTip(tip)
            chip.setCheckable(True)
            chip.setProperty("look", "chip")
            chip.clicked.connect(self._chip)
            chips.addWidget(chip)
            self._chips.append(chip)
        section.body.addLayout(chips)
        self.layers = LayerBar()
        self.layers.changed.connect(self.mix_layers_changed)
        self.layers.settled.connect(self.settled)
        section.body.addWidget(self.layers)
        return section

    def _noise_section(self) -> Section:
        section = Section("noise", self.tr("Fine detail"), open_=False)
        self._fine_detail = section
        line = QHBoxLayout()
        line.setSpacing(4)
        self._noises = QButtonGroup(self)
        self._noises.setExclusive(True)
        choices: tuple[tuple[Noise, str, str], ...] = (
            ("const", self.tr("As taught"), self.tr("The model's own noise: the same picture every time")),
            ("random", self.tr("Drawn"), self.tr("Other strands, folds and grain, from a seed")),
            ("none", self.tr("None"), self.tr("No noise: smooth, like a retouched picture")),
        )
        for name, text, tip in choices:
            chip = QPushButton(text)
            chip.setObjectName(f"noise:{name}")
            chip.setToolTip(tip)
            chip.setCheckable(True)
            chip.setProperty("look", "chip")
            chip.clicked.connect(lambda _=False, name=name: self.noise_changed.emit(name))
            self._noises.addButton(chip)
            line.addWidget(chip)
        roll = _button("dice", self.tr("Draw other noise"), "noise:dice")
        roll.clicked.connect(self.noise_dice)
        line.addWidget(roll)
        section.body.addLayout(line)
        return section

    # What is shown

    def show_model(self, facts: ModelFacts) -> None:
        """Build the controls of a model."""
        self._facts = facts
        for row in self._rows.values():
            self._direction_column.removeWidget(row)
            row.deleteLater()
        self._rows = {}
        for direction in facts.directions:
            row = SliderRow(
                f"direction:{direction.name}",
                direction.title,
                direction.low,
                direction.high,
                0.0,
                decimals=1,
                remark=direction.remark,
                label_width=LABEL_WIDTH,
            )
            row.changed.connect(lambda value, name=direction.name: self.direction_changed.emit(name, value))
            row.settled.connect(self.settled)
            self._direction_column.addWidget(row)
            self._rows[direction.name] = row
        many = len(facts.directions) > 8
        self.search.setVisible(many)
        self.reset_all.setVisible(bool(facts.directions))
        self.layers.set_layers(facts.num_ws, facts.layer_sizes)
        self._mixing.setVisible(facts.num_ws > 1)
        self._fine_detail.setVisible(facts.noisy)
        self.label_box.set_classes(facts.classes, facts.class_names)
        self._filter(self.search.text())
        order_tabs(self)

    def show_variation(self, variation: Variation) -> None:
        """Show where a variation is; no signal comes back."""
        self.seed.set_value(variation.seed)
        self.pad.set_place(variation.x, variation.y)
        self.seed.set_prefix("" if variation.on_seed else self.tr("away from ") if variation.point else self.tr("near "))
        if self.psi.value() != variation.psi:
            self.psi.show_value(variation.psi)
        for name, row in self._rows.items():
            value = variation.direction(name)
            if abs(row.value() - value) > 1e-9:
                row.show_value(value)
        self.reset_all.setEnabled(bool(variation.directions))
        self.label_box.set_value(variation.label or 0)
        self.mix_seed.set_value(variation.mix_seed or 0)
        self.layers.set_on(variation.mix_layers if variation.mix_seed is not None else ())
        self._mixed_with = variation.mix_seed
        self.show_thumbnails()
        on = set(variation.mix_layers) if variation.mix_seed is not None else set()
        for number, chip in enumerate(self._chips):
            group = set(self._group(number))
            chip.setChecked(bool(group) and group <= on)
        for choice in self._noises.buttons():
            if choice.objectName() == f"noise:{variation.noise}":
                choice.setChecked(True)

    def show_thumbnails(self) -> None:
        """Images may have come."""
        self.pad.update()
        self._swatch.image = self._thumbnail(self._mixed_with) if self._mixed_with is not None else None
        self._swatch.update()

    def row(self, name: str) -> SliderRow | None:
        """The slider of a direction."""
        return self._rows.get(name)

    def _group(self, number: int) -> tuple[int, ...]:
        """The layers of a chip: coarse, middle or fine by the pixels of their grids; thirds where those are unknown, or a chip
        would have none (StyleGAN3 has no small grids, a model of small pictures no large ones)."""
        count, sizes = self._facts.num_ws, self._facts.layer_sizes
        kinds = [(size > COARSE) + (size > MIDDLE) for size in sizes]
        if len(sizes) != count or set(kinds) != {0, 1, 2}:
            kinds = [layer * 3 // count for layer in range(count)]
        return tuple(layer for layer, kind in enumerate(kinds) if kind == number)

    def _chip(self) -> None:
        layers = sorted(layer for number, chip in enumerate(self._chips) if chip.isChecked() for layer in self._group(number))
        self.mix_layers_changed.emit(tuple(layers))
        self.settled.emit()

    def _filter(self, text: str) -> None:
        wanted = text.strip().lower()
        found = 0
        for row in self._rows.values():
            fits = wanted in row.label_text.lower() or wanted in row.toolTip().lower()
            row.setVisible(fits)
            found += fits
        if not self._rows:
            self._no_direction.setText(self.tr("This model has no named directions."))
        else:
            self._no_direction.setText(self.tr("No direction is called so."))
        self._no_direction.setVisible(not found)
