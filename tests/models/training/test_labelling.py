"""The labelling recipe, and how painted pictures are judged by it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.training.labelled import LabelledPhotos, read_labelled
from models.training.labelling import LabellingOptions, LabellingRun
from models.training.metrics import agreement, relabelled
from models.training.state import load_state, save_state
from models.training.trunk import read_trunk

SMALL = LabellingOptions(size=64, batch=4, rate=3e-3, pictures=160)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(landscapes: Path, tmp_path: Path) -> LabelledPhotos:
    return read_labelled(landscapes, tmp_path / "cache")


def begun(data: LabelledPhotos) -> LabellingRun:
    return LabellingRun(data, read_trunk(), SMALL, torch.device("cpu"), bfloat16=False)


def test_it_learns_to_label_photos_it_has_not_seen_and_metrics_say_so(
    data: LabelledPhotos, landscapes: Path, tmp_path: Path
) -> None:
    labeller = begun(data)
    first = [labeller.step()["entropy"] for _ in range(30)]
    assert np.mean(first[-5:]) < 0.7 * np.mean(first[:3])
    found = relabelled(data, 64, lambda numbers, photo, seed: np.full_like(photo, seed), labeller.labeller())
    assert found["photos"].pixels > 0.7
    assert found["painted"].pixels < found["photos"].pixels  # plain grey is no landscape
    same = relabelled(data, 64, lambda numbers, photo, seed: photo, labeller.labeller(), limit=2)
    assert same["painted"].pixels == same["photos"].pixels


def test_a_run_that_was_interrupted_goes_on_exactly(data: LabelledPhotos, tmp_path: Path) -> None:
    straight, halves = begun(data), None
    first = [straight.step() for _ in range(4)]
    halves = begun(data)
    second = [halves.step() for _ in range(2)]
    save_state(tmp_path / "state", halves.state())
    resumed = begun(data)
    resumed.restore(load_state(tmp_path / "state"))
    second += [resumed.step() for _ in range(2)]
    assert first == second


def test_agreement_counts_pixels_and_weighs_labels_alike() -> None:
    found = agreement(np.array([[90, 0, 0], [5, 5, 0], [0, 0, 0]]))
    assert found.pixels == pytest.approx(0.95)
    assert found.mean_label == pytest.approx(0.75)
    assert np.isnan(found.of_label[2])
