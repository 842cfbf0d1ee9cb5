"""`ganvas doctor`: what is computed on, where files live, and whether each model at hand makes a sane picture."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from dataclasses import asdict
from importlib import metadata, util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import log
from app.cli.options import NOTHING_DONE, engine, version
from app.cli.report import Reporter
from app.inference.engine import Engine
from app.inference.requests import (
    DescribeRequest,
    DeviceRequest,
    GenerateRequest,
    LabelRequest,
    PaintRequest,
    Request,
    TranslateRequest,
    UpscaleRequest,
)
from app.inference.updates import Done, Failure, Generated, Labelled
from models.card import Card
from models.catalogue import Entry
from models.folders import config_folder, data_folder, state_folder
from models.recommended import missing

HELP = "say what Ganvas computes on, where its files live, and whether each model works"
EXAMPLES = """  ganvas doctor
  ganvas doctor --device cpu --precision float32
  ganvas doctor --models landscapes --json"""

LIBRARIES = ("torch", "numpy", "pillow", "safetensors", "PySide6-Essentials", "pyvips", "pi-heif")
MAP_SIDE, PHOTO_SIDE = 256, 64
FLAT = 2.0  # Standard deviation in levels below which a picture shows nothing.


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", nargs="*", metavar="NAME", help="try only these models (none: only say where things are)")


def run(args: argparse.Namespace) -> int:
    reporter = Reporter(args.json)
    _tell(reporter, "ganvas", f"{version()}, Python {platform.python_version()}, {platform.platform()}")
    for name in LIBRARIES:
        _tell(reporter, name, _library(name))
    for name, folder in (("data", data_folder()), ("state", state_folder()), ("settings", config_folder())):
        _tell(reporter, name, str(folder))
    _tell(reporter, "log", str(log.log_file()))
    _tell(reporter, "display", _display())
    machine = engine(args)
    ending = reporter.follow(machine.run(DeviceRequest()))
    if isinstance(ending, Failure):
        reporter.failed("device", ending)
        return NOTHING_DONE
    facts = ending.result
    allowed = f", {facts.allowed / 2**30:.1f} GB allowed" if facts.allowed is not None else ""
    _tell(
        reporter,
        "device",
        f"{facts.device}: {facts.name}, {facts.free / 2**30:.1f} of {facts.memory / 2**30:.1f} GB free{allowed}",
        **asdict(facts),
    )
    from models.networks import kernel  # not above: it imports torch

    _tell(reporter, "convolutions", kernel.told())
    _try_models(reporter, machine, args.models)
    return reporter.finish()


def _tell(reporter: Reporter, about: str, text: str, **facts: Any) -> None:
    if reporter.as_json:
        reporter.note(text, about=about, **facts)
    else:
        reporter.say(f"{about:<20} {text}")


def _library(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _display() -> str:
    if util.find_spec("PySide6") is None:
        return "Qt is not installed, so no window can open"
    if sys.platform in ("win32", "darwin"):
        return "a window can open"
    found = [f"{k}={os.environ[k]}" for k in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM") if os.environ.get(k)]
    return ", ".join(found) or "none: the window cannot open, `ganvas tour` and the other commands work"


def _try_models(reporter: Reporter, machine: Engine, only: list[str] | None) -> None:
    entries = [entry for entry in machine.catalogue.entries() if only is None or entry.name in only]
    for broken in machine.catalogue.broken():
        reporter.failed(broken.name, Failure(broken.reason, hint=f"`ganvas models remove {broken.name}` clears it away."))
    for name in set(only or ()) - {entry.name for entry in entries}:
        error = missing(name)
        reporter.failed(name, Failure(error.what, error.why, error.hint))
    if only is None and not entries:
        reporter.note("There are no models at hand. `ganvas models get` fetches the recommended ones.")
    for number, entry in enumerate(entries):
        reporter.progress(number, len(entries), entry.name)
        _try_model(reporter, machine, entry)
    reporter.clear()


def _try_model(reporter: Reporter, machine: Engine, entry: Entry) -> None:
    described = reporter.follow(machine.run(DescribeRequest(entry.name)))
    if isinstance(described, Failure):
        reporter.failed(entry.name, described)
        return
    request = trial(entry.card)
    first = reporter.follow(machine.run(request), entry.name)
    ending = reporter.follow(machine.run(request), entry.name) if isinstance(first, Done) else first
    if isinstance(ending, Failure):
        reporter.failed(entry.name, ending)
        return
    picture, fault = judged(ending.result)
    if fault:
        reporter.failed(entry.name, Failure(fault, hint="Try it with --precision float32 or --device cpu."))
        return
    facts = described.result
    height, width = picture.shape[:2]
    reporter.result(
        f"{entry.name:<20} {width} x {height} px in {1000 * ending.seconds:.0f} ms ({facts.precision} on {facts.device}), sane",
        model=entry.name,
        task=entry.card.task,
        width=width,
        height=height,
        milliseconds=round(1000 * ending.seconds, 1),
        precision=facts.precision,
        device=facts.device,
    )


def judged(result: Any) -> tuple[NDArray[Any], str]:
    """The picture (or label map) of a result, and why it cannot be right ("" where it can)."""
    if isinstance(result, Labelled):
        known = np.isin(result.label_map, [label.id for label in result.labels]).all()
        return result.label_map, "" if known else "The map holds numbers that are no labels."
    picture = result.picture if isinstance(result, Generated) else result
    return picture, what_is_wrong(picture)


def trial(card: Card) -> Request:
    """A small piece of a model's work: one face, one landscape of all its labels, one small photo."""
    if card.task == "latent":
        return GenerateRequest(card.name)
    if card.task == "painting":
        rows = np.linspace(0, len(card.labels), MAP_SIDE, endpoint=False).astype(int)
        ids = np.array([label.id for label in card.labels], np.uint8)[rows]
        return PaintRequest(card.name, np.repeat(ids[:, None], MAP_SIDE, axis=1))
    if card.task == "upscaling":
        return UpscaleRequest(card.name, trial_photo(PHOTO_SIDE))
    if card.task == "labelling":
        return LabelRequest(card.name, trial_photo(MAP_SIDE))
    return TranslateRequest(card.name, trial_photo(MAP_SIDE))


def trial_photo(side: int) -> NDArray[np.uint8]:
    """A made-up photo uint8 `[side, side, 3]` with slopes, edges and three colours."""
    y, x = np.mgrid[0:side, 0:side] / side
    planes = (x, y, ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1) * 0.8)
    return (255 * np.stack(planes, axis=-1)).astype(np.uint8)


def what_is_wrong(picture: NDArray[Any]) -> str:
    """Why a picture cannot be right, in one sentence; empty where it can."""
    levels = picture.astype(np.float32) * (1.0 if picture.dtype == np.uint8 else 255 / max(1.0, float(picture.max())))
    if not np.isfinite(levels).all():
        return "The picture has values that are no numbers."
    if float(levels.max()) < 2:
        return "The picture is black."
    if float(levels.reshape(-1, levels.shape[-1]).std(axis=0).max()) < FLAT:
        return "The picture is one flat colour."
    return ""
