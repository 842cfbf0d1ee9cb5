"""The plain recipe that ours is held against learns, goes on exactly, and paints."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from models.training.labelled import read_labelled, square
from models.training.lpips import from_tensors
from models.training.painting import PaintingOptions
from tests.models.training.test_lpips import published
from tests.models.training.test_measuring import Thumbnails

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "plain_painting.py"


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_painting", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_plain_recipe_learns_and_goes_on_exactly_where_it_stopped(
    plain: ModuleType, landscapes: Path, tmp_path: Path
) -> None:
    data = read_labelled(landscapes, tmp_path / "cache", open_only=True)
    options = PaintingOptions(size=64, batch=2)
    place = (torch.device("cpu"), False)
    straight = plain.PlainRun(data, from_tensors(published()), options, *place)
    before = [p.detach().clone() for p in straight.generator.parameters()]
    first = [straight.step() for _ in range(2)]
    assert all(np.isfinite(list(figures.values())).all() for figures in first)
    assert all(not torch.equal(a, b) for a, b in zip(before, straight.generator.parameters(), strict=True))
    halves = plain.PlainRun(data, from_tensors(published()), options, *place)
    one, state = halves.step(), halves.state()
    resumed = plain.PlainRun(data, from_tensors(published()), options, *place)
    resumed.restore(state)
    assert [one, resumed.step()] == first
    photo, numbers = square(data.photos[0], data.maps[0], 64)
    assert np.array_equal(straight.paint(numbers, photo), resumed.paint(numbers, photo))
    assert straight.paint(numbers, photo).shape == (64, 64, 3)


def test_ways_to_paint_stand_in_one_table_and_on_one_sheet(
    plain: ModuleType, landscapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = read_labelled(landscapes, tmp_path / "cache", open_only=False)
    held = [*data.held_out, *data.train][:5]
    right = {square(data.photos[i], data.maps[i], 64)[0].tobytes(): square(data.photos[i], data.maps[i], 64)[1] for i in held}

    def say(picture: np.ndarray) -> np.ndarray:
        return right.get(picture.tobytes(), np.zeros(picture.shape[:2], np.uint8))

    ways = {"echo": lambda numbers, photo: np.array(photo), "grey": lambda numbers, photo: np.full_like(photo, 128)}
    sheet = plain.compare(data, 64, ways, held, Thumbnails(), say)
    lines = {line.split()[0]: [float(x) for x in line.split()[1:]] for line in capsys.readouterr().out.splitlines()[2:]}
    assert lines["echo"] == lines["photos"]
    assert lines["photos"][4:] == [1, 1]
    assert lines["grey"][0] > lines["photos"][0]
    assert lines["grey"][4] < 1
    assert sheet.shape == (3 * 64, 2 * 4 * 64, 3)  # five rows of map, photo, echo and grey, in two columns
    assert sheet[:128, 4 * 64 :].any()
    assert not sheet[128:, 4 * 64 :].any()
    assert np.array_equal(sheet[64:128, 64:128], sheet[64:128, 128:192])
