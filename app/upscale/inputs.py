"""The photos that were meant: files as they are named, folders walked once, links that run in circles noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.photos.formats import EXTENSIONS, HEAD, sniff
from app.photos.placing import PREFIX


@dataclass(frozen=True)
class Found:
    """A photo to enlarge, or (`problem` set) something that was named but is none. `folder` is its place below what was
    named: "" for a file or the top of a folder, so that the output can keep the tree. `into` is where its result goes if
    nobody chose a place for all (a picture that came from another panel has no folder of its own). `mask` is what was painted
    over it (`app.photos.masks`)."""

    path: Path
    folder: str = ""
    problem: str = ""
    into: Path | None = None
    mask: Path | None = None


def gather(
    named: Iterable[Path], recursive: bool = True, leave_out: Iterable[Path | str] = (), below: Path | None = None
) -> Iterator[Found]:
    """The photos among files and folders, in order: those of a folder by name, numbers by value, then its sub-folders.

    What was named itself is always given, with its problem if it has one. In folders, files that are no pictures by name
    nor by content are passed over; so are hidden ones, what Ganvas is just writing, and folders in `leave_out` (paths, or
    names for folders anywhere): results of an earlier run are not enlarged again. Nothing is given twice.
    `below`: the paths were not named but found below this folder: what is no picture is passed over there too, and the tree
    is kept.
    """
    paths = {_identity(path) for path in leave_out if isinstance(path, Path)}
    names = {name for name in leave_out if isinstance(name, str)}
    walk = _Walk(recursive, paths - {None}, names)
    for path in named:
        try:
            folder = path.is_dir()
        except OSError as error:
            yield Found(path, problem=_said(error))
            continue
        place = "" if below is None or path.parent == below else path.parent.relative_to(below).as_posix()
        yield from walk.folder(path) if folder else walk.file(path, place, named=below is None)


class _Walk:
    def __init__(self, recursive: bool, leave_out: set[tuple[int, int] | None], names: set[str]) -> None:
        self._recursive, self._leave_out, self._names = recursive, leave_out, names
        self._folders: set[tuple[int, int] | None] = set()
        self._files: set[str] = set()

    def folder(self, top: Path) -> Iterator[Found]:
        waiting = [(top, "")]
        while waiting:
            path, below = waiting.pop()
            identity = _identity(path)
            if identity in self._folders:
                continue  # a link back to a folder that was seen
            self._folders.add(identity)
            folders = yield from self._files_of(path, below)
            if self._recursive:
                inner = [(path / name, f"{below}/{name}" if below else name) for name in folders if name not in self._names]
                waiting += reversed([pair for pair in inner if _identity(pair[0]) not in self._leave_out])

    def _files_of(self, path: Path, below: str) -> Generator[Found, None, list[str]]:
        """The photos of one folder; returns the names of its sub-folders."""
        folders: list[str] = []
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: _natural(entry.name))
        except OSError as error:
            yield Found(path, below, f"The folder cannot be read: {_said(error)}")
            return folders
        for entry in entries:
            if entry.name.startswith((".", PREFIX)):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError as error:
                yield Found(Path(entry.path), below, _said(error))
                continue
            if is_folder:
                folders.append(entry.name)
            else:
                yield from self.file(Path(entry.path), below, named=False)
        return folders

    def file(self, path: Path, below: str, named: bool) -> Iterator[Found]:
        looks_like_one = EXTENSIONS.get(path.suffix.lower().lstrip(".")) is not None
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                if named or looks_like_one:
                    yield Found(path, below, "It is not a file.")
                return
            # By its path, not its inode: two hard links are two photos to whoever made them.
            identity = os.path.realpath(path)
            if identity in self._files:
                return
            self._files.add(identity)
            if not (named or looks_like_one):
                with path.open("rb") as file:
                    if sniff(file.read(HEAD)) is None:
                        return
            yield Found(path, below)
        except OSError as error:
            if named or looks_like_one:
                yield Found(path, below, _said(error))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _said(error: OSError) -> str:
    text = error.strerror or type(error).__name__
    return f"{text[:1].upper()}{text[1:]}."


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts photo2 before photo10, whatever the case."""
    parts: list[tuple[int, int, str]] = []
    digits = ""
    for character in name.casefold() + "\0":
        if character.isascii() and character.isdigit():
            digits += character
            continue
        if digits:
            parts.append((0, int(digits[:18]), ""))
            digits = ""
        parts.append((1, 0, character))
    return parts
