"""Requests to pictures, through the engine, with small real networks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from app.inference.engine import Engine
from app.inference.painting import SOFTER
from app.inference.requests import (
    DescribeRequest,
    GenerateRequest,
    ModelFacts,
    PaintRequest,
    RemoveModelRequest,
    Request,
    TranslateRequest,
    UpscaleRequest,
)
from app.inference.updates import ENDINGS, Done, Failure, Frame, Generated, Progress, Remark, Step, Tile, Update
from benchmarks.pretended_card import PretendedCard
from models import device
from models.allowance import ALL, GB, Allowance
from models.catalogue import Catalogue
from models.detail import PICTURES_UNTIL_FINER
from models.errors import OutOfMemory
from models.flowing import flowing_parts
from models.tiling import Window
from tests.inference import small_models
from tests.inference.small_models import BROKEN, FACES, PAINTER, TRANSLATOR, UPSCALER


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return small_models.catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
def engine(catalogue: Catalogue) -> Engine:
    return Engine(catalogue, device="cpu", precision="float32", threads=1)


def updates(engine: Engine, request: Request) -> list[Update]:
    found = [update for update in engine.run(request) if not isinstance(update, Step)]
    assert [isinstance(update, ENDINGS) for update in found] == [False] * (len(found) - 1) + [True]
    return found


def result(engine: Engine, request: Request) -> Any:
    ending = updates(engine, request)[-1]
    assert isinstance(ending, Done), ending
    return ending.result


def refusal(engine: Engine, request: Request) -> Failure:
    ending = updates(engine, request)[-1]
    assert isinstance(ending, Failure), ending
    return ending


def frames(engine: Engine, request: Request) -> list[Frame]:
    return [update for update in updates(engine, request) if isinstance(update, Frame)]


# Explore ------------------------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_picture_that_the_notebook_gives(engine: Engine, catalogue: Catalogue) -> None:
    made = result(engine, GenerateRequest(FACES, seeds=((7, 1.0),), psi=0.7))
    assert isinstance(made, Generated)
    entry = catalogue.find(FACES)
    assert entry is not None
    model: Any = models.open(entry.weights, device="cpu", precision="float32")
    ws = model.map(model.z_of_seed(7), psi=0.7)
    np.testing.assert_allclose(made.ws, ws, atol=1e-5)
    image = model.synthesize(ws)[0]
    expected = np.clip(np.round((np.clip(image, -1, 1) + 1) * 127.5), 0, 255).transpose(1, 2, 0)
    assert np.abs(made.picture.astype(int) - expected).max() <= 1


def test_blending_two_seeds_is_blending_their_latents(engine: Engine) -> None:
    one, other = (result(engine, GenerateRequest(FACES, seeds=((seed, 1.0),))).ws for seed in (1, 2))
    between = result(engine, GenerateRequest(FACES, seeds=((1, 0.25), (2, 0.75)))).ws
    np.testing.assert_allclose(between, 0.25 * one + 0.75 * other, atol=1e-5)


def test_mixing_takes_the_chosen_layers_from_another_seed(engine: Engine) -> None:
    one, other = (result(engine, GenerateRequest(FACES, seeds=((seed, 1.0),))).ws for seed in (1, 2))
    mixed = result(engine, GenerateRequest(FACES, seeds=((1, 1.0),), mix_seed=2, mix_layers=(2, 3))).ws
    np.testing.assert_array_equal(mixed[:, [2, 3]], other[:, [2, 3]])
    np.testing.assert_array_equal(mixed[:, [0, 1, 4]], one[:, [0, 1, 4]])


def test_truncation_pulls_the_leading_layers_to_the_average(engine: Engine) -> None:
    plain = result(engine, GenerateRequest(FACES, psi=1.0)).ws
    pulled = result(engine, GenerateRequest(FACES, psi=0.0, cutoff=2)).ws
    np.testing.assert_array_equal(pulled[:, 2:], plain[:, 2:])
    np.testing.assert_allclose(pulled[:, 0], pulled[:, 1])
    assert not np.allclose(pulled[:, 0], plain[:, 0])


def test_directions_move_the_latents_and_undo_themselves(engine: Engine) -> None:
    facts = result(engine, DescribeRequest(FACES))
    assert facts.directions, "the weights are always the same, and gave principal directions"
    name = facts.directions[0].name
    plain = result(engine, GenerateRequest(FACES)).ws
    moved = result(engine, GenerateRequest(FACES, directions=((name, 2.0),))).ws
    back = result(engine, GenerateRequest(FACES, directions=((name, 2.0), (name, -2.0)))).ws
    assert not np.allclose(moved, plain)
    np.testing.assert_allclose(back, plain, atol=1e-5)


def test_given_latents_stand_in_for_seeds(engine: Engine) -> None:
    made = result(engine, GenerateRequest(FACES, seeds=((5, 1.0),)))
    again = result(engine, GenerateRequest(FACES, seeds=((6, 1.0),), ws=made.ws))
    np.testing.assert_array_equal(again.picture, made.picture)


def test_a_request_is_never_written_to(engine: Engine) -> None:
    ws = result(engine, GenerateRequest(FACES)).ws
    kept = ws.copy()
    result(engine, GenerateRequest(FACES, ws=ws, mix_seed=3, mix_layers=(0, 1)))
    np.testing.assert_array_equal(ws, kept)


def test_a_deadline_chooses_the_largest_size_that_fits_and_none_means_full(engine: Engine) -> None:
    (first,) = frames(engine, GenerateRequest(FACES, deadline_ms=1e6))
    assert first.resolution == 32, "nothing is known of the model yet"
    assert not first.final
    (full,) = frames(engine, GenerateRequest(FACES))
    assert full.final
    assert full.picture.shape == (64, 64, 3)
    (roomy,) = frames(engine, GenerateRequest(FACES, deadline_ms=1e6))
    assert roomy.resolution == 64
    assert roomy.final
    (tight,) = frames(engine, GenerateRequest(FACES, deadline_ms=1e-6))
    assert tight.resolution == 32


def test_a_small_picture_goes_through_an_upscaler_once_the_hand_rests(engine: Engine) -> None:
    (plain,) = frames(engine, GenerateRequest(FACES))
    (moving,) = frames(engine, GenerateRequest(FACES, enlarge_with=UPSCALER, deadline_ms=1e6))
    assert not moving.final
    assert not moving.estimate
    assert np.array_equal(moving.picture, plain.picture)
    (early,) = frames(engine, GenerateRequest(FACES, enlarge_with=UPSCALER, resolution=32))
    assert early.estimate
    assert early.picture.shape == (32, 32, 3)
    (resting,) = frames(engine, GenerateRequest(FACES, enlarge_with=UPSCALER))
    assert resting.final
    assert resting.picture.shape == (128, 128, 3)
    assert resting.resolution == 64
    assert np.array_equal(resting.picture, result(engine, UpscaleRequest(UPSCALER, plain.picture)))
    assert np.array_equal(resting.picture, result(engine, GenerateRequest(FACES, enlarge_with=UPSCALER)).picture)


def test_a_wanted_resolution_gives_the_nearest_one(engine: Engine) -> None:
    assert frames(engine, GenerateRequest(FACES, resolution=20))[0].resolution == 32
    assert frames(engine, GenerateRequest(FACES, resolution=5000))[0].resolution == 64


def test_the_same_request_gives_the_same_picture(engine: Engine) -> None:
    for noise in ("const", "random", "none"):
        one, two = (result(engine, GenerateRequest(FACES, noise=noise, noise_seed=4)).picture for _ in range(2))
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (GenerateRequest(FACES, seeds=()), "sum to 1"),
        (GenerateRequest(FACES, seeds=((1, 0.5),)), "sum to 1"),
        (GenerateRequest(FACES, seeds=((-1, 1.0),)), "seed"),
        (GenerateRequest(FACES, directions=(("nonsense", 1.0),)), "nonsense"),
        (GenerateRequest(FACES, ws=np.zeros((1, 3, 16), np.float32)), "latents"),
        (GenerateRequest(FACES, label=3), "classes"),
        (GenerateRequest(PAINTER), "Explore"),
        (PaintRequest(FACES, np.zeros((64, 64), np.uint8)), "Paint"),
        (UpscaleRequest(FACES, np.zeros((8, 8, 3), np.uint8)), "Upscale"),
        (TranslateRequest(UPSCALER, np.zeros((8, 8, 3), np.uint8)), "Transform"),
        (PaintRequest(PAINTER, np.full((64, 64), 9, np.uint8)), "9"),
        (PaintRequest(PAINTER, np.zeros((64, 64, 3), np.uint8)), "no label map"),
        (UpscaleRequest(UPSCALER, np.zeros(8, np.uint8)), "picture"),
        (UpscaleRequest(UPSCALER, np.zeros((8, 8, 7), np.uint8)), "picture"),
        (UpscaleRequest(UPSCALER, np.zeros((8, 8, 3), np.uint8), region=(0, 0, 99, 99)), "region"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_the_next_request_works(engine: Engine, request_: Request, part: str) -> None:
    assert part in str(refusal(engine, request_))
    result(engine, GenerateRequest(FACES))


# Paint --------------------------------------------------------------------------------------------------------------------


def label_map(height: int = 96, width: int = 128) -> np.ndarray:
    painted = np.zeros((height, width), np.uint8)
    painted[height // 2 :] = 1
    painted[:, width // 2 :] += 2
    return painted


def test_a_landscape_has_the_size_of_its_map(engine: Engine) -> None:
    (frame,) = frames(engine, PaintRequest(PAINTER, label_map(192, 256), look=3))
    assert frame.picture.shape == (192, 256, 3)
    assert frame.final
    assert frame.resolution < 192


def test_an_upscaler_follows_once_the_hand_rests(engine: Engine) -> None:
    large = label_map(192, 256)
    moving = frames(engine, PaintRequest(PAINTER, large, look=3, enlarge_with=UPSCALER, deadline_ms=0))
    assert [frame.final for frame in moving] == [False]
    resting = frames(engine, PaintRequest(PAINTER, large, look=3, enlarge_with=UPSCALER))
    assert [frame.final for frame in resting] == [False, True]
    assert all(frame.picture.shape == (192, 256, 3) for frame in resting)
    assert (resting[0].picture != resting[1].picture).any()


def test_a_finished_landscape_is_painted_finer_and_a_quick_one_where_there_is_time(engine: Engine) -> None:
    quick = [PaintRequest(PAINTER, label_map(192, 256), look=3, deadline_ms=ms) for ms in (60_000, 0, 60_000)]
    (unknown,), (resting,) = frames(engine, quick[0]), frames(engine, replace(quick[0], deadline_ms=None))
    assert resting.resolution == 2 * unknown.resolution
    assert (unknown.final, resting.final) == (False, True)  # how long the finer one takes was not known yet
    assert [frames(engine, request)[0].resolution for request in quick[1:]] == [unknown.resolution, resting.resolution]
    (small,) = frames(engine, PaintRequest(PAINTER, label_map(48, 64), look=3))
    assert small.resolution == unknown.resolution  # nobody sees more in a picture of that size


def test_a_landscape_that_is_too_fine_for_the_memory_is_painted_as_it_was_taught_and_says_so(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.inference.painting")
    resting = PaintRequest(PAINTER, label_map(192, 256), look=3)
    with PretendedCard(8 * GB) as card:
        engine = Engine(catalogue, device="cpu", precision="float32", threads=1)
        peaks = []
        for request in (hurried := replace(resting, deadline_ms=0), hurried, resting):
            card.peak = card.used
            made = result(engine, request)
            peaks.append(card.peak)
        assert peaks[2] > 1.2 * peaks[1], "the finer picture takes no more memory: nothing can be tried with this"
        taught = result(engine, hurried)
        assert (made != taught).any()
        device.allow("cpu", Allowance(bytes=(peaks[1] + peaks[2]) // 2))
        assert updates(engine, resting)[0] == Remark(SOFTER)
        refused = card.refused
        assert refused
        told = updates(engine, resting)
        assert card.refused == refused, "what did not fit is not tried again and again"
    assert isinstance(told[-1], Done)
    np.testing.assert_array_equal(told[-1].result, taught)
    assert [type(update) for update in told] == [Remark, Frame, Done]
    assert "painted at the size it was taught: The graphics card has no memory left" in caplog.text


def test_memory_that_somebody_gave_back_is_used_again(catalogue: Catalogue) -> None:
    resting = PaintRequest(PAINTER, label_map(192, 256), look=3)
    with PretendedCard(8 * GB) as card:
        engine = Engine(catalogue, device="cpu", precision="float32", threads=1)
        finer = result(engine, resting)  # which opens the model, too
        card.peak = card.used
        np.testing.assert_array_equal(result(engine, resting), finer)
        too_little = Allowance(bytes=card.peak - 1)
        device.allow("cpu", too_little)
        softer = result(engine, resting)
        assert (softer != finer).any()
        device.allow("cpu", ALL)
        for _ in range(PICTURES_UNTIL_FINER - 1):
            np.testing.assert_array_equal(result(engine, resting), softer)
        np.testing.assert_array_equal(result(engine, resting), finer)
        # A hand that moves is told that something better follows, however quick the machine is.
        device.allow("cpu", too_little)
        assert [frame.final for frame in frames(engine, replace(resting, deadline_ms=60_000))] == [False]


def test_a_photo_as_look_is_encoded_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.painting import PaintingModel

    encoded = []
    plain = PaintingModel.style_vector
    monkeypatch.setattr(PaintingModel, "style_vector", lambda self, look: encoded.append(1) or plain(self, look))
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    one = result(engine, PaintRequest(PAINTER, label_map(), look=photo))
    two = result(engine, PaintRequest(PAINTER, label_map(), look=photo.copy()))
    np.testing.assert_array_equal(one, two)
    assert len(encoded) == 1


# Upscale ------------------------------------------------------------------------------------------------------------------


def photo(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


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


# Transform ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_photo_is_translated_in_its_own_size_and_type(engine: Engine, dtype: str) -> None:
    given = photo(40, 56).astype(dtype) * (257 if dtype == "uint16" else 1)
    made = result(engine, TranslateRequest(TRANSLATOR, given))
    assert (made.shape, made.dtype) == (given.shape, given.dtype)
    assert (made != given).any()


# Memory -------------------------------------------------------------------------------------------------------------------


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


def test_a_budget_keeps_the_recently_used_models(catalogue: Catalogue) -> None:
    engine = Engine(catalogue, device="cpu", threads=1, memory_budget=1)
    result(engine, GenerateRequest(FACES))
    result(engine, UpscaleRequest(UPSCALER, photo()))
    result(engine, GenerateRequest(FACES))


# Turns --------------------------------------------------------------------------------------------------------------------

SEA = np.where(np.arange(96)[:, None] < 50, 0, 2).astype(np.uint8).repeat(128, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (GenerateRequest(FACES, noise="random", noise_seed=1), GenerateRequest(FACES, seeds=((9, 1.0),), resolution=32)),
        (PaintRequest(PAINTER, label_map(), look=1), PaintRequest(PAINTER, SEA, look=2, noise_seed=3)),
        (UpscaleRequest(UPSCALER, photo(), tile=16), UpscaleRequest(UPSCALER, photo(30, 70)[::-1].copy())),
        (TranslateRequest(TRANSLATOR, photo()), TranslateRequest(TRANSLATOR, photo(30, 70)[::-1].copy())),
    ],
)
def test_two_pictures_of_one_model_made_by_turns_are_what_they_are_alone(engine: Engine, one: Request, other: Request) -> None:
    def picture(made: Any) -> np.ndarray:
        return made.picture if isinstance(made, Generated) else made

    alone = [picture(result(engine, request)) for request in (one, other)]
    running = [engine.run(one), engine.run(other)]
    ended: dict[int, Update] = {}
    while len(ended) < 2:
        for number, iterator in enumerate(running):
            if number not in ended and isinstance(update := next(iterator), ENDINGS):
                ended[number] = update
    for number in range(2):
        done = ended[number]
        assert isinstance(done, Done)
        np.testing.assert_array_equal(picture(done.result), alone[number])


# Models -------------------------------------------------------------------------------------------------------------------


def test_a_model_is_described_by_what_it_can_do(engine: Engine) -> None:
    faces, painter, upscaler = (result(engine, DescribeRequest(name)) for name in (FACES, PAINTER, UPSCALER))
    assert isinstance(faces, ModelFacts)
    assert (faces.resolution, faces.num_ws, faces.w_dim, faces.previews) == (64, 8, 16, (32,))
    assert len(faces.layer_sizes) == faces.num_ws
    assert painter.style_dim == 6
    assert upscaler.scale == 2
    assert {facts.precision for facts in (faces, painter, upscaler)} == {"float32"}


def test_a_removed_model_is_gone_at_once(tmp_path: Path) -> None:
    catalogue = small_models.catalogue(tmp_path)
    engine = Engine(catalogue, device="cpu", threads=1)
    result(engine, UpscaleRequest(UPSCALER, photo()))
    assert result(engine, RemoveModelRequest(UPSCALER)) == UPSCALER
    assert UPSCALER in str(refusal(engine, UpscaleRequest(UPSCALER, photo())))
