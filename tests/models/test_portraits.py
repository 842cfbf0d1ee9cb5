"""The embedded portraits: what Explore opens with where nothing was downloaded."""

import json
from pathlib import Path

import numpy as np
import pytest

import models
from models.catalogue import Catalogue
from models.latent import LatentModel

FOLDER = Path(__file__).parents[2] / "resources" / "weights" / "portraits"


@pytest.fixture(scope="module")
def portraits() -> LatentModel:
    model = models.open("portraits", device="cpu", precision="float32")
    assert isinstance(model, LatentModel)
    return model


def test_the_card_says_whose_portraits_they_are_and_what_is_missing(portraits: LatentModel) -> None:
    card = portraits.card
    assert (card.task, card.resolution, card.non_commercial) == ("latent", 256, False)
    assert "public domain" in card.licence_note
    for word in ("women", "1931", "75 years", "one studio"):
        assert word in card.limits
    entry = Catalogue().find("portraits")
    assert entry is not None
    assert entry.sheet is not None
    assert entry.weights.stat().st_size < 10e6


def test_seeds_differ_and_a_small_psi_pulls_them_together(portraits: LatentModel) -> None:
    z = np.concatenate([portraits.z_of_seed(seed) for seed in range(6)])
    wide, narrow = (portraits.synthesize(portraits.map(z, psi=psi)).std(0).mean() for psi in (1.0, 0.3))
    assert wide > 1.5 * narrow
    assert wide > 0.15


def test_its_sliders_are_named_and_move_the_picture(portraits: LatentModel) -> None:
    described = json.loads((FOLDER / "directions.json").read_text())
    assert described["model"] == portraits.card.sha256
    names = [direction.name for direction in portraits.directions]
    assert names == [row["name"] for row in described["directions"]]
    assert "yaw" in names
    ws = portraits.map(portraits.z_of_seed(3), psi=0.7)
    plain = portraits.synthesize(ws)
    for name in names:
        assert np.abs(portraits.synthesize(portraits.edit(ws, {name: 2.0})) - plain).mean() > 0.01


def test_what_was_measured_of_each_direction_stands_beside_it() -> None:
    described = json.loads((FOLDER / "directions.json").read_text())
    for row in described["directions"]:
        effects = described["effects"][row["name"]]
        assert effects[row["name"]] >= 1
        others = [abs(value) for name, value in effects.items() if name not in (row["name"], "moves", "alone")]
        assert effects["alone"] == (max(others) < 0.5 * effects[row["name"]])
        assert effects["alone"] or "cannot be parted from" in row["remark"]


def test_no_slider_leads_where_pictures_leave_the_real_ones(portraits: LatentModel) -> None:
    described = json.loads((FOLDER / "directions.json").read_text())
    for direction in portraits.directions:
        farther = {float(sigmas): far for sigmas, far in described["farther"][direction.name].items()}
        inside = [far for sigmas, far in farther.items() if direction.low <= sigmas <= direction.high]
        assert {direction.low, direction.high} <= farther.keys()
        assert max(inside) <= 1.2
