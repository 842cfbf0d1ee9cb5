"""Finds and plans photos beside the window, in pieces, so that a folder of twenty thousand fills the list as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.photos.photo import PhotoFacts
from app.upscale.inputs import Found, gather
from app.upscale.items import in_words
from app.upscale.plan import BESIDE, Choices, Planned, Planner
from app.upscale.queue import AT_WORK, Row
from app.widgets.background import Background

FOUND_AT_ONCE, KNOWN_AT_ONCE, PLANNED_AT_ONCE = 400, 2000, 60


class Finder(QObject):
    """`found(list of Found)` brings photos of what was added, `all_found()` comes when nothing is left to be read;
    `planned(list of (Row, Planned))` brings plans, `all_planned()` comes when every row has one."""

    found = Signal(object)
    all_found = Signal()
    planned = Signal(object)
    all_planned = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(self)
        self._to_read: list[tuple[Iterator[Found], int]] = []
        self._reading = False
        self._planner: Planner | None = None
        self._to_plan: list[Row] = []
        self._planning = False
        self._generation = 0

    @property
    def busy(self) -> bool:
        return self._reading or self._planning

    def add(self, paths: Sequence[Path], leave_out: Path | None = None, below: Path | None = None) -> None:
        """Look for photos in files and folders (sub-folders too), but not in `leave_out`; `below` as for `gather`."""
        self._take(gather(list(paths), True, [BESIDE, *([leave_out] if leave_out else [])], below), FOUND_AT_ONCE)

    def bring(self, photos: Iterator[Found]) -> None:
        """Bring these photos, of which all is known."""
        self._take(photos, KNOWN_AT_ONCE)

    def _take(self, photos: Iterator[Found], at_once: int) -> None:
        self._to_read.append((photos, at_once))
        if not self._reading:
            self._read_next()

    def _read_next(self) -> None:
        if not self._to_read:
            self._reading = False
            self.all_found.emit()
            return
        self._reading = True
        self._in_pieces(*self._to_read.pop(0), self.found.emit, self._read_next, lambda: True)

    def plan(
        self,
        rows: Iterable[Row],
        choices: Choices,
        anew: bool,
        released: Iterable[Path] = (),
        replaced: Mapping[Path, Path] | None = None,
    ) -> None:
        """Plan these rows. `anew` forgets which names were given (the choices changed): then they are all rows there are.
        Names in `released` were theirs before; results in `replaced`, with their photos, are written over by the next ones."""
        rows = [row for row in rows if not row.found.problem]
        done: list[Path] = []
        if anew or self._planner is None:
            done = [row.planned.output for row in rows if row.planned and row.planned.output and not _to_be_planned(row)]
            self._planner = Planner(choices)
            self._generation += 1
            self._planning = False
            self._to_plan = []
        planner, sources = self._planner, [row.found.path for row in rows]

        def know() -> None:  # fifty thousand names take a noticeable part of a second
            planner.add_sources(sources)
            planner.take(done)
            planner.release(released)
            planner.replace(replaced or {})

        self._background.run(know, lambda _: None)  # before the first of these is planned there
        self._to_plan += [row for row in rows if _to_be_planned(row)]
        if not self._planning:
            self._plan_next()

    def _plan_next(self) -> None:
        rows, self._to_plan = self._to_plan, []
        planner, generation = self._planner, self._generation
        if not rows or planner is None:
            self._planning = False
            self.all_planned.emit()
            return
        self._planning = True
        # The facts of a row are taken here: the rows themselves belong to the window's thread.
        work = [(row, row.found, row.facts) for row in rows]
        made = ((row, _planned(planner, found, facts)) for row, found, facts in work)
        self._in_pieces(made, PLANNED_AT_ONCE, self.planned.emit, self._plan_next, lambda: generation == self._generation)

    def _in_pieces(
        self,
        things: Iterator[object],
        at_once: int,
        deliver: Callable[[list[object]], None],
        then: Callable[[], None],
        wanted: Callable[[], bool],
    ) -> None:
        """Take things from an iterator beside the window, so many at once, as long as they are wanted."""

        def take(piece: list[object]) -> None:
            if not wanted():
                return
            if piece:
                deliver(piece)
                self._background.run(lambda: list(islice(things, at_once)), take)
            else:
                then()

        self._background.run(lambda: list(islice(things, at_once)), take)

    def shut(self) -> None:
        """The window closes."""
        self._to_read.clear()
        self._to_plan.clear()
        self._generation += 1
        self._background.shut()


def _planned(planner: Planner, found: Found, facts: PhotoFacts | None) -> Planned:
    """What nobody foresaw costs this photo alone: the others would be looked at for ever."""
    try:
        return planner.plan(found, facts)
    except Exception as error:
        return Planned(found.path, "refused", str(in_words(error)))


def _to_be_planned(row: Row) -> bool:
    return row.state not in (*AT_WORK, "done", "failed")


def take_plan(row: Row, planned: Planned) -> None:
    """Write a plan into its row, unless work on it has begun meanwhile."""
    if not _to_be_planned(row):
        return
    if row.found.mask is not None:  # painted since the plan was begun, perhaps
        planned = replace(planned, mask=row.found.mask)
    row.planned, row.facts = planned, planned.facts or row.facts
    row.state, row.reason = planned.state, planned.reason
