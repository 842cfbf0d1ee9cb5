"""Finding a photo in a latent model: the way goes downhill, what is reached makes the picture shown, and it can be left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, GenerateRequest, ProjectionTimeRequest, ProjectRequest
from app.inference.updates import Done, Failure, Frame, Generated, Progress, Projected, Update
from models.catalogue import Catalogue
from models.latents import projecting
from models.latents.whitened import whitened
from tests.inference.small_models import FACES, PAINTER


@pytest.fixture(scope="module")
def engine(catalogue: Catalogue) -> Engine:
    """One for all, which looks around in the model once."""
    return Engine(catalogue, device="cpu", precision="float32", threads=1)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "STEPS", (12, 16))


def picture_of(engine: Engine, request: GenerateRequest) -> np.ndarray:
    *_, done = engine.run(request)
    assert isinstance(done, Done)
    assert isinstance(done.result, Generated)
    return done.result.picture


def ended(updates: list[Update]) -> Projected:
    done = updates[-1]
    assert isinstance(done, Done)
    assert isinstance(done.result, Projected)
    return done.result


def off(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(float) - other).mean())


def test_a_picture_of_the_model_is_found_again_much_nearer_than_the_average(engine: Engine) -> None:
    wanted = picture_of(engine, GenerateRequest(FACES, ((5, 1.0),), psi=1.0))
    average = picture_of(engine, GenerateRequest(FACES, psi=0.0))
    updates = list(engine.run(ProjectRequest(FACES, wanted)))
    found = ended(updates)
    assert off(found.picture, wanted) < 0.25 * off(average, wanted)
    again = picture_of(engine, GenerateRequest(FACES, ws=found.ws))
    assert np.array_equal(again, found.picture)
    told = [update for update in updates if isinstance(update, Progress)]
    assert [update.done for update in told] == list(range(29))
    assert {update.total for update in told} == {28}
    assert "left" in told[-1].text
    last = [update for update in updates if isinstance(update, Frame)][-1]
    assert last.final
    assert np.array_equal(last.picture, found.picture)


def test_more_freedom_parts_the_layers_further(engine: Engine) -> None:
    photo = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    spread = [
        float(np.ptp(ended(list(engine.run(ProjectRequest(FACES, photo, freedom)))).ws, axis=1).mean()) for freedom in (0.0, 1.0)
    ]
    assert spread[0] < spread[1]


def test_it_can_be_left_at_any_step_and_the_engine_works_on(engine: Engine) -> None:
    updates = engine.run(ProjectRequest(FACES, np.zeros((64, 64, 3), np.uint8)))
    for update in updates:
        if isinstance(update, Progress) and update.done == 3:
            break
    updates.close()  # type: ignore[attr-defined]
    assert torch.is_grad_enabled()
    assert picture_of(engine, GenerateRequest(FACES)).shape == (64, 64, 3)


def test_it_says_how_long_it_takes(engine: Engine) -> None:
    *_, done = engine.run(ProjectionTimeRequest(FACES))
    assert isinstance(done, Done)
    assert 0 < done.result < 600


def test_a_panel_learns_which_models_can(engine: Engine) -> None:
    can = []
    for name in (FACES, PAINTER):
        *_, done = engine.run(DescribeRequest(name))
        assert isinstance(done, Done)
        can.append(done.result.projectable)
    assert can == [True, False]


def test_a_photo_that_is_not_square_and_a_model_of_another_kind_are_refused(engine: Engine) -> None:
    *_, failure = engine.run(ProjectRequest(FACES, np.zeros((64, 32, 3), np.uint8)))
    assert isinstance(failure, Failure)
    assert "square" in failure.what
    *_, failure = engine.run(ProjectRequest(PAINTER, np.zeros((64, 64, 3), np.uint8)))
    assert isinstance(failure, Failure)


def test_a_round_cloud_of_coordinates_is_that_of_the_latents_of_seeds() -> None:
    torch.manual_seed(0)
    mixed = torch.randn(20_000, 12) @ torch.randn(12, 12) + torch.randn(12)
    w = torch.where(mixed < 0, 0.2 * mixed, mixed)
    space = whitened(w)
    assert len(space.deviations) == 12
    drawn = space.w(torch.randn(20_000, 12))
    unit = w.std(0)
    for k in range(12):  # each axis is bent at 0, and goes as far on either side of it
        quantiles = torch.tensor([0.02, 0.2, 0.5, 0.8, 0.98])
        apart = (drawn[:, k].quantile(quantiles) - w[:, k].quantile(quantiles)) / unit[k]
        assert float(apart.abs().max()) < 0.1
    assert float((drawn.T.corrcoef() - w.T.corrcoef()).abs().max()) < 0.05


def test_axes_without_any_variety_are_left_alone() -> None:
    torch.manual_seed(0)
    w = torch.cat((torch.randn(500, 3).abs(), torch.full((500, 2), 0.5)), 1)
    space = whitened(w)
    assert len(space.deviations) == 3
    assert float((space.w(torch.randn(7, 3))[:, 3:] - 0.5).abs().max()) < 1e-5
