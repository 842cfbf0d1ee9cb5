"""What a person chose (`settings.toml` in the config folder) and what was open last time (`window.json` in the state folder).

Both are read forgivingly and written whole: a broken file never keeps the window from opening. No Qt.
"""

from __future__ import annotations

import json
import logging
import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from models.folders import config_folder, state_folder, write_whole

logger = logging.getLogger(__name__)
T = TypeVar("T")  # str, int, float, bool or list[str]
STATE_BYTES = 32 << 20  # a label map of 4,096 px as text is some megabytes; more is not ours


class Settings:
    """Choices by dotted names ("explore.model"): strings, numbers, booleans and lists of strings.

    `problem` says in one sentence that the file could not be read (it was then set aside as `settings.toml.broken`).
    """

    def __init__(self, file: Path | None = None, state_file: Path | None = None) -> None:
        self.file = file or config_folder() / "settings.toml"
        self.state_file = state_file or state_folder() / "window.json"
        self.problem = ""
        self._values: dict[str, Any] = {}
        self._read()

    def get(self, name: str, default: T) -> T:
        """A choice, or the default where there is none or one of another type."""
        value = self._values.get(name)
        if isinstance(default, float) and type(value) is int:
            value = float(value) if abs(value) < 1 << 53 else None
        if type(value) is not type(default):
            return default
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            return default
        return value

    def set(self, name: str, value: str | int | float | bool | list[str]) -> None:
        """Keep a choice, on disk too."""
        if self._values.get(name) != value or type(self._values.get(name)) is not type(value):
            self._values[name] = value
            self.save()

    def save(self) -> None:
        """Write the file. Where the disk refuses, the choices live until the program ends, and the log says so."""
        try:
            write_whole(self.file, to_toml(self._values).encode())
        except OSError as error:
            logger.warning("Settings could not be written to %s: %s", self.file, error)

    def last_state(self) -> dict[str, Any]:
        """What `keep_state` kept; empty where there is nothing, or nothing that can be read."""
        try:
            with self.state_file.open("rb") as file:
                data = file.read(STATE_BYTES + 1)
            state = json.loads(data) if len(data) <= STATE_BYTES else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def keep_state(self, state: dict[str, Any]) -> None:
        """Keep what is open, for the next start."""
        try:
            # A long list of photos is written at once and without line breaks: that is some ten times quicker. The names of
            # files may be no text (POSIX).
            write_whole(self.state_file, json.dumps(state, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        except OSError as error:
            logger.warning("The last state could not be written to %s: %s", self.state_file, error)

    def _read(self) -> None:
        try:
            text = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            self._set_aside(str(error))
            return
        try:
            self._values = dict(_flat(tomllib.loads(text)))
        except (ValueError, RecursionError) as error:  # not only TOML's own: a number may be too long for Python
            self._set_aside(str(error))

    def _set_aside(self, why: str) -> None:
        aside = self.file.with_name(self.file.name + ".broken")
        self.problem = f"The settings could not be read ({why}); Ganvas starts with its own."
        try:
            os.replace(self.file, aside)
        except OSError as error:
            logger.warning("%s could not be set aside: %s", self.file, error)


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found


def to_toml(values: dict[str, Any]) -> str:
    """Dotted names and their values as TOML: one table a first word. A value that TOML cannot hold here is left out."""
    tables: dict[str, list[str]] = {}
    for name in sorted(values):
        table, _, key = name.rpartition(".")
        text = _value(values[name])
        if text:
            tables.setdefault(table, []).append(f"{_key(key)} = {text}")
    lines = tables.pop("", [])
    for table, entries in sorted(tables.items()):
        head = ".".join(_key(part) for part in table.split("."))
        lines += ([""] if lines else []) + [f"[{head}]", *entries]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    plain = text and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)
    return text if plain else json.dumps(text)


def _value(value: Any) -> str:
    """One value. JSON's strings are TOML's basic strings, but for the delete character, which TOML wants escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        whole = not any("\ud800" <= letter <= "\udfff" for letter in value)  # a path that is no text (POSIX)
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if whole else ""
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        parts = [_value(item) for item in value]
        return f"[{', '.join(parts)}]" if all(parts) else ""
    return ""
