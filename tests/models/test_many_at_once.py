"""On a card several tiles of one photo go through a network together: the pictures are those of one at a time, what fails is
made again alone, and where memory runs out a card is given less. The processor stands for the card, with torch's convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from benchmarks.pretended_card import PretendedCard
from benchmarks.upscale_networks import filled
from models import at_once, device, upscaling
from models.allowance import ALL, GB, Allowance
from models.at_once import LEAST
from models.card import Card
from models.errors import BadPicture
from models.networks import kernel
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.networks.srresnet import FastSRResNet, SRResNet, SRResNetConfig
from models.precision import Runtime
from models.steps import Steps, drain
from models.tiling import Tile
from models.upscaling import UpscalingModel

UNTIL_MORE = 4  # pieces that fit: then more is tried again
FLOAT32 = Runtime(torch.device("cpu"), torch.float32)
BFLOAT16 = Runtime(torch.device("cpu"), torch.bfloat16)
COMPACT, GREY, RESIZED = CompactConfig(3, 8, 2, 2), CompactConfig(1, 8, 2, 2), CompactConfig(3, 8, 2, 4, 3)
RRDB, PLUS = RRDBConfig(3, 3, 16, 8, 1, 2), RRDBConfig(3, 3, 16, 8, 1, 0, plus=True)
SRRESNET = SRResNetConfig(8, 2, 1, normed=True)
NETWORKS: dict[str, tuple[Any, Any, Any]] = {
    "compact": (COMPACT, Compact, FastCompact),
    "compact of grey": (GREY, Compact, FastCompact),
    "compact, resized": (RESIZED, Compact, FastCompact),
    "RRDB": (RRDB, RRDBNet, FastRRDBNet),
    "RRDB with bypasses": (PLUS, RRDBNet, FastRRDBNet),
    "SRResNet": (SRRESNET, SRResNet, FastSRResNet),
}


@pytest.fixture(autouse=True)
def _torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a card, which has none of our own kernels."""
    monkeypatch.setattr(kernel, "level", lambda dtype, place: 0)
    monkeypatch.setattr(at_once, "TRIES", 1 << 30)  # nothing is learnt: how quick this machine is must not matter here
    for module in (at_once, upscaling):
        monkeypatch.setattr(module, "UNTIL_MORE", UNTIL_MORE)


@pytest.fixture
def card() -> Iterator[PretendedCard]:
    with PretendedCard(16 * GB) as card:
        yield card


def _filled(kind: Any, config: Any) -> dict[str, torch.Tensor]:
    network = filled(kind(config))
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.fill_(1)
    return dict(network.state_dict())


def _model(name: str, runtime: Runtime = FLOAT32, kind: Any = None) -> UpscalingModel:
    """With `kind`, of that class instead of the network's own."""
    config, plain, fast = NETWORKS[name]
    tensors, fast = _filled(plain, config), kind or fast
    return UpscalingModel(Card(name, name, "upscaling", "x"), lambda where: fast(config, tensors, where), runtime)


def _photo(height: int = 90, width: int = 130, channels: int = 3) -> Any:
    return np.random.default_rng(height).random((height, width, channels), np.float32)


def _tiles(model: UpscalingModel, image: Any, **choices: Any) -> list[Tile]:
    return [tile for tile in model.tiles(image, **choices) if tile is not None]


