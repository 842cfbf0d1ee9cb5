"""The journal of jobs: what was to be done, what is done, so that a job goes on after a crash or a power cut.

One SQLite file for all jobs. A job is written by one process at a time, which holds its lock until it ends, however it ends.
A photo counts as done after its result bears its name: between the two a crash costs doing that photo again, under the same
name, so nothing is lost and nothing is doubled. Where a later job or another program has used a name while this one lay still,
it takes another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.holding import hold
from app.photos import placing
from app.photos.photo import PhotoFacts
from app.upscale import naming
from app.upscale.destination import disk_of, is_off
from app.upscale.own import place_of
from app.upscale.plan import THERE, Choices, Planned
from app.upscale.sizes import passes
from app.video import reel
from app.video.writing import HELD
from models.folders import state_folder

PhotoState = Literal["waiting", "done", "failed", "skipped", "refused"]
VERSION = 3  # since 2 a photo may have a mask, since 3 a job knows the disk of its results
KEPT_JOBS = 50  # finished jobs beyond these are forgotten

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, choices TEXT NOT NULL, began REAL NOT NULL, ended REAL, token TEXT NOT NULL,
    disk BLOB
);
CREATE TABLE IF NOT EXISTS photos (
    job INTEGER NOT NULL, place INTEGER NOT NULL, source BLOB NOT NULL, output BLOB, format TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, facts TEXT, state TEXT NOT NULL, reason TEXT NOT NULL,
    seconds REAL NOT NULL DEFAULT 0, mask BLOB, PRIMARY KEY (job, place)
) WITHOUT ROWID;
"""


class JournalError(Exception):
    """The journal cannot be used; the text is one sentence for a person."""


class JobTaken(JournalError):
    """Another process works on the job."""

    def __init__(self) -> None:
        super().__init__("Another Ganvas is working on this job.")


@dataclass(frozen=True)
class Entry:
    """One photo of a job as the journal knows it; `place` is its number in the job."""

    place: int
    planned: Planned
    state: PhotoState
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class JobFacts:
    """A job at a glance: how many photos wait, are done, failed (refused ones too) or were skipped. `began` is when somebody last
    began to work on it."""

    id: int
    choices: Choices
    began: float
    waiting: int
    done: int
    failed: int
    skipped: int

    @property
    def total(self) -> int:
        return self.waiting + self.done + self.failed + self.skipped


