"""Finding a photo in models of several families: downhill in each, at the sizes that each can show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.checkpoints.family import to_picture
from models.latent import LatentModel
from models.latents import projecting
from models.latents.gradients import way_into
from models.latents.projecting import _Likeness, compared_at, projected, surveyed
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
    model: LatentModel = MODELS[name]()
    way = way_into(model)
    assert compared_at(way) == sides
    made = model.synthesize(model.map(model.z_of_seed(3), 0 if model.classes else None))
    wanted = to_picture(torch.from_numpy(made[0]))
    space = surveyed(model, way, 0 if model.classes else None)
    states = [state for state in projected(way, space, read_trunk().eval(), wanted, steps=(8, 8)) if state is not None]
    assert [state.done for state in states] == list(range(1, 17))
    middle = space.w(torch.zeros(1, len(space.deviations))).expand(1, way.num_ws, -1).numpy()

    seen = _Likeness(read_trunk().eval(), wanted, sides[1], way.device, exact=True)

    def off(ws: NDArray[np.float32]) -> float:
        """How far its picture is from what was wanted, as the search sees it."""
        with torch.no_grad():
            return float(seen(way.picture(torch.from_numpy(np.array(ws)), sides[1]))[0])

    assert off(states[-1].ws) < 0.8 * off(middle)
    assert np.isfinite(states[-1].ws).all()


def test_the_same_photo_is_found_the_same_way() -> None:
    model = MODELS["skip"]()
    way, photo = way_into(model), np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    space = surveyed(model, way, 0)
    found = [[state for state in projected(way, space, read_trunk().eval(), photo, steps=(2, 2)) if state][-1] for _ in range(2)]
    assert np.array_equal(found[0].ws, found[1].ws)


def test_what_is_as_fine_as_hairs_is_not_asked_for_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "EXACT", 32)
    way, trunk = way_into(MODELS["skip"]()), read_trunk().eval()  # its own pictures have 64 px
    photo = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    hairs = 0.2 * (torch.arange(64)[:, None] + torch.arange(64)[None]).remainder(2) - 0.1

    def pixels_apart(seen: _Likeness) -> float:
        return max(
            float((a - b).abs().max()) for a, b in zip(seen._sizes(seen.photo + hairs), seen._sizes(seen.photo), strict=True)
        )

    own = projecting._likeness(way, trunk, photo, 64)
    assert pixels_apart(own) < 1e-6
    assert [features.shape[-1] for features in own._seen(own.photo)] == [16, 8, 4]
    monkeypatch.setattr(projecting, "EXACT", 64)
    assert pixels_apart(projecting._likeness(way, trunk, photo, 64)) == pytest.approx(0.1, abs=1e-3)
    monkeypatch.setattr(projecting, "EXACT", 16)
    assert projecting._likeness(way, trunk, photo, 32)._seen(torch.zeros(1, 3, 32, 32))[0].shape[-1] == 16  # larger ones are made
