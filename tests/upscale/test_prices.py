"""What a job costs by each model, in time and on the disk, told before it starts."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.photos.photo import PhotoFacts
from app.upscale.pace import Paces
from app.upscale.plan import Choices, Planned, expected_bytes
from app.upscale.prices import JobPrices, price_of
from app.upscale.sizes import parse_target, passes, size_for
from models.card import Card

X4 = Choices("four", 4, parse_target("x4"), format="png")
FOUR = Card("four", "Four", "upscaling", "compact", scale=4)
TWO = Card("two", "Two", "upscaling", "compact", scale=2)


def ready(width: int, height: int, choices: Choices = X4) -> Planned:
    size = size_for(choices.target, width, height)
    facts = PhotoFacts("jpeg", width, height, 3, 8)
    return Planned(Path("a.jpg"), "ready", "", Path("b.png"), facts, size, passes(width, height, size, choices.scale), "png")


@pytest.fixture
def paces(tmp_path: Path) -> Paces:
    made = Paces(tmp_path / "paces.json")
    made.note("four", "cpu", 1.0, 2.0)
    made.note("two", "cpu", 1.0, 0.5)
    return made


def test_the_sum_over_all_photos_is_told(paces: Paces) -> None:
    jobs = [ready(1000, 500), ready(1000, 500), ready(2000, 1000)]
    price = JobPrices(jobs, X4, paces, "cpu").of(FOUR)
    assert price.seconds == pytest.approx(2 * (0.5 + 0.5 + 2.0))
    assert price.bytes == sum(expected_bytes(one) for one in jobs)
    said = price_of(X4, FOUR, paces, "cpu", (1000, 500), JobPrices(jobs, X4, paces, "cpu"))
    assert "4,000 × 2,000, in about 1 s" in said
    assert "All 3: about 6 s, 82 MB." in said


def test_another_model_has_its_own_passes_and_its_own_pace(paces: Paces) -> None:
    price = JobPrices([ready(1000, 500)], X4, paces, "cpu").of(TWO)
    assert price.seconds == pytest.approx(0.5 * (0.5 + 2.0))  # x2 twice: the second pass reads four times as much


def test_eight_turns_cost_eight_times_the_time_and_no_more_room(paces: Paces) -> None:
    jobs = [ready(1000, 500)] * 2
    plain = JobPrices(jobs, X4, paces, "cpu").of(FOUR)
    turned = JobPrices(jobs, replace(X4, turns=True), paces, "cpu").of(FOUR)
    assert turned.seconds == pytest.approx(8 * plain.seconds)
    assert turned.bytes == plain.bytes


def test_fifty_thousand_photos_of_many_sizes_are_priced_in_a_moment_and_about_right(paces: Paces) -> None:
    jobs = [ready(600 + i, 400 + i % 3) for i in range(2500)] * 20
    began = time.process_time()
    prices = JobPrices(jobs, X4, paces, "cpu")
    price = prices.of(FOUR)
    assert time.process_time() - began < 2
    assert price.seconds == pytest.approx(2 * sum(one.network_megapixels for one in jobs), rel=0.05)
