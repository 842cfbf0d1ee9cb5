"""What can be done with layers, each as one undo step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.paint.state.commands import LayersCommand, SetCommand
from app.paint.state.document import Change, Document
from app.paint.state.drawing import Drawing
from app.paint.state.layers import CLEAR, DrawingLayer, Layer, PhotoLayer, compose


def add_layer(document: Document, name: str, title: str) -> DrawingLayer:
    """A clear layer above the active one, and active itself."""
    drawing = document.drawing
    layer = DrawingLayer(drawing.free_key(), _free_name(drawing, name), np.full((drawing.height, drawing.width), CLEAR, np.uint8))
    _insert(document, layer, title)
    return layer


def add_photo(document: Document, picture: NDArray[np.uint8], name: str, title: str) -> PhotoLayer:
    """A photo uint8 `[h, w, 3]` to trace, above all layers; the active one stays active."""
    drawing = document.drawing
    layer = PhotoLayer(drawing.free_key(), _free_name(drawing, name), picture)
    document.history.seal()
    document.history.do(LayersCommand(document, [*drawing.layers, layer], drawing.active, title))
    document.history.seal()
    return layer


def can(drawing: Drawing, action: str, key: int) -> bool:
    """Whether "up", "down", "copy", "join" or "remove" is possible for a layer."""
    layers = drawing.layers
    index = next((i for i, layer in enumerate(layers) if layer.key == key), None)
    if index is None:
        return False
    layer = layers[index]
    if action == "up":
        return index + 1 < len(layers)
    if action == "down":
        return index > 0
    if action == "join":
        return index > 0 and isinstance(layer, DrawingLayer) and isinstance(layers[index - 1], DrawingLayer)
    if action == "remove":
        return isinstance(layer, PhotoLayer) or sum(isinstance(other, DrawingLayer) for other in layers) > 1
    return action == "copy"


def act(document: Document, action: str, key: int, title: str) -> None:
    """Do one of the actions of `can`, where it is possible."""
    drawing = document.drawing
    if not can(drawing, action, key):
        return
    layers = list(drawing.layers)
    index = next(i for i, layer in enumerate(layers) if layer.key == key)
    layer, active = layers[index], drawing.active
    if action in ("up", "down"):
        other = index + (1 if action == "up" else -1)
        layers[index], layers[other] = layers[other], layers[index]
    elif action == "remove":
        del layers[index]
        if active == key:
            below = [other for other in layers[:index] if isinstance(other, DrawingLayer)]
            above = [other for other in layers[index:] if isinstance(other, DrawingLayer)]
            active = (below or above[::-1])[-1].key
    elif action == "copy":
        copy = _copy(layer, drawing)
        layers.insert(index + 1, copy)
        active = copy.key
    else:
        joined = _joined(layers[index - 1], layer, drawing)
        layers[index - 1 : index + 1] = [joined]
        active = joined.key if active in (key, layers[index - 1].key, drawing.layers[index - 1].key) else active
    document.history.seal()
    document.history.do(LayersCommand(document, layers, active, title))
    document.history.seal()


def activate(document: Document, key: int) -> None:
    """Paint on another layer. Which one that is, is no change of the drawing: it is not undone."""
    document.drawing.active = key
    document.tell(Change("layers"))


def show(document: Document, key: int, visible: bool, title: str) -> None:
    """Show or hide a layer."""
    layer = document.drawing.layer(key)
    if layer is not None and layer.visible != visible:
        document.history.seal()
        document.history.do(SetCommand(document, layer, "visible", visible, "layers", title))
        document.history.seal()


def _insert(document: Document, layer: Layer, title: str) -> None:
    drawing = document.drawing
    index = next((i for i, other in enumerate(drawing.layers) if other.key == drawing.active), len(drawing.layers) - 1)
    layers = [*drawing.layers[: index + 1], layer, *drawing.layers[index + 1 :]]
    document.history.seal()
    document.history.do(LayersCommand(document, layers, layer.key, title))
    document.history.seal()


def _copy(layer: Layer, drawing: Drawing) -> Layer:
    name, key = _free_name(drawing, layer.name), drawing.free_key()
    if isinstance(layer, PhotoLayer):
        return replace(layer, key=key, name=name)
    return DrawingLayer(key, name, layer.labels.copy(), layer.visible)


def _joined(lower: Layer, upper: Layer, drawing: Drawing) -> DrawingLayer:
    labels = np.empty((drawing.height, drawing.width), np.uint8)
    compose([lower, upper], CLEAR, drawing.bounds, labels)
    return DrawingLayer(drawing.free_key(), lower.name, labels, True)


def _free_name(drawing: Drawing, name: str) -> str:
    names = {layer.name for layer in drawing.layers}
    number, found = 1, name
    while found in names:
        number += 1
        found = f"{name} {number}"
    return found