def key_of(choices: Choices, named: Sequence[Path]) -> str:
    """What makes two command lines the same job: the choices and what was named."""
    text = json.dumps([choices.to_dict(), [os.path.abspath(path) for path in named]], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class Journal:
    """The journal in `path` (None: where this person's state lies). Made where there is none; one thread uses it. Close it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_folder() / "journal.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise JournalError(f"The journal of jobs has no place ({why}): {self.path.parent} cannot be made.") from error
        try:
            self._base = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode=WAL")
            # A power cut may take the last photos' marks with it, never the file's sanity: those photos are done again.
            self._base.execute("PRAGMA synchronous=NORMAL")
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise JournalError("The journal of jobs was written by a newer Ganvas.")
            self._base.executescript(_SCHEMA)
            if version == 1:
                self._add("photos", "mask")
            if version in (1, 2):
                self._add("jobs", "disk")
            self._base.execute(f"PRAGMA user_version={VERSION}")
        except sqlite3.DatabaseError as error:
            raise JournalError(f"The journal of jobs cannot be read ({error}): move {self.path} away.") from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def copy(self, path: Path) -> None:
        """Write all that is noted into a journal of its own, to try something out."""
        with contextlib.closing(sqlite3.connect(path)) as other:
            self._base.backup(other)

    def begin(self, choices: Choices, planned: Iterable[Planned], key: str = "") -> int:
        """Note a job with all its photos; its number."""
        planned = list(planned)  # each may be looked at only now, which takes its time: nobody else could note anything meanwhile
        disk = disk_of(choices.into)
        with self._together():
            left = self._forget_old()
            cursor = self._base.execute(
                "INSERT INTO jobs (key, choices, began, token, disk) VALUES (?, ?, ?, ?, ?)",
                (key, json.dumps(choices.to_dict()), time.time(), placing.TOKEN, os.fsencode(disk) if disk else None),
            )
            job = int(cursor.lastrowid or 0)
            self._insert(job, 0, planned)
        self._let_go(left)
        return job

    def extend(self, job: int, planned: Iterable[Planned]) -> None:
        """Note more photos of a job."""
        planned = list(planned)  # as in `begin`
        with self._together():
            last = self._base.execute("SELECT max(place) FROM photos WHERE job=?", (job,)).fetchone()[0]
            self._insert(job, 0 if last is None else last + 1, planned)
            self._base.execute("UPDATE jobs SET ended=NULL WHERE id=?", (job,))

    def mark(
        self, job: int, place: int, state: PhotoState, reason: str = "", seconds: float = 0.0, output: Path | None = None
    ) -> None:
        """Note what became of a photo; its result may have another name than was planned."""
        self._base.execute(
            "UPDATE photos SET state=?, reason=?, seconds=?, output=coalesce(?, output) WHERE job=? AND place=?",
            (state, reason, seconds, os.fsencode(output) if output else None, job, place),
        )

    def protect(self, job: int, place: int, mask: Path | None) -> None:
        """Note what is protected in a photo from now on."""
        self._base.execute("UPDATE photos SET mask=? WHERE job=? AND place=?", (os.fsencode(mask) if mask else None, job, place))

    def end(self, job: int) -> None:
        """Note that nothing of a job waits any more, or that nobody will go on with what does: then the finished segments of its
        videos go too, unless another job goes on behind them."""
        self._base.execute("UPDATE jobs SET ended=? WHERE id=?", (time.time(), job))
        self._let_go(self._videos(job, "waiting"))

    def give_way(self, job: int) -> None:
        """Before a job goes on: what waits under a name that a later job has used gets another, and so does what failed where
        something bears its name, and what waits where something bears it that is not its own, from before a crash. Where that
        was chosen, they are skipped instead."""
        facts = self.facts(job)
        if facts is None or facts.choices.on_exists == "overwrite":
            return
        rows = self._base.execute(
            "SELECT output, job>? FROM photos WHERE job!=? AND state='done' AND output IS NOT NULL", (job, job)
        ).fetchall()
        others, later = {_key(output) for output, _ in rows}, {_key(output) for output, is_later in rows if is_later}
        own = self._base.execute("SELECT source, output FROM photos WHERE job=? AND output IS NOT NULL", (job,))
        taken = later | {_key(name) for names in own for name in names}
        moved, skipped = [], []
        for entry in self.entries(job, ("waiting", "failed")):
            output = entry.planned.output
            if output is None:
                continue
            if entry.state == "failed" or naming.key(os.path.abspath(output)) in later:
                path = naming.free(output, taken) if entry.state == "waiting" or os.path.lexists(output) else output
            else:
                path = place_of(entry.planned, facts.choices, taken, others)
            if path == output:
                continue
            if facts.choices.on_exists == "rename":
                taken.add(naming.key(str(path)))
                moved.append((os.fsencode(path), job, entry.place))
            elif os.path.lexists(output):
                skipped.append((THERE, job, entry.place))
        with self._together():
            self._base.executemany("UPDATE photos SET output=? WHERE job=? AND place=?", moved)
            self._base.executemany("UPDATE photos SET state='skipped', reason=? WHERE job=? AND place=?", skipped)

    def reopen(self, job: int) -> None:
        """Let wait again what failed, and what was done but whose result is gone, unless its photo is too: a disk may be off, and
        what fails is planned anew when it is back."""
        self.give_way(job)
        gone = [
            (job, entry.place)
            for entry in self.entries(job, ("done",))
            if entry.planned.output is None
            or (not os.path.lexists(entry.planned.output) and os.path.lexists(entry.planned.source))
        ]
        with self._together():
            self._base.executemany("UPDATE photos SET state='waiting' WHERE job=? AND place=?", gone)
            self._base.execute("UPDATE photos SET state='waiting', reason='' WHERE job=? AND state='failed'", (job,))
            self._base.execute("UPDATE jobs SET ended=NULL WHERE id=?", (job,))

    def forget(self, job: int, states: Sequence[PhotoState]) -> None:
        """Take photos that are in one of these states out of a job, so that they can be planned anew."""
        with self._together():
            self._base.executemany("DELETE FROM photos WHERE job=? AND state=?", [(job, state) for state in states])

    def unfinished(self) -> list[JobFacts]:
        """The jobs that did not end and in which photos wait, the newest first."""
        found = self._base.execute("SELECT id FROM jobs WHERE ended IS NULL ORDER BY id DESC").fetchall()
        facts = [self.facts(job) for (job,) in found]
        return [one for one in facts if one is not None and one.waiting]

    def find(self, key: str) -> JobFacts | None:
        """The newest job of this key, ended or not, or None."""
        row = self._base.execute("SELECT id FROM jobs WHERE key=? ORDER BY id DESC LIMIT 1", (key,)).fetchone()
        return self.facts(row[0]) if row else None

    def facts(self, job: int) -> JobFacts | None:
        """A job at a glance; None where there is none, or its choices cannot be read."""
        row = self._base.execute("SELECT choices, began FROM jobs WHERE id=?", (job,)).fetchone()
        if row is None:
            return None
        try:
            choices = Choices.from_dict(json.loads(row[0]))
        except (ValueError, TypeError):
            return None
        counts = dict(self._base.execute("SELECT state, count(*) FROM photos WHERE job=? GROUP BY state", (job,)).fetchall())
        failed = counts.get("failed", 0) + counts.get("refused", 0)
        return JobFacts(job, choices, row[1], counts.get("waiting", 0), counts.get("done", 0), failed, counts.get("skipped", 0))

    def entries(self, job: int, states: Sequence[PhotoState] = (), again: bool = False) -> Iterator[Entry]:
        """The photos of a job in order (only those in `states`, where some are named). Of one that goes on `again`, what bears
        the name of a photo's result already will be replaced by it: see `give_way`."""
        facts = self.facts(job)
        scale = facts.choices.scale if facts else 1
        overwrites = facts is not None and facts.choices.on_exists == "overwrite"
        rows = self._base.execute(
            "SELECT place, source, output, format, width, height, facts, state, reason, seconds, mask "
            "FROM photos WHERE job=? ORDER BY place",
            (job,),
        ).fetchall()
        for place, source, output, format, width, height, about, state, reason, seconds, mask in rows:
            if states and state not in states:
                continue
            known = PhotoFacts(**json.loads(about)) if about else None
            there = again and output is not None and os.path.lexists(output)
            planned = Planned(
                Path(os.fsdecode(source)),
                "ready" if state in ("waiting", "done", "failed") else state,
                reason,
                Path(os.fsdecode(output)) if output is not None else None,
                known,
                (width, height),
                passes(known.width, known.height, (width, height), scale) if known and width else (),
                format,
                Path(os.fsdecode(mask)) if mask is not None else None,
                overwrites or there,
            )
            yield Entry(place, planned, state, reason, seconds)

    @contextlib.contextmanager
    def claimed(self, job: int) -> Iterator[None]:
        """Hold a job for this process while it works on it; `JobTaken` where another one does.

        What an earlier run of the job left half-written is swept away.
        """
        lock = hold(self._lock_of(job))
        if lock is None:
            raise JobTaken
        try:
            self._sweep(job)
            self._base.execute("UPDATE jobs SET token=?, began=? WHERE id=?", (placing.TOKEN, time.time(), job))
            yield
        finally:
            lock.close()

    def check_free(self, job: int) -> None:
        """`JobTaken` where another process works on a job: then nothing of it may be changed."""
        if self.is_held(job):
            raise JobTaken

    def check_disk(self, job: int) -> None:
        """`JournalError` where the disk that a job's results go to is not there: they would be made once more, beneath it."""
        row = self._base.execute("SELECT disk FROM jobs WHERE id=?", (job,)).fetchone()
        disk = Path(os.fsdecode(row[0])) if row and row[0] else None
        if is_off(disk):
            raise JournalError(f"The disk at {disk} is not there, and results of this job go to it: bring it back first.")

    def is_held(self, job: int) -> bool:
        """Whether somebody works on a job."""
        if not self._lock_of(job).exists():
            return False
        lock = hold(self._lock_of(job))
        if lock is not None:
            lock.close()
        return lock is None

    def _lock_of(self, job: int) -> Path:
        return self.path.parent / "locks" / f"job-{job}.sqlite"

    def _sweep(self, job: int) -> None:
        row = self._base.execute("SELECT token FROM jobs WHERE id=?", (job,)).fetchone()
        if row is None or row[0] == placing.TOKEN:
            return
        outputs = self._base.execute("SELECT output FROM photos WHERE job=? AND output IS NOT NULL", (job,)).fetchall()
        for folder in {os.path.dirname(os.fsdecode(output)) for (output,) in outputs}:
            placing.sweep(Path(folder), row[0])

    def _insert(self, job: int, first: int, planned: Iterable[Planned]) -> None:
        self._base.executemany(
            "INSERT INTO photos (job, place, source, output, format, width, height, facts, state, reason, mask) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    job,
                    first + i,
                    os.fsencode(one.source),
                    os.fsencode(one.output) if one.output else None,
                    one.format,
                    *one.size,
                    json.dumps(vars(one.facts)) if one.facts else None,
                    "waiting" if one.state == "ready" else one.state,
                    one.reason,
                    os.fsencode(one.mask) if one.mask else None,
                )
                for i, one in enumerate(replace(p, source=Path(os.path.abspath(p.source))) for p in planned)
            ),
        )

    def _add(self, table: str, column: str) -> None:
        """Two processes may find the older journal at once: the second one has nothing left to do."""
        try:
            self._base.execute(f"ALTER TABLE {table} ADD COLUMN {column} BLOB")
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):
                raise

    def _videos(self, job: int, *states: PhotoState) -> list[bytes]:
        """Results of a job's videos that are in one of these states."""
        rows = self._base.execute("SELECT output, format, state FROM photos WHERE job=? AND output IS NOT NULL", (job,))
        return [output for output, format, state in rows if format in HELD and state in states]

    def _let_go(self, videos: Sequence[bytes]) -> None:
        """Remove what is finished of these results, unless another job goes on behind it, or may: what failed in one that ended
        is tried again."""
        if videos:
            others = self._base.execute(
                "SELECT output FROM photos JOIN jobs ON job=id WHERE (ended IS NULL OR state='failed') AND output IS NOT NULL"
            ).fetchall()
            kept = {_key(output) for (output,) in others}
            for output in videos:
                if _key(output) not in kept:
                    reel.forget(Path(os.fsdecode(output)))

    def _forget_old(self) -> list[bytes]:
        """Forget jobs that ended long ago; the results of their videos that never were finished."""
        old = self._base.execute(
            "SELECT id FROM jobs WHERE ended IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?", (KEPT_JOBS,)
        ).fetchall()
        left = [output for (job,) in old for output in self._videos(job, "waiting", "failed")]
        for (job,) in old:
            self._base.execute("DELETE FROM photos WHERE job=?", (job,))
            self._base.execute("DELETE FROM jobs WHERE id=?", (job,))
            with contextlib.suppress(OSError):
                self._lock_of(job).unlink()
        return left

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


def _key(name: bytes) -> str:
    return naming.key(os.path.abspath(os.fsdecode(name)))
