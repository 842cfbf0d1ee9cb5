"""Layers reach other programs as they are: as OpenRaster and as Photoshop's file."""

import io
import zipfile
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from psd_tools import PSDImage

from app.paint.state.drawing import Drawing, blank
from app.paint.state.layered import openraster_bytes, photoshop_bytes
from app.paint.state.layers import CLEAR, DrawingLayer, PhotoLayer
from tests.paint.sheet import LABELS

LANDSCAPE = np.full((32, 48, 3), 77, np.uint8)  # smaller than the canvas, as a quick picture is


def layered() -> Drawing:
    """Sky, a hidden meadow, a photo of another shape at 40 %."""
    drawing = blank(96, 64, LABELS)
    labels = np.full((64, 96), CLEAR, np.uint8)
    labels[40:] = 8
    photo = np.zeros((20, 20, 3), np.uint8)
    photo[..., 0] = 200
    drawing.layers += [DrawingLayer(2, "Meadow & <trees>", labels, visible=False), PhotoLayer(3, "Föhn", photo, 0.4)]
    return drawing


def test_an_openraster_file_holds_every_layer_in_its_order() -> None:
    with zipfile.ZipFile(io.BytesIO(openraster_bytes(layered(), LANDSCAPE))) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert archive.read("mimetype") == b"image/openraster"
        stack = ElementTree.fromstring(archive.read("stack.xml"))
        layers = list(stack.iter("layer"))
        names = [layer.get("name") for layer in layers]
        meadow = np.array(Image.open(io.BytesIO(archive.read(str(layers[2].get("src"))))))
        merged = Image.open(io.BytesIO(archive.read("mergedimage.png")))
    assert (stack.get("w"), stack.get("h")) == ("96", "64")
    assert names == ["Landscape", "Föhn", "Meadow & <trees>", "Drawing", "Background"]
    assert [layer.get("visibility") for layer in layers] == ["visible", "visible", "hidden", "visible", "visible"]
    assert layers[1].attrib["opacity"] == "0.400"
    assert (layers[1].get("x"), layers[1].get("y")) == ("16", "0")
    assert tuple(meadow[50, 10]) == (124, 190, 70, 255)
    assert meadow[10, 10, 3] == 0
    assert merged.size == (96, 64)
    assert merged.getpixel((5, 5)) == (77, 77, 77)


def test_without_a_landscape_the_map_in_its_colours_is_shown() -> None:
    with zipfile.ZipFile(io.BytesIO(openraster_bytes(layered(), None))) as archive:
        merged = Image.open(io.BytesIO(archive.read("mergedimage.png")))
        assert b"Landscape" not in archive.read("stack.xml")
    assert merged.getpixel((5, 60)) == LABELS[0].colour  # the meadow is hidden


def test_a_photoshop_file_holds_every_layer_in_its_order() -> None:
    file = PSDImage.open(io.BytesIO(photoshop_bytes(layered(), LANDSCAPE)))
    assert (file.width, file.height) == (96, 64)
    layers = list(file)
    assert [layer.name for layer in layers] == ["Background", "Drawing", "Meadow & <trees>", "Föhn", "Landscape"]
    assert [layer.visible for layer in layers] == [True, True, False, True, True]
    assert layers[3].opacity == 102
    assert layers[3].bbox == (16, 0, 80, 64)
    meadow = layers[2].topil()
    assert meadow is not None
    assert meadow.convert("RGBA").getpixel((10, 50)) == (124, 190, 70, 255)
