"""Batches of the painting recipe: the same whoever makes them, and in whatever order."""

import copy
import multiprocessing
import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from models.training import jobs
from models.training.cache import PictureCache
from models.training.labelled import read_labelled
from models.training.painting import PaintingOptions
from models.training.painting_batches import PaintingBatches

DETAIL = PaintingOptions(size=64, detail=True, channels=(16, 12, 8, 8, 8), batch=4)


@pytest.fixture
def batches(landscapes: Path, tmp_path: Path) -> PaintingBatches:
    data = read_labelled(landscapes, tmp_path / "cache")
    return PaintingBatches(data, np.full(len(data.train), 1 / len(data.train)), (64, 128), 3, 5)


def test_a_batch_depends_on_the_step_alone(batches: PaintingBatches) -> None:
    later = [one.clone() for one in batches[7]]
    for step in range(3):
        photos, maps, painted = batches[step]
        side = (64, 128)[step % 2]
        assert photos.shape == (3, side, side, 3)
        assert maps.shape == painted.shape == (3, 256, 256)
        assert photos.dtype == maps.dtype == painted.dtype == torch.uint8
    assert all(torch.equal(one, other) for one, other in zip(later, batches[7], strict=True))
    assert not torch.equal(batches[7][0], batches[5][0])


def test_processes_beside_make_the_same_batches_in_order(batches: PaintingBatches) -> None:
    here, beside = batches.from_step(2, 0, pinned=False), batches.from_step(2, 2, pinned=False)
    for _ in range(5):
        assert all(torch.equal(one, other) for one, other in zip(next(here), next(beside), strict=True))


@pytest.mark.skipif(os.name != "posix", reason="a process is ended at once elsewhere, whatever it says to it")
def test_processes_beside_go_on_where_all_are_asked_to_end(batches: PaintingBatches) -> None:
    beside = batches.from_step(0, 2, pinned=False)
    for _ in range(2):
        next(beside)
    helpers = multiprocessing.active_children()
    assert len(helpers) == 2
    for helper in helpers:
        for each in (signal.SIGTERM, signal.SIGINT):
            os.kill(helper.pid or 0, each)
    for step in range(2, 10):
        assert all(torch.equal(one, other) for one, other in zip(next(beside), batches[step], strict=True))
    del beside
    for helper in helpers:
        helper.join(20)
        assert not helper.is_alive()


def test_a_run_learns_the_same_from_batches_that_were_made_beside_it(landscapes: Path, tmp_path: Path) -> None:
    place = jobs.Place("cpu", bfloat16=False)
    alone, helped = (jobs.open_painting(landscapes, tmp_path / name, DETAIL, place) for name in ("alone", "helped"))
    torch.manual_seed(0)
    figures = [alone.step() for _ in range(3)]
    helped.workers = 1
    torch.manual_seed(0)
    assert [helped.step() for _ in range(3)] == figures


def test_another_process_maps_the_file_of_the_pictures(batches: PaintingBatches) -> None:
    photos = batches.data.photos
    assert isinstance(photos, PictureCache)
    assert len(pickle.dumps(photos)) < 1000
    assert all((one == other).all() for one, other in zip(copy.copy(photos), photos, strict=True))
