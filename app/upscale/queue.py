"""The document of the panel: the photos in their order, what is known of each, and the choices for all. No Qt.

What a person changes (photos added, removed, moved, choices) goes through commands that can be undone; what the machine finds
out (sizes, progress, errors) is told to the rows directly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from app.history import Command, History
from app.photos.photo import PhotoFacts
from app.upscale.inputs import Found
from app.upscale.items import Event
from app.upscale.plan import Choices, Planned, result_by

RowState = Literal["looking", "ready", "refused", "skipped", "reading", "working", "writing", "done", "failed"]
AT_WORK: tuple[RowState, ...] = ("reading", "working", "writing")


@dataclass(eq=False, slots=True)
class Row:
    """One photo of the queue. `reason` says what is wrong, or what a person should know; `seconds` how long it took, and
    `made_by` what was chosen when it was done."""

    found: Found
    state: RowState = "looking"
    facts: PhotoFacts | None = None
    planned: Planned | None = None
    share: float = 0.0
    reason: str = ""
    seconds: float = 0.0
    bytes: int = 0
    made_by: Choices | None = None

    @property
    def open(self) -> bool:
        """Still to be done."""
        return self.state in ("looking", "ready", *AT_WORK)

    @property
    def work(self) -> float:
        """Megapixels that the network is to read of it."""
        return self.planned.network_megapixels if self.planned is not None else 0.0

    def finish(self, event: Event, choices: Choices) -> None:
        """What its end on the belt says of it."""
        self.seconds, self.bytes, self.made_by = event.seconds, event.bytes, choices
        self.reason = " ".join(event.warnings)
        if self.planned is not None and event.output != self.planned.output:  # another program took that name meanwhile
            self.planned = replace(self.planned, output=event.output)


@dataclass(frozen=True)
class Counts:
    """How many rows there are, and how many in which state: `ready` counts those at work too, `failed` those refused."""

    total: int
    ready: int
    done: int
    failed: int
    skipped: int
    looking: int


@dataclass(eq=False)
class Queue:
    """Rows and choices. `changed` callbacks run with what changed: "rows" (added, removed, moved), "choices" or "masks". `held`
    tells of rows that a job has: to undo that they were added would not take them out of it."""

    history: History
    choices: Choices
    rows: list[Row] = field(default_factory=list)
    held: Callable[[Row], bool] = lambda row: False
    changed: list[Callable[[str], None]] = field(default_factory=list)

    def add(self, found: Iterable[Found]) -> list[Row]:
        """Put photos at the end, without a step of undo: folders come in pieces (`remember_added` makes the step)."""
        rows = [Row(one, "refused" if one.problem else "looking", reason=one.problem) for one in found]
        self.rows += rows
        self.tell("rows")
        return rows

    def remember_added(self, rows: Sequence[Row], title: str) -> None:
        """Make one step of undo of rows that were added in pieces."""
        new = {id(row) for row in rows}
        self._do(title, self.rows, [row for row in self.rows if id(row) not in new], done=True)

    def remove(self, rows: Iterable[Row], title: str) -> None:
        """Take photos out; those at work stay."""
        gone = {id(row) for row in rows if row.state not in AT_WORK}
        self._do(title, [row for row in self.rows if id(row) not in gone], self.rows)

    def move(self, rows: Iterable[Row], by: int, title: str) -> None:
        """Move photos up (`by` negative) or down, together."""
        chosen = {id(row) for row in rows}
        places = [i for i, row in enumerate(self.rows) if id(row) in chosen]
        if not places:
            return
        first = min(max(places[0] + by, 0), len(self.rows) - len(places))
        rest = [row for row in self.rows if id(row) not in chosen]
        block = [self.rows[i] for i in places]
        self._do(title, rest[:first] + block + rest[first:], self.rows)

    def protect(self, masks: Mapping[Row, Path | None], title: str) -> None:
        """Give photos masks of their own, or take them away. Tells "masks"."""
        changes = [(row, row.found.mask, mask) for row, mask in masks.items() if row.found.mask != mask]
        if changes:
            self.history.seal()
            self.history.do(_MaskChange(self, title, changes))

    def set_mask(self, row: Row, mask: Path | None) -> None:
        """Without a step of undo. A photo that was done is to be done again; one that the mask of all does not suit may be
        done with its own, and may not where it has none any more."""
        row.found = replace(row.found, mask=mask)
        refused = row.state == "refused" and row.facts is not None
        falls_back = row.state == "ready" and mask is None and self.choices.protect is not None and not self.held(row)
        if row.state == "done" or refused or falls_back:
            row.state, row.share, row.reason = "looking", 0.0, ""
        if row.planned is not None:
            row.planned = replace(row.planned, mask=mask or self.choices.protect)

    def choose(self, choices: Choices, title: str) -> None:
        """Change what was chosen for all."""
        if choices == self.choices:
            return
        self.history.do(_ChoicesChange(self, title, self.choices, choices))

    def counts(self) -> Counts:
        """How many rows are in which state."""
        found = Counter(map(attrgetter("state"), self.rows))  # some milliseconds for 50,000 rows
        done, skipped, looking = found["done"], found["skipped"], found["looking"]
        failed = found["failed"] + found["refused"]
        ready = len(self.rows) - done - skipped - looking - failed
        return Counts(len(self.rows), ready, done, failed, skipped, looking)

    def done_otherwise(self) -> Iterator[Row]:
        """Photos that were done, and that the choices of now would make another result of."""
        found: dict[tuple[int, PhotoFacts, bool], bool] = {}  # few, for many rows
        for row in self.rows:
            before = row.made_by
            if row.state != "done" or before is None or row.facts is None or before is self.choices:
                continue
            key = id(before), row.facts, row.found.mask is not None
            if key not in found:
                found[key] = result_by(row.facts, before, key[2]) != result_by(row.facts, self.choices, key[2])
            if found[key]:
                yield row

    def set_rows(self, rows: list[Row]) -> None:
        self.rows = rows
        self.tell("rows")

    def set_choices(self, choices: Choices) -> None:
        self.choices = choices
        self.tell("choices")

    def _do(self, title: str, after: list[Row], before: list[Row], done: bool = False) -> None:
        if [id(row) for row in after] != [id(row) for row in before]:
            self.history.seal()
            self.history.do(_RowsChange(self, title, list(before), list(after), done))

    def tell(self, what: str) -> None:
        """Something changed."""
        for callback in self.changed:
            callback(what)


@dataclass(eq=False)
class _RowsChange:
    """Photos were added, removed or moved."""

    queue: Queue
    title: str
    before: list[Row]
    after: list[Row]
    done: bool = False
    bytes = 0  # photos and masks lie on the disk

    def redo(self) -> None:
        if not self.done:
            self.queue.set_rows(list(self.after))
        self.done = False

    def undo(self) -> None:
        # Rows that came since (a folder still being read) and those that a job has are nobody's to undo.
        known = {id(row) for row in self.before} | {id(row) for row in self.after}
        kept = [row for row in self.queue.rows if id(row) not in known or row.state in AT_WORK or self.queue.held(row)]
        kept_ids = {id(row) for row in kept}
        before = [row for row in self.before if id(row) not in kept_ids]
        self.queue.set_rows(before + kept)

    def merge(self, later: Command) -> bool:
        return False


@dataclass(eq=False)
class _MaskChange:
    """Something was painted over photos, or taken away: (row, mask before, mask after)."""

    queue: Queue
    title: str
    changes: list[tuple[Row, Path | None, Path | None]]
    bytes = 0  # photos and masks lie on the disk

    def redo(self) -> None:
        for row, _, after in self.changes:
            self.queue.set_mask(row, after)
        self.queue.tell("masks")

    def undo(self) -> None:
        for row, before, _ in self.changes:
            self.queue.set_mask(row, before)
        self.queue.tell("masks")

    def merge(self, later: Command) -> bool:
        return False


@dataclass(eq=False)
class _ChoicesChange:
    """Another size, folder, format or preset. What was chosen beside the steps since then, as a model is, stays."""

    queue: Queue
    title: str
    before: Choices
    after: Choices
    bytes = 0

    def redo(self) -> None:
        self._take(self.before, self.after)

    def undo(self) -> None:
        self._take(self.after, self.before)

    def _take(self, left: Choices, taken: Choices) -> None:
        pairs = ((part.name, getattr(left, part.name), getattr(taken, part.name)) for part in fields(Choices))
        changes: dict[str, Any] = {name: value for name, old, value in pairs if old != value}
        self.queue.set_choices(replace(self.queue.choices, **changes))

    def merge(self, later: Command) -> bool:
        if isinstance(later, _ChoicesChange) and later.title == self.title:
            self.after = later.after
            return True
        return False
