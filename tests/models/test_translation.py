"""What every translator does alike: the photo as a whole, in its size and type."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import translation
from models.card import Card
from models.errors import BadInput, BadPicture
from models.precision import Runtime
from models.steps import Steps
from models.translation import TranslationModel

FLOAT32 = Runtime(torch.device("cpu"), torch.float32)


class Toy:
    """Turns a picture into its negative; remembers what it was asked."""

    channels_in, channels_out, multiple = 3, 3, 4

    def __init__(self, runtime: Runtime, fixed: tuple[int, int] | None = None, channels: tuple[int, int] = (3, 3)) -> None:
        self.runtime, self.fixed = runtime, fixed
        self.channels_in, self.channels_out = channels
        self.asked: list[torch.Tensor] = []
        self.broken = False

    def translate(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        self.asked.append(x)
        yield
        made = -x[:, :1].expand(-1, self.channels_out, -1, -1) if self.channels_in == 1 else -x[:, : self.channels_out]
        return made / 0 if self.broken else made


def _model(fixed: tuple[int, int] | None = None, channels: tuple[int, int] = (3, 3)) -> tuple[TranslationModel, Toy]:
    toys: list[Toy] = []

    def build(runtime: Runtime) -> Toy:
        toys.append(Toy(runtime, fixed, channels))
        return toys[-1]

    return TranslationModel(Card("toy", "Toy", "translation", "toy"), build, FLOAT32), toys[0]


def _photo(height: int, width: int, channels: int = 3) -> np.ndarray:
    return (np.random.RandomState(0).rand(height, width, channels) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(30, 41), (32, 44), (9, 9)])
def test_a_photo_keeps_its_size_and_is_seen_whole(size: tuple[int, int]) -> None:
    model, toy = _model()
    photo = _photo(*size)
    assert np.array_equal(model.translate(photo), 255 - photo)
    (asked,) = toy.asked
    assert asked.shape[-2] % 4 == asked.shape[-1] % 4 == 0
    assert asked.amin() >= -1
    assert asked.amax() <= 1


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0)])
def test_the_type_that_comes_in_goes_out(dtype: type, white: float) -> None:
    photo = (np.random.RandomState(0).rand(16, 16, 3) * white).astype(dtype)
    got = _model()[0].translate(photo)
    assert got.dtype == dtype
    assert np.abs(got / white - (1 - photo / white)).max() < 1e-4


def test_alpha_stays_what_it_was() -> None:
    photo = _photo(16, 16, 4)
    got = _model()[0].translate(photo)
    assert np.array_equal(got[..., 3], photo[..., 3])


def test_grey_photos_and_grey_networks_meet() -> None:
    grey = _photo(16, 16, 1)
    assert np.array_equal(_model()[0].translate(grey[:, :, 0])[..., 1], 255 - grey[..., 0])
    model, toy = _model(channels=(1, 1))
    assert model.translate(grey[:, :, 0]).shape == (16, 16)
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[..., 1] = 255
    model.translate(colour)
    assert float(toy.asked[-1].mean()) == pytest.approx(2 * 0.587 - 1, abs=1e-5)


def test_a_network_of_one_size_gets_it_and_the_photo_keeps_its_own() -> None:
    model, toy = _model(fixed=(32, 32))
    ramp = np.tile(np.linspace(0, 255, 90).astype(np.uint8)[None, :, None], (60, 1, 3))
    got = model.translate(ramp)
    assert toy.asked[0].shape == (1, 3, 32, 32)
    assert got.shape == ramp.shape
    assert np.abs(got.astype(int) - (255 - ramp)).max() < 12


def test_a_photo_that_is_too_large_is_reduced_and_comes_back_in_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "LARGEST_AREA", 50 * 50)
    model, toy = _model()
    got = model.translate(_photo(100, 200))
    assert got.shape == (100, 200, 3)
    assert toy.asked[0].shape[-2] * toy.asked[0].shape[-1] < 1.2 * 50 * 50
    assert model.working_size(100, 200) == (35, 70)


def test_a_thread_of_a_picture_is_refused() -> None:
    with pytest.raises(BadInput, match="too narrow"):
        _model()[0].translate(_photo(1, 500))


def test_a_broken_picture_is_refused() -> None:
    model, toy = _model()
    toy.broken = True
    with pytest.raises(BadPicture):
        model.translate(_photo(16, 16))
