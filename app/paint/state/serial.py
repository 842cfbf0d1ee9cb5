"""A drawing as JSON and attachments: the one form behind project files, autosave and recipes.

Version 1: {"kind": "paint", "version": 1, "width", "height", "labels": [{"id", "name", "colour"}], "background", "active",
"model": {"name", "sha256"}, "layers": [{"kind": "drawing"|"photo", "key", "name", "visible", "opacity", "file"}],
"looks": {"first": look, "second": look or null, "blend", "grain",
"natural_edges"}}, a look being {"kind", "seed", "name", "file"}.
Attachments are PNG files by name; layers that show the same may name the same file. Everything that is read is held to bounds:
the text comes from a stranger.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from app.paint.state.drawing import LARGEST_SIDE, SMALLEST_SIDE, Drawing
from app.paint.state.files import PaintFileError, encode_map, encode_picture, indices, open_png
from app.paint.state.layers import DrawingLayer, Layer, PhotoLayer
from app.paint.state.look import LARGEST_SEED, Look, Looks, photo_look
from app.paint.state.palette import Palette
from models.card import Label

KIND, VERSION = "paint", 1
# A drawing of more layers than this is no drawing by a hand.
MOST_LAYERS = 100
LONGEST_NAME = 200

Attachments = dict[str, bytes]


def to_json(drawing: Drawing, sha256: str = "", effort: int = 6) -> tuple[dict[str, Any], Attachments]:
    """The drawing and its attachments. `sha256` is that of the model's file, so that the same one can be told later."""
    files: Attachments = {}
    colours = drawing.palette.colours()
    layers = []
    written: dict[bytes, str] = {}  # a photo that was copied is in the file once
    for layer in drawing.layers:
        entry: dict[str, Any] = {"key": layer.key, "name": layer.name, "visible": layer.visible}
        if isinstance(layer, DrawingLayer):
            data = encode_map(layer.labels, colours, effort=effort)
            entry["kind"] = "drawing"
        else:
            if not layer.encoded:
                layer.encoded.append(encode_picture(layer.picture, effort))
            data = layer.encoded[0]
            entry |= {"kind": "photo", "opacity": layer.opacity}
        entry["file"] = written.setdefault(data, f"layers/{layer.key}.png")
        files[entry["file"]] = data
        layers.append(entry)
    looks = drawing.looks
    return {
        "kind": KIND,
        "version": VERSION,
        "width": drawing.width,
        "height": drawing.height,
        "labels": [{"id": label.id, "name": label.name, "colour": list(label.colour)} for label in drawing.labels],
        "background": drawing.background,
        "active": drawing.active,
        "model": {"name": drawing.model, "sha256": sha256},
        "layers": layers,
        "looks": {
            "first": _look_json(looks.first, "look.png", files, effort),
            "second": None if looks.second is None else _look_json(looks.second, "look-2.png", files, effort),
            "blend": looks.blend,
            "grain": looks.grain,
            "natural_edges": looks.natural_edges,
        },
    }, files


