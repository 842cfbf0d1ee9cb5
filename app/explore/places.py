"""Which thumbnails stand where: the sheet of seeds, the pad, what was seen, the favourites."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from app.explore.frames import SheetColumn, StripRow
from app.explore.rendering import Thumbnails
from app.explore.state import Document
from app.explore.variation import Variation

SHEET_SEEDS = 60
LAST_SHEET = 1_000_000 // SHEET_SEEDS  # seeds stay in numbers that a person can read out
REST_MS = 200  # thumbnails are asked for once the hand keeps still


class Places(QObject):
    """Fills the strips from the document and asks for the thumbnails that they lack, the most wanted first.

    `title_of(name)` gives a direction's title, `near()` the seeds that the pad shows, `at_hand(model)` whether a model is there.
    """

    def __init__(
        self,
        document: Document,
        thumbnails: Thumbnails,
        sheet: SheetColumn,
        strip: StripRow,
        title_of: Callable[[str], str],
        near: Callable[[], list[int]],
        at_hand: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._thumbnails, self._sheet, self._strip = document, thumbnails, sheet, strip
        self._title_of, self._near, self._at_hand = title_of, near, at_hand
        self._of_key: dict[str, Variation] = {}
        self._filled: object = None
        self.start = 0  # the sheet's first seed
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._want)
        thumbnails.came.connect(self._came)
        sheet.turned.connect(lambda pages: self.turn(self.start + pages * SHEET_SEEDS))
        sheet.shuffled.connect(lambda: self.turn(random.randrange(LAST_SHEET) * SHEET_SEEDS))

    def turn(self, start: int) -> None:
        """Show the sheet from this seed on."""
        self.start = max(start, 0)
        self.show()

    def reveal(self, seed: int) -> None:
        """Turn to the page on which a seed stands, where the sheet does not show it."""
        if not self.start <= seed < self.start + SHEET_SEEDS:
            self.turn(seed // SHEET_SEEDS * SHEET_SEEDS)

    def variation(self, key: str) -> Variation:
        """What stands at a place."""
        return self._of_key[key]

    def plain(self, seed: int) -> Variation:
        """A seed by itself: what sheet and pad show of it."""
        return Variation(model=self._document.now.model).at_seed(seed)

    def show(self) -> None:
        """Show the document as it is now."""
        document = self._document
        # A hand that drags calls this for every movement, and nothing but the selection may have changed.
        filled = (document.now.model, self.start, document.favourites, document.seen[-1:], len(document.seen))
        if filled != self._filled:
            self._filled = filled
            self._fill()
        now = document.now
        self._sheet.seeds.select(repr(self.plain(now.seed)) if now.on_seed else None)
        self._strip.seen.select(repr(now))
        self._strip.favourites.select(repr(now) if now in document.favourites else None)
        self._sheet.back.setEnabled(self.start > 0)
        self._rest.start()

    def refill(self) -> None:
        """Thumbnails have come from elsewhere."""
        self._filled = None
        self.show()

    def forget(self, model: str) -> None:
        """Another model bears this name now: its thumbnails are still to come."""
        keys = {key for key, variation in self._of_key.items() if variation.model == model}
        for strip in (self._sheet.seeds, self._strip.seen, self._strip.favourites):
            strip.clear_images(keys)

    def _fill(self) -> None:
        document = self._document
        self._of_key = {}
        sheet = [self.plain(seed) for seed in range(self.start, self.start + SHEET_SEEDS)]
        for strip, variations in (
            (self._sheet.seeds, sheet),
            (self._strip.seen, [seen.variation for seen in document.seen]),
            (self._strip.favourites, list(reversed(document.favourites))),
        ):
            places = [(repr(variation), self._caption(variation)) for variation in variations]
            strip.set_places(places)
            for (key, _), variation in zip(places, variations, strict=True):
                self._of_key[key] = variation
                image = self._thumbnails.get(variation)
                if image is not None and key not in strip.thumbs.images:
                    strip.set_image(key, image)

    def shut(self) -> None:
        self._rest.stop()

    def _came(self, variation: Variation, image: QImage) -> None:
        for strip in (self._sheet.seeds, self._strip.seen, self._strip.favourites):
            strip.set_image(repr(variation), image)

    def _want(self) -> None:
        self._thumbnails.want(self._wanted())

    def _wanted(self) -> Iterator[Variation]:
        now = self._document.now
        if not self._at_hand(now.model):
            return
        if now.mix_seed is not None:
            yield self.plain(now.mix_seed)
        yield from (self.plain(seed) for seed in self._near())
        yield from (self.plain(seed) for seed in range(self.start, self.start + SHEET_SEEDS))
        kept = [*reversed(self._document.favourites), *(seen.variation for seen in reversed(self._document.seen))]
        yield from (variation for variation in kept if self._at_hand(variation.model))

    def _caption(self, variation: Variation) -> str:
        near = self.tr("a point of its own") if variation.point else self.tr("near seed {}").format(variation.seed)
        parts = [self.tr("seed {}").format(variation.seed) if variation.on_seed else near]
        parts += [f"{self._title_of(name)} {value:+.1f}" for name, value in variation.directions]
        return ", ".join(parts)
