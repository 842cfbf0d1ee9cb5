"""The document of the Paint panel: a drawing, its label map kept up to date, and who wants to know of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.history import History
from app.paint.state.drawing import Drawing
from app.paint.state.layers import DrawingLayer, LabelArray, compose
from app.paint.state.rect import NOTHING, Rect

What = Literal["map", "layers", "looks", "drawing"]


@dataclass(frozen=True)
class Change:
    """What changed: pixels of the "map" (in `rect`), the list of "layers", the "looks", or the whole "drawing"."""

    what: What
    rect: Rect = NOTHING


class CannotPaint(Exception):
    """There is nothing to paint on. `what` and `hint` are sentences for a person; `hidden` is the layer to show, if any."""

    def __init__(self, what: str, hint: str, hidden: DrawingLayer | None = None) -> None:
        super().__init__(f"{what} {hint}")
        self.what, self.hint, self.hidden = what, hint, hidden


class Document:
    """A drawing that is being worked on. `map` uint8 `[H, W]` is its label map; treat it as read-only.

    Everything that changes the drawing goes through `history`; the commands call `touched` or `tell` when they are done.
    """

    def __init__(self, drawing: Drawing, history: History) -> None:
        self.drawing = drawing
        self.history = history
        self.map: LabelArray = drawing.label_map()
        self.watchers: list[Callable[[Change], None]] = []

    def show(self, drawing: Drawing) -> None:
        """Put another drawing in this one's place (a command does it)."""
        self.drawing = drawing
        self.map = drawing.label_map()
        self.tell(Change("drawing", drawing.bounds))

    def touched(self, rect: Rect) -> None:
        """Pixels of a layer changed inside `rect`: bring the label map up to date and tell."""
        if not rect.empty:
            compose(self.drawing.layers, self.drawing.background, rect, self.map)
            self.tell(Change("map", rect))

    def tell(self, change: Change) -> None:
        for watcher in self.watchers:
            watcher(change)

    def canvas(self) -> DrawingLayer:
        """The layer that a stroke goes to: the active one, or the topmost drawing layer where a photo is active.

        Raises `CannotPaint` where there is none or it is hidden.
        """
        layer = self.drawing.layer(self.drawing.active)
        if not isinstance(layer, DrawingLayer):
            drawn = [other for other in self.drawing.layers if isinstance(other, DrawingLayer)]
            if not drawn:
                raise CannotPaint("This drawing has no layer to paint on.", "Add a drawing layer.")
            layer = drawn[-1]
        if not layer.visible:
            raise CannotPaint(f"The layer “{layer.name}” is hidden.", "Show it to paint on it.", layer)
        return layer
