"""OpenRaster files (openraster.org, version 0.0.5): every layer with the landscape above, for Krita, GIMP, MyPaint.

A zip: `mimetype` stored first, `stack.xml`, `data/*.png`, `mergedimage.png`, `Thumbnails/thumbnail.png`.
"""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import Drawing
from app.paint.state.layers import CLEAR, DrawingLayer, fit_inside

MIME = "image/openraster"
THUMBNAIL_SIDE = 256


def openraster_bytes(drawing: Drawing, landscape: NDArray[np.uint8] | None) -> bytes:
    """The file. `landscape` uint8 `[H, W, 3]` becomes the topmost layer; labels keep their colours, clear pixels are clear."""
    colours = drawing.palette.colours()
    ground = np.empty((drawing.height, drawing.width, 3), np.uint8)
    ground[:] = colours[drawing.background]
    parts: list[tuple[str, Image.Image, float, bool, tuple[int, int]]] = [
        ("Background", Image.fromarray(ground), 1.0, True, (0, 0))
    ]
    for layer in drawing.layers:
        if isinstance(layer, DrawingLayer):
            alpha = np.where(layer.labels == CLEAR, 0, 255).astype(np.uint8)
            image = Image.fromarray(np.dstack([colours[layer.labels], alpha]))
            parts.append((layer.name, image, 1.0, layer.visible, (0, 0)))
        else:
            left, top, width, height = fit_inside(drawing.width, drawing.height, layer.picture.shape[1], layer.picture.shape[0])
            image = Image.fromarray(layer.picture).resize((max(1, round(width)), max(1, round(height))), Image.Resampling.LANCZOS)
            parts.append((layer.name, image, layer.opacity, layer.visible, (round(left), round(top))))
    merged = Image.fromarray(colours[drawing.label_map()])
    if landscape is not None:
        merged = Image.fromarray(landscape).resize((drawing.width, drawing.height), Image.Resampling.BICUBIC)
        parts.append(("Landscape", merged, 1.0, True, (0, 0)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", MIME)
        archive.writestr("stack.xml", _stack(drawing, parts), zipfile.ZIP_DEFLATED)
        for number, (_, image, _, _, _) in enumerate(parts):
            archive.writestr(f"data/layer{number}.png", _png(image))
        archive.writestr("mergedimage.png", _png(merged))
        thumbnail = merged.copy()
        thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        archive.writestr("Thumbnails/thumbnail.png", _png(thumbnail))
    return out.getvalue()


def _stack(drawing: Drawing, parts: list[tuple[str, Image.Image, float, bool, tuple[int, int]]]) -> str:
    """`stack.xml`, which lists the topmost layer first."""
    lines = [
        f'  <layer name={quoteattr(name)} src="data/layer{number}.png" x="{x}" y="{y}" opacity="{opacity:.3f}" '
        f'visibility="{"visible" if visible else "hidden"}" composite-op="svg:src-over"/>'
        for number, (name, _, opacity, visible, (x, y)) in enumerate(parts)
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<image version="0.0.5" w="{drawing.width}" h="{drawing.height}">',
            " <stack>",
            *reversed(lines),
            " </stack>",
            "</image>",
        ]
    )


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=4)
    return out.getvalue()
