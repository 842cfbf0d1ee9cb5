"""A drawing with all its layers for other programs: OpenRaster (Krita, GIMP, MyPaint) and Photoshop.

The lowest layer is the background, then come labels in their colours and photos to trace, and on top the landscape.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import Drawing
from app.paint.state.layers import CLEAR, DrawingLayer, fit_inside

OPENRASTER = "image/openraster"
THUMBNAIL_SIDE = 256


@dataclass(frozen=True, eq=False)
class Part:
    """One layer as a picture: RGB or RGBA, with its left upper corner on the canvas."""

    name: str
    image: Image.Image
    left: int = 0
    top: int = 0
    opacity: float = 1.0
    visible: bool = True


def parts(drawing: Drawing, landscape: NDArray[np.uint8] | None) -> list[Part]:
    """All layers, the lowest first. `landscape` uint8 `[h, w, 3]` is brought to the canvas' size."""
    colours = drawing.palette.colours()
    ground = np.empty((drawing.height, drawing.width, 3), np.uint8)
    ground[:] = colours[drawing.background]
    found = [Part("Background", Image.fromarray(ground))]
    for layer in drawing.layers:
        if isinstance(layer, DrawingLayer):
            alpha = np.where(layer.labels == CLEAR, 0, 255).astype(np.uint8)
            image = Image.fromarray(np.dstack([colours[layer.labels], alpha]))
            found.append(Part(layer.name, image, visible=layer.visible))
        else:
            left, top, width, height = fit_inside(drawing.width, drawing.height, layer.picture.shape[1], layer.picture.shape[0])
            size = (max(1, round(width)), max(1, round(height)))
            image = Image.fromarray(layer.picture).resize(size, Image.Resampling.LANCZOS)
            found.append(Part(layer.name, image, round(left), round(top), layer.opacity, layer.visible))
    if landscape is not None:
        found.append(Part("Landscape", _fitted(landscape, drawing)))
    return found


def _fitted(landscape: NDArray[np.uint8], drawing: Drawing) -> Image.Image:
    return Image.fromarray(landscape).resize((drawing.width, drawing.height), Image.Resampling.BICUBIC)


def openraster_bytes(drawing: Drawing, landscape: NDArray[np.uint8] | None) -> bytes:
    """An OpenRaster file (openraster.org, version 0.0.5): a zip of `stack.xml` and PNG files."""
    found = parts(drawing, landscape)
    merged = Image.fromarray(drawing.palette.colours()[drawing.label_map()]) if landscape is None else _fitted(landscape, drawing)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", OPENRASTER)
        archive.writestr("stack.xml", _stack(drawing, found), zipfile.ZIP_DEFLATED)
        for number, part in enumerate(found):
            archive.writestr(f"data/layer{number}.png", _png(part.image))
        archive.writestr("mergedimage.png", _png(merged))
        thumbnail = merged.copy()
        thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        archive.writestr("Thumbnails/thumbnail.png", _png(thumbnail))
    return out.getvalue()


def _stack(drawing: Drawing, found: list[Part]) -> str:
    """`stack.xml`, which lists the topmost layer first."""
    lines = [
        f'  <layer name={quoteattr(part.name)} src="data/layer{number}.png" x="{part.left}" y="{part.top}" '
        f'opacity="{part.opacity:.3f}" visibility="{"visible" if part.visible else "hidden"}" composite-op="svg:src-over"/>'
        for number, part in enumerate(found)
    ]
    head = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<image version="0.0.5" w="{drawing.width}" h="{drawing.height}">',
        " <stack>",
    ]
    return "\n".join([*head, *reversed(lines), " </stack>", "</image>"])


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=4)
    return out.getvalue()


def photoshop_bytes(drawing: Drawing, landscape: NDArray[np.uint8] | None) -> bytes:
    """A Photoshop file (PSD, 8 bits RGB), written by psd-tools."""
    from psd_tools import PSDImage

    file = PSDImage.new("RGB", (drawing.width, drawing.height))
    for part in parts(drawing, landscape):
        layer = file.create_pixel_layer(part.image, part.name, part.top, part.left, opacity=round(255 * part.opacity))
        layer.visible = part.visible
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()
