"""The job at work in the journal: opened, held for this process, let go of. No Qt; each call takes its time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.upscale.journal import JobTaken, Journal
from app.upscale.plan import Choices, Planned


@dataclass(frozen=True)
class Noted:
    """A job in the journal, held for this process. `places` are those of its photos there, by their number in what was begun;
    `following` is the place that the next photo gets."""

    journal: Journal
    number: int
    claim: contextlib.ExitStack
    places: dict[int, int]
    following: int

    def extend(self, planned: Sequence[Planned], superseded: int | None) -> None:
        """More photos of it. Those of the job `superseded` are in it now: that one is over."""
        if planned:
            self.journal.extend(self.number, planned)
        if superseded is not None:
            self.journal.end(superseded)

    def close(self, ended: bool) -> None:
        """Let go of it. `ended`: nothing of it waits any more."""
        try:
            if ended:
                self.journal.end(self.number)
        finally:
            self.claim.close()
            self.journal.close()


def note(choices: Choices, planned: Sequence[Planned], job: int | None, superseded: int | None) -> Noted:
    """A job of these photos: the one with the number `job`, else a new one. The job `superseded` is over: they are its photos.
    `JournalError`; `JobTaken` where another process has it."""
    journal = Journal()
    number = job if job is not None else journal.begin(choices, planned)
    if superseded is not None:
        journal.end(superseded)
    claim = contextlib.ExitStack()
    try:
        claim.enter_context(journal.claimed(number))
    except JobTaken:
        journal.close()
        raise
    # A job that goes on has its rows at other places than they have here. One photo may be there for two results.
    wanted = [(Path(os.path.abspath(one.source)), one.output) for one in planned]
    known = {(entry.planned.source, entry.planned.output): entry.place for entry in journal.entries(number)}
    places = {i: known[one] for i, one in enumerate(wanted) if one in known}
    return Noted(journal, number, claim, places, max(known.values(), default=-1) + 1)
