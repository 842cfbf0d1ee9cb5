"""The plain recipe that ours is held against learns, goes on exactly, and paints."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from models.training.labelled import read_labelled, square
from models.training.lpips import LPIPS
from models.training.painting import PaintingOptions

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "plain_painting.py"


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_painting", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judge() -> LPIPS:
    """The network of LPIPS with random numbers in place of the published ones, which are not at hand here."""
    torch.manual_seed(1)
    made = LPIPS()
    for i in range(1, 5):
        getattr(made, f"blur{i}").fill_(1 / 9)
    made.shift.fill_(0)
    made.scale.fill_(1)
    return made


def test_the_plain_recipe_learns_and_goes_on_exactly_where_it_stopped(
    plain: ModuleType, landscapes: Path, tmp_path: Path
) -> None:
    data = read_labelled(landscapes, tmp_path / "cache", open_only=True)
    options = PaintingOptions(size=64, batch=2)
    place = (torch.device("cpu"), False)
    straight = plain.PlainRun(data, judge(), options, *place)
    before = [p.detach().clone() for p in straight.generator.parameters()]
    first = [straight.step() for _ in range(2)]
    assert all(np.isfinite(list(figures.values())).all() for figures in first)
    assert all(not torch.equal(a, b) for a, b in zip(before, straight.generator.parameters(), strict=True))
    halves = plain.PlainRun(data, judge(), options, *place)
    one, state = halves.step(), halves.state()
    resumed = plain.PlainRun(data, judge(), options, *place)
    resumed.restore(state)
    assert [one, resumed.step()] == first
    photo, numbers = square(data.photos[0], data.maps[0], 64)
    assert np.array_equal(straight.paint(numbers, photo), resumed.paint(numbers, photo))
    assert straight.paint(numbers, photo).shape == (64, 64, 3)
