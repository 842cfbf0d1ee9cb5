"""Undo and redo: one stack of commands for everything a panel's document can change. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

# What the steps of one panel may keep in memory: at the largest canvas of Paint, 64 MB a layer, this is eight removed layers.
MOST_BYTES = 512 << 20


class Command(Protocol):
    """A change of a document that can be taken back. `title` names it in the menu ("Undo stroke")."""

    title: str

    @property
    def bytes(self) -> int:
        """What is kept in memory for it alone while it is done: the document has it no more, and only undo brings it back."""
        ...

    def redo(self) -> None: ...

    def undo(self) -> None: ...

    def merge(self, later: Command) -> bool:
        """Take `later` into this one (a slider that is still being dragged); True if it was taken."""
        ...


class History:
    """A stack of commands with undo and redo. `limit` and `most_bytes` bound what is kept: the oldest go, never the newest.
    `changed` callbacks run after every change."""

    def __init__(self, limit: int = 500, most_bytes: int = MOST_BYTES) -> None:
        self._done: list[Command] = []
        self._undone: list[Command] = []
        self._limit, self._most_bytes = limit, most_bytes
        self._sealed = True
        self.changed: list[Callable[[], None]] = []

    def do(self, command: Command) -> None:
        """Run a command and keep it. It merges into the one before unless `seal` was called since."""
        command.redo()
        self._undone.clear()
        if self._sealed or not self._done or not self._done[-1].merge(command):
            self._done.append(command)
        self._trim()
        self._sealed = False
        self._tell()

    def seal(self) -> None:
        """End a gesture: the next command stands by itself."""
        self._sealed = True

    def undo(self) -> bool:
        """Take the last command back; False if there is none."""
        if not self._done:
            return False
        command = self._done.pop()
        command.undo()
        self._undone.append(command)
        self._sealed = True
        self._tell()
        return True

    def redo(self) -> bool:
        """Do the last undone command again; False if there is none."""
        if not self._undone:
            return False
        command = self._undone.pop()
        command.redo()
        self._done.append(command)
        self._sealed = True
        self._tell()
        return True

    @property
    def undo_title(self) -> str | None:
        """What `undo` would take back, or None."""
        return self._done[-1].title if self._done else None

    @property
    def redo_title(self) -> str | None:
        """What `redo` would do again, or None."""
        return self._undone[-1].title if self._undone else None

    def clear(self) -> None:
        """Forget everything (another document was opened)."""
        self._done.clear()
        self._undone.clear()
        self._sealed = True
        self._tell()

    def _trim(self) -> None:
        """Let the oldest steps go. Only where something new was done: undo and redo move what is in memory already."""
        del self._done[: -self._limit]
        held, oldest = sum(command.bytes for command in self._done), 0
        while held > self._most_bytes and oldest < len(self._done) - 1:
            held -= self._done[oldest].bytes
            oldest += 1
        del self._done[:oldest]

    def _tell(self) -> None:
        for callback in self.changed:
            callback()
