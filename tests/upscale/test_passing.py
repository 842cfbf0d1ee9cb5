"""Pixels pass from one process to another through memory that both see."""

import errno
import multiprocessing
import shutil
import sys
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from app.inference.updates import Done, Progress, Tile
from app.upscale import passing
from app.upscale.passing import Giving, Laid, Taking

CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture
def small_places(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Taking, Giving]]:
    """Two places of 600 bytes: most pictures are cut into several parts, and have to wait for a place."""
    monkeypatch.setattr(passing, "PLACES", 2)
    monkeypatch.setattr(passing, "PLACE_BYTES", 600)
    taking = Taking(CONTEXT)
    yield taking, taking.theirs()
    taking.close()


def passed(taking: Taking, giving: Giving, tile: Tile) -> list[Tile]:
    return [taking.taken(part) if isinstance(part, Laid) else part for part in giving.parts(tile)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("shape", "dtype"), [((20, 30, 3), "u1"), ((20, 30, 4), "u2"), ((50, 11, 1), "f4"), ((1, 5, 3), "u1"), ((7, 100), "u1")]
)
def test_a_tile_comes_in_parts_that_fit(small_places: tuple[Taking, Giving], shape: tuple[int, ...], dtype: str) -> None:
    noise = np.random.RandomState(0).randint(0, 255, shape).astype(dtype)
    tile = Tile(noise[:, ::-1], 40, 8)  # not in one piece of memory
    parts = passed(*small_places, tile)
    assert len(parts) == -(-shape[0] // (600 // noise[:1].nbytes))
    assert {(part.left, part.pixels.dtype) for part in parts} == {(8, noise.dtype)}
    assert [part.top for part in parts] == list(40 + np.cumsum([0, *(len(part.pixels) for part in parts[:-1])]))
    assert np.array_equal(np.concatenate([part.pixels for part in parts]), tile.pixels)


def test_what_was_taken_stays_when_its_place_is_used_again(small_places: tuple[Taking, Giving]) -> None:
    taking, giving = small_places
    first = passed(taking, giving, Tile(np.full((4, 10, 3), 7, np.uint8), 0, 0))
    for value in range(5):
        passed(taking, giving, Tile(np.full((4, 10, 3), value, np.uint8), 0, 0))
    assert {int(part.pixels.min()) for part in first} == {7}


def test_what_is_no_tile_and_a_row_wider_than_a_place_go_as_they_are(small_places: tuple[Taking, Giving]) -> None:
    _, giving = small_places
    wide = Tile(np.zeros((2, 300, 3), np.uint8), 0, 0)
    for update in (wide, Progress(1, 2), Done(None, 1.0)):
        assert list(giving.parts(update)) == [update]


def test_who_waits_for_a_place_hears_that_nobody_is_there_any_more(small_places: tuple[Taking, Giving]) -> None:
    taking, giving = small_places
    parts = giving.parts(Tile(np.zeros((100, 10, 3), np.uint8), 0, 0))
    assert [next(parts), next(parts)]  # both places are full, and nothing was taken
    taking.close()
    with pytest.raises(EOFError):
        next(parts)


def test_the_memory_goes_back_at_once_though_somebody_still_knows_the_hand(small_places: tuple[Taking, Giving]) -> None:
    taking = Taking(CONTEXT)
    memory = weakref.ref(taking._memory)
    taking.close()
    assert memory() is None


@pytest.mark.skipif(sys.platform == "win32", reason="there the memory lies in no file")
def test_a_full_disk_is_told_before_the_memory_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=passing.PLACES * passing.PLACE_BYTES - 1))
    with pytest.raises(OSError, match="No space left") as told:
        Taking(CONTEXT)
    assert told.value.errno == errno.ENOSPC
