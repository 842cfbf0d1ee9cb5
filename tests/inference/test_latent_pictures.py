"""Seeds, latents and directions to pictures, through the engine, with a small real generator."""

from typing import Any

import numpy as np

import models
from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, GenerateRequest, UpscaleRequest
from app.inference.updates import Generated
from models.catalogue import Catalogue
from tests.inference.asking import frames, result
from tests.inference.small_models import FACES, UPSCALER


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
