"""What a person allows of a card's memory is planned with, and is a bound that holds. The processor stands for the card."""

from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from benchmarks.pretended_card import PretendedCard
from benchmarks.upscale_networks import filled
from models import device
from models.allowance import ALL, GB, MB, Allowance
from models.at_once import UNTIL_MORE
from models.card import Card
from models.errors import OutOfMemory
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.precision import Runtime
from models.upscaling import UpscalingModel

CPU = Runtime(torch.device("cpu"), torch.float32)


def compact(side: int = 8) -> UpscalingModel:
    config = CompactConfig(3, side, 2, 2)
    tensors = filled(Compact(config)).state_dict()
    return UpscalingModel(Card("c", "C", "upscaling", "compact", scale=2), lambda where: FastCompact(config, tensors, where), CPU)


def photo(height: int, width: int) -> Any:
    return np.random.default_rng(height).random((height, width, 3), np.float32)


def pieces(model: UpscalingModel, image: Any) -> int:
    return sum(tile is not None for tile in model.tiles(image))


def test_what_is_planned_with_is_what_is_allowed_less_what_lies_there() -> None:
    with PretendedCard(8 * GB, taken=1 * GB):
        assert device.memory("cuda") == device.Memory(8 * GB, 7 * GB)
        assert device.allowed("cuda") is None
        device.allow("cuda", Allowance(0.25))
        kept = torch.zeros(256 * MB, dtype=torch.uint8)
        assert device.memory("cuda") == device.Memory(2 * GB, 2 * GB - 256 * MB)
        assert device.total("cuda") == 8 * GB
        assert device.allowed("cuda:0") == 2 * GB  # the same card
        assert device.allowed("cuda:1") is None
        device.allow("cuda", Allowance(bytes=7680 * MB))
        assert device.memory("cuda").free == 7 * GB - 256 * MB  # others hold more than that leaves
        del kept


def test_memory_that_torch_keeps_and_does_not_use_is_free() -> None:
    whole = device.Memory(8 * GB, 1 * GB)
    assert device.within(whole, None, held=5 * GB, used=2 * GB) == device.Memory(8 * GB, 4 * GB)
    assert device.within(whole, 3 * GB, held=5 * GB, used=2 * GB) == device.Memory(3 * GB, 1 * GB)
    assert device.within(whole, 1 * GB, held=5 * GB, used=2 * GB) == device.Memory(1 * GB, 0)


def test_a_network_plans_narrower_windows_where_less_is_allowed() -> None:
    config = RRDBConfig(3, 3, 64, 32, 6, 2)
    network = FastRRDBNet(config, RRDBNet(config).state_dict(), CPU)
    with PretendedCard(24 * GB):
        sides = []
        for allowance in (ALL, Allowance(bytes=512 * MB), Allowance(bytes=256 * MB)):
            device.allow("cpu", allowance)
            sides.append(network.tile)
    assert sides[0] == 2048
    assert sides[0] > sides[1] > sides[2] >= 256


def test_a_photo_that_needs_more_than_is_allowed_is_made_in_smaller_pieces_within_it_and_the_same() -> None:
    model, image = compact(), photo(200, 260)
    with PretendedCard(8 * GB) as card:
        want, before = model.upscale(image), pieces(model, image)
        whole = card.peak
        allowed = whole * 2 // 3
        device.allow("cpu", Allowance(bytes=allowed))
        card.peak = card.used
        made = model.upscale(image)
        assert card.refused, "nothing was refused: this allowance is no bound"
        assert whole > allowed >= card.peak
        assert np.abs(made - want).max() < 1e-5
        smaller = pieces(model, image)
        assert smaller > before
        device.allow("cpu", ALL)
        for _ in range(2 * UNTIL_MORE):
            if pieces(model, image) == before:
                break
        assert pieces(model, image) == before, "it never became as quick again"
        assert card.share == 1


def test_where_even_the_smallest_piece_does_not_fit_the_allowance_is_named() -> None:
    model = compact(64)
    with PretendedCard(8 * GB) as card:
        device.allow("cpu", Allowance(bytes=512 * 1024))
        with pytest.raises(OutOfMemory) as told:
            model.upscale(photo(200, 260))
        assert "Ganvas may use 0.000488 GB of the graphics card's memory: allow it more." in str(told.value)
        assert card.refused
    with pytest.raises(OutOfMemory) as told, PretendedCard(512 * 1024):
        model.upscale(photo(200, 260))
    assert "A smaller piece may fit." in str(told.value)


def test_a_limit_that_was_never_set_is_never_lifted() -> None:
    with PretendedCard(8 * GB) as card:
        card.share = 0.123  # whoever starts torch may have set one
        device.allow("cuda", ALL)
        assert card.share == 0.123
        device.allow("cuda", Allowance(0.5))
        assert card.share == 0.5
        device.allow("cuda", ALL)
        assert card.share == 1


def test_a_limit_that_the_card_does_not_let_go_of_is_known_still() -> None:
    with PretendedCard(8 * GB):
        device.allow("cuda", Allowance(0.5))
        with (
            mock.patch.object(torch.cuda, "set_per_process_memory_fraction", side_effect=RuntimeError("CUDA error: lost")),
            pytest.raises(RuntimeError),
        ):
            device.allow("cuda", ALL)
        assert device.allowed("cuda") == 4 * GB


def test_a_processor_has_no_memory_of_its_own_to_choose() -> None:
    assert not device.has_own_memory("cpu")
    assert device.has_own_memory("cuda:1")
    assert device.has_own_memory("mps")
