"""Parts of a picture that come one by one, each of any size, painted at their places; and what is drawn over two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from app import theme

SMALLEST_LEVEL = 256  # pixels


def levels_of(image: QImage) -> list[QImage]:
    """An image and its halves down to some hundred pixels: what is shown small is painted from a small one, which is quick and
    does not shimmer. Takes a moment for a large image; any thread may do it."""
    levels = [image]
    while max(levels[-1].width(), levels[-1].height()) >= 2 * SMALLEST_LEVEL:
        size = QSize(max(1, levels[-1].width() // 2), max(1, levels[-1].height() // 2))
        levels.append(levels[-1].scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation))
    return levels


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of a picture: its place (coordinates of the picture before) and its image, of any size, with its halves."""

    place: QRectF
    levels: list[QImage]

    @property
    def image(self) -> QImage:
        return self.levels[0]

    def paint(self, painter: QPainter, corner: QPointF, step: float, dirty: QRectF, ratio: float, smooth: bool) -> None:
        """Paint what `dirty` shows of the part, where the picture before has its corner at `corner` and takes `step` for each
        of its pixels (all in the painter's coordinates; `ratio` pixels of the screen stand for one of them)."""
        place = self.place
        least = 1 / ratio  # a very thin one is not less than a pixel of the screen: it would not be there
        wide, high = max(place.width() * step, least), max(place.height() * step, least)
        target = QRectF(corner.x() + place.x() * step, corner.y() + place.y() * step, wide, high)
        seen = target.intersected(dirty)
        if seen.isEmpty():
            return
        image = self.level_for(target.width() * ratio)
        across, down = image.width() / target.width(), image.height() / target.height()
        source = QRectF(
            (seen.x() - target.x()) * across, (seen.y() - target.y()) * down, seen.width() * across, seen.height() * down
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(seen, image, source)

    def level_for(self, width: float) -> QImage:
        """The smallest image that has at least so many pixels across (the largest one where none has)."""
        return next((level for level in reversed(self.levels) if level.width() >= width), self.levels[0])


def composed(before: QImage, patches: Sequence[Patch], seen: QRect, factor: float) -> QImage:
    """The part `seen` of a picture, `factor` times as large, with the patches in their places."""
    width, height = max(1, round(seen.width() * factor)), max(1, round(seen.height() * factor))
    image = QImage(width, height, QImage.Format.Format_RGB32)
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(image.rect()), before, QRectF(seen))
        for patch in patches:
            corner = (patch.place.topLeft() - QPointF(seen.topLeft())) * factor
            place = QRectF(corner.x(), corner.y(), patch.place.width() * factor, patch.place.height() * factor)
            painter.drawImage(place, patch.image, QRectF(patch.image.rect()))
    return image


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a picture of before and after is made of: the part that is seen, how many times larger it is to be, where it is
    divided (a share of its width; None: both side by side), and what is written on either."""

    before: QImage
    patches: tuple[Patch, ...]
    seen: QRect
    factor: float
    divider: float | None
    captions: tuple[str, str]

    def picture(self) -> QImage:
        """Make it. Takes a moment for a large one; any thread may do it."""
        plain = composed(self.before, (), self.seen, self.factor)
        after = composed(self.before, self.patches, self.seen, self.factor)
        width, height = plain.width(), plain.height()
        if self.divider is None:
            gap = max(2, width // 100)
            whole = QImage(2 * width + gap, height, QImage.Format.Format_RGB32)
            whole.fill(Qt.GlobalColor.white)
            left, right = QRectF(0, 0, width, height), QRectF(width + gap, 0, width, height)
            halves = ((plain, left, QRectF(plain.rect())), (after, right, QRectF(after.rect())))
        else:
            at = round(self.divider * width)
            whole = QImage(width, height, QImage.Format.Format_RGB32)
            left, right = QRectF(0, 0, at, height), QRectF(at, 0, width - at, height)
            halves = ((plain, left, left), (after, right, right))
        with QPainter(whole) as painter:
            for image, target, source in halves:
                painter.drawImage(target, image, source)
            if self.divider is not None:
                painter.fillRect(QRectF(right.left() - 1, 0, max(2, width // 600), height), Qt.GlobalColor.white)
            for text, pane, from_left in ((self.captions[0], left, True), (self.captions[1], right, False)):
                _write(painter, text, pane, from_left, max(12, height // 36))
        return whole


def _write(painter: QPainter, text: str, pane: QRectF, left: bool, size: int) -> None:
    """White letters on dark in a pane's lower corner, where there is room."""
    font = QFont(painter.font())
    font.setPixelSize(size)
    painter.setFont(font)
    width, height = painter.fontMetrics().horizontalAdvance(text) + size, round(1.6 * size)
    if pane.width() < width + size:
        return
    x = pane.left() + size / 2 if left else pane.right() - width - size / 2
    place = QRectF(x, pane.bottom() - height - size / 2, width, height)
    painter.fillRect(place, QColor(0, 0, 0, 150))
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def paint_divider(painter: QPainter, at: int, height: int) -> None:
    """A line from top to bottom, and a handle in its middle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(at - 1.5, 0, 3, height), theme.colour("window"))
    painter.fillRect(QRectF(at - 0.5, 0, 1, height), theme.colour("text"))
    middle = QPointF(at, height / 2)
    painter.setPen(QPen(theme.colour("border"), 1))
    painter.setBrush(theme.colour("raised"))
    painter.drawEllipse(middle, 14, 14)
    painter.setPen(QPen(theme.colour("text"), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for side in (-1, 1):
        tip = middle + QPointF(side * 8, 0)
        painter.drawLine(tip, tip + QPointF(-side * 3.5, -3.5))
        painter.drawLine(tip, tip + QPointF(-side * 3.5, 3.5))
    painter.restore()


def paint_caption(painter: QPainter, text: str, pane: QRectF, left: bool) -> None:
    """A small label in the lower corner of a pane."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.remark_font())
    width = painter.fontMetrics().horizontalAdvance(text) + 16
    height = painter.fontMetrics().height() + 6
    if pane.width() > width + 16:
        x = pane.left() + 8 if left else pane.right() - width - 8
        place = QRectF(x, pane.bottom() - height - 8, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("window"))
        painter.setOpacity(0.85)
        painter.drawRoundedRect(place, 4, 4)
        painter.setOpacity(1.0)
        painter.setPen(theme.colour("text"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
