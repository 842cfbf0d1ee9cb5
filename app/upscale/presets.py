"""Named sets of choices, kept with the settings. No Qt."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import Any

from app.photos import placing
from app.upscale.plan import Choices
from models.folders import config_folder

MAX_BYTES = 1 << 20  # some two thousand presets


class Presets:
    """The presets in `path` (None: with the settings). Those that cannot be read, perhaps of a later version, are left alone; a
    file that is broken as a whole holds none, and is set aside (as `.broken`) when a preset is saved."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_folder() / "upscale-presets.json"
        self._raw: dict[str, Any] = {}  # all that the file holds
        self._known: dict[str, Choices] = {}
        self._broken = False
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError:
            self._broken = True
            return
        try:
            raw = json.loads(data) if len(data) <= MAX_BYTES else None
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict):
            self._broken = True
            return
        self._raw = raw
        for name, values in raw.items():
            try:
                self._known[name] = Choices.from_dict(values).checked()
            except (ValueError, TypeError, AttributeError):
                continue

    def names(self) -> list[str]:
        """All names that can be chosen, in alphabetical order."""
        return sorted(self._known, key=str.casefold)

    def has(self, name: str) -> bool:
        """Whether something is kept under a name, be it something that cannot be read."""
        return name in self._raw

    def get(self, name: str) -> Choices | None:
        """The choices of this name."""
        return self._known.get(name)

    def save(self, name: str, choices: Choices) -> None:
        """Keep choices under a name, in place of what it held. `OSError` where the disk refuses."""
        self._write({**self._raw, name: choices.to_dict()})
        self._known[name] = choices

    def remove(self, name: str) -> None:
        """Forget a name. `OSError` where the disk refuses."""
        self._write({kept: values for kept, values in self._raw.items() if kept != name})
        self._known.pop(name, None)

    def _write(self, raw: dict[str, Any]) -> None:
        # The names of folders may be no text (POSIX).
        data = json.dumps(raw, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if len(data) > MAX_BYTES:  # it could not be read again
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if self._broken:
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path, self.path.with_name(self.path.name + ".broken"))
            self._broken = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        placing.write(self.path, [data])
        self._raw = raw
