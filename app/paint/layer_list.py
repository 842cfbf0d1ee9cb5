"""The layers of a drawing, the topmost first: what is painted on, what shows, photos to trace with their opacity."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.paint.state.drawing import Drawing
from app.paint.state.layers import Layer, PhotoLayer
from app.widgets.slider_row import Slider


class LayerRow(QWidget):
    """One layer: eye, name, and for a photo a slider of its opacity."""

    picked = Signal(int)
    shown = Signal(int, bool)
    faded = Signal(int, float, bool)
    renamed = Signal(int, str)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, layer: Layer, active: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key, self._active, self._name = layer.key, active, layer.name
        self._slider: Slider | None = None
        self.setObjectName(f"layer:{layer.name}")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Painted on") if active else self.tr("Paint on “{0}”").format(layer.name))
        self.setAccessibleName(self.tr("Layer {0}").format(layer.name))
        self._eye = QToolButton(self)
        self._eye.setObjectName(f"layer:{layer.name}:eye")
        self._eye.setIcon(theme.icon("eye" if layer.visible else "eye-off", "text" if layer.visible else "dim"))
        self._eye.setIconSize(QSize(16, 16))
        self._eye.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._eye.setToolTip(self.tr("Hide") if layer.visible else self.tr("Show"))
        self._eye.setAccessibleName(self._eye.toolTip())
        self._eye.clicked.connect(lambda: self.shown.emit(self.key, not layer.visible))
        name = QLabel(layer.name, self)
        name.setTextFormat(Qt.TextFormat.PlainText)  # it may come from a stranger's file
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        name.setProperty("tone", "accent" if active else "" if layer.visible else "dim")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        row.addWidget(self._eye)
        row.addWidget(name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(0)
        column.addLayout(row)
        if isinstance(layer, PhotoLayer):
            percent = QLabel(f"{layer.opacity:.0%}", self)
            percent.setProperty("tone", "dim")
            row.addWidget(percent)
            slider = self._slider = Slider(0, 100, 0, self)
            slider.setObjectName(f"layer:{layer.name}:opacity")
            slider.setAccessibleName(self.tr("Opacity of {0}").format(layer.name))
            slider.setValue(round(layer.opacity * 100))
            slider.valueChanged.connect(lambda value: percent.setText(f"{value} %"))
            slider.valueChanged.connect(lambda value: self.faded.emit(self.key, value / 100, slider.isSliderDown()))
            slider.sliderReleased.connect(lambda: self.faded.emit(self.key, slider.value() / 100, False))
            under = QHBoxLayout()
            under.setContentsMargins(30, 0, 8, 2)
            under.addWidget(slider)
            column.addLayout(under)

    @property
    def sliding(self) -> bool:
        """Whether the opacity is being dragged."""
        return self._slider is not None and self._slider.isSliderDown()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(self.key)
        elif event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(self.key, event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        text, given = QInputDialog.getText(self, self.tr("Rename the layer"), self.tr("Name"), text=self._name)
        if given and text.strip():
            self.renamed.emit(self.key, text.strip())

    def paintEvent(self, event: QPaintEvent) -> None:
        if not (self._active or self.hasFocus()):
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.colour("accent") if self.hasFocus() else QColor(0, 0, 0, 0), 1))
            painter.setBrush(theme.colour("accent_soft"))
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)


class LayerList(QWidget):
    """All layers. What a person wants is told by signals with the layer's key; `act(action, key)` for the buttons and the menu:
    "add", "photo", "up", "down", "copy", "join", "remove"."""

    picked = Signal(int)
    shown = Signal(int, bool)
    faded = Signal(int, float, bool)
    renamed = Signal(int, str)
    act = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self._rows: list[LayerRow] = []
        self._shown: list[tuple[int, str, bool, bool, float]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)

    def show_layers(self, drawing: Drawing) -> None:
        """Show the layers of a drawing, the topmost first. A slider that is being dragged stays where it is."""
        shown = [
            (
                layer.key,
                layer.name,
                layer.visible,
                layer.key == drawing.active,
                layer.opacity if isinstance(layer, PhotoLayer) else 0.0,
            )
            for layer in drawing.layers
        ]
        if shown == self._shown or any(row.sliding for row in self._rows):
            return
        self._shown = shown
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []
        for layer in reversed(drawing.layers):
            row = LayerRow(layer, layer.key == drawing.active, self)
            row.picked.connect(self.picked)
            row.shown.connect(self.shown)
            row.faded.connect(self.faded)
            row.renamed.connect(self.renamed)
            row.menu_wanted.connect(self._menu)
            self._column.addWidget(row)
            self._rows.append(row)

    def _menu(self, key: int, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action, text in (
            ("up", self.tr("Move up")),
            ("down", self.tr("Move down")),
            ("copy", self.tr("Copy")),
            ("join", self.tr("Join with the one below")),
            ("remove", self.tr("Remove")),
        ):
            menu.addAction(text).setData(action)
        menu.triggered.connect(lambda chosen: self.act.emit(str(chosen.data()), key))
        menu.popup(at)
