"""A target means one exact size, and the passes lead to it without waste."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upscale.sizes import PLAIN_SHARE, Target, TargetError, describe, parse_target, passes, size_for


@pytest.mark.parametrize(
    ("text", "photo", "size"),
    [
        ("x4", (1200, 800), (4800, 3200)),
        ("2.5x", (101, 7), (252, 18)),
        ("4096w", (1918, 1080), (4096, 2306)),
        ("2160h", (1918, 1080), (3836, 2160)),
        ("6000px", (1080, 1918), (3379, 6000)),
        ("6000", (1918, 1080), (6000, 3379)),
        ("4000x4000", (1200, 800), (4000, 2667)),
        ("24mp", (1200, 800), (6000, 4000)),
        ("30x20cm@300", (1200, 800), (3543, 2362)),
        ("30x20 cm @ 300 dpi", (800, 1200), (2362, 3543)),
        ("20x30cm", (1200, 800), (3543, 2362)),
        ("10in@240", (800, 1200), (1600, 2400)),
        ("300mm@254", (1000, 10), (3000, 30)),
        ("x2", (1, 1), (2, 2)),
        ("100w", (1918, 3), (100, 1)),
        ("0.1x0.1mm@72", (1200, 800), (1, 1)),
    ],
)
def test_a_target_means_one_exact_size(text: str, photo: tuple[int, int], size: tuple[int, int]) -> None:
    assert size_for(parse_target(text), *photo) == size


@pytest.mark.parametrize(
    "text", ["", "big", "x", "0w", "x0", "x65", "-3x", "4096w2160h", "1e9w", "30cm@0", "3x4in@", "4096x0", "30x0cm"]
)
def test_words_that_are_no_size_are_told(text: str) -> None:
    with pytest.raises(TargetError, match=r"\.$"):
        parse_target(text)


EXACT = ["12.345678x", "33.333333mp", "1000000mp", "0.000001mp", "0.00001x", "3.333333x7.777777in@1200000"]


@given(st.sampled_from(["x3", "x2.25", "100w", "77h", "500px", "640x480", "1.5mp", "30cm@300", "30x20cm@250", *EXACT]))
def test_a_target_is_described_in_words_that_mean_the_same(text: str) -> None:
    assert parse_target(describe(parse_target(text))) == parse_target(text)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.1, 64), st.sampled_from([2, 3, 4]))
def test_passes_reach_the_size_and_no_more_than_needed(width: int, height: int, factor: float, scale: int) -> None:
    wanted = size_for(Target("factor", factor), width, height)
    runs = passes(width, height, wanted, scale)
    assert (runs[0].width, runs[0].height) == (width, height)
    last = runs[-1].out
    assert last[0] * PLAIN_SHARE >= wanted[0]
    assert last[1] * PLAIN_SHARE >= wanted[1]
    for before, after in pairwise(runs):
        assert after.width <= before.out[0]
        assert after.height <= before.out[1]
    if len(runs) > 1:
        assert scale ** (len(runs) - 1) * PLAIN_SHARE < max(wanted[0] / width, wanted[1] / height)


def test_x8_by_an_x4_network_costs_a_run_at_the_size_and_one_at_twice_it() -> None:
    first, second = passes(100, 60, (800, 480), 4)
    assert (first.width, first.height, second.width, second.height) == (100, 60, 200, 120)
    assert passes(33, 20, (265, 161), 4)[1].out == (268, 164)  # never a pixel less than is wanted


def test_a_restorer_runs_once_whatever_the_size() -> None:
    (only,) = passes(100, 60, (800, 480), 1)
    assert only.out == (100, 60)


def test_a_little_more_than_the_scale_is_enlarged_plainly() -> None:
    assert len(passes(100, 100, (430, 430), 4)) == 1
    assert len(passes(100, 100, (450, 450), 4)) == 2
