"""Plays and saves morphs: asks the engine for the latents of the keys, then for one picture after the other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from app.explore import animation
from app.explore.files import in_words
from app.explore.morph import FRAMES_A_SECOND, Morph
from app.explore.rendering import DEADLINE_MS, LANE, REST_MS
from app.explore.variation import Variation
from app.inference.requests import GenerateRequest
from app.inference.updates import ENDINGS, Done, Failure, Frame, Generated, Update
from app.widgets.background import Background

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker

TICK_MS = 15
PATIENCE = 0.5  # seconds; a wait that is over sooner is not worth a word
UNWRITTEN = 4  # frames that may wait for the disk: a graphics card makes them faster than they are packed


class KeyLatents(QObject):
    """The latents of keys, asked for once each. `ready()` when all that were wanted are there, `late(done, total)` on the way
    there where it takes long."""

    ready = Signal()
    late = Signal(int, int)
    failed = Signal(object)

    def __init__(self, worker: InferenceWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.known: dict[Variation, NDArray[np.float32]] = {}
        self._asked: dict[int, Variation] = {}
        self._total, self._since = 0, 0.0  # how many are waited for, and since when
        worker.updated.connect(self._update)

    def want(self, keys: tuple[Variation, ...], smallest: int) -> bool:
        """Ask for what is missing; True where nothing is. `smallest` is the cheapest size the model makes."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.known]
        if not self._asked:
            self._total, self._since = 0, time.monotonic()
        for key in missing:
            if key not in self._asked.values():
                self._total += 1
                self._asked[self._worker.submit(key.request(resolution=smallest))] = key
        return not missing

    def forget(self, model: str) -> None:
        """Another model bears this name now: its latents are others."""
        self.known = {key: latents for key, latents in self.known.items() if key.model != model}

    def shut(self) -> None:
        self._worker.updated.disconnect(self._update)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket not in self._asked:
            return
        if isinstance(update, Done) and isinstance(update.result, Generated):
            self.known[self._asked[ticket]] = update.result.ws
        if isinstance(update, ENDINGS):
            del self._asked[ticket]
            if isinstance(update, Failure):
                self.failed.emit(update)
            elif not self._asked:
                self.ready.emit()
            elif time.monotonic() - self._since >= PATIENCE:
                self.late.emit(self._total - len(self._asked), self._total)


