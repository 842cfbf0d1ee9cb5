"""Arrows on a picture: set, taken hold of, taken away; and the area of what may move."""

import numpy as np
import pytest

from app.explore.arrows import MOST_ARROWS, Arrow, Arrows, after_drag


def test_an_end_is_taken_hold_of_within_reach_and_the_nearest_one_wins() -> None:
    points = Arrows((Arrow((0.2, 0.2), (0.4, 0.2)), Arrow((0.41, 0.2), (0.8, 0.8))))
    assert points.at((0.39, 0.2), 0.05) == (0, "target")
    assert points.at((0.412, 0.2), 0.05) == (1, "handle")
    assert points.at((0.6, 0.6), 0.05) is None


def test_of_an_arrow_without_length_the_target_is_taken() -> None:
    assert Arrows().with_arrow((0.5, 0.5)).at((0.5, 0.5), 0.01) == (0, "target")


def test_ends_stay_on_the_picture() -> None:
    moved = Arrows().with_arrow((0.5, 0.5)).with_end(0, "target", (1.4, -0.2))
    assert moved.arrows[0].target == (1.0, 0.0)


def test_only_arrows_that_lead_somewhere_are_dragged() -> None:
    points = Arrows((Arrow((0.5, 0.5), (0.5, 0.5)), Arrow((0.2, 0.2), (0.3, 0.2))))
    assert points.long_enough == (points.arrows[1],)


def test_the_oldest_goes_where_there_are_too_many() -> None:
    points = Arrows()
    for number in range(MOST_ARROWS + 1):
        points = points.with_arrow((number / 32, 0.5))
    assert len(points.arrows) == MOST_ARROWS
    assert points.arrows[0].handle == pytest.approx((1 / 32, 0.5))


def test_the_first_dab_fixes_all_the_rest_and_the_last_one_taken_away_frees_it() -> None:
    dab = Arrows().painted((0.5, 0.5), 0.1, True)
    assert dab.movable is not None
    assert dab.movable.mean() == pytest.approx(np.pi * 0.1**2, rel=0.05)
    assert dab.painted((0.5, 0.5), 0.2, False).movable is None


def test_a_stroke_leaves_no_gaps() -> None:
    stroke = Arrows().stroked((0.2, 0.5), (0.8, 0.5), 0.03, True)
    assert stroke.movable is not None
    assert stroke.movable[256, 120:400].all()


def test_after_a_drag_what_has_arrived_is_gone_and_the_rest_goes_on_from_where_it_is() -> None:
    points = Arrows((Arrow((0.1, 0.1), (0.2, 0.1)), Arrow((0.5, 0.5), (0.7, 0.5))))
    left = after_drag(points, ((0.2, 0.1), (0.6, 0.5)), (0.001, 0.1), 0.01)
    assert left.arrows == (Arrow((0.6, 0.5), (0.7, 0.5)),)
