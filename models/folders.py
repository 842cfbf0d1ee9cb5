"""Where files of ours live. `GANVAS_HOME` puts everything under one folder (tests, portable use). Imports no torch.

The folders are those of the system (platformdirs): data for the catalogue, state for recovery, journal and log, config for
settings. Nothing is created there before something is written.
"""

import os
import tempfile
from pathlib import Path

import platformdirs

NAME = "ganvas"


def _folder(kind: str, system: Path) -> Path:
    home = os.environ.get("GANVAS_HOME")
    return Path(home).expanduser().absolute() / kind if home else system


def data_folder() -> Path:
    """What must not be lost: `catalogue/`."""
    return _folder("data", platformdirs.user_data_path(NAME, appauthor=False))


def state_folder() -> Path:
    """What the program remembers by itself: `recovery/`, `journal.sqlite`, the log."""
    return _folder("state", platformdirs.user_state_path(NAME, appauthor=False))


def config_folder() -> Path:
    """What a person chose: `settings.toml`."""
    return _folder("config", platformdirs.user_config_path(NAME, appauthor=False))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of ours beside its place, flush it, and rename it: never a half one. The folder is made where it is missing.

    `OSError` where it cannot be written; then nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".writing-", delete=False) as file:
        writing = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            file.close()
            writing.unlink()
            raise
    try:
        os.replace(writing, path)
    except OSError:
        writing.unlink(missing_ok=True)
        raise
