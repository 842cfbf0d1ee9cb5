"""The log: one rotating file in the state folder. A person reads one sentence; the traceback goes here."""

import contextlib
import errno
import itertools
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from models.folders import state_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

BYTES = 1_000_000  # A week of ordinary use; two old files are kept beside it.
OLD_FILES = 2
LOGGERS = ("app", "models")
TRIES, PAUSE = 50, 0.002  # for its turn: a process that another one has stopped in the middle of a line holds nobody up for long
TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that somebody else has


class _File(logging.Handler):
    """Several processes share the file: the window, hands on further devices, commands. Each opens it for a line alone, so that
    it can be renamed (Windows renames no open file) and nobody writes on into an old one; a lock beside it lets one at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._turn = path, path.with_name("log.lock")
        for file in (self._path, self._turn):
            file.open("ab").close()
        self._refused = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, in a new file where the old one is full."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            with self._alone() as alone:
                if alone:
                    self._make_room(len(line))
                with self._path.open("ab", buffering=0) as file:
                    file.write(line)
            self._refused = ""
        except OSError as error:  # a full disk, as a rule
            why = error.strerror or type(error).__name__
            if why != self._refused:
                sys.stderr.write(f"ganvas: nothing can be written to {self._path}: {why}.\n")
            self._refused = why
        except Exception:
            self.handleError(record)

    def _make_room(self, bytes_more: int) -> None:
        if not self._path.exists() or self._path.stat().st_size + bytes_more <= BYTES:
            return
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, OLD_FILES + 1))]
        with contextlib.suppress(PermissionError):  # Windows: somebody reads it just now; it grows on until the next line
            for newer, older in reversed(list(itertools.pairwise(names))):
                if newer.exists():
                    os.replace(newer, older)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process writes meanwhile; where one stands in the way for long, the line is written all the same."""
        with self._turn.open("ab") as turn:
            for again in range(TRIES):
                if again:
                    time.sleep(PAUSE)
                if _lock(turn.fileno()):
                    break
            else:
                yield False
                return
            try:
                yield True
            finally:
                _unlock(turn.fileno())


def _lock(file: int) -> bool:
    """Whether nobody else has the lock: this process has it now, or the file system knows no locks. It goes with the process."""
    try:
        if sys.platform == "win32":
            os.lseek(file, 0, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in TAKEN
    return True


def _unlock(file: int) -> None:
    with contextlib.suppress(OSError):  # there are no locks; where there are, it goes with the file too
        if sys.platform == "win32":
            os.lseek(file, 0, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_UN)


def log_file() -> Path:
    """Path of the log; it appears with `start`."""
    return state_folder() / "ganvas.log"


def start() -> None:
    """Send what our packages log (INFO and worse) to the log file. Called once by `main` and by the process of a further device;
    twice does no harm.

    Where the folder cannot be written the program works without a log: that is said on stderr by logging's last resort.
    """
    path = log_file()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    if any(isinstance(handler, _File) for handler in loggers[0].handlers):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _File(path)
    except OSError as error:
        logging.getLogger("app").warning("No log can be written to %s: %s", path, error)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False


def stop() -> None:
    """Close the log file and let our loggers speak to their parents again (tests start and stop within one process)."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in [h for h in logger.handlers if isinstance(h, _File)]:
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True
