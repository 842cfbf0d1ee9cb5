"""Points of the latent space that no seed leads to: in variations, recipes and kept documents, old and new."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from app.explore.morph import Morph
from app.explore.point import Point
from app.explore.state import Document, from_recipe
from app.explore.variation import RecipeError, Variation
from app.inference.engine import Engine
from app.inference.updates import Done, Generated
from models.catalogue import Catalogue
from tests.inference.small_models import FACE_SHAPE, FACES

LAYERS, WIDE = FACE_SHAPE.num_ws, FACE_SHAPE.w_dim


def some_ws(seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randn(1, LAYERS, WIDE).astype(np.float32)


def found(psi: float = 0.7) -> Variation:
    return Variation(FACES, psi=psi).along("principal-1", 1.0).from_latents(some_ws())


def latents_of(engine: Engine, variation: Variation) -> np.ndarray:
    *_, done = engine.run(variation.request(resolution=32))
    assert isinstance(done, Done)
    assert isinstance(done.result, Generated)
    return done.result.ws


@pytest.fixture
def engine(catalogue: Catalogue) -> Engine:
    return Engine(catalogue, device="cpu", precision="float32", threads=1)


def test_a_point_comes_back_from_a_recipe_as_it_was() -> None:
    document = Document()
    document.now = found()
    recipe = json.loads(json.dumps(document.to_recipe()))
    assert from_recipe(recipe) == found()
    assert recipe["version"] == 2  # a program that would pass the point over and show another picture says it is too old


def test_what_holds_no_point_is_written_as_ever() -> None:
    document = Document()
    document.now = Variation(FACES).at_seed(7)
    assert document.to_recipe()["version"] == document.state()["version"] == 1
    assert "point" not in document.to_recipe()["variation"]
    assert "points" not in document.state()


def test_a_kept_document_holds_each_point_once() -> None:
    document, again = Document(), Document()
    document.become("found", "Found", found())
    for sigmas in (0.5, 1.0, 1.5):
        document.change("directions", "Yaw", directions=(("yaw", sigmas),))
        document.settle()
    document.favour()
    document.pin()
    kept = json.dumps(document.state())
    assert kept.count("float16") == 1
    again.restore(json.loads(kept))
    assert (again.now, again.pinned, again.favourites) == (document.now, document.pinned, document.favourites)
    assert [seen.variation for seen in again.seen] == [seen.variation for seen in document.seen]
    assert {id(seen.variation.point) for seen in again.seen} == {id(again.now.point)}  # and in memory once


def test_a_point_is_put_into_words_once_however_often_it_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a hand moves a slider, the document is written down every other second, in the window's thread."""
    document, worded = Document(), list[bytes]()
    monkeypatch.setattr("base64.b64encode", lambda data: worded.append(data) or b"")
    document.become("found", "Found", found())
    for psi in (0.5, 0.6):
        document.change("psi", "Truncation", psi=psi)
        document.settle()
        document.state()
    assert len(worded) == 1


def test_a_kept_document_whose_point_is_lost_shows_no_other_picture() -> None:
    document, again = Document(), Document()
    document.now = found()
    document.settle()
    state = document.state()
    state["points"] = {}
    again.restore(state)
    assert again.now == Variation()
    assert again.seen == []


def test_a_morph_through_a_point_is_of_the_newer_kind() -> None:
    assert Morph((Variation(FACES), found())).to_recipe("", "")["version"] == 2
    assert Morph((Variation(FACES), Variation(FACES).at_seed(3))).to_recipe("", "")["version"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"layers": 0},
        {"layers": True},
        {"layers": LAYERS + 0.5},
        {"psi": 1e9},
        {"psi": "0.7"},
        {"float16": "no base 64!"},
        {"float16": "AAAA"},
        {"float16": ""},
        {"float16": 5},
        {"float16": "A" * (1 << 20)},
        {"float16": Point.of(np.full((1, LAYERS, WIDE), np.inf, np.float32), 0.7).to_dict()["float16"]},
    ],
)
def test_a_damaged_point_is_refused(damage: dict[str, object]) -> None:
    data = found().to_dict()
    with pytest.raises(RecipeError, match="point"):
        Variation.from_dict({**data, "point": {**data["point"], **damage}})
    with pytest.raises(RecipeError, match="point"):
        Variation.from_dict({**data, "point": "elsewhere"})


def test_the_engine_takes_the_point_as_it_is_and_moves_it_along_directions(engine: Engine) -> None:
    plain = replace(found(), directions=())
    at_rest = latents_of(engine, plain)
    assert np.abs(at_rest - some_ws()).max() < 2e-3  # float16
    assert np.abs(latents_of(engine, plain.along("principal-1", 2.0)) - at_rest).max() > 0.05


def test_truncation_brings_a_point_nearer_to_the_average(engine: Engine) -> None:
    here, half, mean = (latents_of(engine, replace(found(), directions=(), psi=psi)) for psi in (0.7, 0.35, 0.0))
    assert np.allclose(half, (here + mean) / 2, atol=1e-5)
    assert np.ptp(mean, axis=1).max() < 1e-6  # the average, the same in every layer


def test_a_seed_leaves_the_point_behind() -> None:
    assert found().at_seed(5).point is None
    assert found().at_seed(5).on_seed
    assert found().of_model("another").point is None
    assert not replace(found(), x=3.0, y=0.0).on_seed
