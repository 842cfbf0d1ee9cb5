"""Our own kernels convolve as torch does, on every kind of processor that this one can stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks import kernel, streaming
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.kernel import AVX2, AVX512, BFLOAT16, Kernel
from models.networks.quick_rows import QuickConvolution, QuickDenseStage
from models.networks.rrdbnet import DenseBlock, FastRRDBNet, RRDBConfig, RRDBNet
from models.networks.streaming import Rows
from models.precision import Runtime
from models.steps import drain
from tests.models.networks.test_fast_and_plain import filled
from tests.models.networks.test_streaming import _pushed as pushed

PROCESSOR = torch.device("cpu")
KINDS = [kind for kind in (AVX2, AVX512, BFLOAT16) if kind <= kernel.found()]
OFF = {AVX2: 2e-5, AVX512: 2e-5, BFLOAT16: 0.15}  # at most, of sums whose standard deviation is one

pytestmark = pytest.mark.skipif(not KINDS, reason="the kernels are not compiled here, or the processor has no AVX2")


def _weights(filters: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(filters + channels)
    weight = torch.randn(filters, channels, 3, 3, generator=generator) / (9 * channels) ** 0.5
    return weight, torch.randn(filters, generator=generator) / 4


def _picture(channels: int, height: int, width: int) -> torch.Tensor:
    x = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(height * width))
    return x.contiguous(memory_format=torch.channels_last)


def _whole(convolution: Kernel, x: torch.Tensor, doubled: bool = False, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The convolution of a whole picture with zeros around it."""
    times = 2 if doubled else 1
    rows = kernel.rows_of(x)
    zeros = np.zeros(1, np.uint64)
    size = (1, x.shape[2] * times, x.shape[3] * times, convolution.filters)
    made = torch.full(size, float("nan"), dtype=dtype or convolution.dtype).permute(0, 3, 1, 2)
    seen = rows._replace(table=np.concatenate([zeros, rows.table.repeat(times), zeros]))
    convolution.convolve(seen, kernel.rows_of(made), size[2], doubled=doubled)
    return made.float()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("filters", "channels", "height", "width"),
    [(64, 64, 9, 13), (48, 64, 4, 97), (32, 160, 1, 1), (16, 16, 3, 200), (3, 64, 7, 8), (80, 96, 6, 5), (112, 32, 5, 101)],
)
def test_a_kernel_convolves_as_torch_does(kind: int, filters: int, channels: int, height: int, width: int) -> None:
    weight, bias = _weights(filters, channels)
    slope = torch.linspace(-0.5, 1.5, filters)
    x = _picture(channels, height, width)
    want = F.prelu(F.conv2d(x, weight, bias, padding=1), slope)
    got = _whole(Kernel(weight, bias, slope, kind), x, dtype=torch.float32)
    assert (got - want).abs().max() < OFF[kind]
    assert (got - want).abs().mean() < OFF[kind] / 10
    if kind == BFLOAT16:
        half = _whole(Kernel(weight, bias, slope, kind), x.bfloat16())
        assert (half - want).abs().max() < 2 * OFF[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_doubled_picture_need_not_be_made_first(kind: int) -> None:
    weight, bias = _weights(32, 32)
    x = _picture(32, 5, 7)
    want = F.leaky_relu(F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, bias, padding=1), 0.2)
    assert (_whole(Kernel(weight, bias, 0.2, kind), x, doubled=True) - want).abs().max() < OFF[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_the_work_and_change_nothing(kind: int) -> None:
    weight, bias = _weights(32, 32)
    x = _picture(32, 21, 203)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        want = _whole(Kernel(weight, bias, None, kind), x)
        torch.set_num_threads(3)
        assert torch.equal(_whole(Kernel(weight, bias, None, kind), x), want)
    finally:
        torch.set_num_threads(before)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 25), min_size=1, max_size=6), doubled=st.booleans(), kind=st.sampled_from(KINDS or [0]))
def test_bands_of_any_height_make_the_same_picture_to_the_bit(cuts: list[int], doubled: bool, kind: int) -> None:
    weight, bias = _weights(16, 16)
    x = _picture(16, sum(cuts), 6)
    got = pushed(QuickConvolution(Kernel(weight, bias, 0.1, kind), 6, doubled=doubled), x, cuts)
    assert torch.equal(got.float(), _whole(Kernel(weight, bias, 0.1, kind), x, doubled))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 25), min_size=1, max_size=6), kind=st.sampled_from(KINDS or [0]))
def test_a_dense_block_of_bands_is_that_of_the_whole(cuts: list[int], kind: int) -> None:
    plain = filled(DenseBlock(RRDBConfig(3, 3, 32, 16, 1, 2)))
    tensors = plain.state_dict()
    five = [Kernel(tensors[f"conv{n}.weight"], tensors[f"conv{n}.bias"], 0.2 if n < 5 else None, kind) for n in range(1, 6)]
    x = _picture(32, sum(cuts), 9)
    before, after = Rows(), Rows()
    after.put(x)
    got = pushed(QuickDenseStage(five, 9, before, after), x, cuts)
    assert (got - (0.2 * plain(x) + x)).abs().max() < OFF[kind]
    assert torch.equal(torch.cat(list(before.take(sum(cuts))), 2), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (26, 31)])
