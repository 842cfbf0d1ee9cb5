"""Asks where a file is to be saved: the one dialog for it in the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.settings import Settings


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is called, and its endings, of which the first is given to a name that has none. A kind without
    endings is a folder."""

    title: str
    suffixes: tuple[str, ...] = ()

    @property
    def filter(self) -> str:
        """As the dialog shows it: "JPEG (*.jpg *.jpeg)"."""
        return f"{self.title} ({' '.join(f'*{suffix}' for suffix in self.suffixes) or '*'})"


PICTURES = (
    Kind("PNG", (".png",)),
    Kind("JPEG", (".jpg", ".jpeg")),
    Kind("WebP", (".webp",)),
    Kind("TIFF", (".tif", ".tiff")),
)


def ask_where(
    parent: QWidget,
    settings: Settings,
    key: str,
    name: str,
    title: str = "",
    kinds: Sequence[Kind] = PICTURES,
    *,
    folder: str = "",
) -> Path | None:
    """A path for a file called `name` at first, or None. It has an ending of one of `kinds`.

    It opens in `folder`, else in the one that is remembered under `key`. The system's dialog asks before a file is replaced
    whose name was typed; where the ending was still to be added, this is another name, and is asked about here.
    """
    title = title or QCoreApplication.translate("SaveDialog", "Save the picture")
    start = Path(folder or folder_of(settings, key)) / name
    filters = ";;".join(kind.filter for kind in kinds)
    while True:
        offered = next((kind for kind in kinds if start.suffix.lower() in kind.suffixes), kinds[0])
        file, chosen = QFileDialog.getSaveFileName(parent, title, str(start), filters, offered.filter)
        if not file:
            return None
        path = with_ending(Path(file), kinds, chosen, offered)
        is_file = path.suffix.lower() in _endings(kinds)
        if not path.exists() or (is_file and (path == Path(file) or _ask(parent, path, replaceable=True))):
            settings.set(key, str(path.parent))
            return path
        if not is_file:
            _ask(parent, path, replaceable=False)
        start = path


def with_ending(path: Path, kinds: Sequence[Kind], chosen: str, offered: Kind | None = None) -> Path:
    """The path with the ending of the kind whose filter was `chosen` (the first, where none was), unless it has one of `kinds`.
    It keeps none of `offered`, what the dialog began with, where another kind was chosen: not every system's dialog changes the
    name along.

    What stands behind a dot is only an ending where it is one of these: "Lake 2.5" is a name. A folder has none of them.
    """
    wanted = next((kind for kind in kinds if kind.filter == chosen), kinds[0])
    if path.suffix.lower() in _endings(kinds):
        left = offered is not None and wanted != offered and path.suffix.lower() in offered.suffixes
        if not left:
            return path if wanted.suffixes else path.with_suffix("")
        path = path.with_suffix("")
    return path.with_name(path.name + wanted.suffixes[0]) if wanted.suffixes else path


def folder_of(settings: Settings, key: str) -> str:
    """The folder that is remembered under `key`, else that of pictures."""
    return settings.get(key, "") or QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)


def _endings(kinds: Sequence[Kind]) -> set[str]:
    return {suffix for kind in kinds for suffix in kind.suffixes}


def _ask(parent: QWidget, path: Path, *, replaceable: bool) -> bool:
    """Say that something of this name is there; whether it is to be replaced. A folder never is."""
    tr = QCoreApplication.translate
    box = QMessageBox(parent)
    box.setObjectName("save:there")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setText(tr("SaveDialog", "{0} is there already.").format(path.name))
    if not replaceable:
        box.setInformativeText(tr("SaveDialog", "Choose another name: a folder is never replaced."))
        box.exec()
        return False
    box.setInformativeText(tr("SaveDialog", "Replace it?"))
    replace = box.addButton(tr("SaveDialog", "Replace"), QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.exec()
    return box.clickedButton() is replace
