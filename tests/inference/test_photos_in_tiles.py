"""Photos enlarged and transformed through the engine, tile by tile, and what is done where memory is full."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import GenerateRequest, TranslateRequest, UpscaleRequest
from app.inference.updates import Done, Progress, Tile
from models.catalogue import Catalogue
from models.errors import OutOfMemory
from models.flowing import flowing_parts
from models.tiling import Window
from tests.inference.asking import photo, refusal, result, updates
from tests.inference.small_models import BROKEN, FACES, TRANSLATOR, UPSCALER


def test_tiles_cover_the_result_and_are_what_it_is_made_of(engine: Engine) -> None:
    told = updates(engine, UpscaleRequest(UPSCALER, photo(), tile=16))
    whole = np.zeros((80, 112, 3), int) - 1
    for tile in told:
        if isinstance(tile, Tile):
            height, width = tile.pixels.shape[:2]
            assert (whole[tile.top : tile.top + height, tile.left : tile.left + width] == -1).all()
            whole[tile.top : tile.top + height, tile.left : tile.left + width] = tile.pixels
    assert isinstance(told[-1], Done)
    np.testing.assert_array_equal(whole, told[-1].result)
    progress = [update for update in told if isinstance(update, Progress)]
    assert progress[-1].done == progress[-1].total == sum(isinstance(update, Tile) for update in told)


def test_a_region_is_the_same_as_that_part_of_the_whole(engine: Engine) -> None:
    whole = result(engine, UpscaleRequest(UPSCALER, photo()))
    part = result(engine, UpscaleRequest(UPSCALER, photo(), region=(10, 12, 20, 24)))
    assert np.abs(part.astype(int) - whole[20:60, 24:72]).max() <= 1


def test_the_result_is_left_out_where_the_tiles_are_enough(engine: Engine) -> None:
    told = updates(engine, UpscaleRequest(UPSCALER, photo(), keep_result=False))
    assert isinstance(told[-1], Done)
    assert told[-1].result is None
    assert any(isinstance(update, Tile) for update in told)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_type_and_channels_that_go_in_come_out(engine: Engine, dtype: str, channels: int) -> None:
    given = photo(20, 24, channels).astype(dtype) * (257 if dtype == "uint16" else 1)
    made = result(engine, UpscaleRequest(UPSCALER, given / np.float32(255) if dtype == "float32" else given))
    assert made.dtype == dtype
    assert made.shape == (40, 48, channels)


def test_a_network_of_broken_numbers_is_told_and_nothing_else_suffers(engine: Engine) -> None:
    assert "numbers" in str(refusal(engine, UpscaleRequest(BROKEN, photo())))
    result(engine, UpscaleRequest(UPSCALER, photo()))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_photo_is_translated_in_its_own_size_and_type(engine: Engine, dtype: str) -> None:
    given = photo(40, 56).astype(dtype) * (257 if dtype == "uint16" else 1)
    made = result(engine, TranslateRequest(TRANSLATOR, given))
    assert (made.shape, made.dtype) == (given.shape, given.dtype)
    assert (made != given).any()


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The device holds pictures of so many pixels at a time: `memory[0]`. What did not fit is counted in `memory[1]`."""
    memory = [10**9, 0]

    def limited_parts(network: Any, source: Any, windows: Sequence[Window], *more: Any) -> Any:
        sizes = [(one.rows.stop - one.rows.start) * (one.columns.stop - one.columns.start) for one in windows]
        if sum(sizes) > memory[0]:
            memory[1] += 1
            raise OutOfMemory("Full.")
        yield from flowing_parts(network, source, windows, *more)

    monkeypatch.setattr("models.upscaling.flowing_parts", limited_parts)
    return memory


def test_where_memory_is_full_others_go_first_then_tiles_become_smaller(engine: Engine, small_memory: list[int]) -> None:
    expected = result(engine, UpscaleRequest(UPSCALER, photo(200, 200), tile=128))
    result(engine, GenerateRequest(FACES))
    small_memory[0] = 100 * 100
    made = result(engine, UpscaleRequest(UPSCALER, photo(200, 200), tile=128))
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert small_memory[1] == 2, "once before the others were dropped, once before the tile was halved"


def test_the_smaller_tile_is_remembered_and_grows_back(engine: Engine, small_memory: list[int]) -> None:
    request = UpscaleRequest(UPSCALER, photo(200, 200), tile=128)
    result(engine, request)
    small_memory[0] = 100 * 100
    result(engine, request)
    assert small_memory[1] == 1
    result(engine, request)
    assert small_memory[1] == 1, "it asked for what was known not to fit"
    small_memory[0] = 10**9
    tiles = []
    for _ in range(30):
        tiles.append(sum(isinstance(update, Tile) for update in updates(engine, request)))
    assert tiles[0] > tiles[-1]


def test_memory_that_holds_nothing_is_a_failure_in_words(engine: Engine, small_memory: list[int]) -> None:
    small_memory[0] = 4
    assert "Full" in str(refusal(engine, UpscaleRequest(UPSCALER, photo(100, 100))))


def test_a_budget_for_one_model_keeps_the_one_at_work(catalogue: Catalogue) -> None:
    engine = Engine(catalogue, device="cpu", threads=1, memory_budget=1)
    result(engine, GenerateRequest(FACES))
    assert engine._bench is not None
    assert engine._bench.models.names == [FACES]
    result(engine, UpscaleRequest(UPSCALER, photo()))
    assert engine._bench.models.names == [UPSCALER]  # there is room for one, and it is the one at work
