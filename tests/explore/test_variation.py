"""A place on the lattice of seeds, and its way through a recipe."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.explore.state import Document, from_recipe, model_of
from app.explore.variation import LAST_SEED, RecipeError, Variation, blend, place_of, seed_at

seeds = st.integers(0, LAST_SEED)
numbers = st.floats(-300, 300, allow_nan=False)
variations = st.builds(
    Variation,
    model=st.text(max_size=12),
    x=numbers,
    y=numbers,
    psi=st.floats(0, 1.5),
    cutoff=st.none() | st.integers(0, 18),
    directions=st.dictionaries(st.text(min_size=1, max_size=8), st.floats(-4, 4).filter(bool), max_size=4).map(
        lambda moved: tuple(sorted(moved.items()))
    ),
    mix_seed=st.none() | seeds,
    mix_layers=st.sets(st.integers(0, 17), max_size=6).map(lambda layers: tuple(sorted(layers))),
    label=st.none() | st.integers(0, 999),
    noise=st.sampled_from(["const", "random", "none"]),
    noise_seed=seeds,
)


@given(seeds)
def test_a_seed_lies_on_the_lattice_by_itself(seed: int) -> None:
    assert blend(*place_of(seed)) == ((seed, 1.0),)
    there = Variation().at_seed(seed)
    assert there.seed == seed
    assert there.on_seed


@given(numbers, numbers)
def test_between_seeds_the_four_nearest_share_one_whole(x: float, y: float) -> None:
    shares = blend(x, y)
    assert 1 <= len(shares) <= 4
    assert sum(weight for _, weight in shares) == pytest.approx(1)
    assert all(0 <= seed <= LAST_SEED and weight > 0 for seed, weight in shares)


def test_half_way_between_two_seeds_both_have_half() -> None:
    assert dict(blend(3.5, 2.0)) == {203: 0.5, 204: 0.5}


def test_the_lattice_goes_round_at_its_ends() -> None:
    assert seed_at(-1, 0) == LAST_SEED
    assert sum(weight for _, weight in blend(-0.25, -0.75)) == pytest.approx(1)


@given(variations)
def test_a_recipe_gives_the_same_variation_back(variation: Variation) -> None:
    document = Document()
    document.now = variation
    recipe = json.loads(json.dumps(document.to_recipe("abc", "Faces")))
    assert from_recipe(recipe) == variation
    assert model_of(recipe) == ("Faces", "abc")


@pytest.mark.parametrize(
    "broken",
    [
        {"x": "7"},
        {"x": float("nan")},
        {"psi": 1e9},
        {"directions": [1, 2]},
        {"directions": {"smile": "much"}},
        {"directions": {"smile": 1e6}},
        {"mix_seed": -1},
        {"mix_seed": True},
        {"mix_layers": [999]},
        {"mix_layers": list(range(65))},
        {"noise": "loud"},
        {"noise_seed": 2**40},
        {"model": 5},
    ],
)
def test_a_recipe_from_a_stranger_is_refused_in_words(broken: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as refusal:
        Variation.from_dict({**Variation().to_dict(), **broken})
    assert str(refusal.value).endswith(".")


def test_a_recipe_of_a_newer_program_or_another_panel_is_refused() -> None:
    recipe = Document().to_recipe()
    with pytest.raises(RecipeError, match="newer"):
        from_recipe({**recipe, "version": 99})
    with pytest.raises(RecipeError, match="Explore"):
        from_recipe({**recipe, "panel": "paint"})


def test_a_direction_at_zero_leaves_no_trace() -> None:
    assert Variation().along("smile", 2.0).along("smile", 0.0) == Variation()


def test_the_engine_is_asked_for_what_the_variation_says() -> None:
    variation = Variation("faces", 0.5, 0.0, 0.9, directions=(("smile", 1.5),), mix_seed=7, mix_layers=(3, 4), noise="none")
    request = variation.request(deadline_ms=40)
    assert dict(request.seeds) == {0: 0.5, 1: 0.5}
    assert (request.psi, request.directions, request.noise) == (0.9, (("smile", 1.5),), "none")
    assert (request.mix_seed, request.mix_layers, request.deadline_ms) == (7, (3, 4), 40)
    assert variation.request().deadline_ms is None


def test_a_second_seed_without_layers_mixes_nothing() -> None:
    assert Variation("faces", mix_seed=7).request().mix_seed is None
