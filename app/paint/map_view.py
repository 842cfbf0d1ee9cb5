"""One view of a drawing: the map as it is painted, or the landscape that answers. Both zoom, pan and turn together."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.paint.desk import Desk

CRISP_FROM = 3.0  # from this scale on a person wants to see pixels, not a blur
FADED = 0.42  # what is left of the map while it lies over the picture
OUTLINE_FROM = 4.0  # a brush that is smaller on the screen (in pixels) is shown by a cross

Kind = Literal["drawing", "landscape"]


class MapView(QWidget):
    """Paints the map or the landscape with what lies over it. `placeholder` stands where there is no landscape yet."""

    def __init__(self, desk: Desk, kind: Kind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk, self.kind = desk, kind
        self.placeholder = ""
        self.hint = ""
        self._outlined = QRect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        desk.viewport.changed.connect(self.update)
        desk.refreshed.connect(self.update)
        desk.map_changed.connect(self._map_changed)
        desk.landscape_changed.connect(self._landscape_changed)
        desk.pointed.connect(self._pointed)
        desk.tools_changed.connect(self.update)

    # Where things lie

    def canvas_to_view(self) -> QTransform:
        return self.desk.viewport.transform(self.size(), self.devicePixelRatioF())

    def to_view(self, at: QPointF) -> QPointF:
        """Canvas to view coordinates."""
        return self.canvas_to_view().map(at)

    def to_canvas(self, at: QPointF) -> QPointF:
        """View to canvas coordinates."""
        return self.desk.viewport.to_canvas(at, self.size(), self.devicePixelRatioF())

    @property
    def scale(self) -> float:
        """Screen pixels a canvas pixel."""
        return self.desk.viewport.scale_in(self.size(), self.devicePixelRatioF())

    def _on_view(self, canvas: QRect) -> QRect:
        return self.canvas_to_view().mapRect(QRectF(canvas)).toAlignedRect().adjusted(-2, -2, 2, 2)

    # What changed

    def _map_changed(self, rect: QRect) -> None:
        if self.kind == "drawing" or self.desk.fading:
            self.update(self._on_view(rect))

    def _landscape_changed(self) -> None:
        if self.kind == "landscape" or self.desk.fading:
            self.update()

    def _pointed(self) -> None:
        """Paint the brush's outline anew where it was and where it is, and the name of the label under it."""
        self.update(self._outlined)
        self._outlined = self._outline_rect()
        self.update(self._outlined)
        self.update(self._tag_rect())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        dirty = event.rect()
        with QPainter(self) as painter:
            painter.setClipRect(dirty)
            painter.fillRect(dirty, theme.colour("canvas"))
            painter.setTransform(self.canvas_to_view())
            self._paint_pictures(painter, dirty)
            self._paint_axes(painter)
            painter.resetTransform()
            self._paint_outline(painter)
            self._paint_words(painter)
            if self.hasFocus():
                painter.setPen(theme.colour("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_pictures(self, painter: QPainter, dirty: QRect) -> None:
        desk, scale = self.desk, self.scale
        smooth = (abs(scale - 1) > 1e-6 and scale < CRISP_FROM) or desk.viewport.angle % 90 != 0
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        canvas = QRect(0, 0, desk.viewport.size.width(), desk.viewport.size.height())
        seen = self.canvas_to_view().inverted()[0].mapRect(QRectF(dirty)).toAlignedRect()
        seen = seen.adjusted(-2, -2, 2, 2).intersected(canvas)
        if seen.isEmpty():
            return
        landscape = self.kind == "landscape" or (desk.fading and not desk.landscape.isNull())
        if landscape and not desk.landscape.isNull():
            _draw_part(painter, desk.landscape, canvas, seen)
            if not desk.patch.isNull():
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
                _draw_part(painter, desk.patch, canvas, seen)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        if self.kind == "drawing" or desk.fading:
            painter.setOpacity(FADED if landscape and desk.fading else 1.0)
            _draw_part(painter, desk.shown.image, canvas, seen)
        if self.kind == "drawing" and not desk.fading:
            for image, place, opacity in desk.photos():
                painter.setOpacity(opacity)
                _draw_part(painter, image, place, seen.intersected(place))
        painter.setOpacity(1.0)

    def _paint_axes(self, painter: QPainter) -> None:
        """The lines that a mirrored tool mirrors at."""
        size, tools = self.desk.viewport.size, self.desk.tools
        for on, line in (
            (tools.mirror_x, (QPointF(size.width() / 2, 0), QPointF(size.width() / 2, size.height()))),
            (tools.mirror_y, (QPointF(0, size.height() / 2), QPointF(size.width(), size.height() / 2))),
        ):
            if on:
                for colour, style in (
                    (QColor(0, 0, 0, 150), Qt.PenStyle.SolidLine),
                    (QColor(255, 255, 255), Qt.PenStyle.DashLine),
                ):
                    pen = QPen(colour, 1.0, style)
                    pen.setCosmetic(True)
                    painter.setPen(pen)
                    painter.drawLine(*line)

    def outline_radius(self) -> float | None:
        """The brush's radius in view pixels, None where the tool has no brush or it is too small to be seen."""
        tools = self.desk.tools
        if tools.tool not in ("brush", "eraser", "line"):
            return None
        radius = tools.size / 2 * self.scale / self.devicePixelRatioF()
        return radius if radius >= OUTLINE_FROM else None

    def _outline_rect(self) -> QRect:
        at = self.desk.pointer
        if at is None:
            return QRect()
        place, radius = self.to_view(at), (self.outline_radius() or 8.0) * 1.5 + 3
        return QRectF(place.x() - radius, place.y() - radius, 2 * radius, 2 * radius).toAlignedRect()

    def _paint_outline(self, painter: QPainter) -> None:
        at = self.desk.pointer
        if at is None:
            return
        place, radius = self.to_view(at), self.outline_radius()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.translate(place)
        if self.desk.tools.square:
            painter.rotate(-self.desk.viewport.angle if self.desk.viewport.mirrored else self.desk.viewport.angle)
        for colour, width in ((QColor(0, 0, 0, 160), 3.0), (QColor(255, 255, 255), 1.2)):
            painter.setPen(QPen(colour, width))
            if radius is None:
                if not self.underMouse():  # the view under the pointer has a cursor for it
                    painter.drawLine(QPointF(-6, 0), QPointF(6, 0))
                    painter.drawLine(QPointF(0, -6), QPointF(0, 6))
            elif self.desk.tools.square:
                painter.drawRect(QRectF(-radius, -radius, 2 * radius, 2 * radius))
            else:
                painter.drawEllipse(QPointF(0, 0), radius, radius)
        painter.restore()

    def _tag_rect(self) -> QRect:
        return QRect(0, self.height() - 36, min(self.width(), 260), 36)

    def _paint_words(self, painter: QPainter) -> None:
        """The name of the label under the pointer; the hint; or what stands in for a picture that is not there."""
        if self.kind == "landscape" and self.desk.landscape.isNull() and self.placeholder:
            painter.setPen(theme.colour("text"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), flags, self.placeholder)
        at = self.desk.pointer
        number = self.desk.number_at(at) if at is not None and self.underMouse() else None
        palette = self.desk.document.drawing.palette
        if number is not None and number in palette:
            label = palette.label(number)
            width = painter.fontMetrics().horizontalAdvance(label.name) + 40
            self._paint_pill(painter, QRect(8, self.height() - 34, width, 26), label.name, QColor(*label.colour))
        if self.hint:
            wrapped = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            room = QRect(16, 0, self.width() - 64, 200)
            needed = painter.fontMetrics().boundingRect(room, wrapped, self.hint)
            pill = QRect(0, 0, needed.width() + 32, needed.height() + 16)
            pill.moveCenter(self.rect().center())
            pill.moveTop(16)
            self._paint_pill(painter, pill, self.hint, None)

    def _paint_pill(self, painter: QPainter, place: QRect, text: str, swatch: QColor | None) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = theme.colour("raised")
        ground.setAlpha(235)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(place), 8, 8)
        if swatch is not None:
            painter.setBrush(swatch)
            painter.setPen(QPen(theme.colour("border"), 1))
            painter.drawRoundedRect(QRectF(place.left() + 8, place.center().y() - 6, 13, 13), 3, 3)
        painter.setPen(theme.colour("text"))
        area = place.adjusted(28 if swatch is not None else 12, 0, -8 if swatch is not None else -12, 0)
        align = Qt.AlignmentFlag.AlignLeft if swatch is not None else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(area, align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, text)
        painter.restore()


def _draw_part(painter: QPainter, image: QImage, place: QRect, part: QRect) -> None:
    """Draw what `part` (canvas pixels) shows of an image that fills `place`; its own pixels may be fewer or more."""
    if part.isEmpty():
        return
    across, down = image.width() / place.width(), image.height() / place.height()
    source = QRectF((part.x() - place.x()) * across, (part.y() - place.y()) * down, part.width() * across, part.height() * down)
    painter.drawImage(QRectF(part), image, source)
