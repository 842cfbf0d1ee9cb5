"""What one process at a time may work on, held by a lock of the system: it goes with its process, however that ends."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def hold(path: Path) -> sqlite3.Connection | None:
    """The lock file `path`, held until what is returned is closed; None where another process, or another part of this one, has
    it. The file stays while anybody may want it: one who has it open must not lock what nobody finds any more. (SQLite knows how
    to lock on three systems; it need not know how on a network's disk, so lock files lie among what is kept for this person.)"""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        return None
    return lock
