"""Crops of the photo at hand by each model: what comes late belongs to the photo that it was made of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PySide6.QtCore import QObject, QPoint, Signal
from pytestqt.qtbot import QtBot

from app.inference.updates import Cancelled, Done
from app.photos.photo import Photo
from app.photos.showing import to_picture
from app.upscale.model_strip import Crops
from app.upscale.pace import Paces
from app.widgets.picture_view import picture_of
from tests.upscale.belt import TWICE, catalogue


class Holding(QObject):
    """Stands for the worker: what is asked for is kept, and answered by the test."""

    updated = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def submit(self, request: Any, lane: str) -> int:
        self.asked.append(request)
        return len(self.asked)

    def cancel(self, ticket: int) -> None:
        self.updated.emit(ticket, Cancelled())


def test_a_crop_that_comes_when_another_photo_is_looked_at_keeps_the_colours_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    entry = catalogue(tmp_path / "catalogue").find(TWICE)
    assert entry is not None
    pixels = np.full((40, 40, 3), (200, 60, 40), np.uint8)
    wide = Photo(pixels, icc=bytes(pyvips.Image.profile_load("p3")))
    expected = to_picture(pixels, wide.icc)
    assert not np.array_equal(expected, pixels)
    worker = Holding()
    crops = Crops(worker, Paces())  # type: ignore[arg-type]
    crops.hold(False)
    crops.look_at(Path("wide.tif"), None, wide, QPoint(20, 20))
    crops.wish([entry], unasked=False)
    crops.look_at(Path("plain.png"), None, Photo(pixels), QPoint(20, 20))
    with qtbot.waitSignal(crops.came):
        worker.updated.emit(1, Done(worker.asked[0].pixels, 0.1))
    assert crops.get(TWICE) is None  # nothing was asked for of the photo that is seen
    crops.look_at(Path("wide.tif"), None, wide, QPoint(20, 20))
    image = crops.get(TWICE)
    assert image is not None
    np.testing.assert_array_equal(picture_of(image), expected)
    crops.shut()


def test_a_crop_by_a_removed_model_is_not_shown_for_another_of_its_name(qtbot: QtBot, tmp_path: Path) -> None:
    entry = catalogue(tmp_path / "catalogue").find(TWICE)
    assert entry is not None
    worker = Holding()
    crops = Crops(worker, Paces())  # type: ignore[arg-type]
    crops.hold(False)
    crops.look_at(Path("plain.png"), None, Photo(np.full((40, 40, 3), (200, 60, 40), np.uint8)), QPoint(20, 20))
    crops.wish([entry], unasked=False)
    with qtbot.waitSignal(crops.came):
        worker.updated.emit(1, Done(worker.asked[0].pixels, 0.1))
    assert crops.get(TWICE) is not None
    crops.wish([replace(entry, card=replace(entry.card, sha256="1" * 64))], unasked=False)
    assert crops.get(TWICE) is None
    assert len(worker.asked) == 2
    crops.shut()


def test_crops_of_small_photos_say_how_fast_a_model_is_or_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    entry = catalogue(tmp_path / "catalogue").find(TWICE)
    assert entry is not None
    worker, paces = Holding(), Paces(tmp_path / "paces.json")
    crops = Crops(worker, paces)  # type: ignore[arg-type]
    crops.hold(False)
    for width, height in ((2000, 3), (110, 300)):
        crops.look_at(Path(f"{width}.png"), None, Photo(np.zeros((height, width, 3), np.uint8)), QPoint(1, 1))
        crops.wish([entry], unasked=False)
        with qtbot.waitSignal(crops.came):
            worker.updated.emit(len(worker.asked), Done(worker.asked[-1].pixels, 0.1))
        if height == 3:
            assert paces.measured(TWICE, "cpu") is None
    assert paces.measured(TWICE, "cpu") == pytest.approx(0.0121 / 0.1)
    crops.shut()


def test_a_crop_at_work_gives_way_to_what_is_more_important_and_comes_later(qtbot: QtBot, tmp_path: Path) -> None:
    entry = catalogue(tmp_path / "catalogue").find(TWICE)
    assert entry is not None
    worker = Holding()
    crops = Crops(worker, Paces())  # type: ignore[arg-type]
    crops.hold(False)
    crops.look_at(Path("plain.png"), None, Photo(np.full((40, 40, 3), 90, np.uint8)), QPoint(20, 20))
    crops.wish([entry], unasked=False)
    crops.hold(True)
    assert len(worker.asked) == 1
    crops.hold(False)
    assert len(worker.asked) == 2
    with qtbot.waitSignal(crops.came):
        worker.updated.emit(2, Done(worker.asked[1].pixels, 0.1))
    assert crops.get(TWICE) is not None
    crops.shut()
