"""What Upscale remembers: choices, jobs that were interrupted, pictures that other panels sent. No Qt."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from app.photos import recipe
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.settings import Settings
from app.upscale.inputs import Found
from app.upscale.journal import Journal, JournalError
from app.upscale.plan import BESIDE, Choices, Planned
from app.upscale.queue import Row
from app.upscale.sizes import parse_target
from models.folders import state_folder

# Choices that are kept: their name in the settings, and what stands for "not chosen".
_KEPT: tuple[tuple[str, str, Any], ...] = (
    ("target", "target", ""),
    ("into", "into", ""),
    ("format", "format", ""),
    ("quality", "quality", 92),
    ("template", "template", ""),
    ("on_exists", "exists", "rename"),
    ("metadata", "metadata", "keep"),
    ("reduce", "reduce", False),
    ("keep_time", "keep_time", False),
    ("codec", "codec", ""),
    ("crf", "crf", ""),
)
_KEPT_LOOKS: tuple[tuple[str, str, Any], ...] = (
    ("strength", "strength", 1.0),
    ("grain", "grain", 0.0),
    ("other", "mixed", ""),
    ("share", "share", 0.0),
    ("turns", "turns", False),
)


# More would take a noticeable part of a second at each start, and need not fit into what `Settings.last_state` reads.
KEPT_PHOTOS, KEPT_BYTES = 20_000, 16 << 20
OFFERED_SECONDS = 30 * 86_400.0  # an interrupted job that nobody went on with for a month is over


def last_choices(settings: Settings) -> Choices:
    """What was chosen last time; the first choices where that cannot be read (somebody edited the file)."""
    raw: dict[str, Any] = {"model": "", "scale": 4}
    for name, key, unset in (*_KEPT, *_KEPT_LOOKS):
        value = settings.get(f"upscale.{key}", unset)
        if value != "":
            raw[name] = value
    try:
        return Choices.from_dict(raw).checked()
    except (ValueError, TypeError):
        return Choices("", 4)


def keep_choices(settings: Settings, choices: Choices) -> None:
    """Remember for the next start. A target that is just the model's own scale stays free to follow the model."""
    raw = choices.to_dict()
    if choices.target == parse_target(f"x{choices.scale}"):
        raw["target"] = ""
    for name, key, unset in _KEPT:
        settings.set(f"upscale.{key}", raw[name] if raw[name] is not None else unset)


def keep_looks(settings: Settings, choices: Choices) -> None:
    """The same for strength, grain and what is mixed in: each is written to the disk, so not for every step of a slider."""
    for name, key, _ in _KEPT_LOOKS:
        settings.set(f"upscale.{key}", getattr(choices, name))


def follows_the_model(settings: Settings) -> bool:
    """Whether nobody chose a size: then it is what the model makes of its own."""
    return not settings.get("upscale.target", "")


def keep_picture(picture: NDArray[Any]) -> Path:
    """Write a picture that came from another panel as a file of its own."""
    path = _own_file("picture")
    recipe.write(path, np.ascontiguousarray(picture), {"task": "received"}, "generated")
    return path


def keep_part(photo: Photo, area: tuple[int, int, int, int], name: str) -> tuple[Path, Photo]:
    """Write a part (top, left, height, width) of a photo, with all that it carries, as a file of its own; that, and the part."""
    top, left, height, width = area
    pixels = np.ascontiguousarray(photo.pixels[top : top + height, left : left + width])
    part = replace(photo, pixels=pixels, format="png")
    path = _own_file(name[:60])
    encode(part, path)
    return path, part


def _own_file(name: str) -> Path:
    folder = state_folder() / "received"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.monotonic_ns() % 1_000_000:06d}.png"


