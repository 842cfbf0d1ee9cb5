"""Which resolution fits into a deadline, from what was measured."""

import pytest

from app.inference.speeds import Speeds

SIZES = (128, 256, 1024)


def test_a_model_that_was_never_measured_starts_at_its_smallest_size() -> None:
    assert Speeds().largest("faces", SIZES, 1000) == 128


def test_the_largest_size_that_was_measured_to_fit_is_chosen() -> None:
    speeds = Speeds()
    for size, milliseconds in ((128, 12.0), (256, 30.0), (1024, 200.0)):
        speeds.note("faces", size, milliseconds)
    assert speeds.largest("faces", SIZES, 10) == 128
    assert speeds.largest("faces", SIZES, 40) == 256
    assert speeds.largest("faces", SIZES, 400) == 1024
    assert speeds.largest("others", SIZES, 400) == 128


def test_a_first_run_that_pays_for_allocation_is_forgotten_with_the_second() -> None:
    speeds = Speeds()
    speeds.note("faces", 256, 900.0)
    speeds.note("faces", 256, 30.0)
    assert speeds.known("faces", 256) == 30.0


def test_one_stall_does_not_change_the_choice() -> None:
    speeds = Speeds()
    for milliseconds in (30.0, 31.0, 29.0, 2000.0, 30.0):
        speeds.note("faces", 256, milliseconds)
    assert speeds.known("faces", 256) == 30.0


def test_a_machine_that_became_slower_is_noticed() -> None:
    speeds = Speeds()
    for milliseconds in [30.0] * 10 + [90.0] * 7:
        speeds.note("faces", 256, milliseconds)
    assert speeds.known("faces", 256) == 90.0


def test_a_size_between_two_measured_ones_is_read_between_them() -> None:
    speeds = Speeds()
    speeds.note("faces", 128, 10.0)
    speeds.note("faces", 1024, 640.0)
    assert speeds.expected("faces", 256) == pytest.approx(40.0)


def test_a_size_beyond_the_measured_ones_grows_with_its_pixels() -> None:
    speeds = Speeds()
    speeds.note("faces", 128, 10.0)
    assert speeds.expected("faces", 256) == pytest.approx(40.0)
    assert speeds.expected("faces", 64) == pytest.approx(2.5)
