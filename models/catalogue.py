"""The models at hand: those that travel with Ganvas and those that a person added. Imports no torch until it writes one.

A model is a folder with `card.json`, `weights.safetensors` and, where there is one, a sample sheet `sheet.webp`; a generator with
sliders of its own has `directions.json` and `directions.safetensors`, see `models.latents.beside`. One that was
only referred to has `original.json` in place of weights: where its file lies, which is read each time. Embedded models lie in
`resources/weights`, the others in `catalogue` of `models.folders.data_folder()`. A folder is written under a hidden name,
flushed and renamed: a half-written model never bears a name, so it is never listed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from safetensors import SafetensorError, safe_open

from models import recommended
from models.card import Card
from models.errors import BadInput, CheckpointError, ModelError
from models.folders import data_folder, write_whole

if TYPE_CHECKING:
    import torch

Origin = Literal["embedded", "recommended", "added"]
Report = Callable[[int, int, str], None]

CARD, WEIGHTS, SHEET, ORIGINAL = "card.json", "weights.safetensors", "sheet.webp", "original.json"
DIRECTIONS, VECTORS = "directions.json", "directions.safetensors"
CARD_BYTES = 4 << 20  # a card is text of some kilobytes; more is not a card
NAME_LENGTH = 80  # leaves room for a number in every file system
LEFT_OUT = "left out"  # begins the report about a file of a folder that could not be added
ABANDONED_SECONDS = 24 * 3600.0  # a hidden folder this old belongs to a program that was killed while writing


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue, ready to be opened: its card and where its files lie (`sheet` None: it has no samples).

    `refers` is True where `weights` is not the catalogue's copy but the file that was referred to, `member` then names the
    model in it where it is an archive.
    """

    name: str
    card: Card
    weights: Path
    origin: Origin
    sheet: Path | None = None
    refers: bool = False
    member: str | None = None


@dataclass(frozen=True)
class BrokenEntry:
    """A folder of the catalogue that holds no working model, and why, in one sentence."""

    name: str
    folder: Path
    reason: str


def silent(done: int, total: int, text: str) -> None:
    """A report that nobody reads."""


def key_of(sha256: str, siblings: Mapping[str, bytes], answers: Mapping[str, str]) -> str:
    """What makes two additions the same: the file's own bytes, those read beside it, and what the person answered."""
    digest = hashlib.sha256(sha256.encode())
    for name in sorted(siblings):
        digest.update(f"\nsibling {name} {hashlib.sha256(siblings[name]).hexdigest()}".encode())
    for key in sorted(answers):
        digest.update(f"\nanswer {key!r} {answers[key]!r}".encode())
    return digest.hexdigest()


def weights_of(path: Path) -> Path:
    """The weights in the folder of a model, as `ganvas train --export` writes one; the path itself where it is anything else.

    Links in the folder are not followed: they may lead out of it.
    """
    parts = (path / CARD, path / WEIGHTS)
    try:
        own = all(part.is_file() and not part.is_symlink() for part in parts)
    except (OSError, ValueError):  # a name that no system has
        return path
    return path / WEIGHTS if own else path


