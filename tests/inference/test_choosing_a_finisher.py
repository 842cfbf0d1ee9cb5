"""Which upscaler carries a made picture to the size that a person wants."""

from app.inference.finishing import AUTO, upscaler_for
from models.card import Card

TEXTURED = Card(name="photo-x4", title="Photo x4", task="upscaling", family="compact", scale=4)
FAITHFUL = Card(name="photo-x4-faithful", title="Photo x4, faithful", task="upscaling", family="compact", scale=4)
TWICE = Card(name="photo-x2", title="Photo x2", task="upscaling", family="compact", scale=2)
DEEP = Card(name="realesrgan-x4plus", title="Real-ESRGAN x4plus", task="upscaling", family="esrgan", scale=4)
ALL = (DEEP, TWICE, TEXTURED, FAITHFUL)


def test_of_two_that_enlarge_alike_the_one_that_makes_nothing_up() -> None:
    assert upscaler_for(ALL, AUTO, 4) == FAITHFUL.name
    assert upscaler_for((TEXTURED, TWICE), AUTO, 4) == TEXTURED.name


def test_the_scale_that_fits_comes_first() -> None:
    assert upscaler_for(ALL, AUTO, 2) == TWICE.name
    assert upscaler_for(ALL, AUTO, 1) == ""


def test_a_name_is_obeyed() -> None:
    assert upscaler_for(ALL, TEXTURED.name, 4) == TEXTURED.name
    assert upscaler_for(ALL, DEEP.name, 4) == DEEP.name
    assert upscaler_for(ALL, "none", 4) == ""
