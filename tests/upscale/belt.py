"""A real engine with a real network whose weights are all nothing: it enlarges by repeating pixels, so results are known."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from app.inference.engine import Engine
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale import driving
from app.upscale.conveyor import Conveyor
from app.upscale.inputs import gather
from app.upscale.items import Event
from app.upscale.plan import Choices, Planned, plan_all
from models.card import Card
from models.catalogue import Catalogue
from models.networks.compact import Compact, CompactConfig

TWICE = "twice"
CONFIG = CompactConfig(channels=3, features=4, inner=1, shuffle=2)


def catalogue(home: Path, name: str = TWICE) -> Catalogue:
    """A catalogue in this folder with a model that repeats pixels."""
    made = Catalogue(home)
    tensors = {name: torch.zeros_like(value) for name, value in Compact(CONFIG).state_dict().items()}
    made.keep(Card(name, name.title(), "upscaling", "compact", asdict(CONFIG), scale=2), tensors)
    return made


def engine(home: Path) -> Engine:
    return Engine(catalogue(home), device="cpu", threads=1)


def photos(folder: Path, count: int, height: int = 20, width: int = 30, channels: int = 3, kind: type = np.uint8) -> list[Path]:
    """Noise, each another, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for i in range(count):
        noise = np.random.RandomState(i).randint(0, np.iinfo(kind).max, (height, width, channels)).astype(kind)
        made.append(folder / f"photo{i}.png")
        encode(Photo(noise), made[-1])
    return made


def planned(named: Iterable[Path], choices: Choices) -> list[Planned]:
    return list(plan_all(gather(named), choices))


def drive(conveyor: Conveyor, running: driving.Runs) -> list[Event]:
    """Run everything that is on the belt; all events in order."""
    events: list[Event] = []
    driving.drive(conveyor, running, events.append)
    return events


def doubled(pixels: np.ndarray, times: int = 2) -> np.ndarray:
    return pixels.repeat(times, 0).repeat(times, 1)
