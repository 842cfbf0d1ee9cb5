"""Everything that changes a drawing can be taken back and done again."""

from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.history import History
from app.paint.state import layering
from app.paint.state.commands import DrawingCommand, LayersCommand, SetCommand
from app.paint.state.document import Change, Document
from app.paint.state.drawing import blank, resized
from app.paint.state.layers import CLEAR, DrawingLayer, PhotoLayer
from app.paint.state.look import Looks, photo_look, seed_look
from app.paint.state.tools import TOOLS, Tools
from tests.paint.sheet import LABELS, new_document, stroke

step = st.one_of(
    st.tuples(
        st.just("stroke"), st.sampled_from([tool for tool in TOOLS if tool != "pick"]), st.sampled_from([0, 1, 2, 8, 11]),
        st.lists(st.tuples(st.floats(-5, 40), st.floats(-5, 40), st.floats(0, 1)), min_size=1, max_size=4),
    ),
    st.tuples(st.just("look"), st.integers(0, 99)),
    st.tuples(st.just("background"), st.sampled_from([0, 8])),
    st.tuples(st.just("add layer")),
    st.tuples(st.just("hide"), st.booleans()),
    st.tuples(st.just("resize"), st.integers(64, 80)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)  # fmt: skip


def perform(document: Document, action: tuple) -> None:  # type: ignore[type-arg]
    drawing, history = document.drawing, document.history
    kind, *rest = action
    history.seal()
    if kind == "stroke":
        if document.drawing.layers[-1].visible:
            stroke(document, Tools(tool=rest[0], label=rest[1], size=8), rest[2])
    elif kind == "look":
        history.do(SetCommand(document, drawing, "looks", Looks(seed_look(rest[0])), "looks", "look"))
    elif kind == "background":
        history.do(SetCommand(document, drawing, "background", rest[0], "layers", "background"))
    elif kind == "add layer":
        labels = np.full((drawing.height, drawing.width), CLEAR, np.uint8)
        layer = DrawingLayer(drawing.free_key(), "More", labels)
        history.do(LayersCommand(document, [*drawing.layers, layer], layer.key, "new layer"))
    elif kind == "hide":
        history.do(SetCommand(document, drawing.layers[-1], "visible", rest[0], "layers", "visibility"))
    elif kind == "resize":
        history.do(DrawingCommand(document, resized(drawing, rest[0], 64, stretch=False), "size"))
    elif kind == "undo":
        history.undo()
    elif kind == "redo":
        history.redo()


def everything(document: Document) -> tuple:  # type: ignore[type-arg]
    """All that a person could tell apart."""
    drawing = document.drawing
    layers = [
        (layer.key, layer.name, layer.visible, layer.labels.tobytes() if isinstance(layer, DrawingLayer) else b"")
        for layer in drawing.layers
    ]
    return drawing.width, drawing.height, drawing.background, drawing.active, drawing.looks, layers, document.map.tobytes()


@given(st.lists(step, max_size=14))
@settings(max_examples=120)
@example([("stroke", "brush", 8, [(20, 20, 1.0)]), ("hide", False)])
@example([("stroke", "brush", 8, [(20, 20, 1.0)]), ("hide", False), ("hide", True)])
@example([("background", 8), ("add layer",), ("stroke", "brush", 2, [(20, 20, 1.0)]), ("resize", 80)])
def test_undoing_all_and_redoing_all_comes_back_to_the_same_drawing(actions: list[tuple]) -> None:  # type: ignore[type-arg]
    document = new_document(64, 64)
    first = everything(document)
    seen = [first]
    for action in actions:
        perform(document, action)
        seen.append(everything(document))
        assert np.array_equal(document.map, document.drawing.label_map())  # kept up to date piece by piece
    last = everything(document)
    while document.history.undo():
        assert everything(document) in seen
        assert np.array_equal(document.map, document.drawing.label_map())
    assert everything(document) == first
    while document.history.redo():
        pass
    if not any(action[0] == "undo" for action in actions):
        assert everything(document) == last


def test_a_slider_that_is_dragged_is_one_step() -> None:
    document = new_document()
    photo = PhotoLayer(2, "Photo", np.zeros((4, 4, 3), np.uint8))
    document.history.do(LayersCommand(document, [*document.drawing.layers, photo], 2, "photo"))
    document.history.seal()
    for opacity in (0.6, 0.7, 0.9):
        document.history.do(SetCommand(document, photo, "opacity", opacity, "layers", "opacity"))
    document.history.undo()
    assert photo.opacity == 0.5
    document.history.redo()
    assert photo.opacity == 0.9


def test_settings_of_two_layers_do_not_merge() -> None:
    document = new_document()
    drawing = document.drawing
    document.history.do(SetCommand(document, drawing, "looks", replace(drawing.looks, grain=3), "looks", "grain"))
    document.history.do(SetCommand(document, drawing, "background", 8, "layers", "background"))
    document.history.undo()
    assert drawing.background == 0
    assert drawing.looks.grain == 3


def test_a_new_layer_is_the_active_one_and_taken_back_it_is_not() -> None:
    document = new_document()
    before = document.drawing.active
    layer = DrawingLayer(7, "More", np.full((48, 64), CLEAR, np.uint8))
    document.history.do(LayersCommand(document, [*document.drawing.layers, layer], 7, "new layer"))
    assert document.drawing.active == 7
    document.history.undo()
    assert document.drawing.active == before != 7
    document.history.redo()
    assert document.drawing.active == 7


def test_a_photo_never_becomes_part_of_the_label_map() -> None:
    document = new_document()
    before = document.map.copy()
    photo = PhotoLayer(2, "Photo", np.full((4, 4, 3), 200, np.uint8))
    document.history.do(LayersCommand(document, [*document.drawing.layers, photo], 2, "photo"))
    assert np.array_equal(document.map, before)
    stroke(document, Tools(label=8, size=9), [(20, 20)])  # goes to the drawing layer below the active photo
    assert document.map[20, 20] == 8


def test_opening_another_drawing_can_be_taken_back() -> None:
    document = new_document()
    stroke(document, Tools(label=8, size=9), [(20, 20)])
    old, changes = document.drawing, []
    document.watchers.append(lambda change: changes.append(change.what))
    document.history.do(DrawingCommand(document, blank(100, 80, LABELS, 8), "open"))
    assert document.map.shape == (80, 100)
    assert (document.map == 8).all()
    document.history.undo()
    assert document.drawing is old
    assert document.map[20, 20] == 8
    document.history.undo()
    assert document.map[20, 20] == 0
    assert changes[:2] == ["drawing", "drawing"]


def test_watchers_hear_only_of_the_pixels_that_changed() -> None:
    document = new_document(400, 300)
    heard: list[Change] = []
    document.watchers.append(heard.append)
    stroke(document, Tools(label=8, size=20), [(100, 100), (120, 100)])
    assert heard
    assert all(change.what == "map" for change in heard)
    assert all(change.rect.left >= 89 and change.rect.right <= 131 and change.rect.top >= 89 for change in heard)


def test_steps_that_keep_whole_layers_go_when_they_take_too_many_bytes_and_the_rest_is_as_before() -> None:
    document = new_document(64, 64)
    history = document.history = History(most_bytes=5 * 64 * 64)  # two steps that join two layers
    for number in (1, 2, 8, 11):
        layer = layering.add_layer(document, "More", "new layer")
        layer.labels[:] = number
        layering.act(document, "join", layer.key, "join")
    steps = 0
    while history.undo():
        steps += 1
    assert steps == 4  # two layers that were joined, twice; a new layer takes nothing: the drawing has it
    assert (document.map == 2).all()
    while history.redo():
        pass
    assert (document.map == 11).all()


def test_a_step_takes_what_the_drawing_has_no_more_and_nothing_else() -> None:
    document = new_document()
    drawing, labels = document.drawing, 64 * 48
    photo = layering.add_photo(document, np.zeros((10, 10, 3), np.uint8), "Photo", "photo")
    layering.act(document, "copy", photo.key, "copy")
    one, other = drawing.layers[1:]

    def removed(key: int) -> int:
        return LayersCommand(document, [layer for layer in drawing.layers if layer.key != key], 1, "remove").bytes

    assert LayersCommand(document, drawing.layers[::-1], 1, "order").bytes == 0
    assert removed(one.key) == removed(other.key) == 0  # the other one shows the same picture
    layering.act(document, "remove", other.key, "remove")
    assert removed(one.key) == 300
    assert removed(drawing.layers[0].key) == labels
    assert DrawingCommand(document, replace(drawing, model="another"), "model").bytes == 0
    assert DrawingCommand(document, resized(drawing, 80, 80, stretch=False), "size").bytes == labels
    drawing.looks = Looks(photo_look(np.zeros((40, 40, 3), np.uint8), "look"))
    mixed = replace(drawing.looks, first=seed_look(1), second=drawing.looks.first)
    assert SetCommand(document, drawing, "looks", mixed, "looks", "look").bytes == 0
    assert SetCommand(document, drawing, "looks", Looks(), "looks", "look").bytes == 40 * 40 * 3
