"""Named sets of choices, kept with the settings. No Qt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from app.photos import placing
from app.upscale.plan import Choices
from models.folders import config_folder

MAX_BYTES, MAX_PRESETS = 1 << 20, 200


class Presets:
    """The presets in `path` (None: with the settings). A file that is broken holds none; entries that are broken are left out."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_folder() / "upscale-presets.json"
        self._known: dict[str, Choices] = {}
        try:
            with self.path.open("rb") as file:
                raw = json.loads(file.read(MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return
        for name, values in list(raw.items())[:MAX_PRESETS] if isinstance(raw, dict) else ():
            try:
                self._known[str(name)] = Choices.from_dict(values).checked()
            except (ValueError, TypeError, AttributeError):
                continue

    def names(self) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(self._known, key=str.casefold)

    def get(self, name: str) -> Choices | None:
        """The choices of this name."""
        return self._known.get(name)

    def save(self, name: str, choices: Choices) -> None:
        """Keep choices under a name, in place of what it held. `OSError` where the disk refuses."""
        self._known[name] = replace(choices)
        self._write()

    def remove(self, name: str) -> None:
        """Forget a name. `OSError` where the disk refuses."""
        self._known.pop(name, None)
        self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: choices.to_dict() for name, choices in self._known.items()}, indent=1, ensure_ascii=False)
        placing.write(self.path, [text.encode()])
