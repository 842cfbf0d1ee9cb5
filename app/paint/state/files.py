"""Why a file of the Paint panel could not be read, in words for a person; and PNG pictures read within bounds."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import LARGEST_SIDE


class PaintFileError(Exception):
    """A map, project or recipe cannot be opened: what happened, and what to do, a sentence each (`hint` may be empty)."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} {hint}".strip())
        self.what, self.hint = what, hint


# What Pillow raises on broken or hostile files, all of it.
PILLOW_ERRORS = (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, OverflowError, MemoryError,
                 AttributeError, AssertionError, Image.DecompressionBombError)  # fmt: skip


def open_png(data: bytes, what: str) -> Image.Image:
    """A PNG, loaded; `PaintFileError` (which begins with `what`) where it is none, too large or cut off."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is ours
            image = Image.open(io.BytesIO(data), formats=("PNG",))
            if not (0 < image.width <= LARGEST_SIDE and 0 < image.height <= LARGEST_SIDE):
                raise PaintFileError(
                    f"{what} is {image.width:,} x {image.height:,} pixels.", f"At most {LARGEST_SIDE:,} a side can be opened."
                )
            image.load()
    except PILLOW_ERRORS as error:
        raise PaintFileError(f"{what} is broken or cut off.") from error
    return image


def indices(image: Image.Image) -> NDArray[np.uint8] | None:
    """The numbers uint8 `[H, W]` of a palette or 8-bit grey picture, None for every other kind."""
    return np.array(image, np.uint8) if image.mode in ("P", "L") else None


def encode_map(
    label_map: NDArray[np.uint8], colours: NDArray[np.uint8], text: dict[str, str] | None = None, effort: int = 6
) -> bytes:
    """A label map `[H, W]` as a palette PNG: the index is the label, `colours` uint8 `[256, 3]` shows it. `text` goes along."""
    from PIL.PngImagePlugin import PngInfo

    image = Image.fromarray(label_map, "L")
    image.putpalette(colours.tobytes())
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=effort)
    return out.getvalue()


def encode_picture(picture: NDArray[np.uint8], effort: int = 6) -> bytes:
    """A picture uint8 `[h, w, 3]` as PNG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=effort)
    return out.getvalue()
