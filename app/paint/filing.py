"""Files in and out of the Paint panel, read and written beside the window's thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.paint.state.drawing import Drawing, snapshot
from app.paint.state.files import PaintFileError
from app.paint.state.palette import Palette
from app.widgets.background import Background
from app.widgets.panel import Notice

logger = logging.getLogger(__name__)


class Filing(QObject):
    """`opened(Opened)` brings what was in a file, `saved(path)` tells that one was written, `failed(Notice)` why it was not."""

    opened = Signal(object)
    saved = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(self)

    def open(self, path: Path, palette: Palette, wanted: Literal["", "map", "photo"] = "") -> None:
        """Read a file, as what is `wanted` of it (see `open_file`); `opened` or `failed` follows."""
        from app.paint.state.opening import open_file

        self._background.run(
            lambda: open_file(path, palette, wanted), self.opened.emit, lambda error: self._fail(path, error, reading=True)
        )

    def save_project(
        self, path: Path, drawing: Drawing, shown: NDArray[np.uint8] | None, sha256: str, then: Callable[[], None]
    ) -> None:
        """Write a drawing as a `.ganvas` file; `then` is called once it is there."""
        from app.paint.state.project import save_project

        copy = snapshot(drawing)
        self._write(path, lambda: save_project(path, copy, shown, sha256), then)

    def save_map(self, path: Path, drawing: Drawing, kind: str) -> None:
        """Write the label map as PNG, "index" or "colour"."""
        from app.paint.state.map_files import map_bytes
        from app.photos import placing

        labels, label_map = drawing.labels, drawing.label_map()
        self._write(path, lambda: placing.write(path, [map_bytes(label_map, labels, "index" if kind == "index" else "colour")]))

    def save_picture(self, path: Path, picture: NDArray[np.uint8], drawing: Drawing, sha256: str, enlarge_with: str) -> None:
        """Write a landscape with its recipe inside; the format is the extension's."""
        from app.paint.state.recipe import to_recipe
        from app.photos import recipe

        copy = snapshot(drawing)
        self._write(path, lambda: recipe.write(path, picture, to_recipe(copy, sha256, enlarge_with, _version())))

    def save_layered(self, path: Path, drawing: Drawing, picture: NDArray[np.uint8] | None) -> None:
        """Write all layers with the landscape: as Photoshop's file where the extension is its, else as OpenRaster."""
        from app.paint.state.layered import openraster_bytes, photoshop_bytes
        from app.photos import placing

        copy, layered = snapshot(drawing), photoshop_bytes if path.suffix.lower() == ".psd" else openraster_bytes
        self._write(path, lambda: placing.write(path, [layered(copy, picture)]))

    def shut(self) -> None:
        self._background.shut()

    def _write(self, path: Path, work: Callable[[], None], then: Callable[[], None] = lambda: None) -> None:
        def written(_: object) -> None:
            then()
            self.saved.emit(path)

        self._background.run(work, written, lambda error: self._fail(path, error, reading=False))

    def _fail(self, path: Path, error: Exception, reading: bool) -> None:
        from app.photos.photo import PhotoError

        if isinstance(error, (PaintFileError, PhotoError)):
            why, hint = error.what, error.hint
        elif isinstance(error, OSError):
            why, hint = f"{error.strerror or error}.", ""
        else:
            logger.error("%s", path, exc_info=error)
            why, hint = f"{type(error).__name__}: {error}.", ""
        what = self.tr("{0} cannot be opened.") if reading else self.tr("{0} could not be saved.")
        self.failed.emit(Notice(what.format(path.name), why, hint, bad=True))


def _version() -> str:
    try:
        return metadata.version("ganvas")
    except metadata.PackageNotFoundError:
        return ""
