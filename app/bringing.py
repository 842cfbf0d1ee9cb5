"""Brings files that were dropped, chosen or given to where they belong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.dropping import Dropped, look_at
from app.widgets.background import Background
from app.widgets.panel import Notice


class Bringer(QObject):
    """Looks at files beside the window, one after another, and offers each to the panels that may want it.

    `offer(panel, path)` says whether a panel took it, `here()` names the panel in front. `model(path)` comes for what is no
    picture, `noticed(Notice)` where a file cannot be brought anywhere.
    """

    model = Signal(object)
    noticed = Signal(object)

    def __init__(self, offer: Callable[[str, Path], bool], here: Callable[[], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._offer, self._here = offer, here
        self._looking = Background(self)

    def bring(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._looking.run(partial(look_at, path), self._bring)

    def shut(self) -> None:
        self._looking.shut()

    def _bring(self, dropped: Dropped) -> None:
        path, kind = dropped.path, dropped.kind
        if kind == "missing":
            text = self.tr("{} cannot be read.").format(path.name)
            self.noticed.emit(Notice(text, hint=self.tr("Is it still there?"), bad=True))
        elif kind == "other":
            self.model.emit(path)
        elif not any(self._offer(name, path) for name in self._takers(dropped)):
            self.noticed.emit(Notice(self.tr("No panel has a use for {}.").format(path.name), bad=True))

    def _takers(self, dropped: Dropped) -> tuple[str, ...]:
        """Who may want it, the likeliest first. A recipe that its panel cannot follow still leaves a photo."""
        if dropped.kind == "folder":
            return ("upscale",)
        if dropped.kind == "document":
            return ("paint",)
        if dropped.kind == "map":
            return ("paint", "upscale")
        if dropped.kind == "photo":
            return (self._here(), "upscale")
        return (dropped.panel, "upscale")
