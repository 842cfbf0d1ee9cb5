"""The log: one rotating file in the state folder. A person reads one sentence; the traceback goes here."""

import contextlib
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from models.folders import state_folder

BYTES = 1_000_000  # A week of ordinary use; two old files are kept beside it.
OLD_FILES = 2
LOGGERS = ("app", "models")


class _File(RotatingFileHandler):
    """Windows renames nothing that another start of the program has open: the file then grows on until that one has ended."""

    def rotate(self, source: str, dest: str) -> None:
        with contextlib.suppress(PermissionError):
            super().rotate(source, dest)


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
    if any(isinstance(handler, RotatingFileHandler) for handler in loggers[0].handlers):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _File(path, maxBytes=BYTES, backupCount=OLD_FILES, encoding="utf-8", errors="backslashreplace")
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
        for handler in [h for h in logger.handlers if isinstance(h, RotatingFileHandler)]:
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True