class Player(QObject):
    """Shows a morph as fast as the engine can: each picture is that of the time when it is asked for.

    `shown(Frame)` for each picture, `moved(share)` 0..1 for the playhead, `playing(bool)`.
    """

    shown = Signal(object)
    moved = Signal(float)
    playing = Signal(bool)

    def __init__(self, worker: InferenceWorker, latents: KeyLatents, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._latents = worker, latents
        self.morph = Morph(())
        self._at, self._last = 0.0, 0.0
        self._ticket = -1
        self._stale = False
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._finish)
        worker.updated.connect(self._update)

    @property
    def is_playing(self) -> bool:
        return self._clock.isActive()

    def set_morph(self, morph: Morph) -> None:
        """Another morph; the playhead keeps its share of the whole."""
        share = self._at / self.morph.duration if self.morph.duration else 0.0
        self.morph = morph
        self._at = share * morph.duration
        if not morph.legs:
            self.stop()

    def play(self) -> None:
        """Start, or go on; from the beginning where it was at the end."""
        if not self.morph.legs:
            return
        if not self.morph.loop and self._at >= self.morph.duration:
            self._at = 0.0
        self._last = time.monotonic()
        self._clock.start()
        self.playing.emit(True)

    def pause(self) -> None:
        """Stop here, and show this picture in full."""
        self.stop()
        self._rest.start()

    def stop(self) -> None:
        """Stop, and ask for nothing more."""
        self._stale = False
        self._rest.stop()
        if self._clock.isActive():
            self._clock.stop()
            self.playing.emit(False)

    def leave(self) -> None:
        """Stop, and show nothing of what is on its way either."""
        self.stop()
        self._worker.cancel(self._ticket)
        self._ticket = -1

    def go_to(self, share: float) -> None:
        """Show the picture at a share of the whole; in full once the hand rests."""
        self.stop()
        self._at = share * self.morph.duration
        self.look()

    def look(self) -> None:
        """Show the picture where the playhead is; in full once the hand rests."""
        self._stale = True
        self._ask()
        self._rest.start()

    def shut(self) -> None:
        self._clock.stop()
        self._rest.stop()
        self._worker.updated.disconnect(self._update)

    def _tick(self) -> None:
        now = time.monotonic()
        self._at += now - self._last
        self._last = now
        if self.morph.loop:
            self._at %= self.morph.duration
        elif self._at >= self.morph.duration:
            self._at = self.morph.duration
            self.pause()
        self.moved.emit(self._at / self.morph.duration)
        self._stale = True
        self._ask()

    def _finish(self) -> None:
        """The hand rests: this picture in full. In the lane it takes the place of any preview."""
        if self.morph.legs and all(key in self._latents.known for key in self.morph.keys):
            self._stale = False
            self._ticket = self._worker.submit(self.morph.request(self._at, self._latents.known), lane=LANE)

    def _ask(self) -> None:
        ready = self.morph.legs and all(key in self._latents.known for key in self.morph.keys)
        if self._ticket < 0 and self._stale and ready:
            self._stale = False
            request = self.morph.request(self._at, self._latents.known, deadline_ms=DEADLINE_MS)
            self._ticket = self._worker.submit(request, lane=LANE)

    def _update(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket:
            return
        if isinstance(update, Frame):
            self.shown.emit(update)
        elif isinstance(update, ENDINGS):
            self._ticket = -1
            self._ask()


class Saver(QObject):
    """Saves a morph: all frames in full, behind everything else that the engine does.

    `progressed(done, total)` (total 0: nothing runs), `saved(path)`, `failed(text)`.
    """

    progressed = Signal(int, int)
    saved = Signal(object)
    failed = Signal(str)

    def __init__(self, worker: InferenceWorker, files: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._files = worker, files
        self._request: Callable[[int], GenerateRequest] | None = None
        self._finish: Callable[[Path], None] | None = None
        self._folder: Path | None = None
        self._path = Path()
        self._ticket, self._number, self._total, self._unwritten = -1, 0, 0, 0
        worker.updated.connect(self._update)

    @property
    def is_busy(self) -> bool:
        return self._folder is not None

    def save(
        self, morph: Morph, latents: dict[Variation, NDArray[np.float32]], size: int, path: Path, sha256: str, title: str
    ) -> None:
        """Begin; the result is what `animation.assemble` makes for the path's suffix. One at a time."""
        if self.is_busy or not morph.legs:
            return
        try:
            self._folder = animation.folder_for(path)
        except OSError as error:
            self.failed.emit(in_words(error))
            return
        kept, recipe, loop = dict(latents), morph.to_recipe(sha256, title), morph.loop
        self._request = lambda number: morph.request(number / FRAMES_A_SECOND, kept, resolution=size)
        self._finish = lambda folder: animation.assemble(folder, path, recipe, loop, lambda: folder == self._folder)
        self._path, self._number, self._total, self._unwritten = path, 0, morph.frames, 0
        folder = self._folder
        self.progressed.emit(0, self._total)
        self._files.run(lambda: animation.prepare(path), lambda _: self._begin(folder), lambda e: self._broken(folder, e))

    def stop(self) -> None:
        """Give it up; nothing is left behind."""
        if self._ticket >= 0:
            self._worker.cancel(self._ticket)
        self._ticket = -1
        folder, self._folder = self._folder, None
        if folder is not None:
            self._files.run(lambda: shutil.rmtree(folder, ignore_errors=True), lambda _: None)
            self.progressed.emit(0, 0)

    def shut(self) -> None:
        self.stop()
        self._worker.updated.disconnect(self._update)

    def _begin(self, folder: Path) -> None:
        if folder == self._folder:  # it was not given up meanwhile
            self._next()

    def _next(self) -> None:
        """Ask for the next frame, unless one is on its way or the disk is behind."""
        assert self._request is not None
        if self._ticket >= 0 or self._number == self._total or self._unwritten >= UNWRITTEN:
            return
        self.progressed.emit(self._number, self._total)
        self._ticket = self._worker.submit(self._request(self._number))

    def _update(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket or self._folder is None:
            return
        if isinstance(update, Frame):
            folder, number, picture = self._folder, self._number, update.picture
            self._unwritten += 1
            self._files.run(
                lambda: animation.write_frame(folder, number, picture),
                lambda _: self._written(folder),
                lambda e: self._broken(folder, e),
            )
        elif isinstance(update, Failure):
            self.stop()
            self.failed.emit(str(update))
        elif isinstance(update, Done):
            self._number += 1
            self._ticket = -1
            if self._number < self._total:
                self._next()
            else:
                self._assemble()

    def _written(self, folder: Path) -> None:
        if folder == self._folder:
            self._unwritten -= 1
            self._next()

    def _assemble(self) -> None:
        folder, finish, path = self._folder, self._finish, self._path
        assert folder is not None
        assert finish is not None
        self.progressed.emit(self._total, self._total)
        self._files.run(lambda: finish(folder), lambda _: self._done(folder, path), lambda e: self._broken(folder, e))

    def _done(self, folder: Path, path: Path) -> None:
        if folder == self._folder:  # or it was given up while its frames were put together, and another one may be at work
            self._folder = None
            self.progressed.emit(0, 0)
            self.saved.emit(path)

    def _broken(self, folder: Path, error: Exception) -> None:
        if folder == self._folder:
            self.stop()
            self.failed.emit(in_words(error))
