"""What both views of a drawing share: the drawing itself, the tools, the hand, the viewport, and what is shown of it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRect, Signal
from PySide6.QtGui import QImage

from app.paint.hand import Hand
from app.paint.shown_map import ShownMap
from app.paint.state.document import Change, Document
from app.paint.state.layers import PhotoLayer, fit_inside
from app.paint.state.stroke import PenPoint
from app.paint.state.tools import Tools
from app.paint.viewport import Viewport
from app.widgets.picture_view import image_of


class Desk(QObject):
    """Signals: `map_changed(QRect)` in canvas pixels; `refreshed()` when everything must be painted anew; `pointed()` when the
    pointer moved; `tools_changed()`; `landscape_changed()`; `menu_wanted(QPoint)`, a right click at a place of the screen;
    `touched()` once a hand did anything on a canvas."""

    map_changed = Signal(QRect)
    refreshed = Signal()
    pointed = Signal()
    tools_changed = Signal()
    landscape_changed = Signal()
    menu_wanted = Signal(object)
    touched = Signal()

    def __init__(self, document: Document, tools: Tools, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document, self.tools = document, tools
        self.hand = Hand(document, tools, self)
        self.viewport = Viewport(document.drawing.width, document.drawing.height, self)
        self.landscape, self.patch = QImage(), QImage()  # the patch lies over the landscape, on the same place
        self.fading = False
        self.patterns = False
        self.pointer: QPointF | None = None  # in canvas pixels; None: not over a canvas
        self._photos: list[tuple[PhotoLayer, QImage]] = []
        self.shown = self._fresh_map()
        document.watchers.append(self._follow)

    def _fresh_map(self) -> ShownMap:
        drawing = self.document.drawing
        shown = ShownMap(drawing.width, drawing.height, drawing.palette, self.patterns)
        shown.refresh(self.document.map, drawing.bounds)
        return shown

    def _follow(self, change: Change) -> None:
        drawing = self.document.drawing
        if change.what == "drawing":
            self.hand.forget()
            self.tools.fit(drawing.palette)
            if (self.viewport.size.width(), self.viewport.size.height()) != (drawing.width, drawing.height):
                self.viewport.set_canvas(drawing.width, drawing.height)
            self.redraw()
            self.tools_changed.emit()
        elif change.what == "map":
            self.shown.refresh(self.document.map, change.rect)
            self.map_changed.emit(QRect(change.rect.left, change.rect.top, change.rect.width, change.rect.height))
        elif change.what == "layers":
            self.refreshed.emit()

    def redraw(self) -> None:
        """Colour the whole map anew."""
        self.shown = self._fresh_map()
        self.refreshed.emit()

    def show_patterns(self, on: bool) -> None:
        """Patterns on the labels, for eyes that cannot tell the colours apart."""
        self.patterns = on
        self.redraw()
        self.tools_changed.emit()

    def show_landscape(self, image: QImage) -> None:
        """Show a whole picture."""
        self.landscape, self.patch = image, QImage()
        self.landscape_changed.emit()

    def patch_landscape(self, patch: QImage) -> None:
        """Show a translucent picture over the landscape, instead of the patch before."""
        self.patch = patch
        self.landscape_changed.emit()

    def fade(self, on: bool) -> None:
        """Lay the map thinly over the landscape, in both views, while a key is held."""
        if on != self.fading:
            self.fading = on
            self.refreshed.emit()

    def point(self, at: QPointF | None) -> None:
        """The pointer is over this place of the canvas."""
        self.pointer = at
        self.pointed.emit()

    def change_tools(self) -> None:
        """Somebody changed `tools`."""
        self.tools_changed.emit()

    def choose_label(self, number: int) -> None:
        self.tools.choose(number)
        self.tools_changed.emit()

    def number_at(self, at: QPointF) -> int | None:
        """The label that is seen at a place of the canvas, or None outside."""
        drawing, x, y = self.document.drawing, int(at.x() // 1), int(at.y() // 1)
        if not (0 <= x < drawing.width and 0 <= y < drawing.height):
            return None
        return int(self.document.map[y, x])

    def pick(self, at: QPointF) -> None:
        """Take the label that is seen there."""
        number = self.number_at(at)
        if number is not None:
            self.choose_label(number)

    def photos(self) -> list[tuple[QImage, QRect, float]]:
        """The photos to trace that are shown: image, place on the canvas, opacity; the lowest first."""
        drawing, found = self.document.drawing, []
        layers = [layer for layer in drawing.layers if isinstance(layer, PhotoLayer)]
        if [layer for layer, _ in self._photos] != layers:  # by themselves: after undo another layer may have the same key
            known = {id(layer): image for layer, image in self._photos}
            self._photos = [(layer, known[id(layer)] if id(layer) in known else image_of(layer.picture)) for layer in layers]
        for layer, image in self._photos:
            if layer.visible and layer.opacity > 0:
                left, top, width, height = fit_inside(drawing.width, drawing.height, image.width(), image.height())
                found.append((image, QRect(round(left), round(top), round(width), round(height)), layer.opacity))
        return found

    @staticmethod
    def pen_point(at: QPointF, pressure: float) -> PenPoint:
        return PenPoint(at.x(), at.y(), pressure)