def proper_name(text: str) -> str:
    """A name the catalogue can bear: letters, digits, `-`, `_` and `.`, from any text."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:NAME_LENGTH]
    return name or "model"


class Catalogue:
    """The models at hand. `home` is the folder of the added ones (None: where this person's data lies).

    Every call looks at the disk: two programs may use one catalogue.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or data_folder() / "catalogue"
        self.embedded = Path(str(files("resources"))) / "weights"

    def entries(self) -> list[Entry]:
        """All models that can be opened: recommended, embedded, then added ones, each by name."""
        found = [entry for entry in self._look() if isinstance(entry, Entry)]
        rank = {"recommended": 0, "embedded": 1, "added": 2}
        return sorted(found, key=lambda entry: (rank[entry.origin], entry.name.lower()))

    def broken(self) -> list[BrokenEntry]:
        """The folders that hold no working model, with the reason. `remove` takes their names too."""
        return [entry for entry in self._look() if isinstance(entry, BrokenEntry)]

    def find(self, name: str) -> Entry | None:
        """The model of this name, or None. `CheckpointError` where its folder is there but broken."""
        if proper_name(name) != name:
            return None
        for root in (self.home, self.embedded):
            if (root / name).is_dir():
                entry = _read_entry(root / name, root == self.embedded)
                if isinstance(entry, BrokenEntry):
                    raise CheckpointError(
                        f"The model {name} of the catalogue is broken.",
                        entry.reason,
                        "Remove it and add its file again.",
                    )
                return entry
        return None

    def holding(self, key: str) -> Entry | None:
        """The model that was added under this key (`key_of`), or None."""
        return next((entry for entry in self.entries() if key and entry.card.key == key), None)

    def add(
        self, path: Path, answers: Mapping[str, str] | None = None, report: Report = silent, refer: bool = False
    ) -> list[str]:
        """Read a file, archive or folder into the catalogue; the names of its models there, known ones included.

        With `refer` files are not copied but referred to where they lie. `report(done, total, text)` follows the models.
        `CheckpointError` says what cannot be read, `NeedsAnswer` asks.
        """
        from models.adding import add

        return add(self, path, dict(answers or {}), report, refer)

    def keep(
        self,
        card: Card,
        tensors: Mapping[str, torch.Tensor],
        sheet: bytes | None = None,
        fitted: Mapping[str, bytes] | None = None,
    ) -> str:
        """Write a model and give back the name it got: the card's own, or one with a number where that is taken.

        `fitted` are the files of its directions by name, which lie beside its weights.
        """
        from safetensors.torch import save_file

        def write(folder: Path) -> None:
            save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, folder / WEIGHTS)
            if sheet is not None:
                (folder / SHEET).write_bytes(sheet)
            for name, data in (fitted or {}).items():
                (folder / name).write_bytes(data)

        return self._write(card, write)

    def refer(self, card: Card, path: Path, member: str | None = None) -> str:
        """Remember where a model's file lies instead of copying it; the name it got, as `keep` gives it."""
        told = {"path": str(path.absolute()), "member": member, "bytes": path.stat().st_size}
        return self._write(card, lambda folder: (folder / ORIGINAL).write_text(json.dumps(told), encoding="utf-8"))

    def _write(self, card: Card, write: Callable[[Path], object]) -> str:
        """Make a model's folder: `write` fills it but for the card. It bears a name only once it is whole."""
        writing: Path | None = None
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._sweep()
            writing = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.home))
            write(writing)
            card = replace(card, title=self._free_title(card.title))
            for name in self._free_names(card.name):
                (writing / CARD).write_text(replace(card, name=name).to_json(), encoding="utf-8")
                _flush(writing)
                try:
                    os.rename(writing, self.home / name)
                except OSError:
                    if (self.home / name).exists():  # another program took the name meanwhile
                        continue
                    raise
                _flush_folder(self.home)
                return name
            raise AssertionError("names never end")
        except OSError as error:
            raise ModelError(
                f"The model {card.name} could not be written.",
                f"{error.strerror or error}.",
                f"Free some space, or look whether {self.home} can be written to.",
            ) from error
        finally:
            if writing is not None:
                shutil.rmtree(writing, ignore_errors=True)

    def keep_sheet(self, name: str, webp: bytes) -> None:
        """Give an added model a sample sheet (the bytes of a WebP picture)."""
        write_whole(self._own(name) / SHEET, webp)

    def remove(self, name: str) -> None:
        """Remove an added model, broken or not. `BadInput` where there is none, or where it travels with Ganvas."""
        folder = self._own(name)
        hidden = Path(tempfile.mkdtemp(prefix=".removed-", dir=self.home))
        os.rename(folder, hidden / name)
        shutil.rmtree(hidden, ignore_errors=True)

    def _own(self, name: str) -> Path:
        if proper_name(name) != name or not (self.home / name).is_dir():
            if proper_name(name) == name and (self.embedded / name).is_dir():
                raise BadInput(f"{name} comes with Ganvas and stays.")
            raise BadInput(f"There is no model {name} in the catalogue.", hint="`ganvas models list` shows their names.")
        return self.home / name

    def _look(self) -> Iterator[Entry | BrokenEntry]:
        for root in (self.home, self.embedded):
            for folder in _folders(root):
                yield _read_entry(folder, root == self.embedded)

    def _free_names(self, wanted: str) -> Iterator[str]:
        base, number = proper_name(wanted), 1
        taken = {folder.name.lower() for root in (self.home, self.embedded) for folder in _folders(root)}
        while True:
            name = base if number == 1 else f"{base}-{number}"
            if name.lower() not in taken:  # file systems that ignore case would mix two models up
                yield name
            number += 1

    def _free_title(self, wanted: str) -> str:
        """The title, with a number where another model bears it: a picker shows titles alone."""
        taken = {entry.card.title for entry in self.entries()}
        if wanted not in taken:
            return wanted
        return next(title for number in count(2) if (title := f"{wanted} ({number})") not in taken)

    def _sweep(self) -> None:
        """Remove what a killed program left half-written."""
        for folder in self.home.glob(".*-*"):
            if folder.name.startswith((".writing-", ".removed-")) and time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _folders(root: Path) -> Iterable[Path]:
    try:
        return sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith((".", "_")))
    except OSError:
        return ()


