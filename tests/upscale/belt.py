"""A real engine with a real network whose weights are all nothing: it enlarges by repeating pixels, so results are known."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from app.inference.engine import Engine
from app.inference.requests import UpscaleRequest
from app.inference.updates import Tile
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale import conveyor, driving, making, results
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


class SlowDisk:
    """Every result goes to a disk that is slower than what makes it; of what waits for it a megabyte is many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = self.largest = 0
        put, count = results.StreamedAssembly.put, Conveyor._count

        def slowly(assembly: results.StreamedAssembly, tile: Tile, below: int = 0) -> None:
            time.sleep(0.02)
            put(assembly, tile, below)

        def counted(belt: Conveyor, size: int) -> None:
            count(belt, size)
            self.most, self.largest = max(self.most, belt._unlaid), max(self.largest, size)

        monkeypatch.setattr(making, "STREAM_BYTES", 0)
        monkeypatch.setattr(conveyor, "BEHIND_BYTES", 1 << 20)
        monkeypatch.setattr(results.StreamedAssembly, "put", slowly)
        monkeypatch.setattr(Conveyor, "_count", counted)

    def check(self) -> None:
        """No more waited than that, and what was on its way when its maker was told to wait."""
        assert (1 << 20) < self.most < (1 << 20) + 6 * self.largest


def first_request(belt: Conveyor, photo: Planned) -> UpscaleRequest:
    """Put a photo on the belt, wait until it is read, and take what is to be asked for it."""
    belt.add(0, photo)
    belt.collect()
    belt.wait()
    belt.collect()
    job = belt.next_request()
    assert job is not None
    assert isinstance(job[1], UpscaleRequest)
    return job[1]
