"""Settings of a drawing changed as undo steps: looks, background, layers. What slides is one step until it is let go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.paint.state.commands import SetCommand
from app.paint.state.document import Document, What
from app.paint.state.look import Look


class Changer:
    """Changes attributes of the document's drawing and of its layers. Titles are what the undo menu says."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._sliding = False

    def set(self, target: Any, attribute: str, value: object, title: str, sliding: bool = False) -> None:
        """Give an attribute of the drawing or of a layer another value; nothing happens where it has it already."""
        history = self._document.history
        if not sliding and not self._sliding:
            history.seal()
        if getattr(target, attribute) != value:
            what: What = "looks" if attribute == "looks" else "layers"
            history.do(SetCommand(self._document, target, attribute, value, what, title))
        self._sliding = sliding
        if not sliding:
            history.seal()

    def set_layer(self, key: int, attribute: str, value: object, title: str, sliding: bool = False) -> None:
        """As `set`, for the layer of this key, where there is one."""
        layer = self._document.drawing.layer(key)
        if layer is not None:
            self.set(layer, attribute, value, title, sliding)

    def set_background(self, number: int, title: str) -> None:
        """Another label shows where all layers are clear."""
        self.set(self._document.drawing, "background", number, title)

    def choose_look(self, look: Look, title: str) -> None:
        """Another look; the one before stays at hand for blending."""
        looks = self._document.drawing.looks
        if look != looks.first:
            self.set(self._document.drawing, "looks", replace(looks, first=look, second=looks.first, blend=0.0), title)

    def roll_grain(self, grain: int, title: str) -> None:
        """The same look with other grass, other waves: the fine detail is drawn from another seed."""
        drawing = self._document.drawing
        self.set(drawing, "looks", replace(drawing.looks, grain=grain), title)

    def follow_edges(self, natural: bool, title: str) -> None:
        """Give strokes natural outlines, or follow them exactly."""
        drawing = self._document.drawing
        self.set(drawing, "looks", replace(drawing.looks, natural_edges=natural), title)

    def blend(self, share: float, title: str, sliding: bool) -> None:
        """Blend the look before in by `share` 0..1."""
        drawing = self._document.drawing
        self.set(drawing, "looks", replace(drawing.looks, blend=share), title, sliding)