@pytest.mark.parametrize("pixels", [1, 1 << 20])
def test_whole_networks_are_the_plain_ones(
    size: tuple[int, int], dtype: torch.dtype, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dtype is torch.bfloat16 and BFLOAT16 not in KINDS:
        pytest.skip("no bfloat16 here")
    monkeypatch.setattr(streaming, "PIXELS", pixels)
    x = torch.rand(1, 3, *size)
    for plain, fast in (
        (RRDBNet(RRDBConfig(3, 3, 32, 16, 2, 2)), FastRRDBNet),
        (RRDBNet(RRDBConfig(3, 3, 16, 16, 1, 0)), FastRRDBNet),
        (RRDBNet(RRDBConfig(3, 3, 8, 2, 1, 2)), FastRRDBNet),  # so few features that each kernel alone would take them
        (Compact(CompactConfig(3, 32, 3, 3)), FastCompact),
    ):
        want = filled(plain)(x)
        network = fast(plain.config, plain.state_dict(), Runtime(PROCESSOR, dtype))  # type: ignore[arg-type]
        with torch.inference_mode():
            got = drain(network.enlarge(x))
        assert got.shape == want.shape
        assert (got - want).abs().max() < (2e-5 if dtype is torch.float32 else 0.03)


@pytest.mark.parametrize(("colours", "side", "height", "width"), [(3, 4, 3, 5), (1, 4, 2, 1), (3, 3, 1, 7), (3, 1, 2, 2)])
def test_squares_become_pixels_and_the_picture_is_added(colours: int, side: int, height: int, width: int) -> None:
    squares, x = _picture(colours * side**2, height, width), _picture(colours, height, width)
    want = F.pixel_shuffle(squares, side) + F.interpolate(x, scale_factor=side, mode="nearest")
    assert torch.equal(kernel.shuffled(squares, x, side), want)


@pytest.mark.skipif(BFLOAT16 not in KINDS, reason="no bfloat16 here")
def test_rows_are_halved_as_torch_rounds_them() -> None:
    x = _picture(32, 3, 5)
    wide = torch.zeros(1, 3, 5, 48, dtype=torch.bfloat16).permute(0, 3, 1, 2)
    kernel.halve(kernel.rows_of(x), kernel.rows_of(wide), 5, 32)
    assert torch.equal(wide[:, :32], x.bfloat16())
    assert not wide[:, 32:].any()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != BFLOAT16])
def test_what_is_computed_in_float32_may_be_told_in_bfloat16(kind: int) -> None:
    weight, bias = _weights(32, 3)
    x = _picture(16, 6, 9)
    x[:, 3:] = 0
    convolution = Kernel(weight, bias, None, kind)
    got, want = _whole(convolution, x, dtype=torch.bfloat16), _whole(convolution, x)
    assert torch.equal(got, want.bfloat16().float())
    assert (want - F.conv2d(x[:, :3], weight, bias, padding=1)).abs().max() < OFF[kind]


def test_a_picture_that_is_cut_where_tiles_begin_is_the_same_but_for_a_fraction_of_a_level() -> None:
    config = CompactConfig(3, 32, 3, 2)
    network = FastCompact(config, filled(Compact(config)).state_dict(), Runtime(PROCESSOR, torch.bfloat16))
    x, first, overlap = torch.rand(1, 3, 40, 60), 24, network.overlap
    with torch.inference_mode():
        want = drain(network.enlarge(x))
        got = drain(network.enlarge(x[:, :, first - overlap :, first - overlap :].contiguous()))
    off = (got[:, :, 2 * overlap :, 2 * overlap :] - want[:, :, 2 * first :, 2 * first :]).abs() * 255
    assert off.max() < 0.5


@pytest.mark.parametrize(
    "maps", [_picture(16, 4, 4).half(), torch.zeros(1, 16, 4, 4), torch.zeros(2, 4, 4, 16).permute(0, 3, 1, 2)]
)
def test_maps_whose_addresses_would_lead_astray_are_refused(maps: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="one picture in channels_last"):
        kernel.rows_of(maps)


def test_a_table_that_does_not_fit_is_refused() -> None:
    weight, bias = _weights(16, 16)
    rows = kernel.rows_of(_picture(16, 4, 4))
    with pytest.raises(ValueError, match="two rows more"):
        Kernel(weight, bias, None, KINDS[0]).convolve(rows, rows, 4)


def test_torch_computes_where_the_kernels_are_not_the_quickest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel.level(torch.float16, PROCESSOR) == 0
    assert kernel.level(torch.float32, torch.device("cuda")) == 0
    monkeypatch.setattr(kernel, "processor_has_tiles", lambda: True)
    assert kernel.level(torch.bfloat16, PROCESSOR) == 0
    assert kernel.told().startswith("Ganvas's own kernels compute (float32")
