"""The differentiable way into a generator: the pictures of the fast networks, level by level, with gradients to the latents."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from models.card import Card
from models.errors import BadInput
from models.latent import LatentModel
from models.latents.gradients import WayIn, has_way_in, piece_with_gradients, way_into
from models.networks.mobilestylegan_fast import FastMobileStyleGAN
from models.networks.r3gan import FastR3GAN
from models.networks.stylegan2_fast import FastStyleGAN2
from models.networks.stylegan3_fast import FastStyleGAN3
from models.precision import Runtime
from tests.models.small_faces import small_network
from tests.models.test_latent_families import r3gan, stylegan2, stylegan3

CPU = Runtime(torch.device("cpu"), torch.float32)
CARD = Card("small", "Small", "latent", "stylegan2-ada")

MODELS = {
    "skip": lambda: LatentModel(CARD, partial(FastStyleGAN2, stylegan2()), CPU),
    "resnet": lambda: LatentModel(CARD, partial(FastStyleGAN2, stylegan2("resnet", clamp=2.0)), CPU),
    "grey": lambda: LatentModel(CARD, partial(FastStyleGAN2, stylegan2("orig", colours=1)), CPU),
    "stylegan3": lambda: LatentModel(CARD, partial(FastStyleGAN3, stylegan3()), CPU),
    "mobile": lambda: LatentModel(CARD, partial(FastMobileStyleGAN, small_network(), {}), CPU),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> LatentModel:
    made: LatentModel = MODELS[request.param]()
    return made


def some_ws(model: LatentModel, count: int = 1) -> torch.Tensor:
    torch.manual_seed(3)
    return torch.randn(count, model.num_ws, model.w_dim)


@pytest.mark.parametrize("noise", ["const", "random", "none"])
def test_its_picture_is_that_of_the_model(model: LatentModel, noise: str) -> None:
    ws = some_ws(model, 2)
    with torch.inference_mode():
        picture = way_into(model).picture(ws, noise=noise, noise_seed=5).numpy()
    want = model.synthesize(ws.numpy(), noise, 5)
    assert picture.shape == want.shape
    assert np.abs(picture - want).max() < 1e-4 * np.ptp(want)


def test_gradients_reach_every_latent_that_acts(model: LatentModel) -> None:
    ws = some_ws(model).requires_grad_(True)
    with piece_with_gradients():
        way_into(model).picture(ws).square().mean().backward()  # type: ignore[no-untyped-call]
    assert ws.grad is not None
    per_layer = ws.grad[0].abs().amax(1)
    assert bool((per_layer > 0).all())


def test_a_step_against_the_gradient_brings_the_picture_nearer_to_another(model: LatentModel) -> None:
    way, ws = way_into(model), some_ws(model).requires_grad_(True)
    target = torch.from_numpy(model.synthesize(some_ws(model, 2)[1:].numpy()))
    before = (way.picture(ws) - target).square().mean()
    before.backward()  # type: ignore[no-untyped-call]
    assert ws.grad is not None
    after = (way.picture(ws.detach() - 1e-3 * ws.grad / ws.grad.norm()) - target).square().mean()
    assert float(after) < float(before.detach())


def test_levels_go_from_coarse_to_fine_and_the_last_shows_the_picture(model: LatentModel) -> None:
    way = way_into(model)
    levels = list(way.levels(some_ws(model)))
    assert [level.side for level in levels] == sorted(level.side for level in levels)
    assert levels[-1].shows == way.resolution == way.pictures[-1] == model.resolution
    assert way.pictures == tuple(level.shows for level in levels if level.show is not None)
    for level in levels:
        assert level.hidden.shape[-2:] == (level.side + 2 * level.margin,) * 2


def test_a_small_picture_is_the_preview_of_the_model() -> None:
    model = MODELS["skip"]()
    ws = some_ws(model)
    way = way_into(model)
    assert way.pictures == (4, 8, 16, 32, 64)
    small = way.picture(ws, 64).numpy()
    assert np.abs(small - model.synthesize(ws.numpy(), resolution=64)).max() < 1e-4 * np.ptp(small)
    with pytest.raises(BadInput, match="no pictures of 48 px"):
        way.picture(ws, 48)


def test_it_knows_a_hidden_states_border() -> None:
    levels = list(way_into(MODELS["stylegan3"]()).levels(torch.randn(1, 5, 16)))
    assert [(level.side, level.margin) for level in levels] == [(16, 10), (32, 10), (32, 0), (32, 0)]


def test_there_is_none_where_one_latent_makes_the_whole_picture() -> None:
    model = LatentModel(CARD, partial(FastR3GAN, r3gan()), CPU)
    assert not has_way_in(model)
    with pytest.raises(BadInput, match="cannot look for a picture"):
        way_into(model)


def test_latents_of_another_model_are_refused() -> None:
    way = way_into(MODELS["skip"]())
    assert isinstance(way, WayIn)
    with pytest.raises(BadInput, match="do not fit"):
        way.picture(torch.zeros(1, 3, 16))
