"""The square of a photo in which a face is found: where a model's faces have their eyes, at any angle and at any edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.explore.framing import EYES, Framing, by_face, framed, middle


@settings(max_examples=40)
@given(st.floats(-170, 170), st.floats(20, 400), st.floats(-100, 900), st.floats(-100, 900))
def test_eyes_lie_level_and_where_the_model_has_them(angle: float, apart: float, x: float, y: float) -> None:
    turn = math.radians(angle)
    left = (x - apart / 2 * math.cos(turn), y - apart / 2 * math.sin(turn))
    right = (x + apart / 2 * math.cos(turn), y + apart / 2 * math.sin(turn))
    framing = by_face(left, right)
    assert framing.angle == pytest.approx(angle, abs=1e-6)
    assert framing.side == pytest.approx(4 * apart)
    for eye, wanted in ((left, EYES[0]), (right, EYES[1])):
        assert framing.place(wanted) == pytest.approx(eye, abs=0.01 * apart)


def test_a_long_face_makes_the_square_larger() -> None:
    short, long = by_face((40, 50), (60, 50), (50, 65)), by_face((40, 50), (60, 50), (50, 90))
    assert short.side == pytest.approx(80)
    assert long.side == pytest.approx(3.6 * 40)
    assert long.y == pytest.approx(54)


def test_both_eyes_at_one_place_are_no_face() -> None:
    with pytest.raises(ValueError, match="one place"):
        by_face((5, 5), (5, 5))


def test_a_square_photo_comes_through_as_it_is() -> None:
    photo = np.random.RandomState(0).randint(0, 256, (32, 32, 3)).astype(np.uint8)
    assert np.array_equal(framed(np.repeat(np.repeat(photo, 4, 0), 4, 1), middle(128, 128), 32), photo)


def test_a_quarter_turn_turns_the_picture_back() -> None:
    photo = np.random.RandomState(0).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    large = np.repeat(np.repeat(photo, 8, 0), 8, 1)
    turned = framed(large, Framing(64, 64, 128, 90), 16)
    assert np.abs(turned.astype(int) - np.rot90(photo)).max() <= 1


def test_beyond_the_edge_the_photo_goes_on_as_in_a_mirror() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 64, 0).repeat(3, 2)
    beyond = framed(ramp, Framing(0, 32, 32), 32)[:, :, 0].astype(int)
    assert np.abs(beyond - beyond[:, ::-1]).max() <= 2
    assert beyond[:, 16:].mean() > 20


def test_without_a_face_the_middle_square_is_taken() -> None:
    assert middle(300, 400) == Framing(150, 200, 300)
    assert middle(400, 300) == Framing(200, 150, 300)
