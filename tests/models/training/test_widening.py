"""A wider generator that begins where a narrow one stands paints what that one paints, and learns with all it has."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import BadInput
from models.networks.landscape import LandscapeConfig, LandscapeGenerator, noise_planes
from models.training import jobs
from models.training.painting import PaintingOptions
from models.training.state import save_state
from models.training.widening import is_narrower, wider

NARROW = LandscapeConfig(3, (16, 16, 12, 8, 8), pictures=2)
WIDE = LandscapeConfig(3, (24, 20, 12, 10, 8), pictures=2)
HERE = jobs.Place("cpu", bfloat16=False)


def generator(config: LandscapeConfig, seed: int) -> LandscapeGenerator:
    torch.manual_seed(seed)
    network = LandscapeGenerator(config)
    for name, tensor in network.state_dict().items():  # heads and norms as training leaves them
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if name.endswith("var") else torch.randn_like(tensor) * 0.1)
    return network.eval()


def picture(network: LandscapeGenerator) -> torch.Tensor:
    torch.manual_seed(3)
    shares = torch.rand(2, 3, 64, 64)
    shares /= shares.sum(1, keepdim=True)
    with torch.no_grad():
        return network(shares, torch.randn(2, 32), noise_planes(network.config, 64, 64, 1))


def test_the_wide_one_paints_the_picture_of_the_narrow_one() -> None:
    narrow, wide = generator(NARROW, 1), generator(WIDE, 2)
    assert not torch.allclose(picture(wide), picture(narrow), atol=1e-2)
    wide.load_state_dict(wider(wide, narrow.state_dict()))
    torch.testing.assert_close(picture(wide), picture(narrow), atol=1e-5, rtol=1e-4)


def test_what_is_new_is_learnt() -> None:
    narrow, wide = generator(NARROW, 1), generator(WIDE, 2)
    wide.load_state_dict(wider(wide, narrow.state_dict()))
    shares = torch.full((1, 3, 64, 64), 1 / 3)
    wide(shares, torch.randn(1, 32)).square().sum().backward()
    weight = wide.get_parameter("blocks.3.conv2.weight")
    assert weight.grad is not None
    assert weight.grad[:8, 8:].abs().max() > 0  # old channels begin to listen to new ones


def test_only_what_is_narrower_everywhere_is_one() -> None:
    narrow, wide = generator(NARROW, 1), generator(WIDE, 2)
    assert is_narrower(wide, narrow.state_dict())
    assert not is_narrower(narrow, wide.state_dict())
    assert not is_narrower(narrow, narrow.state_dict())
    assert not is_narrower(wide, generator(LandscapeConfig(3, (16, 16, 12, 8)), 1).state_dict())
    for labels, channels, part in (
        (4, NARROW.channels, "label_codes"),
        (2, NARROW.channels, "label_codes"),
        (3, (24, 20, 12, 8, 4), "blocks.4.skip.weight"),
    ):
        other = generator(LandscapeConfig(labels, channels, pictures=2), 1).state_dict()
        with pytest.raises(BadInput, match=f"Its {part} has no place"):
            wider(generator(replace(WIDE, channels=(24, 20, 12, 8, 8)), 2), other)


def test_a_run_begins_from_a_narrower_one(landscapes: Path, tmp_path: Path) -> None:
    options = PaintingOptions(size=64, channels=(16, 12, 8, 8), batch=4)
    begun = jobs.open_painting(landscapes, tmp_path / "narrow", options, HERE)
    begun.step()
    (tmp_path / "narrow").mkdir()
    save_state(tmp_path / "narrow" / "state.safetensors", begun.state())
    wide = PaintingOptions(size=64, channels=(20, 12, 10, 8), batch=4, deep=True)
    run = jobs.open_painting(landscapes, tmp_path / "wide", wide, HERE, tmp_path / "narrow")
    shares, style = torch.full((1, 3, 64, 64), 1 / 3), torch.zeros(1, 32)
    noise = noise_planes(run.config, 64, 64, 0)
    torch.testing.assert_close(run.paint(shares, style, noise), begun.paint(shares, style, noise), atol=1e-5, rtol=1e-4)
    assert run.seen == begun.seen
    figures = [run.step() for _ in range(2)]
    assert all(torch.isfinite(torch.tensor(value)) for one in figures for value in one.values())
    assert not torch.equal(run.paint(shares, style, noise), begun.paint(shares, style, noise))


@pytest.mark.parametrize(
    "channels", [(16, 12, 8, 4), (16, 16, 8, 4), (20, 16, 12, 10, 8)], ids=["narrower", "both", "a level more"]
)
def test_what_would_be_lost_is_no_beginning(channels: tuple[int, ...], landscapes: Path, tmp_path: Path) -> None:
    begun = jobs.open_painting(landscapes, tmp_path / "begun", PaintingOptions(size=64, channels=(16, 12, 8, 8), batch=4), HERE)
    (tmp_path / "begun").mkdir()
    save_state(tmp_path / "begun" / "state.safetensors", begun.state())
    options = PaintingOptions(size=64, detail=len(channels) > 4, channels=channels, batch=4)
    with pytest.raises(BadInput, match=r"would be lost\. Its blocks\.[0-3] has \d+ channels, here"):
        jobs.open_painting(landscapes, tmp_path / "new", options, HERE, tmp_path / "begun")


def test_the_mean_with_a_narrower_run_lies_between_the_two(landscapes: Path, tmp_path: Path) -> None:
    begun = jobs.open_painting(landscapes, tmp_path / "narrow", PaintingOptions(size=64, channels=(16, 12, 8, 8), batch=4), HERE)
    run = jobs.open_painting(landscapes, tmp_path / "wide", PaintingOptions(size=64, channels=(20, 12, 10, 8), batch=4), HERE)
    shares, style = torch.full((1, 3, 64, 64), 1 / 3), torch.zeros(1, 32)
    noise = noise_planes(run.config, 64, 64, 0)
    before = run.averaged.get_parameter("mixer.0.weight").clone()
    run.mean_with(begun.state(), 0.25)
    torch.testing.assert_close(
        run.averaged.get_parameter("mixer.0.weight"), 0.75 * before + 0.25 * begun.averaged.get_parameter("mixer.0.weight")
    )
    run.mean_with(begun.state(), 1.0)
    torch.testing.assert_close(run.paint(shares, style, noise), begun.paint(shares, style, noise), atol=1e-5, rtol=1e-4)
