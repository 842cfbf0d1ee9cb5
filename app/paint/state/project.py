"""`.ganvas` files: a zip with `document.json`, the layers as PNG, and a thumbnail for the file manager.

Written whole or not at all. Read within bounds: neither the number nor the unpacked size of what is inside is taken on trust.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.paint.state.drawing import Drawing
from app.paint.state.files import PaintFileError, encode_picture
from app.paint.state.serial import from_json, to_json
from app.photos import placing

DOCUMENT, THUMBNAIL, TYPE, CAME_FROM = "document.json", "thumbnail.png", "mimetype", "came-from"
MIME = b"application/x-ganvas"
SUFFIX = ".ganvas"
THUMBNAIL_SIDE = 256

# Real projects hold a handful of files; the text is some kilobytes; a layer of 8192 x 8192 labels is 64 MB unpacked, and its
# PNG seldom more than a tenth of that.
MOST_FILES = 300
LARGEST_TEXT = 4 << 20
LARGEST_ATTACHMENT = 256 << 20
LONGEST_PATH = 64 << 10

# What zipfile raises on broken archives. RuntimeError is for a part with a password and (a kind of it) for a compression that it
# does not know; other programs may have packed a drawing anew by bzip2 (whose errors are OSError's) or LZMA.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, UnicodeError)


def project_bytes(
    drawing: Drawing, shown: NDArray[np.uint8] | None = None, sha256: str = "", effort: int = 6, aside: bool = False
) -> bytes:
    """The file of a drawing. `shown` uint8 `[h, w, 3]` is what its thumbnail shows (None: the label map). Where it is written
    `aside`, for this machine alone, it says which file the drawing came from."""
    document, files = to_json(drawing, sha256, effort)
    picture = drawing.palette.colours()[drawing.label_map()] if shown is None else shown
    thumbnail = Image.fromarray(picture)
    thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(TYPE, MIME)  # first and stored, so that a look at the first bytes tells what it is
        archive.writestr(DOCUMENT, json.dumps(document, indent=1, ensure_ascii=False), zipfile.ZIP_DEFLATED)
        archive.writestr(THUMBNAIL, encode_picture(np.array(thumbnail)))
        for name, data in files.items():
            archive.writestr(name, data)
        if aside and drawing.home.file is not None:
            archive.writestr(CAME_FROM, os.fsencode(drawing.home.file))
    return out.getvalue()


def save_project(path: Path, drawing: Drawing, shown: NDArray[np.uint8] | None = None, sha256: str = "") -> None:
    """Write a drawing as `path`, whole or not at all. `OSError` where the disk refuses."""
    placing.write(path, [project_bytes(drawing, shown, sha256)])


def read_project(source: Path | bytes, aside: bool = False) -> Drawing:
    """The drawing in a project file. `PaintFileError` says why there is none; a missing file raises `OSError`.

    Only of one that Ganvas wrote `aside` itself is it believed which file the drawing came from: it would be replaced.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            if len(archive.infolist()) > MOST_FILES:
                raise PaintFileError("The project file holds more parts than a drawing can have.")
            drawing = from_json(_document(archive), lambda name: _part(archive, name, LARGEST_ATTACHMENT))
            if aside and CAME_FROM in archive.namelist():
                drawing.home.file = Path(os.fsdecode(_part(archive, CAME_FROM, LONGEST_PATH)))
            return drawing
    except ZIP_ERRORS as error:
        raise PaintFileError("The project file is broken or cut off.", "An older copy or the autosave may still open.") from error


def is_project(path: Path) -> bool:
    """Whether a file begins as project files do, or is called as one: of one that is damaged, reading tells what it is."""
    try:
        with path.open("rb") as file:
            return MIME in file.read(100) or path.suffix.lower() == SUFFIX
    except OSError:
        return False


def _document(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        document = json.loads(_part(archive, DOCUMENT, LARGEST_TEXT))
    except KeyError as error:
        raise PaintFileError("This is no project file of Ganvas.") from error
    except (ValueError, RecursionError) as error:
        raise PaintFileError("The project file is broken.") from error
    if not isinstance(document, dict):
        raise PaintFileError("The project file is broken.")
    return document


def _part(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One file of the archive, unpacked up to a bound, whatever size it claims. `KeyError` where it is missing."""
    info = archive.getinfo(name)
    if info.file_size > most:
        raise PaintFileError(f"A part of the project file ({name[:40]}) is too large.")
    with archive.open(info) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise PaintFileError(f"A part of the project file ({name[:40]}) is too large.")
    return data
