"""Small things that several tests of painting share: labels, drawings, strokes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.history import History
from app.paint.state.document import Document
from app.paint.state.drawing import blank
from app.paint.state.gestures import begin
from app.paint.state.stroke import PenPoint
from app.paint.state.tools import Tools
from models.card import Label

LABELS = (
    Label(0, "sky", (126, 186, 238)),
    Label(1, "cloud", (222, 230, 238)),
    Label(2, "mountain", (134, 120, 148)),
    Label(8, "grass", (124, 190, 70)),
    Label(11, "tree", (24, 84, 40)),
    Label(12, "water", (70, 140, 205)),
)


def new_document(width: int = 64, height: int = 48) -> Document:
    """An empty document over sky."""
    return Document(blank(width, height, LABELS), History())


def stroke(document: Document, tools: Tools, points: Sequence[tuple[float, ...]], straight: bool = False) -> bool:
    """A whole gesture: pen down at the first point, moves, pen up. Points are (x, y) or (x, y, pressure)."""
    pen = [PenPoint(*point) for point in points]
    gesture = begin(document, tools, pen[0])
    for point in pen[1:]:
        gesture.extend([point], straight)
    return gesture.finish()


def picture_of(text: str) -> NDArray[np.bool_]:
    """A mask from lines of `#` and `.`."""
    return np.array([[letter == "#" for letter in line] for line in text.split()])
