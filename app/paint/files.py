"""The ways in and out of a drawing: dialogs, dropped files, what another panel sends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app.paint.asked import Landscape
from app.paint.dialogs import CanvasDialog, MappingDialog
from app.paint.filing import Filing
from app.paint.state import layering
from app.paint.state.at_hand import same_model
from app.paint.state.document import Change
from app.paint.state.drawing import Drawing, Home, blank, from_map, resized
from app.paint.state.look import LEAST_PHOTO, Looks, photo_look
from app.paint.state.map_files import ReadMap, settle
from app.paint.state.opening import PHOTO_SIDE, Opened, has_use_for
from app.paint.state.photo_input import no_larger
from app.paint.state.project import SUFFIX
from app.paint.state.starting import example
from app.widgets.keys import as_here
from app.widgets.panel import Notice
from app.widgets.picture_view import image_of
from app.widgets.save_dialog import Kind, ask_where, folder_of

if TYPE_CHECKING:
    from app.paint.panel import PaintPanel
    from models.catalogue import Entry

FOLDER, RECENT = "paint.folder", "paint.recent"
MOST_RECENT = 8
_WANTED: dict[str, Literal["", "map", "photo"]] = {"map": "map", "look": "photo", "trace": "photo", "repaint": "photo"}


class PaintFiles(QObject):
    """Reads and writes what a painter opens and saves. `named(paths)`: the list of recent drawings changed."""

    named = Signal(list)

    def __init__(self, panel: PaintPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self._filing = Filing(self)
        self._purpose: dict[Path, str] = {}  # what a file is read for: "look", "trace", "repaint", else what it is
        self._remarks: dict[Path, str] = {}  # what is to be said of a picture once it is written
        self._filing.opened.connect(self._opened)
        self._filing.saved.connect(self._saved)
        self._filing.failed.connect(panel.noticed)
        panel.document.watchers.append(self._follow)

    @property
    def path(self) -> Path | None:
        """Which file the drawing came from or was saved to, None for none: by undo too, it is that of the drawing shown."""
        return self._panel.document.drawing.home.file

    def tell_name(self) -> None:
        """Tell what the drawing is called."""
        self._panel.titled.emit(self.path.stem if self.path is not None else "")

    def _follow(self, change: Change) -> None:
        if change.what == "drawing":
            self.tell_name()

    # In

    def open(self, path: Path, purpose: str = "") -> bool:
        """Read a file: as what it is, or as a "map", a "look", a photo to "trace" or "repaint". False where it is no use."""
        if not self._panel.models.entries or not has_use_for(path):
            return False
        self._purpose[path] = purpose
        self._filing.open(path, self._panel.document.drawing.palette, _WANTED.get(purpose, ""))
        return True

    def receive(self, content: Any) -> None:
        """A picture uint8 `[H, W, 3]` of another panel becomes a photo to trace."""
        self._trace(np.asarray(content, np.uint8), self.tr("Picture"))

    def open_example(self, name: str) -> None:
        """One of the maps that come along."""
        drawing = self._panel.document.drawing
        self._take(replace(example(name, drawing.labels), model=drawing.model), self.tr("open an example"))

    def _opened(self, opened: Opened) -> None:
        purpose = self._purpose.pop(opened.path, "")
        name = opened.path.stem
        self._panel.noticed.emit(None)  # what was said of a file before is over
        if purpose in ("look", "trace", "repaint") and opened.picture is None:
            self._panel.noticed.emit(Notice(self.tr("{0} is not a photo.").format(opened.path.name), bad=True))
        elif opened.picture is not None:
            if purpose == "look":
                self._take_look(opened.picture, name)
            elif purpose == "repaint":
                self._panel.repainting.begin(opened.picture, name)
            else:
                self._trace(opened.picture, name)
        elif opened.drawing is not None:
            self._take_of_model(opened.drawing, opened.drawing.model, "", opened.path)
        elif opened.recipe is not None:
            self._take_of_model(opened.recipe.drawing, opened.recipe.model, opened.recipe.sha256, None)
        elif opened.map is not None:
            self._take_map(opened.path, opened.map)

    def _take_of_model(self, drawing: Drawing, model: str, sha256: str, path: Path | None) -> None:
        panel = self._panel
        entry = same_model(panel.models.entries, model, sha256)
        if entry is None and model:
            self.tell_of_model(model, panel.models.named(panel.document.drawing.model) or panel.models.entries[0])
        if entry is not None:
            drawing = replace(drawing, model=entry.name)
        self._take(drawing, self.tr("open"), path)

    def tell_of_model(self, missing: str, here: Entry) -> None:
        """A drawing's own model is not here, and another one paints it."""
        self._panel.noticed.emit(
            Notice(
                self.tr("This drawing was made with the model {0}, which is not here.").format(missing),
                self.tr("{0} paints it now, so the landscape looks different.").format(here.card.title),
            )
        )

    def _take_map(self, path: Path, read: ReadMap) -> None:
        panel = self._panel
        now = panel.document.drawing

        def take(answers: dict[int, int]) -> None:
            drawing = from_map(settle(read, answers), now.labels, now.background)
            drawing.model, drawing.looks = now.model, now.looks
            self._take(drawing, self.tr("open a map"))
            if read.remark:
                panel.noticed.emit(Notice(read.remark))

        if not read.unknown:
            take({})
            return
        dialog = MappingDialog(path.name, read.unknown, read.labels.size, now.palette, panel)
        dialog.accepted.connect(lambda: take(dialog.answers))
        dialog.open()

    def _take(self, drawing: Drawing, title: str, path: Path | None = None) -> None:
        """Put a drawing on the canvas; `path` is the project that it was opened from."""
        panel = self._panel
        entry = panel.models.named(drawing.model) or panel.models.named(panel.document.drawing.model) or panel.models.entries[0]
        then = None
        if path is not None:
            drawing, then = replace(drawing, home=Home(path)), lambda: self._remember(path)
        panel.take_drawing(drawing, entry, entry.card.title, title, then)

    def _trace(self, picture: np.ndarray[Any, np.dtype[np.uint8]], name: str) -> None:
        panel = self._panel
        layer = layering.add_photo(panel.document, no_larger(picture, PHOTO_SIDE), name, self.tr("photo to trace"))

        def take_look() -> None:
            # After undo another layer may have got this one's key.
            if self._take_look(picture, name) and panel.document.drawing.layer(layer.key) is layer:
                layering.act(panel.document, "remove", layer.key, self.tr("remove a layer"))

        panel.noticed.emit(
            Notice(
                self.tr("“{0}” lies over the drawing, to be traced.").format(name),
                button=self.tr("Take its look instead"),
                action=take_look,
                choices=((self.tr("Paint it anew"), lambda: panel.repainting.begin(picture, name)),),
            )
        )

    def _take_look(self, picture: np.ndarray[Any, np.dtype[np.uint8]], name: str) -> bool:
        """Take over a photo's look; False, in words, where too little is seen on it."""
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_PHOTO:
            self._panel.noticed.emit(
                Notice(
                    self.tr("“{0}” is too small to give a look.").format(name),
                    self.tr("It has {0} × {1} pixels.").format(width, height),
                    self.tr("Choose a photo of at least {0} on each side.").format(LEAST_PHOTO),
                    bad=True,
                )
            )
            return False
        self._panel.choose_look(photo_look(picture, name))
        return True

    def take_repainted(self, drawing: Drawing, name: str) -> None:
        """A photo became a map: it takes the drawing's place, with the photo's look."""
        panel = self._panel

        def tell() -> None:
            panel.noticed.emit(
                Notice(
                    self.tr("“{0}” became a label map, painted in its own light.").format(name),
                    hint=as_here(
                        self.tr("Paint over what was taken for something else; Ctrl+Z brings the drawing before it back.")
                    ),
                )
            )

        entry = panel.models.named(drawing.model) or panel.models.entries[0]
        panel.take_drawing(drawing, entry, name, self.tr("map from a photo"), tell)

    def open_recent(self, path: Path) -> None:
        """One of the drawings that were worked on before."""
        if not self.open(path):
            paths = [other for other in self.recent() if other != path]
            self._panel.settings.set(RECENT, [str(other) for other in paths])
            self.named.emit(paths)
            self._panel.noticed.emit(
                Notice(self.tr("{0} cannot be opened.").format(path.name), self.tr("It is not there."), bad=True)
            )

    def recent(self) -> list[Path]:
        """The drawings that were saved or opened last, the newest first."""
        return [Path(text) for text in self._panel.settings.get(RECENT, list[str]())]

    def _remember(self, path: Path) -> None:
        """A drawing was opened from this file, or is saved there."""
        paths = [path.absolute(), *(other for other in self.recent() if other != path.absolute())][:MOST_RECENT]
        self._panel.settings.set(RECENT, [str(other) for other in paths])
        self.named.emit(paths)

    # Out

    def save_picture(self, path: Path) -> None:
        """Save the landscape of this moment with its recipe inside; one that is not finished is finished first."""

        def write(landscape: Landscape) -> None:
            entry = self._panel.models.named(landscape.drawing.model)
            sha256 = entry.card.sha256 if entry is not None else ""
            self._remarks[path] = landscape.remark
            self._filing.save_picture(path, landscape.picture, landscape.drawing, sha256, landscape.enlarge_with)

        self._panel.asked.once_finished(write)

    def send(self) -> None:
        """Give the finished landscape of this moment to Upscale."""
        self._panel.asked.once_finished(lambda landscape: self._panel.send_to.emit("upscale", landscape.picture))

    def copy(self) -> None:
        """Put the finished landscape of this moment on the clipboard."""

        def put(landscape: Landscape) -> None:
            QGuiApplication.clipboard().setImage(image_of(landscape.picture))
            self._panel.message.emit(self.tr("The landscape is on the clipboard."))

        self._panel.asked.once_finished(put)

    def save_project(self, path: Path) -> None:
        """Save the drawing with all its layers."""
        document = self._panel.document
        drawing = document.drawing
        entry = self._panel.models.named(drawing.model)

        def name() -> None:
            drawing.home.file = path
            self._remember(path)
            if document.drawing.home is drawing.home:  # or another one was opened meanwhile
                self.tell_name()

        self._filing.save_project(path, drawing, self._panel.picture, entry.card.sha256 if entry is not None else "", name)

    def save_map(self, path: Path, kind: str) -> None:
        self._filing.save_map(path, self._panel.document.drawing, kind)

    def save_layers(self, path: Path) -> None:
        """Save all layers of this moment with the landscape as the topmost; one that is not finished is finished first."""

        def write(landscape: Landscape) -> None:
            self._remarks[path] = landscape.remark
            self._filing.save_layered(path, landscape.drawing, landscape.picture)

        self._panel.asked.once_finished(write)

    def _saved(self, path: Path) -> None:
        told, remark = self.tr("Saved to {0}").format(path), self._remarks.pop(path, "")
        self._panel.message.emit(f"{told}. {remark}" if remark else told)

    def shut(self) -> None:
        self._filing.shut()

    # Asking

    def ask_new(self) -> None:
        now = self._panel.document.drawing
        dialog = CanvasDialog(now.palette, now.width, now.height, now.background, False, self._panel)
        dialog.accepted.connect(lambda: self._new(dialog))
        dialog.open()

    def _new(self, dialog: CanvasDialog) -> None:
        now = self._panel.document.drawing
        drawing = blank(*dialog.size_, now.labels, dialog.background)
        drawing.model, drawing.looks = now.model, Looks(now.looks.first)
        self._take(drawing, self.tr("new drawing"))

    def ask_size(self) -> None:
        now = self._panel.document.drawing
        dialog = CanvasDialog(now.palette, now.width, now.height, now.background, True, self._panel)

        def change() -> None:
            if dialog.size_ != (now.width, now.height):
                self._take(resized(now, *dialog.size_, stretch=dialog.stretch), self.tr("size of the canvas"))

        dialog.accepted.connect(change)
        dialog.open()

    def ask_open(self, purpose: str = "") -> None:
        titles = {
            "look": self.tr("A photo for the look"),
            "trace": self.tr("A photo to trace"),
            "map": self.tr("A label map"),
            "repaint": self.tr("A photo to make a map from"),
        }
        folder = self._own_folder() or folder_of(self._panel.settings, FOLDER)
        file, _ = QFileDialog.getOpenFileName(self._panel, titles.get(purpose, self.tr("Open a drawing, map or photo")), folder)
        if file and not self.open(Path(file), purpose):
            self._panel.noticed.emit(Notice(self.tr("Paint has no use for {0}.").format(Path(file).name), bad=True))

    def ask_save_picture(self) -> None:
        path = ask_where(self._panel, self._panel.settings, FOLDER, f"{self._stem()}.png", folder=self._own_folder())
        if path is not None:
            self.save_picture(path)

    def save(self) -> None:
        """Save the drawing where it came from; ask where it came from nowhere."""
        if self.path is not None:
            self.save_project(self.path)
        else:
            self.ask_save_project()

    def ask_save_project(self) -> None:
        path = self._ask_save(self.tr("Save the drawing"), self._stem(), Kind("Ganvas", (SUFFIX,)))
        if path is not None:
            self.save_project(path)

    def ask_save_map(self, kind: str) -> None:
        path = self._ask_save(self.tr("Save the label map"), f"{self._stem()}-map", Kind("PNG", (".png",)))
        if path is not None:
            self.save_map(path, kind)

    def ask_save_layers(self) -> None:
        kinds = Kind("OpenRaster", (".ora",)), Kind("Photoshop", (".psd",))
        path = self._ask_save(self.tr("Save all layers"), self._stem(), *kinds)
        if path is not None:
            self.save_layers(path)

    def _ask_save(self, title: str, stem: str, *kinds: Kind) -> Path | None:
        name = f"{stem}{kinds[0].suffixes[0]}"
        return ask_where(self._panel, self._panel.settings, FOLDER, name, title, kinds, folder=self._own_folder())

    def _stem(self) -> str:
        return self.path.stem if self.path is not None else self.tr("landscape")

    def _own_folder(self) -> str:
        return str(self.path.parent) if self.path is not None else ""
