"""The photo that is looked at: its picture before, and what comes after, by the model at hand or by the job.

Decoding, colour conversion and blending happen beside the window; the engine's answers come in a lane of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, QRectF, Signal
from PySide6.QtGui import QImage

from app.inference.requests import TranslateRequest, UpscaleRequest
from app.inference.updates import ENDINGS, Done, Failure, Tile, Update
from app.photos.decoding import decode
from app.photos.finishing import Finish, finished
from app.photos.grain import grain_of
from app.photos.masks import softened
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import to_image, to_pixels
from app.photos.showing import photo_picture, reduced, to_picture
from app.upscale.pace import Paces
from app.upscale.plan import Choices
from app.widgets.background import Background
from app.widgets.compare_view import CompareView
from app.widgets.patches import Patch, levels_of
from app.widgets.picture_view import image_of
from models.card import Card

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

LANE = "upscale:preview"
AUTO_SECONDS = 4.0  # what is tried unasked may take so long
SMALLEST_TRY = 32  # pixels
SHOWN_SIDE = 12_000  # of the picture before and of a finished result: larger ones are shown reduced


@dataclass(frozen=True, eq=False)
class Shown:
    """The photo that is looked at: `shrunk` is the share of its size in which the view has it (1 but for giants),
    `grain` how much grain it has (`app.photos.grain`), `stamp` tells its file from another of its name."""

    path: Path
    photo: Photo
    levels: list[QImage]
    shrunk: float
    grain: float = 0.0
    stamp: tuple[int, int] | None = None

    @property
    def image(self) -> QImage:
        return self.levels[0]


class Preview(QObject):
    """Fills a `CompareView`.

    `shown(Shown)` comes when a photo can be seen, `failed(Path, sentence)` where it cannot; `trying(bool)` tells whether the
    engine is at work for the view; `timed(ms, detail)` after a try; `went_wrong(Failure)` where the model failed.
    """

    shown = Signal(object)
    failed = Signal(object, str)
    trying = Signal(bool)
    timed = Signal(float, str)
    went_wrong = Signal(object)

    def __init__(self, view: CompareView, worker: InferenceWorker, paces: Paces, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.now: Shown | None = None
        self.device = "cpu"
        self.choices = Choices("", 1)
        self.mask: Path | None = None  # what is protected in the photo that is shown
        self._view, self._worker, self._paces = view, worker, paces
        self._background = Background(self)
        self._card: Card | None = None
        self._wanted: Path | None = None
        self._result: Path | None = None  # of the photo that is wanted
        self._generation = 0
        self._ticket: int | None = None
        self._region = QRect()
        self.marked = QRect()  # the part that a person marked, in pixels of the photo
        self._tiles: list[tuple[Tile, QRect]] = []
        worker.updated.connect(self._update)

    @property
    def is_trying(self) -> bool:
        """Whether the engine is at work for the view."""
        return self._ticket is not None

    def show(self, path: Path, result: Path | None = None) -> None:
        """Show another photo (with its finished result, where there is one)."""
        self._wanted, self._result = path, result
        if self.now is not None and self.now.path == path:
            self._show_after(path, result)
            return
        self._read(path)

    def look_again(self) -> None:
        """Another photo may lie where the one that is shown did: show that one then."""
        now = self.now
        if now is None:
            return
        path, before = now.path, now.stamp

        def looked(stamp: tuple[int, int] | None) -> None:
            if stamp != before and self.now is now and self._wanted == path:
                self._result = None  # of what was there before; the next one may come while this is read
                self._read(path)

        self._background.run(lambda: _stamp(path), looked)

    def _read(self, path: Path) -> None:
        self._drop()

        def read() -> Shown:
            stamp = _stamp(path)
            photo = decode(path)
            picture = photo_picture(photo)
            small = reduced(picture, SHOWN_SIDE)
            shrunk = small.shape[1] / picture.shape[1]
            return Shown(path, photo, levels_of(image_of(small)), shrunk, grain_of(photo.pixels), stamp)

        def unread(error: Exception) -> None:
            if path == self._wanted:
                said = str(error) if isinstance(error, PhotoError) else getattr(error, "strerror", "") or type(error).__name__
                self.now = None
                self._let_go(self._view.clear_patches())
                self._view.clear()
                self.failed.emit(path, said)

        def ready(shown: Shown) -> None:
            if path == self._wanted:
                self.now, self.marked = shown, QRect()
                self._let_go(self._view.clear_patches())
                self._view.show_before(shown.image, self._factor(), shown.levels)
                self._show_after(path, self._result)
                self.shown.emit(shown)

        self._background.run(read, ready, unread)

    def _show_after(self, path: Path, result: Path | None) -> None:
        if result is None:
            return

        def read() -> list[QImage]:
            return levels_of(image_of(reduced(photo_picture(decode(result)), SHOWN_SIDE)))

        def ready(levels: list[QImage]) -> None:
            if self.now is not None and self.now.path == path:
                self._let_go(self._view.add_patch(QRectF(self.now.image.rect()), levels[0], levels))

        self._background.run(read, ready, lambda error: None)

    def clear(self) -> None:
        """Show nothing."""
        self._drop()
        self._wanted = self.now = None
        self._let_go(self._view.clear_patches())
        self._view.clear()

    def use(self, card: Card | None) -> None:
        """Try with this model from now on; what an other one made is taken away."""
        if card == self._card:
            return
        self._card = card
        self._drop()
        self._view.factor = self._factor()
        self._let_go(self._view.clear_patches())

    def _factor(self) -> float:
        scale = self._card.scale if self._card is not None else 1
        return scale / (self.now.shrunk if self.now else 1.0)

    # Trying

    def try_seen(self) -> None:
        """Enlarge what is in view, however long it takes."""
        self.try_region(self._view.seen())

    def try_quickly(self) -> None:
        """Enlarge as much of what is in view, around its middle, as takes no longer than a glance."""
        seen, card = self._view.seen(), self._card
        if card is None or self.now is None or seen.isEmpty():
            return
        if card.task == "translation":
            return
        pixels = self._paces.expected(card, self.device) / self.choices.effort * AUTO_SECONDS * 1e6
        share = min(1.0, (pixels * self.now.shrunk**2 / (seen.width() * seen.height())) ** 0.5)
        width, height = (max(round(side * share), min(side, SMALLEST_TRY)) for side in (seen.width(), seen.height()))
        part = QRect(0, 0, width, height)
        part.moveCenter(seen.center())
        self.try_region(part.intersected(seen))

    def mark(self, region: QRect) -> None:
        """A person marked a part (in coordinates of the view's picture): try it, and remember it."""
        self.try_region(region)
        now = self.now
        if now is not None:
            real = QRectF(region.topLeft() / now.shrunk, region.size() / now.shrunk).toAlignedRect()
            self.marked = real.intersected(QRect(0, 0, now.photo.width, now.photo.height))

    def try_region(self, region: QRect) -> None:
        """Enlarge a part (in coordinates of the view's picture); tiles appear as they come."""
        card, now = self._card, self.now
        if card is None or now is None or region.isEmpty():
            return
        self._drop()
        pixels = now.photo.pixels
        if card.task == "translation":
            self._region = QRect(0, 0, now.photo.width, now.photo.height)
            self._ticket = self._worker.submit(TranslateRequest(card.name, pixels), LANE)
        else:
            real = QRectF(region.topLeft() / now.shrunk, region.size() / now.shrunk).toAlignedRect()
            self._region = real.intersected(QRect(0, 0, now.photo.width, now.photo.height))
            area = (self._region.top(), self._region.left(), self._region.height(), self._region.width())
            self._ticket = self._worker.submit(
                UpscaleRequest(self.choices.network, pixels, area, keep_result=False, turns=self.choices.turns), LANE
            )
        self.trying.emit(True)

    def _drop(self) -> None:
        self._generation += 1
        self._tiles.clear()
        if self._ticket is not None:
            self._worker.cancel(self._ticket)
            self._ticket = None
            self.trying.emit(False)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket or self._card is None or self.now is None:
            return
        scale = self._card.scale
        if isinstance(update, Tile):
            height, width = update.pixels.shape[:2]
            place = QRectF(
                self._region.left() + update.left / scale, self._region.top() + update.top / scale, width / scale, height / scale
            )
            self._lay(update.pixels, place, self._generation)
        elif isinstance(update, ENDINGS):
            self._ticket = None
            self.trying.emit(False)
            if isinstance(update, Done):
                if update.result is not None:
                    self._lay(np.atleast_3d(update.result), QRectF(self._region), self._generation)
                megapixels = self._region.width() * self._region.height() / 1e6
                self._paces.note(self._card.name, self.device, megapixels * self.choices.effort, update.seconds)
                self.timed.emit(update.seconds * 1000, f"{self._region.width()} × {self._region.height()} px")
            elif isinstance(update, Failure):
                self.went_wrong.emit(update)

    def show_tile(self, path: Path, tile: Tile, place: tuple[float, float, float, float]) -> None:
        """The job made a part of a photo; `place` (left, top, width, height) counts in shares of it."""
        if self.now is None or self.now.path != path:
            return
        width, height = self.now.photo.width, self.now.photo.height
        left, top, wide, high = place
        self._lay(tile.pixels, QRectF(left * width, top * height, wide * width, high * height), self._generation)

    def _lay(self, pixels: NDArray[Any], place: QRectF, generation: int) -> None:
        """Show a part at its place (in pixels of the photo), finished as the choices say."""
        now, choices, kept = self.now, self.choices, self.mask
        if now is None:
            return

        def make() -> list[QImage]:
            made = _finished(pixels, now, place, choices, kept)
            most = round(SHOWN_SIDE * max(place.width() / now.photo.width, place.height() / now.photo.height)) + 1
            return levels_of(image_of(reduced(to_picture(made, now.photo.icc), most)))

        def ready(levels: list[QImage]) -> None:
            if generation == self._generation and self.now is now:
                s = now.shrunk
                there = QRectF(place.x() * s, place.y() * s, place.width() * s, place.height() * s)
                self._let_go(self._view.add_patch(there, levels[0], levels))

        self._background.run(make, ready)

    def _let_go(self, patches: list[Patch]) -> None:
        """Give the memory of large images back beside the window: it takes up to a tenth of a second."""
        if sum(patch.image.sizeInBytes() for patch in patches) > 4_000_000:
            self._background.run(patches.clear, lambda _: None)

    def shut(self) -> None:
        """The window closes."""
        self._worker.updated.disconnect(self._update)
        self._background.shut()


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change; None where the file is gone."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns


def _finished(pixels: NDArray[Any], now: Shown, place: QRectF, choices: Choices, kept: Path | None) -> NDArray[Any]:
    """A part, finished with the same part of the photo; as it is where a mask has gone."""
    photo = now.photo
    area = place.toAlignedRect().intersected(QRect(0, 0, photo.width, photo.height))
    part = (slice(area.top(), area.bottom() + 1), slice(area.left(), area.right() + 1))
    plain = photo.pixels[part]
    if plain.shape[2] != pixels.shape[2] or plain.dtype != pixels.dtype:
        return pixels
    try:
        mask = np.ascontiguousarray(softened(kept, (photo.width, photo.height))[part]) if kept is not None else None
    except PhotoError:
        mask = None
    finish = Finish(choices.strength, choices.grain * now.grain, 0, mask)
    if not finish.changes:
        return pixels
    return to_pixels(finished(to_image(pixels), to_image(plain), (pixels.shape[1], pixels.shape[0]), finish))
