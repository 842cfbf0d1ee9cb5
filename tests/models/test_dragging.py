"""Points of a generated picture follow what drags them."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import models
from models.card import Card
from models.errors import BadInput
from models.latent import LatentModel
from models.latents.dragging import Moved, drag_steps
from models.latents.gradients import has_way_in
from models.networks.mobilestylegan_fast import FastMobileStyleGAN
from models.networks.r3gan import R3GAN, FastR3GAN, Shape, StageShape
from models.networks.stylegan3_fast import FastStyleGAN3
from models.precision import Runtime
from tests.models.small_faces import small_network
from tests.models.test_latent_families import stylegan3

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def small() -> LatentModel:
    network = small_network()
    card = Card("small", "Small faces", "latent", "mobilestylegan", resolution=128)
    return LatentModel(
        card, lambda runtime: FastMobileStyleGAN(network, {}, runtime), Runtime(torch.device("cpu"), torch.float32)
    )


@pytest.fixture(scope="module")
def portraits() -> LatentModel:
    model = models.open("portraits", device="cpu", precision="float32")
    assert isinstance(model, LatentModel)
    return model


def points(*places: tuple[float, float]) -> Floats:
    return np.array(places, np.float32)


def steps_of(drag: Iterator[Moved | None], most: int) -> list[Moved]:
    """The first steps of a drag, the last one too where it ends before."""
    found: list[Moved] = []
    while len(found) < most:
        try:
            moved = next(drag)
        except StopIteration as stop:
            return [*found, stop.value]
        if moved is not None:
            found.append(moved)
    return found


def test_a_mouth_that_is_dragged_comes_nearer_to_its_target(portraits: LatentModel) -> None:
    ws = portraits.map(portraits.z_of_seed(64), psi=0.7)
    found = steps_of(drag_steps(portraits, ws, points((0.5, 0.69)), points((0.5, 0.75))), 20)
    assert found[0].left[0] == pytest.approx(0.06, abs=1e-5)
    assert found[-1].left[0] < 0.048
    assert not np.array_equal(found[-1].ws, ws)


def test_latents_of_levels_beyond_the_features_stay_as_they_are(small: LatentModel) -> None:
    ws = small.map(small.z_of_seed(1))
    last = steps_of(drag_steps(small, ws, points((0.4, 0.4)), points((0.6, 0.4))), 3)[-1]
    sizes = np.array(small.layer_sizes)
    changed = np.abs(last.ws - ws).max((0, 2)) > 0
    assert changed[sizes <= 64].all()
    assert not changed[sizes > 64].any()


def test_latents_of_a_network_that_computes_beyond_the_pictures_edges_move_too() -> None:
    card = Card("small", "Small StyleGAN3", "latent", "stylegan3", resolution=32)
    model = LatentModel(card, partial(FastStyleGAN3, stylegan3()), Runtime(torch.device("cpu"), torch.float32))
    ws = model.map(model.z_of_seed(1))
    last = steps_of(drag_steps(model, ws, points((0.4, 0.4)), points((0.6, 0.4))), 3)[-1]
    assert model.layer_sizes == (36, 36, 52, 32, 32)
    assert (np.abs(last.ws - ws).max((0, 2)) > 0).tolist() == [True, True, False, False, False]


def test_a_point_that_is_there_already_ends_at_once_with_the_picture_unchanged(small: LatentModel) -> None:
    ws = small.map(small.z_of_seed(1))
    (only,) = steps_of(drag_steps(small, ws, points((0.4, 0.4)), points((0.402, 0.4))), 5)
    assert only.ending == "there"
    assert only.step == 0
    assert np.array_equal(only.ws, ws)


def test_what_may_not_move_changes_less_than_without_the_mask(portraits: LatentModel) -> None:
    ws = portraits.map(portraits.z_of_seed(64), psi=0.7)
    movable = np.zeros((32, 32), np.bool_)
    movable[16:] = True

    def change_above(area: NDArray[np.bool_] | None) -> float:
        last = steps_of(drag_steps(portraits, ws, points((0.5, 0.69)), points((0.5, 0.75)), area), 20)[-1]
        return float(np.abs(portraits.synthesize(last.ws) - portraits.synthesize(ws))[:, :, :60].mean())

    assert change_above(movable) < 0.8 * change_above(None)


def test_a_point_that_comes_no_nearer_ends_and_says_so(small: LatentModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.latents.dragging.STRIDE", 1e-6)
    drag = drag_steps(small, small.map(small.z_of_seed(1)), points((0.1, 0.1)), points((0.9, 0.9)))
    last = steps_of(drag, 100)[-1]
    assert last.ending == "stuck"
    assert last.step == 0  # nothing was gained, so nothing is changed


def test_the_same_drag_gives_the_same_picture(small: LatentModel) -> None:
    ws = small.map(small.z_of_seed(1))
    first, second = (steps_of(drag_steps(small, ws, points((0.4, 0.4)), points((0.6, 0.4))), 3)[-1] for _ in range(2))
    assert np.array_equal(first.ws, second.ws)
    assert np.array_equal(first.points, second.points)


def test_points_that_are_none_are_refused_in_words(small: LatentModel) -> None:
    ws = small.map(small.z_of_seed(1))
    for handles, targets in (
        (points((1.2, 0.5)), points((0.5, 0.5))),
        (points((0.5, 0.5)), points((0.5, 0.5), (0.6, 0.6))),
        (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)),
        (points((np.nan, 0.5)), points((0.5, 0.5))),
    ):
        with pytest.raises(BadInput):
            next(drag_steps(small, ws, handles, targets))
    with pytest.raises(BadInput, match="may move"):
        next(drag_steps(small, ws, points((0.5, 0.5)), points((0.6, 0.5)), np.zeros((8, 8), np.bool_)))


def test_a_family_without_gradients_says_so_and_refuses_in_words(small: LatentModel) -> None:
    shape = Shape(16, (StageShape(12, 24, 4, 1), StageShape(8, 16, 2, 1)), 4, 0, 0, 6)
    card = Card("plain", "Plain pictures", "latent", "r3gan", resolution=8)
    plain = LatentModel(card, lambda runtime: FastR3GAN(R3GAN(shape), runtime), small.runtime)
    assert has_way_in(small)
    assert not has_way_in(plain)
    with pytest.raises(BadInput, match="Plain pictures"):
        next(drag_steps(plain, np.zeros((1, plain.num_ws, plain.w_dim), np.float32), points((0.5, 0.5)), points((0.6, 0.5))))