def _look_json(look: Look, file: str, files: Attachments, effort: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": look.kind, "seed": look.seed, "name": look.name}
    if look.photo is not None:
        files[file] = encode_picture(look.photo, effort)
        entry["file"] = file
    return entry


def from_json(document: Mapping[str, Any], attachment: Callable[[str], bytes]) -> Drawing:
    """The drawing that `to_json` wrote. `attachment(name)` gives the bytes of a file, or raises `KeyError`.

    `PaintFileError` where the text is of a newer version, broken, or claims more than its attachments hold.
    """
    check_version(document)
    try:
        return _read(document, attachment)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise PaintFileError("The drawing is broken: a part of it is missing or makes no sense.") from error


def check_version(document: Mapping[str, Any]) -> None:
    """`PaintFileError` where this is no drawing, or one that a newer Ganvas wrote."""
    version = document.get("version")
    if document.get("kind") != KIND or not isinstance(version, int) or isinstance(version, bool):
        raise PaintFileError("This is no drawing of Ganvas.")
    if version > VERSION:
        raise PaintFileError("The drawing was made by a newer Ganvas.", "Update Ganvas to open it.")


def _read(document: Mapping[str, Any], attachment: Callable[[str], bytes]) -> Drawing:
    width, height = (
        _whole(document["width"], SMALLEST_SIDE, LARGEST_SIDE),
        _whole(document["height"], SMALLEST_SIDE, LARGEST_SIDE),
    )
    labels = tuple(
        Label(_whole(entry["id"], 0, 254), _text(entry["name"]), _colour(entry["colour"]))
        for entry in _list(document["labels"], 255)
    )
    palette = Palette(labels)
    background = _whole(document["background"], 0, 254)
    if background not in palette:
        raise ValueError("background")
    photos: dict[str, PhotoLayer] = {}
    layers = [_layer(entry, width, height, palette, attachment, photos) for entry in _list(document["layers"], MOST_LAYERS)]
    keys = [layer.key for layer in layers]
    if not layers or len(set(keys)) != len(keys):
        raise ValueError("layers")
    active = document.get("active")
    looks = document["looks"]
    second = looks.get("second")
    return Drawing(
        width,
        height,
        labels,
        background,
        layers,
        active if active in keys else keys[-1],
        Looks(
            _look(looks["first"], attachment),
            None if second is None else _look(second, attachment),
            _share(looks.get("blend", 0.0)),
            _whole(looks.get("grain", 0), 0, LARGEST_SEED),
            bool(looks.get("natural_edges", True)),
        ),
        _text(document.get("model", {}).get("name", "")),
    )


def _layer(
    entry: Mapping[str, Any],
    width: int,
    height: int,
    palette: Palette,
    attachment: Callable[[str], bytes],
    photos: dict[str, PhotoLayer],
) -> Layer:
    """One layer. `photos` are those that were read, by their files: layers of the same one share its picture, as copies do."""
    key, name, visible = _whole(entry["key"], 0, 10**9), _text(entry["name"]), bool(entry.get("visible", True))
    file, opacity = _text(entry["file"]), _share(entry.get("opacity", 0.5))
    if entry["kind"] == "photo" and file in photos:
        return replace(photos[file], key=key, name=name, opacity=opacity, visible=visible)
    image = open_png(attachment(file), f"The layer “{name}”")
    if entry["kind"] == "photo":
        photos[file] = PhotoLayer(key, name, np.array(image.convert("RGB")), opacity, visible)
        return photos[file]
    if entry["kind"] != "drawing":
        raise ValueError("kind of layer")
    labels = indices(image)
    if labels is None or image.size != (width, height):
        raise ValueError("a layer is no label map of the canvas' size")
    known = np.zeros(256, np.bool_)
    known[[label.id for label in palette.labels]] = True
    known[255] = True
    if not known[labels].all():
        raise ValueError("a layer holds labels that the drawing does not name")
    return DrawingLayer(key, name, labels, visible)


def _look(entry: Mapping[str, Any], attachment: Callable[[str], bytes]) -> Look:
    kind, name, seed = entry["kind"], _text(entry.get("name", "")), _whole(entry.get("seed", 0), 0, LARGEST_SEED)
    if kind not in ("plain", "seed", "photo"):
        raise ValueError("kind of look")
    if kind != "photo":
        return Look(kind, seed, name)
    image = open_png(attachment(_text(entry["file"])), "The photo of the look").convert("RGB")
    return replace(photo_look(np.array(image), name), seed=seed)


def _whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{value!r} is not in {low}..{high}")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no share")
    return min(max(float(value), 0.0), 1.0)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value[:LONGEST_NAME]


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list is missing or too long")
    return value


def _colour(value: Any) -> tuple[int, int, int]:
    red, green, blue = (_whole(channel, 0, 255) for channel in _list(value, 3))
    return red, green, blue
