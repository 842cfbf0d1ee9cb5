"""Names of the files that a sub-command writes into a folder, one for each photo."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def free(folder: Path, stem: str, written: set[str]) -> Path:
    """A PNG's name that no photo before this one took (which is added to `written`); what an earlier run wrote is replaced. Names
    that differ in case alone are one file on Windows and macOS."""
    name, number = stem, 1
    while name.casefold() in written:
        number += 1
        name = f"{stem}-{number}"
    written.add(name.casefold())
    return folder / f"{name}.png"


def is_one_of(path: Path, *read: Path | None) -> bool:
    """Whether a result of this name would be written over one of the files that it is made from."""
    return path.exists() and any(one is not None and one.exists() and path.samefile(one) for one in read)


def taken(folder: Path, photos: Iterable[Path]) -> set[str]:
    """What `written` begins with: the photos that lie in the folder themselves are not to be written over."""
    here = folder.resolve()
    return {photo.stem.casefold() for photo in photos if photo.suffix.lower() == ".png" and photo.parent.resolve() == here}
