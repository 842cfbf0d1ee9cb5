"""What every upscaler does alike: any size and type, tiles, regions, alpha, pieces, and what it does when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import models
from models import upscaling
from models.card import Card
from models.errors import BadInput, BadPicture, OutOfMemory
from models.precision import Runtime
from models.steps import Steps
from models.upscaling import UpscalingModel

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
FLOAT32 = Runtime(torch.device("cpu"), torch.float32)
BFLOAT16 = Runtime(torch.device("cpu"), torch.bfloat16)


class Toy:
    """Doubles by copying and blurs over five pixels, so that a seam would show; remembers what it was asked."""

    channels_in, scale, multiple, overlap, tile = 3, 2, 1, 2, 16

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.sizes: list[tuple[int, ...]] = []
        self.most = 1 << 30
        self.answer: Callable[[torch.Tensor], torch.Tensor] = lambda made: made

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        self.sizes.append(tuple(x.shape[-2:]))
        yield
        if x.shape[-1] * x.shape[-2] > self.most:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
        blur = torch.ones(x.shape[1], 1, 5, 5) / 25
        blurred = F.conv2d(F.pad(x.to(self.runtime.dtype).float(), (2, 2, 2, 2), mode="replicate"), blur, groups=x.shape[1])
        yield
        return self.answer(F.interpolate(blurred, scale_factor=2, mode="nearest"))


class FlowingToy(Toy):
    """The same, handed over by bands of five rows; `memory` is how many bands there is memory for, `broken` the first bad one."""

    channels_in, scale, multiple, overlap, tile = 3, 2, 1, 2, 400

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.memory = self.broken = 1 << 30

    def bands(self, x: torch.Tensor) -> Generator[torch.Tensor | None, None, None]:
        made = yield from self.enlarge(x)
        for number, band in enumerate(made.split(5, 2)):
            if number >= self.memory:
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
            yield band * float("nan") if number >= self.broken else band
            yield None


def _model(kind: type[Toy] = Toy, runtime: Runtime = FLOAT32) -> tuple[UpscalingModel, list[Toy]]:
    made: list[Toy] = []

    def build(where: Runtime) -> Toy:
        made.append(kind(where))
        return made[-1]

    return UpscalingModel(Card("toy", "Toy", "upscaling", "toy", scale=2), build, runtime), made


def _photo(height: int = 50, width: int = 70, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).rand(height, width, channels).astype(np.float32)


def test_tiles_fit_without_a_seam() -> None:
    model, networks = _model()
    whole = model.upscale(_photo(), tile=1000)
    assert len(networks[0].sizes) == 1
    tiled = model.upscale(_photo(), tile=16)
    assert len(networks[0].sizes) > 12
    assert np.abs(whole - tiled).max() < 1e-6


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0)])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_type_and_channels_that_come_in_go_out(dtype: type, white: float, channels: int | None) -> None:
    model, _ = _model()
    image = (_photo(9, 13, channels or 1) * white).astype(dtype)
    if channels in (2, 4):
        image[..., -1] = white
    got = model.upscale(image[:, :, 0] if channels is None else image)
    assert got.dtype == dtype
    assert got.shape == ((18, 26) if channels is None else (18, 26, channels))
    want = model.upscale(image.astype(np.float32) / np.float32(white))
    assert np.abs(got.reshape(want.shape) / np.float32(white) - want).max() <= 1.01 / (255 if white == 255 else 65535)


def test_grey_stays_grey_and_colours_apart() -> None:
    model, _ = _model()
    grey = _photo(12, 12, 1)
    colour = model.upscale(np.repeat(grey, 3, 2))
    assert np.allclose(model.upscale(grey)[..., 0], colour[..., 1], atol=1e-6)


class GreyToy(Toy):
    channels_in = 1


def test_a_network_for_grey_takes_colours_one_by_one() -> None:
    grey, _ = _model(GreyToy)
    colour, _ = _model()
    assert np.allclose(grey.upscale(_photo()), colour.upscale(_photo()), atol=1e-6)


def test_sixteen_bits_are_computed_in_float32() -> None:
    model, networks = _model(runtime=BFLOAT16)
    model.upscale((_photo() * 65535).astype(np.uint16))
    assert [network.runtime.precision for network in networks if network.sizes] == ["float32"]
    assert model.runtime.precision == "bfloat16"


def test_what_nobody_sees_does_not_rim_what_they_see() -> None:
    model, _ = _model()
    image = np.zeros((20, 20, 4), np.float32)
    image[:10] = (0.8, 0.4, 0.2, 1.0)
    image[10:, :, :3] = (0.0, 1.0, 0.0)  # a green that is transparent
    got = model.upscale(image)
    assert np.abs(got[:20, :, :3] - (0.8, 0.4, 0.2)).max() < 0.02
    assert got[0, 0, 3] == 1
    assert got[-1, 0, 3] == 0
    assert 0.2 < got[19, 10, 3] < 0.9, "alpha is enlarged as the colours are"


def test_a_region_is_that_part_of_the_whole() -> None:
    model, _ = _model()
    whole = model.upscale(_photo())
    part = np.zeros((2 * 21, 2 * 33, 3), np.float32)
    for tile in model.tiles(_photo(), region=(13, 30, 21, 33), tile=9):
        if tile is not None:
            height, width = tile.pixels.shape[:2]
            part[tile.top : tile.top + height, tile.left : tile.left + width] = tile.pixels
    assert np.abs(part - whole[26:68, 60:126]).max() < 1e-6


def test_tiles_come_in_reading_order_and_say_how_many_there_are() -> None:
    model, _ = _model()
    found = [tile for tile in model.tiles(_photo(), tile=16) if tile is not None]
    assert [tile.done for tile in found] == list(range(1, len(found) + 1))
    assert {tile.total for tile in found} == {len(found)}
    assert sorted(found, key=lambda tile: (tile.top, tile.left)) == found
    assert sum(tile.pixels.shape[0] * tile.pixels.shape[1] for tile in found) == 100 * 140


def test_between_two_tiles_the_work_pauses() -> None:
    model, _ = _model()
    found = list(model.tiles(_photo(), tile=16))
    assert found.count(None) >= 3 * sum(tile is not None for tile in found)


def test_where_memory_runs_out_tiles_become_smaller_and_stay_so() -> None:
    model, networks = _model()
    want = model.upscale(_photo(200, 200), tile=1000)
    networks[0].most = 60 * 60
    networks[0].sizes.clear()
    got = model.upscale(_photo(200, 200), tile=1000)
    assert np.abs(got - want).max() < 1e-6
    refused = sum(height * width > 60 * 60 for height, width in networks[0].sizes)
    assert refused < len(networks[0].sizes) / 2
    networks[0].sizes.clear()
    model.upscale(_photo(200, 200), tile=1000)
    assert max(height * width for height, width in networks[0].sizes) <= 60 * 60


def test_room_is_made_before_tiles_become_smaller() -> None:
    model, networks = _model()
    networks[0].most = 60 * 60
    asked = []

    def make_room() -> bool:
        asked.append(len(networks[0].sizes))
        networks[0].most = 1 << 30
        return True

    tiles = [tile for tile in model.tiles(_photo(200, 200), tile=1000, make_room=make_room) if tile is not None]
    assert asked == [1]
    assert [tile.total for tile in tiles] == [1]


def test_memory_that_is_too_small_for_anything_is_said() -> None:
    model, networks = _model()
    networks[0].most = 10
    with pytest.raises(OutOfMemory):
        model.upscale(_photo())


def test_another_error_of_the_network_is_itself() -> None:
    model, networks = _model()

    def fail(made: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes do not fit")

    networks[0].answer = fail
    with pytest.raises(RuntimeError, match="do not fit"):
        model.upscale(_photo())


class BreaksBelowFloat32(Toy):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        if runtime.dtype is not torch.float32:
            self.answer = lambda made: made / 0


def test_a_broken_tile_is_made_again_in_float32() -> None:
    model, _ = _model(BreaksBelowFloat32, BFLOAT16)
    assert np.isfinite(model.upscale(_photo())).all()
    assert model.runtime.precision == "float32"


@pytest.mark.parametrize("answer", [lambda made: made * float("nan"), lambda made: made * 0], ids=["undefined", "black"])
def test_a_picture_that_cannot_be_right_is_refused(answer: Callable[[torch.Tensor], torch.Tensor]) -> None:
    model, networks = _model()
    networks[0].answer = answer
    with pytest.raises(BadPicture):
        model.upscale(_photo())


def test_a_flat_photo_may_stay_flat() -> None:
    model, _ = _model()
    assert model.upscale(np.full((9, 9, 3), 7, np.uint8)).max() == 7


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), np.float64),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.full((4, 4, 3), np.nan, np.float32),
    ],
)
def test_what_is_no_photo_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(BadInput):
        _model()[0].upscale(wrong)


@pytest.mark.parametrize("region", [(0, 0, 51, 10), (-1, 0, 5, 5), (0, 0, 0, 5)])
def test_a_region_outside_is_refused(region: Any) -> None:
    with pytest.raises(BadInput, match="region"):
        list(_model()[0].tiles(_photo(), region=region))


def test_a_real_network_fits_its_tiles_exactly() -> None:
    model: Any = models.open(FIXTURES / "compact/tiny-x2-params_ema.pth", precision="float32")
    photo = _photo(61, 83)
    assert np.abs(model.upscale(photo, tile=1000) - model.upscale(photo, tile=24)).max() < 1e-5


def test_one_pixel_can_be_enlarged() -> None:
    model: Any = models.open(FIXTURES / "esrgan/basicsr-x4-params.pth")
    assert model.upscale(np.full((1, 1, 3), 128, np.uint8)).shape == (4, 4, 3)


def test_a_flowing_picture_comes_in_parts_from_the_top() -> None:
    want = _model()[0].upscale(_photo(300, 50), tile=1000)
    model, networks = _model(FlowingToy)
    found = [tile for tile in model.tiles(_photo(300, 50)) if tile is not None]
    assert len(networks[0].sizes) == 1
    assert [(tile.top, tile.done, tile.total) for tile in found] == [(128 * i, i + 1, 5) for i in range(5)]
    assert np.abs(np.concatenate([tile.pixels for tile in found]) - want).max() < 1e-6


def test_what_stands_side_by_side_is_no_more_than_whoever_puts_it_together_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _model(FlowingToy)[0].upscale(_photo(300, 500))
    monkeypatch.setattr(upscaling, "ROW_BYTES", 50 * (500 * 2 * 2 * 3 * 4))  # fifty rows of this photo
    model, networks = _model(FlowingToy)
    assert np.abs(model.upscale(_photo(300, 500)) - whole).max() < 1e-6
    assert max(height for height, _ in networks[0].sizes) <= 50 + 2 * Toy.overlap
    assert len(networks[0].sizes) >= 2 * 6


@pytest.mark.parametrize("channels", [None, 1, 2, 4])
def test_a_flowing_picture_may_have_any_channels(channels: int | None) -> None:
    image = _photo(150, 40, channels or 1)
    image = image[:, :, 0] if channels is None else image
    assert np.abs(_model(FlowingToy)[0].upscale(image, tile=90) - _model()[0].upscale(image, tile=1000)).max() < 1e-5


class GreyFlowingToy(FlowingToy):
    channels_in = 1


def test_colours_flow_one_by_one_through_a_network_for_grey() -> None:
    assert np.abs(_model(GreyFlowingToy)[0].upscale(_photo(150, 40)) - _model()[0].upscale(_photo(150, 40))).max() < 1e-5


def test_a_part_of_a_flowing_picture_is_that_part() -> None:
    model, _ = _model(FlowingToy)
    whole = model.upscale(_photo(200, 90))
    part = np.zeros((2 * 121, 2 * 33, 3), np.float32)
    for tile in model.tiles(_photo(200, 90), region=(63, 30, 121, 33)):
        if tile is not None:
            part[tile.top : tile.top + tile.pixels.shape[0], tile.left : tile.left + tile.pixels.shape[1]] = tile.pixels
    assert np.abs(part - whole[126:368, 60:126]).max() < 1e-6


def test_memory_that_runs_out_halfway_down_costs_only_the_rest() -> None:
    want = _model()[0].upscale(_photo(300, 200), tile=1000)
    model, networks = _model(FlowingToy)
    networks[0].memory = 70  # of 120 bands  # type: ignore[attr-defined]
    found = [tile for tile in model.tiles(_photo(300, 200)) if tile is not None]
    assert networks[0].sizes[0] == (300, 200)
    assert all(height <= 160 for height, _ in networks[0].sizes[1:])
    assert [tile.done for tile in found] == list(range(1, len(found) + 1))
    assert found[-1].total == len(found)
    got = np.full_like(want, np.nan)
    for tile in found:
        place = got[tile.top : tile.top + tile.pixels.shape[0], tile.left : tile.left + tile.pixels.shape[1]]
        assert np.isnan(place).all(), "a pixel came twice"
        place[...] = tile.pixels
    assert np.abs(got - want).max() < 1e-6


class FlowsAwryBelowFloat32(FlowingToy):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        if runtime.dtype is not torch.float32:
            self.broken = 40


def test_a_picture_that_breaks_halfway_down_goes_on_in_float32() -> None:
    model, networks = _model(FlowsAwryBelowFloat32, BFLOAT16)
    got = model.upscale(_photo(200, 60))
    assert model.runtime.precision == "float32"
    assert len(networks) == 2
    assert np.abs(got - _model()[0].upscale(_photo(200, 60), tile=1000)).max() < 0.01


def test_a_flowing_picture_that_is_undefined_in_float32_is_refused() -> None:
    model, networks = _model(FlowingToy)
    networks[0].broken = 3  # type: ignore[attr-defined]
    with pytest.raises(BadPicture, match="no picture"):
        model.upscale(_photo(200, 60))


def test_eight_turns_of_a_flowing_network_are_tiles() -> None:
    model, _ = _model(FlowingToy)
    found = [tile for tile in model.tiles(_photo(60, 60), turns=True) if tile is not None]
    assert [tile.total for tile in found] == [1]