def interrupted() -> tuple[int, int, int] | None:
    """The newest job that did not come to its end and that nobody works on: its number, photos done, photos in all; None where
    there is none."""
    try:
        with Journal() as journal:
            jobs = []
            for job in journal.unfinished():
                if journal.is_held(job.id):
                    continue
                if time.time() - job.began < OFFERED_SECONDS:
                    jobs.append(job)
                else:
                    with contextlib.suppress(sqlite3.OperationalError):  # a full disk: another time
                        journal.end(job.id)
    except JournalError:
        return None
    return (jobs[0].id, jobs[0].done, jobs[0].total) if jobs else None


def reopened(number: int) -> tuple[Choices, list[Row]]:
    """A job of the journal with its rows. `JournalError` where it is gone, the disk of its results is, or another has it."""
    with Journal() as journal:
        facts = journal.facts(number)
        if facts is None:
            raise JournalError("The job is no longer in the journal.")
        journal.check_free(number)
        journal.check_disk(number)
        journal.give_way(number)
        rows = [
            Row(
                _found(entry.planned, facts.choices),
                "ready" if entry.state == "waiting" else entry.state,
                entry.planned.facts,
                entry.planned,
                reason=entry.reason,
                seconds=entry.seconds,
                made_by=facts.choices if entry.state == "done" else None,
            )
            for entry in journal.entries(number, again=True)
        ]
    return facts.choices, rows


def _found(planned: Planned, choices: Choices) -> Found:
    """A photo of the journal as it was found: its place in the tree of results is told by its result's, should it be planned
    again, and a mask is its own where it is not that of all."""
    folder, into = "", None
    if planned.output is not None:
        place = planned.output.parent
        if choices.into is not None and place.is_relative_to(choices.into):
            folder = "" if place == choices.into else place.relative_to(choices.into).as_posix()
        elif place != planned.source.parent / BESIDE:
            into = place
    return Found(planned.source, folder, into=into, mask=None if planned.mask == choices.protect else planned.mask)


def keep_photos(photos: Iterable[Found], coming: Iterable[Mapping[str, str]] = ()) -> dict[str, Any]:
    """Photos that wait, as plain JSON values for the next start: the first of them, where they are more than can be kept, and how
    many are left out. `coming`: those of the last start that are not on the list yet."""
    kept: list[Mapping[str, str]] = []
    size = left_out = 0
    for values in chain((_values(one) for one in photos if not one.problem), coming):
        size += 40 + sum(map(_bytes, values.values()))
        if len(kept) < KEPT_PHOTOS and size < KEPT_BYTES:
            kept.append(values)
        else:
            left_out += 1
    return {"photos": kept, "left_out": left_out}


def _values(one: Found) -> dict[str, str]:
    values = {"path": str(one.path)}  # one by one: many take a few milliseconds so
    if one.folder:
        values["folder"] = one.folder
    if one.into is not None:
        values["into"] = str(one.into)
    if one.mask is not None:
        values["mask"] = str(one.mask)
    return values


def kept_photos(raw: object) -> Iterator[Found]:
    """The same photos again, one by one: many take their time. What is none (somebody edited the file) is left out."""
    for one in raw if isinstance(raw, list) else ():
        if was_kept(one):
            folder, into, mask = _folder(one.get("folder", "")), one.get("into"), one.get("mask")
            if folder is not None:
                yield Found(Path(one["path"]), folder, "", Path(into) if into else None, Path(mask) if mask else None)


def was_kept(one: object) -> TypeGuard[dict[str, str]]:
    """Whether this may be a photo that was kept."""
    return isinstance(one, dict) and bool(one.get("path")) and set(map(type, one.values())) == {str}


def _bytes(text: str) -> int:
    """At most so many bytes the text takes as JSON, but for what few names hold: control characters and quotes."""
    return len(text) if text.isascii() else 4 * len(text)


@lru_cache(64)
def _folder(text: str) -> str | None:
    """A place below what was named; None where it is none."""
    folder = PurePosixPath(text)
    return None if folder.is_absolute() or ".." in folder.parts else "" if str(folder) == "." else str(folder)
