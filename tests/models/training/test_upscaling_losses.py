"""What upscalers are asked for: a grid is seen where there is one, mean colours count, windows fall anywhere."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from models.networks.compact import CompactConfig
from models.training.quick_prelu import QuickPReLU, quickened
from models.training.upscaling import begun
from models.training.upscaling_losses import (
    colour_difference,
    differences,
    grid,
    grid_difference,
    peaks,
    unevenness,
    windows,
)

SAMPLES = Path(__file__).parents[3] / "resources" / "samples" / "photos"


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """The middle of a photo, `[1, 3, 192, 192]`."""
    path = min(p for p in SAMPLES.iterdir() if p.suffix in (".jpg", ".png", ".webp"))
    with Image.open(path) as opened:
        left, top = (opened.width - 192) // 2, (opened.height - 192) // 2
        pixels = np.array(opened.convert("RGB").crop((left, top, left + 192, top + 192)))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def patterned(photo: Tensor, period: int, levels: float) -> Tensor:
    """`photo` with the same few numbers added to each square of `period` pixels."""
    pattern = torch.randn(period, period, generator=torch.Generator().manual_seed(1)) * levels / 255
    return photo + pattern.repeat(192 // period, 192 // period)


def test_a_grid_of_coloured_dots_is_seen_where_y_has_none(photo: Tensor) -> None:
    dots = torch.tensor([1, 0, -65.481 / 24.966]).view(1, 3, 1, 1) * (patterned(photo, 4, 6) - photo)
    plain, dotted = (grid(x, 4).mean((0, 2, 3)) for x in (photo, photo + dots))
    assert abs(float(dotted[0] - plain[0])) < 1e-3
    assert (dotted[1:] > 3 * plain[1:]).all()


@pytest.mark.parametrize("period", [2, 3, 4])
def test_a_pattern_that_repeats_is_seen_and_that_of_another_period_is_not(period: int, photo: Tensor) -> None:
    plain = float(grid(photo, period).mean())
    assert plain < 0.06  # a share of chance alone: few squares go into a window
    assert float(grid(patterned(photo, period, 8), period).mean()) > 3 * plain
    if period != 2:  # what repeats every two pixels repeats every four
        assert float(grid(patterned(photo, 8, 8), 3).mean()) < 1.5 * float(grid(photo, 3).mean()) + 0.02


def test_a_weave_stands_out_of_the_spectrum_at_whatever_distance_and_though_its_sign_changes(photo: Tensor) -> None:
    natural = float(peaks(photo)[0, 0].max())
    x = torch.arange(192) * 2 * torch.pi
    for distance in (2.8, 4, 5.3):
        weave = torch.sin(x / distance).view(1, 1, 1, -1) * torch.sin(x / 57).view(1, 1, -1, 1)
        assert float(peaks(photo + weave * 10 / 255)[0, 0].max()) > natural + 1
    for side in (32, 100):
        flat = peaks(torch.zeros(2, 3, side, side))
        assert flat.shape[:2] == (2, 3)
        assert float(flat.abs().max()) < 1e-5


def test_detail_that_is_stronger_at_one_place_of_each_square_is_seen() -> None:
    noise = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.5
    assert float(unevenness(noise, 4).mean()) < 0.03
    weaker = noise.clone()
    weaker[..., ::4, ::4] = 0.5
    assert float(unevenness(weaker, 4).mean()) > 5 * float(unevenness(noise, 4).mean())
    assert float(unevenness(torch.ones(1, 3, 128, 128), 4).sum()) == 0


def test_edges_of_squares_are_seen_though_their_steps_go_up_and_down() -> None:
    coarse = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.5
    smooth = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    squares = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="nearest")
    assert float(unevenness(squares, 4).mean()) > 10 * float(unevenness(smooth, 4).mean())
    assert float(grid(squares, 4).mean()) < 0.05  # where no pattern repeats


def test_the_grid_of_the_photo_itself_is_not_held_against_what_was_made(photo: Tensor) -> None:
    striped = patterned(photo, 4, 8)
    assert float(grid_difference(striped, striped, 4)) == 0
    made = striped.clone().requires_grad_()
    difference = grid_difference(made, photo, 4)
    assert float(difference.detach()) > 0.05
    difference.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        assert made.grad is not None
        grey = made.grad.sum(1, keepdim=True)  # the colours beside Y are those of the photo already
        better = made - 0.001 * grey / grey.abs().max()
        assert float(grid_difference(better, photo, 4)) < float(difference.detach())


def test_a_shift_of_all_colours_weighs_as_much_as_it_is_large(photo: Tensor) -> None:
    shifted = photo + torch.tensor([2.0, -1.0, 0.0]).view(1, 3, 1, 1) / 255
    assert float(colour_difference(shifted, photo)) * 255 == pytest.approx(1, abs=1e-3)
    noisy = photo + torch.randn(photo.shape, generator=torch.Generator().manual_seed(0)) * 8 / 255
    assert float(colour_difference(noisy, photo)) * 255 < 0.2
    assert float(differences(noisy, photo, 0, squared=False)) * 255 > 5


def test_luma_counts_beside_the_channels() -> None:
    """Red 8 levels up and blue so far down that Y stays: only the channels differ."""
    photo = torch.full((1, 3, 32, 32), 0.5)
    other = photo + torch.tensor([8, 0, -8 * 65.481 / 24.966]).view(1, 3, 1, 1) / 255
    channels = float(differences(other, photo, 0, squared=False))
    assert float(differences(other, photo, 3, squared=False)) == pytest.approx(channels / 4, rel=1e-3)
    assert float(differences(other, photo, 3, squared=True)) == pytest.approx(
        float(differences(other, photo, 0, squared=True)) / 4, rel=1e-3
    )


def test_windows_show_the_same_place_of_both_at_any_offset() -> None:
    random = np.random.default_rng(0)
    numbers = torch.arange(160 * 160, dtype=torch.float32).view(1, 1, 160, 160).expand(6, 3, 160, 160)
    places = set()
    for _ in range(20):
        one, other = windows((numbers, -numbers), random)
        assert one.shape == (6, 3, 128, 128)
        assert torch.equal(one, -other)
        places |= {(int(x[0, 0, 0]) // 160 % 4, int(x[0, 0, 0]) % 160 % 4) for x in one}
    assert len(places) == 16


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_the_quick_slopes_have_the_values_and_gradients_of_torch(dtype: torch.dtype, near: float) -> None:
    generator = torch.Generator().manual_seed(0)
    plain, quick = nn.PReLU(5), QuickPReLU(5)
    with torch.no_grad():
        plain.weight.copy_(torch.randn(5, generator=generator))
        quick.weight.copy_(plain.weight)
    x, gradient = (torch.randn(3, 5, 7, 6, generator=generator).to(dtype) for _ in range(2))
    found = []
    for layer in (plain, quick):
        seen = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            made = layer(seen)
        made.backward(gradient)
        assert seen.grad is not None
        assert layer.weight.grad is not None
        found.append((made.detach().float(), seen.grad.float(), layer.weight.grad))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=near * float(one.abs().max()))


def test_a_network_with_quick_slopes_has_the_tensors_it_had() -> None:
    network = begun(CompactConfig(3, 8, 2, 2))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    quickened(network.body)
    assert sum(isinstance(layer, QuickPReLU) for layer in network.body) == 3
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
