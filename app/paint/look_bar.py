"""The strip below the views: which look the landscape has, others to choose from, and one blended into another."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.paint.state.look import LARGEST_SEED, Look, Looks
from app.widgets.slider_row import SliderRow

PICTURE = QSize(72, 54)
CAPTION = 18
BLEND_WIDTH = 168


class LookButton(QAbstractButton):
    """One look: a small landscape of this map in it, and its name below."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look, self.second = look, False
        self.image = QImage()
        self.setObjectName(f"look:{look.title}")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedSize(PICTURE.width() + 6, PICTURE.height() + CAPTION + 6)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        kind = {
            "seed": self.tr("Look number {0}"),
            "photo": self.tr("The look of the photo “{0}”"),
            "plain": self.tr("The model's plain look"),
        }
        self.setToolTip(kind[look.kind].format(look.title))
        self.setAccessibleName(self.toolTip())

    def sizeHint(self) -> QSize:
        return self.size()

    def show_image(self, image: QImage) -> None:
        self.image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        place = QRectF(3, 3, PICTURE.width(), PICTURE.height())
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            shape = QPainterPath()
            shape.addRoundedRect(place, 6, 6)
            painter.fillPath(shape, theme.colour("raised"))
            if self.image.isNull():
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour("border"))
                for step in (-1, 0, 1):
                    painter.drawEllipse(place.center() + QPointF(step * 8.0, 0), 1.5, 1.5)
            else:
                painter.setClipPath(shape)
                painter.drawImage(place, self.image, _middle(self.image, place.width() / place.height()))
                painter.setClipping(False)
            if self.isChecked() or self.hasFocus() or self.underMouse():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.colour("accent" if self.isChecked() or self.hasFocus() else "border"), 2))
                painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 7, 7)
            painter.setPen(theme.colour("accent_text" if self.isChecked() else "dim"))
            painter.setFont(theme.remark_font())
            under = QRectF(0, place.bottom() + 3, self.width(), CAPTION)
            text = painter.fontMetrics().elidedText(self.look.title, Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(under, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()


def _middle(image: QImage, aspect: float) -> QRectF:
    """The largest middle part of an image with this ratio of width to height."""
    width = min(float(image.width()), image.height() * aspect)
    height = width / aspect
    return QRectF((image.width() - width) / 2, (image.height() - height) / 2, width, height)


class End(QAbstractButton):
    """A button over the end of a strip: there is more."""

    def __init__(self, icon: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon = icon
        self.setObjectName(f"looks:{icon}")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedSize(24, 40)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.colour("line"), 1))
            painter.setBrush(theme.colour("hover" if self.underMouse() else "raised"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            theme.draw_icon(painter, QRectF(self.rect()).adjusted(4, 0, -4, 0), self._icon)


class Strip(QScrollArea):
    """Buttons in a row that the wheel moves along."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(PICTURE.height() + CAPTION + 8)
        self._revealed: QWidget | None = None

        self._ends = {}
        for step, icon, tip in ((-1, "left", self.tr("Looks before these")), (1, "right", self.tr("More looks"))):
            button = End(icon, self)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, step=step: self.move_by(step * (self.width() - PICTURE.width())))
            self._ends[step] = button
        self.horizontalScrollBar().valueChanged.connect(self._show_ends)
        self.horizontalScrollBar().rangeChanged.connect(self._show_ends)

    def move_by(self, pixels: int) -> None:
        """Show what lies so far to the right."""
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() + pixels)

    def _show_ends(self) -> None:
        """A button at each end where there is more."""
        bar = self.horizontalScrollBar()
        self._ends[-1].setVisible(bar.value() > bar.minimum())
        self._ends[1].setVisible(bar.value() < bar.maximum())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        top = 3 + (PICTURE.height() - 40) // 2
        self._ends[-1].move(0, top)
        self._ends[1].move(self.width() - 24, top)
        self._show_ends()
        if self._revealed is not None:
            self.reveal(self._revealed)

    def reveal(self, button: QWidget | None) -> None:
        """Bring a button into view, with a part of its neighbours, and keep it there when the strip becomes narrower."""
        self._revealed = button
        if button is not None:
            self.ensureWidgetVisible(button, PICTURE.width(), 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.move_by(-(event.angleDelta().y() or event.angleDelta().x()))
        event.accept()


class LookBar(QFrame):
    """`chosen(Look)`, `rolled()` for the dice, `photo_wanted()`, `blended(share, sliding)`, `edged(natural)`."""

    chosen = Signal(object)
    rolled = Signal()
    photo_wanted = Signal()
    blended = Signal(float, bool)
    edged = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")  # the ground and the line of a strip at the foot
        self._buttons: list[LookButton] = []
        self._columns = QHBoxLayout(self)
        self._columns.setContentsMargins(12, 6, 12, 4)
        self._columns.setSpacing(12)
        left = QVBoxLayout()
        left.setSpacing(4)
        heading = QLabel(self.tr("Look"), self)
        heading.setFont(theme.heading(0))
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(heading, 1)
        self._dice = self._button("look:dice", "dice", self.tr("Another look (D)"))
        self._dice.clicked.connect(self.rolled)
        self._photo = self._button("look:photo", "picture", self.tr("Take the look of a photo …"))
        self._photo.clicked.connect(self.photo_wanted)
        self._seed = QLineEdit(self)
        self._seed.setObjectName("look:seed")
        self._seed.setMaxLength(10)
        self._seed.setFixedWidth(92)
        self._seed.setToolTip(self.tr("The number of the look"))
        self._seed.setAccessibleName(self._seed.toolTip())
        self._seed.editingFinished.connect(self._type)
        bottom = QHBoxLayout()
        bottom.setSpacing(2)
        bottom.addWidget(self._seed)
        bottom.addWidget(self._dice)
        bottom.addWidget(self._photo)
        left.addLayout(top)
        left.addLayout(bottom)
        left.addStretch(1)
        self._columns.addLayout(left)
        self._row = QWidget(self)
        self._inside = QHBoxLayout(self._row)
        self._inside.setContentsMargins(0, 0, 0, 0)
        self._inside.setSpacing(4)
        self._inside.addStretch(1)
        self._scroll = Strip(self)
        self._scroll.setWidget(self._row)
        self._columns.addWidget(self._scroll, 1)
        self._blend = SliderRow("look:blend", self.tr("Blend"), 0, 100, 0, decimals=0, unit=" %", parent=self)
        self._blend.setFixedWidth(BLEND_WIDTH)
        self._blend.label.setTextFormat(Qt.TextFormat.PlainText)  # the name of a look may come from a stranger's file
        self._blend.label.setWordWrap(False)  # a second line would push the slider down under the hand
        self._blend.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._blend.changed.connect(lambda value: self.blended.emit(value / 100, True))
        self._blend.settled.connect(lambda: self.blended.emit(self._blend.value() / 100, False))
        self._edges = QCheckBox(self.tr("Natural edges"), self)
        self._edges.setObjectName("look:edges")
        self._edges.setToolTip(
            self.tr("Clouds, trees and rocks get the outline they have in nature; off: your strokes are followed exactly")
        )
        self._edges.clicked.connect(self.edged)
        right = QVBoxLayout()
        right.setSpacing(4)
        right.addWidget(self._blend)
        right.addWidget(self._edges)
        right.addStretch(1)
        self._columns.addLayout(right)
        self._shown = Looks()

    def set_looks(self, looks: Sequence[Look]) -> None:
        """The looks to choose from; pictures of those that stay are kept."""
        images = {button.look: button.image for button in self._buttons}
        for button in self._buttons:
            self._inside.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        self._scroll.reveal(None)
        for look in looks:
            button = LookButton(look, self._row)
            button.image = images.get(look, QImage())
            button.clicked.connect(lambda _=False, look=look: self.chosen.emit(look))
            self._inside.insertWidget(len(self._buttons), button)
            self._buttons.append(button)
        self.show_looks(self._shown)

    def looks(self) -> list[Look]:
        return [button.look for button in self._buttons]

    def show_image(self, look: Look, image: QImage) -> None:
        """The picture of a look has come."""
        for button in self._buttons:
            if button.look == look:
                button.show_image(image)

    def show_looks(self, looks: Looks) -> None:
        """Show which look is chosen and what is blended in; no signal comes back."""
        self._shown = looks
        for button in self._buttons:
            button.setChecked(button.look == looks.first)
            if button.isChecked():
                self._scroll.reveal(button)
        self._seed.setText(str(looks.first.seed) if looks.first.kind == "seed" else looks.first.title)
        self._seed.setCursorPosition(0)
        second = looks.second
        can = second is not None and "plain" not in (looks.first.kind, second.kind)
        self._blend.setEnabled(can)
        self._blend.set_value(looks.blend * 100)
        self._edges.setChecked(looks.natural_edges)
        name = second.title if second is not None else ""
        self._blend.label.setText(self._fitting(self.tr("Blend: {0}").format(name)) if can else self.tr("Blend"))
        tip = (
            self.tr("How much of the look “{0}”, which was chosen before, is in the picture").format(name)
            if can
            else self.tr("Choose two looks, one after the other, to blend them")
        )
        for part in (self._blend, self._blend.label, self._blend.slider):
            part.setToolTip(tip)

    def _fitting(self, text: str) -> str:
        """As much of the text as stands in one line over the slider."""
        label = self._blend.label
        room = BLEND_WIDTH - self._blend.number.width() - 4
        return label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)

    def allow_looks(self, several: bool) -> None:
        """Whether the model has more than one look."""
        for part in (self._dice, self._photo, self._seed, self._scroll):
            part.setEnabled(several)
        self._dice.setToolTip(self.tr("Another look (D)") if several else self.tr("This model has one look only"))

    def allow_edges(self, known: bool) -> None:
        """Whether the model can give strokes natural outlines."""
        self._edges.setVisible(known)

    def _type(self) -> None:
        if not self._seed.isModified():  # a photo may be called by a number: nobody typed it
            return
        text = self._seed.text().strip()
        if text.isdecimal() and int(text) <= LARGEST_SEED:
            look = Look("seed", int(text))
            if look != self._shown.first:
                self.chosen.emit(look)
        else:
            self.show_looks(self._shown)

    def _button(self, name: str, icon: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setIcon(theme.icon(icon))
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button
