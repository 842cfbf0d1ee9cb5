"""Asks where a picture is to be saved."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from app.settings import Settings


def ask_where(parent: QWidget, settings: Settings, key: str, name: str) -> Path | None:
    """A path for a picture called `name` at first, or None. The folder is remembered under `key`; PNG where none is named."""
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    folder = settings.get(key, "") or pictures
    title = QCoreApplication.translate("SaveDialog", "Save the picture")
    kinds = "PNG (*.png);;JPEG (*.jpg);;WebP (*.webp);;TIFF (*.tif)"
    file, _ = QFileDialog.getSaveFileName(parent, title, str(Path(folder) / name), kinds)
    if not file:
        return None
    path = Path(file)
    settings.set(key, str(path.parent))
    return path if path.suffix else path.with_suffix(".png")
