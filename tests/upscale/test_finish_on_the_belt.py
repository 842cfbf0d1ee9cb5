"""Grain, masks and strength on the belt: the same for any tiles, streamed or held, and in every frame of what moves."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.photos import masks, recipe
from app.photos.decoding import decode
from app.photos.resizing import resize
from app.upscale import making, recall
from app.upscale.conveyor import Conveyor
from app.upscale.inputs import gather
from app.upscale.journal import Journal
from app.upscale.plan import Choices, plan_all
from app.upscale.sizes import parse_target
from models.folders import state_folder
from tests.upscale.belt import TWICE, drive, photos, planned

FINISHED = Choices(TWICE, 2, parse_target("130w"), format="png", strength=0.7, grain=1.5)


def mask(height: int, width: int) -> Path:
    """Its middle is protected."""
    made = np.zeros((height, width), np.uint8)
    made[height // 4 : -height // 4, width // 4 : -width // 4] = 255
    return masks.keep(made)


class Tiled:
    """An engine that is told the side of its tiles."""

    def __init__(self, engine: Engine, tile: int) -> None:
        self._engine, self._tile = engine, tile

    def run(self, request: object) -> Iterator[object]:
        return self._engine.run(replace(request, tile=self._tile))  # type: ignore[type-var]


def run(running: object, named: list[Path], choices: Choices) -> Path:
    plan = planned(named, choices)
    with Conveyor(choices) as belt:
        belt.add(0, plan[0])
        events = drive(belt, running)  # type: ignore[arg-type]
    assert events[-1].stage == "done", events[-1].failure
    assert plan[0].output is not None
    return plan[0].output


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 4])
def test_the_result_is_the_same_for_any_tiles_and_streamed(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, channels: int, kind: type
) -> None:
    named = photos(tmp_path / "in", 1, 90, 70, channels, kind)
    choices = replace(FINISHED, protect=mask(90, 70))
    whole = run(running, named, replace(choices, into=tmp_path / "whole"))
    small = run(Tiled(running, 16), named, replace(choices, into=tmp_path / "small"))
    monkeypatch.setattr(making, "STREAM_BYTES", 0)
    streamed = run(Tiled(running, 32), named, replace(choices, into=tmp_path / "streamed"))
    pixels = decode(whole).pixels
    assert pixels.dtype == kind
    assert np.array_equal(pixels, decode(small).pixels)
    assert np.array_equal(pixels, decode(streamed).pixels)
    assert recipe.read(streamed) == recipe.read(whole)
    made = recipe.read(whole)
    assert made is not None
    assert (made["grain"], made["strength"]) == (1.5, 0.7)
    plain = resize(decode(named[0]).pixels, 130, pixels.shape[0])
    inside = (slice(pixels.shape[0] // 4 + 2, -pixels.shape[0] // 4 - 2), slice(130 // 4 + 2, -130 // 4 - 2))
    assert np.array_equal(pixels[inside], plain[inside])


@pytest.mark.parametrize("held", [making.STREAM_BYTES, 0])
def test_a_mask_that_is_gone_fails_the_photo_with_a_reason(
    tmp_path: Path, running: Engine, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(making, "STREAM_BYTES", held)
    kept = mask(20, 30)
    plan = planned(photos(tmp_path / "in", 1), replace(FINISHED, protect=kept))
    kept.unlink()
    masks._kept.cache_clear()
    masks.softened.cache_clear()
    with Conveyor(FINISHED) as belt:
        belt.add(0, plan[0])
        events = drive(belt, running)
    assert events[-1].stage == "failed"
    assert "mask" in str(events[-1].failure)
    assert not list((tmp_path / "in/upscaled").glob(".*"))


def test_a_photo_with_a_mask_of_its_own_keeps_it_in_the_journal_and_comes_back_with_it(tmp_path: Path) -> None:
    photos(tmp_path / "in", 2)
    own, of_all = mask(20, 30), masks.keep(np.full((20, 30), 255, np.uint8))
    choices = replace(FINISHED, protect=of_all)
    found = list(gather([tmp_path / "in"]))
    plan = list(plan_all([replace(found[0], mask=own), found[1]], choices))
    assert [one.mask for one in plan] == [own, of_all]
    with Journal() as journal:
        job = journal.begin(choices, plan)
    back, rows = recall.reopened(job)
    assert back == choices
    assert [row.found.mask for row in rows] == [own, None]
    assert [row.planned.mask for row in rows if row.planned is not None] == [own, of_all]


def test_a_journal_from_before_there_were_masks_is_read_and_written_on(tmp_path: Path) -> None:
    path = state_folder() / "journal.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    plan = planned(photos(tmp_path / "in", 2), FINISHED)
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, key TEXT NOT NULL, choices TEXT NOT NULL, began REAL NOT NULL,"
            " ended REAL, token TEXT NOT NULL);"
            "CREATE TABLE photos (job INTEGER NOT NULL, place INTEGER NOT NULL, source BLOB NOT NULL, output BLOB,"
            " format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, facts TEXT, state TEXT NOT NULL,"
            " reason TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0, PRIMARY KEY (job, place)) WITHOUT ROWID;"
            "PRAGMA user_version=1"
        )
        old.execute("INSERT INTO jobs VALUES (1, 'k', ?, 1.0, NULL, 't')", (json.dumps({"model": TWICE, "scale": 2}),))
        old.execute("INSERT INTO photos VALUES (1, 0, ?, NULL, 'png', 60, 40, NULL, 'waiting', '', 0)", (b"/in/a.png",))
    old.close()
    with Journal() as journal:
        assert [entry.planned.mask for entry in journal.entries(1)] == [None]
        journal.extend(1, [replace(plan[0], mask=Path("/masks/a.png"))])
    with Journal() as journal:
        assert [entry.planned.mask for entry in journal.entries(1)] == [None, Path("/masks/a.png")]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 40)])
def test_a_mask_protects_the_smallest_photos(size: tuple[int, int]) -> None:
    for shape in ((size[1], size[0]), (5 * size[1], 5 * size[0])):
        whole = masks.keep(np.full(shape, 255, np.uint8))
        assert (masks.softened(whole, size) == np.full((size[1], size[0]), 255)).all()
