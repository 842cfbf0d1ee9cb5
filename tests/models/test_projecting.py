"""Finding a photo in models of several families: downhill in each, at the sizes that each can show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.checkpoints.family import to_picture
from models.latent import LatentModel
from models.latents import projecting
from models.latents.gradients import WayIn, way_into
from models.latents.projecting import compared_at, projected, surveyed
from models.steps import drain
from models.training.trunk import read_trunk
from tests.models.test_gradients import MODELS


@pytest.mark.parametrize(
    ("name", "largest", "sides"),
    [("skip", 256, (32, 64)), ("skip", 32, (16, 32)), ("stylegan3", 256, (32, 32)), ("resnet", 32, (64, 64))],
)
def test_a_picture_of_the_model_is_approached(
    name: str, largest: int, sides: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "LARGEST", largest)
    monkeypatch.setattr(projecting, "SAMPLES", 16)
    model: LatentModel = MODELS[name]()
    way = way_into(model)
    assert compared_at(way) == sides
    made = model.synthesize(model.map(model.z_of_seed(3), 0 if model.classes else None))
    wanted = to_picture(torch.from_numpy(made[0]))
    space = drain(surveyed(model, way, 0 if model.classes else None))
    states = [state for state in projected(way, space, read_trunk().eval(), wanted, steps=(8, 8)) if state is not None]
    assert [state.done for state in states] == list(range(1, 17))
    off = [float(np.square(model.synthesize(state.ws) - made).mean()) for state in (states[0], states[-1])]
    average = float(np.square(model.synthesize(np.broadcast_to(model.average, states[0].ws.shape)) - made).mean())
    assert off[1] < off[0] < 1.01 * average
    assert np.isfinite(states[-1].ws).all()


def test_where_a_model_makes_large_pictures_alone_few_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "LARGEST", 16)
    monkeypatch.setattr(projecting, "SAMPLES", 16)
    made, picture = [], WayIn.picture

    def counted(way: WayIn, ws: torch.Tensor, side: int | None = None) -> torch.Tensor:
        made.append(len(ws))
        return picture(way, ws, side)

    monkeypatch.setattr(WayIn, "picture", counted)
    model = MODELS["stylegan3"]()  # 32 px
    space = drain(surveyed(model, way_into(model), 0 if model.classes else None))
    assert made == [4, 4, 4, 4]
    assert len(space.small) == len(space.v) == 16


def test_the_same_photo_is_found_the_same_way() -> None:
    model = MODELS["skip"]()
    way, photo = way_into(model), np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    space = drain(surveyed(model, way, 0))
    found = [[state for state in projected(way, space, read_trunk().eval(), photo, steps=(2, 2)) if state][-1] for _ in range(2)]
    assert np.array_equal(found[0].ws, found[1].ws)