class Counted:
    """How many pictures went through the networks' convolutions at once, at most."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 0
        conv2d = torch.nn.functional.conv2d

        def counting(x: torch.Tensor, *rest: Any, **others: Any) -> torch.Tensor:
            self.most = max(self.most, len(x))
            return conv2d(x, *rest, **others)

        monkeypatch.setattr(torch.nn.functional, "conv2d", counting)


@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_that_go_through_together_are_those_of_one_at_a_time(name: str) -> None:
    config, plain, fast = NETWORKS[name]
    network = fast(config, _filled(plain, config), FLOAT32)
    x = torch.rand(3, network.channels_in, 22, 18, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = drain(network.enlarge(x))
        for number in range(3):
            assert (together[number : number + 1] - drain(network.enlarge(x[number : number + 1]))).abs().max() < 5e-6


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_photo_is_the_same_with_several_tiles_a_batch(
    name: str, channels: int, monkeypatch: pytest.MonkeyPatch, card: PretendedCard
) -> None:
    image, counted = _photo(30, 130, channels), Counted(monkeypatch)
    made = _model(name).upscale(image, tile=24)
    assert counted.most >= 2
    counted.most = 0
    with mock.patch.object(device, "has_own_memory", return_value=False):
        alone = _model(name).upscale(image, tile=24)
    assert counted.most == 1
    assert np.abs(alone - made).max() < 1e-6


@pytest.mark.parametrize("name", ["compact", "SRResNet"])
def test_eight_turns_are_asked_for_by_fours(name: str, monkeypatch: pytest.MonkeyPatch, card: PretendedCard) -> None:
    image, counted = _photo(40, 50), Counted(monkeypatch)
    [made] = _tiles(_model(name), image, turns=True)
    assert counted.most == 4
    with mock.patch.object(device, "has_own_memory", return_value=False):
        [want] = _tiles(_model(name), image, turns=True)
    assert np.abs(made.pixels - want.pixels).max() < 1e-6


def test_every_pixel_comes_once_and_tiles_side_by_side_grow_together(card: PretendedCard) -> None:
    model, image = _model("compact"), _photo(200, 300)
    tiles = _tiles(model, image, tile=80)
    seen = np.zeros((400, 600), int)
    for tile in tiles:
        seen[tile.top : tile.top + tile.pixels.shape[0], tile.left : tile.left + tile.pixels.shape[1]] += 1
    assert (seen == 1).all()
    assert [tile.done for tile in tiles] == list(range(1, len(tiles) + 1))
    assert {tile.total for tile in tiles} == {len(tiles)}
    tops = [tile.top for tile in tiles]
    assert tops == sorted(tops), "a row was begun before the one above it was whole"


of_each_wrong_answer = pytest.mark.parametrize("answer", [float("nan"), 0.0], ids=["undefined", "black"])


class Broken(FastSRResNet):
    """Below float32, makes no picture of the brightest that it is shown, but `answer`."""

    answer, asked = float("nan"), []  # type: ignore[var-annotated]

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        self.asked.append((self.runtime.precision, len(x)))
        made = yield from super().enlarge(x)
        if self.runtime.dtype is not torch.float32:
            made[int(x.mean((1, 2, 3)).argmax())] = self.answer
        return made


@of_each_wrong_answer
def test_of_tiles_made_together_only_the_one_that_failed_is_made_again(
    answer: float, monkeypatch: pytest.MonkeyPatch, card: PretendedCard
) -> None:
    monkeypatch.setattr(Broken, "answer", answer)
    monkeypatch.setattr(Broken, "asked", [])
    image = _photo(24, 150)
    made = _model("SRResNet", BFLOAT16, Broken).upscale(image, tile=24)
    (first, count), (again, few), *rest = Broken.asked
    assert (first, again) == ("bfloat16", "float32")
    assert few == 1 < count
    assert all(precision == "float32" for precision, _ in rest)
    assert np.abs(made - _model("SRResNet").upscale(image, tile=24)).max() < 0.05


class FlowsAwry(FastCompact):
    """Below float32, makes no numbers of the lower part of every picture but the first of those that flow together."""

    answer = float("nan")

    def bands(self, x: torch.Tensor) -> Any:
        done = 0
        for band in super().bands(x):
            if band is not None:
                done += band.shape[2]
                if self.runtime.dtype is not torch.float32 and done > 150:
                    band[1:] = self.answer
            yield band


@of_each_wrong_answer
def test_where_one_of_several_breaks_on_its_way_down_the_others_keep_what_was_right(
    answer: float, monkeypatch: pytest.MonkeyPatch, card: PretendedCard
) -> None:
    monkeypatch.setattr(FlowsAwry, "answer", answer)
    image = _photo(200, 300)
    model = _model("compact", BFLOAT16, FlowsAwry)
    want, got = _model("compact").upscale(image), np.full((400, 600, 3), np.nan, np.float32)
    for tile in _tiles(model, image, tile=190):
        place = got[tile.top : tile.top + tile.pixels.shape[0], tile.left : tile.left + tile.pixels.shape[1]]
        assert np.isnan(place).all(), "a pixel came twice"
        place[...] = tile.pixels
    assert model.runtime.precision == "float32"
    assert np.abs(got - want).max() < 0.05


def test_what_is_wrong_in_float32_too_is_refused(card: PretendedCard) -> None:
    class Black(FastCompact):
        def bands(self, x: torch.Tensor) -> Any:
            yield from (band if band is None else band * 0 for band in super().bands(x))

    with pytest.raises(BadPicture, match="flat"):
        _model("compact", BFLOAT16, Black).upscale(_photo())


def test_where_memory_runs_out_a_card_is_given_less_before_tiles_become_smaller(card: PretendedCard) -> None:
    model, image = _model("SRResNet"), _photo(120, 500)
    card.peak = card.used
    want, before = model.upscale(image), len(_tiles(model, image))
    whole, first = card.peak, model.at_once
    assert first is not None
    allowed = whole * 2 // 3
    device.allow("cpu", Allowance(bytes=allowed))
    card.peak, card.refused = card.used, 0
    made, tiles = np.empty_like(want), 0
    for tile in _tiles(model, image):
        made[tile.top : tile.top + tile.pixels.shape[0], tile.left : tile.left + tile.pixels.shape[1]] = tile.pixels
        tiles += 1
    assert card.peak <= allowed
    assert np.abs(made - want).max() < 1e-6
    assert model.at_once is not None
    assert model.at_once < first
    assert tiles == before, "tiles became smaller"
    device.allow("cpu", ALL)
    for _ in range(UNTIL_MORE):
        model.upscale(image)
        if model.at_once == first:
            break
    assert model.at_once == first, "it was never given as much again"


def test_where_the_least_is_too_much_tiles_become_smaller_and_both_come_back(card: PretendedCard) -> None:
    model, image = _model("SRResNet"), _photo(120, 500)
    want, before, first = model.upscale(image), len(_tiles(model, image)), model.at_once
    card.share = (card.used + 5 * 10**6) / card.total  # of which nobody is told: as if others had taken the memory
    assert np.abs(model.upscale(image) - want).max() < 1e-6
    assert card.refused
    assert model.at_once == LEAST
    assert len(_tiles(model, image)) > before
    card.share = 1.0
    for _ in range(3 * UNTIL_MORE):
        tiles = len(_tiles(model, image))
        if tiles == before and model.at_once == first:
            break
    assert (tiles, model.at_once) == (before, first)


def test_between_two_pieces_of_a_batch_the_work_pauses(card: PretendedCard) -> None:
    for name in ("compact", "SRResNet"):
        found = list(_model(name).tiles(_photo(), tile=24))
        assert found.count(None) > 5
        assert None in found[:3]


def test_no_batch_holds_more_tiles_than_can_be_waited_for(monkeypatch: pytest.MonkeyPatch, card: PretendedCard) -> None:
    counted = Counted(monkeypatch)
    _model("SRResNet").upscale(_photo(20, 900), tile=16)
    assert counted.most == upscaling.MOST_TOGETHER
