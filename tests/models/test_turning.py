"""Eight turns of a picture, averaged, and two models between which any share can be had."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.inference.engine import Engine
from app.inference.requests import DescribeRequest, Mix, UpscaleRequest
from app.inference.updates import Done, Failure, Update
from models.card import Card
from models.catalogue import Catalogue
from models.interpolation import mixed, refusal
from models.networks.compact import Compact, CompactConfig
from models.turning import TURNS, turned, turned_back

CONFIG = CompactConfig(channels=3, features=4, inner=1, shuffle=2)


def weights(seed: int, config: CompactConfig = CONFIG) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn_like(value) * 0.1 for name, value in Compact(config).state_dict().items()}


def card(name: str, config: CompactConfig = CONFIG, **more: object) -> Card:
    return replace(Card(name, name.title(), "upscaling", "compact", asdict(config), scale=config.shuffle), **more)  # type: ignore[arg-type]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Catalogue(tmp_path)
    made.keep(card("one"), weights(1))
    made.keep(card("two"), weights(2))
    made.keep(card("even"), {name: torch.zeros_like(value) for name, value in weights(1).items()})
    wider = replace(CONFIG, features=6)
    made.keep(card("wide", wider), weights(3, wider))
    return Engine(made, device="cpu", precision="float32", threads=1)


def ending(engine: Engine, request: UpscaleRequest | DescribeRequest) -> Update:
    return list(engine.run(request))[-1]


def enlarged(engine: Engine, model: str | Mix, picture: np.ndarray, turns: bool = False, tile: int | None = None) -> np.ndarray:
    done = ending(engine, UpscaleRequest(model, picture, tile=tile, turns=turns))
    assert isinstance(done, Done), done
    return np.asarray(done.result)


def noise(height: int = 21, width: int = 34, channels: int = 3) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 255, (height, width, channels)).astype(np.float32) / 255


@pytest.mark.parametrize("turn", range(TURNS))
def test_every_turn_is_another_picture_and_turns_back(turn: int) -> None:
    x = torch.arange(24.0).reshape(1, 4, 6)
    assert torch.equal(turned_back(turned(x, turn), turn), x)
    others = [turned(x, other) for other in range(TURNS) if other != turn]
    assert not any(other.shape == turned(x, turn).shape and torch.equal(other, turned(x, turn)) for other in others)


def test_a_network_that_treats_all_directions_alike_answers_the_same_with_turns(engine: Engine) -> None:
    picture = noise()
    assert np.allclose(enlarged(engine, "even", picture, turns=True), enlarged(engine, "even", picture), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_with_turns_a_turned_picture_gives_the_turned_result(engine: Engine, channels: int) -> None:
    picture = noise(channels=channels)
    plain, averaged = enlarged(engine, "one", picture), enlarged(engine, "one", picture, turns=True)
    assert np.abs(plain - averaged).max() > 1e-3
    lying = np.ascontiguousarray(np.rot90(picture))
    assert np.allclose(enlarged(engine, "one", lying, turns=True), np.rot90(averaged), atol=1e-5)
    assert np.abs(enlarged(engine, "one", lying) - np.rot90(plain)).max() > 1e-3


def test_with_turns_tiles_show_no_seams(engine: Engine) -> None:
    picture = noise(40, 50)
    whole = enlarged(engine, "one", picture, turns=True, tile=64)
    assert np.allclose(enlarged(engine, "one", picture, turns=True, tile=16), whole, atol=1e-5)


def test_a_share_of_nothing_and_of_all_is_one_of_the_two_and_half_is_neither(engine: Engine) -> None:
    picture = noise()
    one, two = enlarged(engine, "one", picture), enlarged(engine, "two", picture)
    assert np.allclose(enlarged(engine, Mix("one", "two", 0.0), picture), one, atol=1e-6)
    assert np.allclose(enlarged(engine, Mix("one", "two", 1.0), picture), two, atol=1e-6)
    half = enlarged(engine, Mix("one", "two", 0.5), picture)
    assert min(np.abs(half - one).max(), np.abs(half - two).max()) > 1e-3
    assert np.allclose(enlarged(engine, "one", picture), one)


def test_half_of_two_models_has_their_mean_weights() -> None:
    made_card, made = mixed(card("one"), weights(1), card("two", non_commercial=True), weights(2), 0.5)
    for name, tensor in made.items():
        assert torch.allclose(tensor, (weights(1)[name] + weights(2)[name]) / 2, atol=1e-6)
    assert made_card.non_commercial is True
    assert "50%" in made_card.title


def test_a_mixture_sees_as_far_beyond_the_sides_as_one_of_its_models_whichever_comes_first() -> None:
    plain, restorer = card("one"), replace(card("two"), config={**card("two").config, "around": 8})

    def around(first: Card, second: Card, share: float) -> int:
        return int(mixed(first, weights(1), second, weights(2), share)[0].config.get("around", 0))

    assert [around(plain, restorer, share) for share in (0, 0.3, 1)] == [0, 8, 8]
    assert [around(restorer, plain, share) for share in (0, 0.3, 1)] == [8, 8, 0]


def test_models_that_are_not_built_alike_are_refused_in_a_sentence(engine: Engine) -> None:
    failure = ending(engine, DescribeRequest(Mix("one", "wide", 0.3)))
    assert isinstance(failure, Failure)
    assert "cannot be mixed" in failure.what
    assert "not built alike" in failure.why
    assert "2 times" in refusal(card("one"), card("three", scale=3))
    assert refusal(card("one"), card("two")) == ""
    beyond = replace(card("two"), config={**card("two").config, "around": 8})  # no part of how it is built
    assert refusal(card("one"), beyond) == ""


def test_a_mixture_is_made_anew_when_one_of_its_models_goes(engine: Engine) -> None:
    picture = noise()
    mix = Mix("one", "two", 1.0)
    before = enlarged(engine, mix, picture)
    engine.catalogue.remove("two")
    assert engine._bench is not None
    engine._bench.models.forget("two")
    engine.catalogue.keep(card("two"), weights(5))
    assert np.abs(enlarged(engine, mix, picture) - before).max() > 1e-3
