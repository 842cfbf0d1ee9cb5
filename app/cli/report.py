"""What a sub-command says: bars on a terminal, plain lines otherwise, one JSON object a line with `--json`."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

from app.cli.options import NOTHING_DONE, OK, SOME_FAILED
from app.inference.updates import Done, Failure, Progress, Remark, Update

tqdm.monitor_interval = 0  # Its watching thread is of no use to bars that are updated by hand.
PLAIN_SECONDS = 10.0  # Without a terminal a long job says that often how far it is.

# What a terminal obeys instead of showing it, and the name of a stranger's file may hold.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Reporter:
    """Says how a job goes and counts what was done and what failed.

    Results go to `out` (standard output), progress and failures to `err` (standard error), so that results can be piped.
    With `as_json` everything goes to `out`, one object a line with an `event`: "done", "failed", "progress" or "note".
    """

    def __init__(self, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.done = 0
        self.failures: list[tuple[str, Failure]] = []
        self._terminal = not as_json and self.err.isatty()
        self._bar: tqdm[Any] | None = None
        self._said = time.monotonic()

    def progress(self, done: int, total: int, text: str = "") -> None:
        """So much is done of so much, of what `text` says."""
        if self.as_json:
            self._json("progress", done=done, total=total, text=text)
        elif self._terminal:
            shown = _CONTROL.sub("?", text).replace("\n", " ")
            if self._bar is None or self._bar.total != total:
                self.clear()
                self._bar = tqdm(desc=shown, total=total, file=self.err, leave=False, dynamic_ncols=True, unit="")
            self._bar.set_description_str(shown, refresh=False)
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._said >= PLAIN_SECONDS:
            self._said = time.monotonic()
            self.err.write(f"{text or 'working'}: {done} of {total}\n")
            self.err.flush()

    def result(self, text: str, **facts: Any) -> None:
        """One thing is done: `text` for a person, `facts` for a program."""
        self.done += 1
        if self.as_json:
            self._json("done", **facts)
        else:
            self._line(self.out, text)

    def note(self, text: str, **facts: Any) -> None:
        """Something worth knowing that is neither a result nor a failure."""
        if self.as_json:
            self._json("note", text=text, **facts)
        else:
            self._line(self.err, text)

    def say(self, text: str) -> None:
        """A line of plain output for a person (not with `--json`)."""
        self._line(self.out, text)

    def failed(self, subject: str, failure: Failure) -> None:
        """One thing (a file, a seed) failed; the others go on."""
        self.failures.append((subject, failure))
        if self.as_json:
            self._json("failed", subject=subject, what=failure.what, why=failure.why, hint=failure.hint)
        else:
            self._line(self.err, f"{subject}: {failure}")

    def follow(self, updates: Iterable[Update], text: str = "") -> Done | Failure:
        """Show the progress of one request and what is remarked, and return its ending. What is to be done with tiles is done by
        the caller (a generator around `updates` sees each one first)."""

        def shown() -> Iterator[Update]:
            for update in updates:
                if isinstance(update, Progress):
                    self.progress(update.done, update.total, text or update.text)
                elif isinstance(update, Remark):
                    self.note(update.text)
                yield update

        return ending_of(shown())

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def finish(self) -> int:
        """Say what failed, once more and together, and return the exit code."""
        self.clear()
        if len(self.failures) > 1 and not self.as_json:
            names = ", ".join(subject for subject, _ in self.failures)
            self._line(self.err, f"{self.done} done, {len(self.failures)} failed: {names}")
        if not self.failures:
            return OK
        return SOME_FAILED if self.done else NOTHING_DONE

    def _json(self, event: str, **facts: Any) -> None:
        self.out.write(json.dumps({"event": event, **facts}, default=str) + "\n")  # ASCII: whatever the stream can hold
        self.out.flush()

    def _line(self, stream: TextIO, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        stream.write((_CONTROL.sub("?", text) if stream.isatty() else text) + "\n")
        stream.flush()
        if self._bar is not None:
            self._bar.refresh()


def ending_of(updates: Iterable[Update]) -> Done | Failure:
    """How a request ended: an engine that this process alone drives drops nothing."""
    for update in updates:
        if isinstance(update, Done | Failure):
            return update
    raise RuntimeError("The engine ended without saying how.")


def said(error: Exception) -> str:
    """What an error says to a person: of the system's errors the reason alone, without number and path."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