def _read_entry(folder: Path, embedded: bool) -> Entry | BrokenEntry:
    try:
        with open(folder / CARD, "rb") as file:
            text = file.read(CARD_BYTES + 1)
        if len(text) > CARD_BYTES:
            raise CheckpointError("The model's card is too large.")
        card = replace(Card.from_json(text), name=folder.name)
        if (folder / ORIGINAL).is_file():
            return _read_reference(folder, card)
        with safe_open(folder / WEIGHTS, framework="numpy"):  # reads the header and holds it against the file's size
            pass
    except FileNotFoundError as error:
        return BrokenEntry(folder.name, folder, f"{Path(str(error.filename or WEIGHTS)).name} is missing.")
    except CheckpointError as error:
        return BrokenEntry(folder.name, folder, str(error))
    except (OSError, SafetensorError) as error:
        return BrokenEntry(folder.name, folder, f"Its weights cannot be read: {error}.")
    origin: Origin = "embedded" if embedded else "recommended" if card.source in recommended.sources() else "added"
    return Entry(folder.name, card, folder / WEIGHTS, origin, _sheet(folder))


def _read_reference(folder: Path, card: Card) -> Entry | BrokenEntry:
    """A model that was referred to; broken where its file has gone or is another one now."""
    try:
        told = json.loads((folder / ORIGINAL).read_text(encoding="utf-8"))
        path, member, size = Path(told["path"]), told["member"], told["bytes"]
        if not (member is None or isinstance(member, str)):
            raise TypeError("its member is no name")
    except (OSError, ValueError, TypeError, KeyError) as error:
        return BrokenEntry(folder.name, folder, f"Where its file lies cannot be read: {error}.")
    try:
        if path.stat().st_size != size:
            return BrokenEntry(folder.name, folder, f"Its file {path} has changed since it was added.")
    except OSError:
        return BrokenEntry(folder.name, folder, f"Its file {path} is not there any more.")
    return Entry(folder.name, card, path, "added", _sheet(folder), refers=True, member=member)


def _sheet(folder: Path) -> Path | None:
    return folder / SHEET if (folder / SHEET).is_file() else None


def _flush(folder: Path) -> None:
    for path in folder.iterdir():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows has no handle of a folder to flush
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
