"""What every painter of label maps does alike: sizes, looks, pieces, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.card import Card, Label
from models.errors import BadInput, BadPicture
from models.painting import PaintingModel
from models.precision import Runtime
from models.steps import Steps, drain

FLOAT32 = Runtime(torch.device("cpu"), torch.float32)
BFLOAT16 = Runtime(torch.device("cpu"), torch.bfloat16)
LABELS = (Label(3, "sea", (0, 0, 255)), Label(7, "sand", (255, 255, 0)))


class Toy:
    """Paints the second label's share in red and the style in green; breaks below float32 where it is told to."""

    def __init__(self, runtime: Runtime, style_dim: int = 2, breaks: bool = False, always: bool = False) -> None:
        self.style_dim = style_dim
        self.broken = always or (breaks and runtime.dtype is not torch.float32)

    def working_size(self, height: int, width: int, detail: float = 1) -> tuple[int, int]:
        return max(1, height // 2), max(1, width // 2)

    def encode(self, photo: torch.Tensor) -> torch.Tensor:
        return photo.mean((2, 3))[:, : self.style_dim]

    def draw(self, seed: int) -> torch.Tensor:
        return torch.full((1, self.style_dim), seed / 10)

    def render(self, shares: torch.Tensor, style: torch.Tensor | None, noise_seed: int, detail: float) -> Steps[torch.Tensor]:
        yield
        green = torch.zeros(1) if style is None else style[:, 0]
        picture = torch.stack([shares[0, 1], green.expand_as(shares[0, 1]), torch.full_like(shares[0, 1], noise_seed / 10)])[None]
        yield
        return picture / 0 if self.broken else picture


def _model(runtime: Runtime = FLOAT32, **settings: bool | int) -> PaintingModel:
    card = Card("toy", "Toy", "painting", "toy", labels=LABELS)
    return PaintingModel(card, lambda where: Toy(where, **settings), runtime)  # type: ignore[arg-type]


def _map(height: int = 8, width: int = 12) -> np.ndarray:
    label_map = np.full((height, width), 3, np.uint8)
    label_map[:, width // 2 :] = 7
    return label_map


def test_a_picture_has_the_size_of_its_map() -> None:
    picture = _model().paint(_map(9, 14))
    assert picture.dtype == np.uint8
    assert picture.shape == (9, 14, 3)
    assert picture[4, 0, 0] < 140
    assert picture[4, 13, 0] > 240


def test_a_picture_can_be_had_at_the_size_the_network_worked_at() -> None:
    assert drain(_model().paint_steps(_map(), own_size=True)).shape == (4, 6, 3)


def test_floats_are_neither_clamped_nor_rounded() -> None:
    floats = _model().synthesize(_map(), 25)
    assert floats.dtype == np.float32
    assert floats.shape == (3, 8, 12)
    assert floats[1] == pytest.approx(np.full((8, 12), 2.5), abs=1e-4)


@pytest.mark.parametrize(
    ("style", "green"),
    [
        (None, 0.0),
        (4, 0.4),
        (np.array([0.5, 9.0]), 0.5),
        (np.array([[0.25, 9.0]], np.float32), 0.25),
        (np.full((5, 7, 3), 255, np.uint8), 1.0),
    ],
    ids=["plain", "seed", "vector", "row", "photo"],
)
def test_a_look_is_nothing_a_seed_a_vector_or_a_photo(style: object, green: float) -> None:
    model = _model()
    assert model.synthesize(_map(), style)[1].mean() == pytest.approx(green, abs=1e-5)  # type: ignore[arg-type]
    vector = model.style_vector(style)  # type: ignore[arg-type]
    assert (vector is None) == (style is None)
    if vector is not None:
        assert model.synthesize(_map(), vector)[1].mean() == pytest.approx(green, abs=1e-5)


@pytest.mark.parametrize(
    "style", [np.zeros(3), np.array([np.nan, 0.0]), np.zeros((4, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)]
)
def test_what_is_no_look_is_refused(style: np.ndarray) -> None:
    with pytest.raises(BadInput, match="no look"):
        _model().paint(_map(), style)


def test_a_model_with_one_look_says_so() -> None:
    with pytest.raises(BadInput, match="one look only"):
        _model(style_dim=0).paint(_map(), 3)


def test_noise_follows_its_seed() -> None:
    assert _model().synthesize(_map(), noise_seed=5)[2].mean() == pytest.approx(0.5)


def test_a_strange_label_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(BadInput, match="label 4"):
        _model().paint(np.full((4, 4), 4, np.uint8))


def test_a_picture_that_cannot_be_right_is_painted_again_in_float32_and_from_then_on() -> None:
    model = _model(BFLOAT16, breaks=True)
    assert model.runtime.precision == "bfloat16"
    assert np.isfinite(model.synthesize(_map())).all()
    assert model.runtime.precision == "float32"


def test_a_model_that_is_broken_in_float32_too_says_so() -> None:
    with pytest.raises(BadPicture):
        _model(always=True).paint(_map())


def test_between_two_pieces_torch_is_left_as_it_was() -> None:
    steps = _model().paint_steps(_map())
    next(steps)
    assert not torch.is_inference_mode_enabled()
    steps.close()
