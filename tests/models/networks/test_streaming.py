"""Layers that take a picture by bands of rows make what the layer makes of the whole, however it is cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks import pieces, streaming
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.networks.streaming import (
    Convolution,
    DoublingConvolution,
    LastConvolution,
    Rows,
    Stage,
    before_doubling,
    four_at_once,
)
from models.precision import Runtime
from models.steps import drain
from tests.models.networks.test_fast_and_plain import filled

PROCESSOR = torch.device("cpu")
FLOAT32 = Runtime(PROCESSOR, torch.float32)
heights = st.lists(st.integers(1, 7), min_size=1, max_size=6)


def _pushed(stage: Stage, x: torch.Tensor, cuts: Sequence[int]) -> torch.Tensor:
    """What a stage makes of bands of these heights, put together."""
    made = []
    for number, band in enumerate(x.split(list(cuts), 2)):
        rows = drain(stage.push(band.contiguous(memory_format=torch.channels_last), number == len(cuts) - 1))
        if rows is not None:
            made.append(rows)
    return torch.cat(made, 2)


def _picture(cuts: Sequence[int], channels: int = 5, width: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(cuts))
    return torch.rand(1, channels, sum(cuts), width, generator=generator)


WEIGHT = torch.randn(4, 5, 3, 3, generator=torch.Generator().manual_seed(3))
BIAS = torch.linspace(-1, 1, 4)


@settings(max_examples=40)
@given(cuts=heights)
def test_a_convolution_of_bands_is_that_of_the_whole(cuts: list[int]) -> None:
    x = _picture(cuts)
    want = F.leaky_relu(F.conv2d(x, WEIGHT, BIAS, padding=1), 0.1)
    assert torch.allclose(_pushed(Convolution(WEIGHT, BIAS, 6, slope=0.1), x, cuts), want, atol=1e-5)


@settings(max_examples=40)
@given(cuts=heights)
def test_convolved_before_it_is_doubled_a_picture_is_the_same(cuts: list[int]) -> None:
    x = _picture(cuts)
    want = F.leaky_relu(F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), WEIGHT, BIAS, padding=1), 0.2)
    got = _pushed(DoublingConvolution(before_doubling(WEIGHT), BIAS, 6, 0.2), x, cuts)
    assert torch.allclose(got, want, atol=1e-5)


@settings(max_examples=40)
@given(cuts=heights)
def test_four_pixels_at_once_are_the_same_pixels(cuts: list[int]) -> None:
    cuts = [*cuts, 2 - sum(cuts) % 2]  # an even height
    x = _picture(cuts)
    want = F.conv2d(x, WEIGHT, BIAS, padding=1)
    assert torch.allclose(_pushed(LastConvolution(four_at_once(WEIGHT), BIAS, 6), x, cuts), want, atol=1e-5)


def test_rows_wait_in_their_order_and_are_added_where_they_belong() -> None:
    rows = Rows()
    x = _picture([9])
    for band in x.split([2, 4, 3], 2):
        rows.put(band)
    made = _picture([5], 5)
    assert torch.allclose(rows.plus(made, 0.5), x[:, :, :5] + 0.5 * made)
    assert torch.equal(torch.cat(list(rows.take(4)), 2), x[:, :, 5:])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4), (6, 7), (7, 5), (31, 6)])
@pytest.mark.parametrize("pixels", [1, 40, 1 << 20])
def test_pictures_of_any_height_flow_through_whole_networks(
    size: tuple[int, int], pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "PIXELS", pixels)
    monkeypatch.setattr(streaming, "FEWEST_ROWS", 1)
    x = torch.rand(1, 3, *size)
    rrdb, compact = RRDBConfig(3, 3, 8, 4, 2, 2), CompactConfig(3, 8, 3, 3)
    for plain, fast in ((RRDBNet(rrdb), FastRRDBNet), (Compact(compact), FastCompact)):
        want = filled(plain)(x)
        with torch.inference_mode():
            got = drain(fast(plain.config, plain.state_dict(), FLOAT32).enlarge(x))  # type: ignore[attr-defined]
        assert got.shape == want.shape
        assert (got - want).abs().max() < 2e-5


def test_the_first_rows_are_there_long_before_the_last_ones() -> None:
    config = CompactConfig(3, 8, 2, 2)
    bands = FastCompact(config, filled(Compact(config)).state_dict(), FLOAT32).bands(torch.rand(1, 3, 400, 300))
    until_first = 1
    while next(bands) is None:
        until_first += 1
    assert sum(1 for _ in bands) > 3 * until_first


def test_a_stage_takes_no_more_than_a_bounded_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.zeros(64, 64, 3, 3)
    rows = streaming.rows_at_once(1000, 2.0 * weight.numel(), torch.float32)
    monkeypatch.setattr(pieces, "PIECE", pieces.PIECE / 4)
    assert streaming.FEWEST_ROWS <= streaming.rows_at_once(1000, 2.0 * weight.numel(), torch.float32) < rows
    assert streaming.rows_at_once(1024, 1e9, torch.float32, 1 << 16) == 64
    assert streaming.at_once_on(torch.device("cuda")) == streaming.CARD_PIXELS
    assert streaming.at_once_on(PROCESSOR) is None


def test_a_wide_picture_is_no_wider_than_the_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming.device, "memory", lambda where: streaming.device.Memory(1 << 33, 1 << 32))
    assert streaming.widest(1000, PROCESSOR) == streaming.WIDEST
    assert streaming.widest(1 << 20, PROCESSOR) == 1024
    assert streaming.widest(1 << 30, PROCESSOR) == streaming.NARROWEST
