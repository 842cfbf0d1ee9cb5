"""The right half of the panel: the photo before and after, how it is compared, and the models side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.inference.updates import Tile
from app.upscale.bars import ViewBar
from app.upscale.model_strip import Crops, ModelStrip
from app.upscale.pace import Paces
from app.upscale.plan import Choices
from app.upscale.preview import Preview, Shown
from app.upscale.prices import JobPrices
from app.upscale.queue import Row
from app.upscale.queue_list import result_of
from app.upscale.sizes import size_for
from app.widgets.compare_view import CompareView
from models.catalogue import Entry

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

SAMPLE = "samples/photos/otter.jpg"
USUAL_SIZE = (1920, 1080)  # of a photo, while none is shown


class PictureSide(QWidget):
    """See the module. `shown(Shown)` when a photo can be seen, `unshown()` where it cannot, `model_chosen(name)` in the strip,
    `message(str)` a remark for the status line, `save_asked()` to save the comparison, `part_asked()` for what is marked."""

    shown = Signal(object)
    unshown = Signal()
    model_chosen = Signal(str)
    message = Signal(str)
    save_asked = Signal()
    part_asked = Signal()

    def __init__(self, worker: InferenceWorker, paces: Paces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paces, self._device = paces, "cpu"
        self._row: Row | None = None
        self._job_runs = False
        self.on_sample = False
        self._unseen = False  # the photo that was chosen cannot be shown
        self.view, self.bar = CompareView(), ViewBar()
        self.view.placeholder = self.tr("Choose a photo to see it before and after")
        self.preview = Preview(self.view, worker, paces, self)
        self.crops = Crops(worker, paces, self)
        self.strip = ModelStrip(self.crops)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.above = QVBoxLayout()  # bars that stand above the picture while they are needed
        column.addLayout(self.above)
        column.addWidget(self.view, 1)
        column.addWidget(self.bar)
        column.addWidget(self.strip)
        self.bar.mode.connect(self.view.set_mode)
        self.bar.loupe.connect(self.view.set_loupe)
        self.bar.try_here.connect(self.preview.try_seen)
        self.bar.fit.connect(self.view.fit)
        self.bar.full.connect(lambda: self.view.set_percent(100))
        self.bar.copy.connect(self.copy)
        self.bar.save.connect(self.save_asked)
        self.view.mode_changed.connect(self.bar.show_mode)
        self.view.loupe_changed.connect(self.bar.glass.setChecked)
        self.view.view_changed.connect(self._show_zoom)
        self.view.region_chosen.connect(self._mark)
        self.bar.part.connect(self.part_asked)
        self.preview.shown.connect(self._shown)
        self.preview.failed.connect(self._unshown)
        self.preview.trying.connect(lambda trying: self._hold_crops())
        self.strip.chosen.connect(self.model_chosen)

    @property
    def photo_size(self) -> tuple[int, int]:
        """Width and height of the photo that is shown (of a usual one, while there is none)."""
        now = self.preview.now
        return (now.photo.width, now.photo.height) if now else USUAL_SIZE

    @property
    def row(self) -> Row | None:
        """The photo of the list that is looked at; None for one that is on no list."""
        return self._row

    def show_sample(self) -> None:
        """The first visit: a photo that comes along."""
        self.on_sample, self._row = True, None
        self.preview.show(Path(str(files("resources") / SAMPLE)))

    def show_row(self, row: Row) -> None:
        """Show a photo of the list, with its result where it is done."""
        now, other = self.preview.now, row is not self._row
        self.on_sample, self._row = False, row
        if other and now is not None and now.path == row.found.path:
            self.preview.clear()  # it came back onto the list: what is seen, and painted on, belongs to the row it had before
        self.preview.show(row.found.path, result_of(row))

    def look_again(self, paths: Collection[Path]) -> None:
        """Files on the list may have become others."""
        if self.preview.now is not None and self.preview.now.path in paths:
            self.preview.look_again()
        elif self._unseen and self._row is not None and self._row.found.path in paths:
            self.preview.show(self._row.found.path)  # it could not be shown as it was

    def row_done(self, row: Row) -> None:
        """A photo is done: if it is the one that is shown, show what was saved."""
        if self.preview.now is not None and row.found.path == self.preview.now.path:
            self.preview.show(row.found.path, result_of(row))

    def show_tile(self, row: Row, tile: Tile, place: tuple[float, float, float, float]) -> None:
        """The job made a part of a photo."""
        self.preview.show_tile(row.found.path, tile, place)

    def use_device(self, device: str) -> None:
        """What the engine computes on; speeds are remembered for each."""
        self._device = self.preview.device = self.crops.device = device

    def job_runs(self, runs: bool) -> None:
        """While a job runs the strip asks for nothing, and nothing is tried unasked."""
        self._job_runs = runs
        self._hold_crops()

    def show_models(self, groups: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """The models at hand, under their headings."""
        self.strip.show_models(groups)
        self.strip.setVisible(any(entries for _, entries in groups))
        self.crops.wish(self.strip.entries)  # some may be others of the same name

    def show_prices(self, choices: Choices, job: JobPrices) -> None:
        """Say below each model how long the photo takes with it, and what the whole job costs."""
        size = self.photo_size
        wanted = size_for(choices.target, *size)
        cards = [entry.card for entry in self.strip.entries if entry.card.task == "upscaling"]
        priced = () if self._unseen else cards
        seconds = {card.name: self._paces.seconds(card, self._device, size, wanted) * choices.effort for card in priced}
        self.strip.show_prices(seconds, {card.name: job.of(card) for card in cards} if job.photos > 1 else {})

    def copy(self) -> None:
        """Put what is seen of the result on the clipboard, at its own pixels."""
        image = self.view.after_image()
        if image is None:
            self.message.emit(self.tr("Nothing is made of what is seen here yet: try it here first"))
            return
        QGuiApplication.clipboard().setImage(image)
        self.message.emit(self.tr("Copied {0} × {1} px").format(image.width(), image.height()))

    def shut(self) -> None:
        """The window closes."""
        self.preview.shut()
        self.crops.shut()

    def _mark(self, region: QRect) -> None:
        self.preview.mark(region)
        self.bar.crop.setEnabled(not self.preview.marked.isEmpty())

    def _shown(self, shown: Shown) -> None:
        self._unseen = False
        self.bar.crop.setEnabled(False)
        self.shown.emit(shown)
        photo = shown.photo
        self.crops.look_at(shown.path, shown.stamp, photo, QPoint(photo.width // 2, photo.height // 2))
        self.strip.refresh()
        finished = self._row is not None and result_of(self._row) is not None
        if not finished and not self._job_runs:
            self.preview.try_quickly()
        self.crops.wish(self.strip.entries)

    def _unshown(self, path: Path, sentence: str) -> None:
        self._unseen = True
        self.view.placeholder = f"{path.name}\n{sentence}"
        self.view.update()
        self.crops.look_away()
        self.strip.refresh()
        self.unshown.emit()

    def _hold_crops(self) -> None:
        self.crops.hold(self.preview.is_trying or self._job_runs)

    def _show_zoom(self) -> None:
        self.bar.zoom.setText(f"{self.view.percent:.0f} %" if self.view.has_picture() else "")
