"""A picture before and after: a divider, side by side, or one after the other; a loupe; pan and zoom together.

All coordinates are those of the picture *before*. What comes *after* lies over it as patches, each with its place there: they may
be larger in pixels, come one by one, and cover only a part.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from app import theme
from app.widgets.patches import Comparison, Patch, composed, levels_of, paint_caption, paint_divider
from app.widgets.picture_view import CRISP_FROM, PictureView

Mode = Literal["divider", "side", "flicker"]
GRIP = 10  # how near to the divider a hand takes hold of it
FLICKER_MS = 600
LOUPE_SIDE = 220
LARGEST_COPY = 8000  # pixels a side of what is copied
LOUPE_SCALES = (1.0, 8.0)
PATCH_BYTES = 500 * 10**6  # the oldest patches go beyond this


class CompareView(PictureView):
    """See the module. `factor` is how many pixels after stand for one before: `percent` and the loupe count those after.

    `region_chosen(QRect)` comes when a rectangle was drawn with Shift held. Keys: `D` divider, `S` side by side, `F` flicker, `L`
    loupe; `B` held shows the picture before.
    """

    region_chosen = Signal(QRect)
    mode_changed = Signal(str)
    loupe_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("upscale:compare")
        self.setAccessibleName(self.tr("Before and after"))
        self._factor = 1.0
        self.before_caption, self.after_caption = self.tr("before"), self.tr("after")
        self.loupe_scale = 2.0
        self._mode: Mode = "divider"
        self._before: Patch | None = None
        self._patches: list[Patch] = []
        self._divider = 0.5  # share of the view's width
        self._moving_divider = self._loupe = self._only_before = False
        self._flicker_on_before = False
        self._pointer = QPointF(-1, -1)
        self._marked_from: QPointF | None = None
        self._marked = QRectF()
        self._timer = QTimer(self)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self._flick)

    # What is compared

    @property
    def factor(self) -> float:
        """Pixels after for one before."""
        return self._factor

    @factor.setter
    def factor(self, factor: float) -> None:
        # Before, too, is shown smooth until the pixels after are to be seen one by one: anything else would be unfair.
        self._factor, self.crisp_from = factor, CRISP_FROM * factor
        self.update()

    def show_before(self, image: QImage, factor: float = 1.0, levels: list[QImage] | None = None) -> None:
        """Show another picture (`levels` as `levels_of` gives them); everything after it is forgotten."""
        self._patches.clear()
        self._before = Patch(QRectF(image.rect()), levels or levels_of(image))
        self._marked = QRectF()
        self.factor = factor
        self.fit()
        self.show_image(image)
        self.fit()

    def add_patch(self, place: QRectF, image: QImage, levels: list[QImage] | None = None) -> list[Patch]:
        """A part of the picture after has come (`levels` as `levels_of` gives them). The patches it covers wholly are given
        back: letting go of a large one takes a while, and may be done elsewhere."""
        covered = [patch for patch in self._patches if place.contains(patch.place)]
        self._patches = [patch for patch in self._patches if not place.contains(patch.place)]
        self._patches.append(Patch(place, levels or levels_of(image)))
        while len(self._patches) > 1 and sum(patch.image.sizeInBytes() for patch in self._patches) > PATCH_BYTES:
            covered.append(self._patches.pop(0))
        self.update()
        return covered

    def clear_patches(self) -> list[Patch]:
        """Take away all that is after, and give it back."""
        taken, self._patches = self._patches, []
        self.update()
        return taken

    @property
    def patches(self) -> list[Patch]:
        return list(self._patches)

    def after_image(self) -> QImage | None:
        """What is in view of the picture after, at its own pixels (at most some 8,000 a side); None where there is none of it."""
        seen = self.seen()
        if not self._has_after(seen):
            return None
        return composed(self.image, self._patches, seen, min(self.factor, LARGEST_COPY / max(seen.width(), seen.height())))

    def comparison(self) -> Comparison | None:
        """What a picture of before and after is made of, at the pixels of the picture after (at most some 8,000 a side); None
        where there is none of it."""
        seen = self.seen()
        if not self._has_after(seen):
            return None
        divider = None
        if self._mode == "divider":
            at = self.to_picture(QPointF(self._divider * self.width(), 0)).x()
            divider = min(max((at - seen.left()) / seen.width(), 0.0), 1.0)
        longest = max(seen.width() * (1 if divider is not None else 2.01), seen.height())
        factor = min(self.factor, LARGEST_COPY / longest)
        captions = (self.before_caption, self.after_caption)
        return Comparison(self.image, tuple(self._patches), seen, factor, divider, captions)

    def _has_after(self, seen: QRect) -> bool:
        return any(patch.place.intersects(QRectF(seen)) for patch in self._patches)

    def seen(self) -> QRect:
        """The part of the picture that is in view, in whole pixels."""
        if not self.has_picture():
            return QRect()
        half = self._pane_width() / 2
        middle = self.width() / 2
        corner = self.to_picture(QPointF(middle - half, 0))
        other = self.to_picture(QPointF(middle + half, self.height()))
        return QRectF(corner, other).toAlignedRect().intersected(self.image.rect())

    # How it is compared

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        """Compare by a divider, side by side, or by flickering."""
        if mode == self._mode:
            return
        self._mode = mode
        self._flicker_on_before = False
        if mode == "flicker" and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()
        if self.fits:
            self.fit()
        self.update()
        self.mode_changed.emit(mode)

    @property
    def loupe(self) -> bool:
        return self._loupe

    def set_loupe(self, on: bool) -> None:
        """Show what is under the pointer enlarged, or not."""
        if on != self._loupe:
            self._loupe = on
            self.update()
            self.loupe_changed.emit(on)

    @property
    def divider(self) -> float:
        """Where the divider stands, as a share of the width."""
        return self._divider

    def set_divider(self, share: float) -> None:
        """Move the divider."""
        self._divider = min(max(share, 0.0), 1.0)
        self.update()

    @property
    def percent(self) -> float:
        """Pixels of the screen for 100 pixels after."""
        return 100 * self.scale / self.factor

    def set_percent(self, percent: float) -> None:
        """Zoom so that 100 pixels after take so many on the screen."""
        self.set_scale(percent / 100 * self.factor)

    def show_pixels(self, at: QPointF | None = None) -> None:
        self.set_scale(self.factor, at)

    def _flick(self) -> None:
        self._flicker_on_before = not self._flicker_on_before
        self.update()

    def _pane_width(self) -> float:
        return self.width() / 2 if self._mode == "side" else float(self.width())

    def _fit_now(self) -> None:
        super()._fit_now()
        if self._mode == "side" and self.has_picture():
            room = max(self.width() / 2 - 16, 1) / self.image.width() * self.devicePixelRatioF()
            self._scale = min(self._scale, room)

    # Painting

    def paint_picture(self, painter: QPainter, dirty: QRect) -> None:
        if self._mode == "side":
            self._paint_side_by_side(painter)
            return
        whole = QRectF(self.rect())
        if self._only_before or (self._mode == "flicker" and self._flicker_on_before):
            self._paint_before(painter, dirty)
            paint_caption(painter, self.before_caption, whole, left=True)
            return
        if self._mode == "flicker":
            self._paint_after(painter, dirty)
            paint_caption(painter, self.after_caption, whole, left=True)
            return
        at = round(self._divider * self.width())
        left = QRectF(0, 0, at, self.height())
        right = QRectF(at, 0, self.width() - at, self.height())
        painter.save()
        painter.setClipRect(left.intersected(QRectF(dirty)))
        self._paint_before(painter, dirty)
        painter.setClipRect(right.intersected(QRectF(dirty)))
        self._paint_after(painter, dirty)
        painter.restore()
        paint_caption(painter, self.before_caption, left, left=True)
        paint_caption(painter, self.after_caption, right, left=False)
        paint_divider(painter, at, self.height())

    def _paint_after(self, painter: QPainter, dirty: QRect) -> None:
        self._paint_before(painter, dirty)
        for patch in self._patches:
            self._paint_patch(painter, patch, dirty)

    def _paint_before(self, painter: QPainter, dirty: QRect) -> None:
        if self._before is not None:
            self._paint_patch(painter, self._before, dirty)

    def _paint_patch(self, painter: QPainter, patch: Patch, dirty: QRect) -> None:
        step = self.scale / self.devicePixelRatioF()
        patch.paint(
            painter, self.picture_rect().topLeft(), step, QRectF(dirty), self.devicePixelRatioF(), self.scale < self.crisp_from
        )

    def _paint_side_by_side(self, painter: QPainter) -> None:
        for (pane, shift), after in zip(self._panes(), (False, True), strict=True):
            painter.save()
            painter.setClipRect(pane)
            painter.translate(shift, 0)
            area = pane.translated(-shift, 0).toAlignedRect()
            if after:
                self._paint_after(painter, area)
            else:
                self._paint_before(painter, area)
            painter.restore()
            paint_caption(painter, self.after_caption if after else self.before_caption, pane, left=not after)
        painter.fillRect(QRectF(self.width() / 2 - 1, 0, 2, self.height()), theme.colour("window"))

    def _panes(self) -> list[tuple[QRectF, float]]:
        """Where the picture is shown, and how far to the right of the view's middle."""
        if self._mode != "side":
            return [(QRectF(self.rect()), 0.0)]
        quarter, half = self.width() / 4, self.width() / 2
        return [(QRectF(0, 0, half, self.height()), -quarter), (QRectF(half, 0, half, self.height()), quarter)]

    def paint_overlays(self, painter: QPainter) -> None:
        for pane, shift in self._panes():
            painter.save()
            painter.setClipRect(pane, Qt.ClipOperation.IntersectClip)
            painter.translate(shift, 0)
            super().paint_overlays(painter)
            if not self._marked.isEmpty():
                corner, other = self.to_view(self._marked.topLeft()), self.to_view(self._marked.bottomRight())
                painter.setPen(QPen(theme.colour("accent"), 1.5, Qt.PenStyle.DashLine))
                painter.drawRect(QRectF(corner, other))
            painter.restore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.has_picture():
            return
        with QPainter(self) as painter:
            if self._loupe and self.rect().contains(self._pointer.toPoint()) and not self._moving_divider:
                self._paint_loupe(painter)

    def _paint_loupe(self, painter: QPainter) -> None:
        """A square beside the pointer: its left half before, its right half after, of the same place."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = LOUPE_SIDE
        x = self._pointer.x() + 24 if self._pointer.x() + 24 + side < self.width() else self._pointer.x() - 24 - side
        y = min(max(self._pointer.y() - side / 2, 8), self.height() - side - 8)
        frame = QRectF(x, y, side, side)
        kept = (self._scale, self._centre, self._fit)
        under = self.to_picture(self.in_pane(self._pointer))
        painter.save()
        outline = QPainterPath()
        outline.addRoundedRect(frame, 8, 8)
        painter.setClipPath(outline)
        painter.fillRect(frame, theme.colour("canvas"))
        # The same painting at another scale: the picture's point under the pointer comes to the middle of each half.
        self._scale, self._centre, self._fit = self.loupe_scale * self.factor, under, False
        for after in (False, True):
            pane = QRectF(frame.center().x() if after else frame.left(), frame.top(), side / 2, side)
            shift = pane.center() - QPointF(self.width() / 2, self.height() / 2)
            painter.save()
            painter.setClipRect(pane, Qt.ClipOperation.IntersectClip)
            painter.translate(shift)
            area = pane.translated(-shift).toAlignedRect()
            if after:
                self._paint_after(painter, area)
            else:
                self._paint_before(painter, area)
            painter.restore()
        self._scale, self._centre, self._fit = kept
        painter.fillRect(QRectF(frame.center().x() - 0.5, frame.top(), 1, side), theme.colour("text"))
        painter.restore()
        painter.setPen(QPen(theme.colour("text"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 8, 8)
        paint_caption(painter, f"{self.loupe_scale:.0%}", frame, left=True)

    # Gestures

    def in_pane(self, at: QPointF, begun: QPointF | None = None) -> QPointF:
        if self._mode != "side":
            return at
        quarter, half = self.width() / 4, self.width() / 2
        return at + QPointF(quarter if (at if begun is None else begun).x() < half else -quarter, 0)

    def _on_divider(self, at: QPointF) -> bool:
        return self._mode == "divider" and self.has_picture() and abs(at.x() - self._divider * self.width()) <= GRIP

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        if left and event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.has_picture():
            self._marked_from = event.position()
            self._marked = QRectF()
        elif left and self._on_divider(event.position()):
            self._moving_divider = True
        else:
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._on_divider(event.position()):
            self.mousePressEvent(event)  # a hand that takes hold of it once more at once means it, not the zoom
        else:
            super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._marked_from is not None:
            corner = self.to_picture(self.in_pane(self._marked_from))
            self._marked = QRectF(corner, self.to_picture(self.in_pane(event.position(), self._marked_from))).normalized()
            self.update()
        elif self._moving_divider:
            self.set_divider(event.position().x() / max(self.width(), 1))
        else:
            if self._drag_from is None:
                on = self._on_divider(event.position())
                if on:
                    self.setCursor(Qt.CursorShape.SplitHCursor)
                else:
                    self._show_hand()
            if self._loupe:
                self.update()
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._marked_from is not None:
            self._marked_from = None
            region = self._marked.toAlignedRect().intersected(self.image.rect())
            self._marked = QRectF()
            self.update()
            if region.width() > 3 and region.height() > 3:
                self.region_chosen.emit(region)
        elif self._moving_divider:
            self._moving_divider = False
        else:
            super().mouseReleaseEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._loupe and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            notches = event.angleDelta().y() / 120
            self.loupe_scale = min(max(self.loupe_scale * 2**notches, LOUPE_SCALES[0]), LOUPE_SCALES[1])
            self.update()
            event.accept()
            return
        notches = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if self.has_picture() and notches:
            self.set_scale(self.scale * 1.25**notches, self.in_pane(event.position()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modes: dict[int, Mode] = {Qt.Key.Key_D: "divider", Qt.Key.Key_S: "side", Qt.Key.Key_F: "flicker"}
        plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
        if plain and event.key() in modes:
            self.set_mode(modes[event.key()])
        elif plain and event.key() == Qt.Key.Key_L:
            self.set_loupe(not self._loupe)
        elif plain and event.key() == Qt.Key.Key_B:
            self._only_before = True
            self.update()
        elif plain and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._mode == "divider":
            self.set_divider(self._divider + (0.02 if event.key() == Qt.Key.Key_Right else -0.02))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_B and not event.isAutoRepeat():
            self._only_before = False
            self.update()
        else:
            super().keyReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = QPointF(-1, -1)
        self.update()
        super().leaveEvent(event)

    def showEvent(self, event: QEvent) -> None:
        if self._mode == "flicker":
            self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)
