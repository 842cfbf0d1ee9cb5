"""Who computes convolutions is chosen rightly on every machine, also where our own kernels were not compiled."""

from __future__ import annotations

import pytest
import torch

from models.networks import kernel
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.precision import Runtime
from models.steps import drain
from tests.models.networks.test_fast_and_plain import filled

PROCESSOR = torch.device("cpu")


def test_kernels_that_lie_here_are_of_the_edition_that_is_relied_on() -> None:
    compiled = pytest.importorskip("models.networks._winograd", reason="the kernels are not compiled here")
    assert kernel._winograd is compiled, "they are of another edition and unused: installing Ganvas again compiles them anew"


def test_torch_computes_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_winograd", None)
    assert kernel.level(torch.float32, PROCESSOR) == 0
    assert kernel.told().startswith("torch computes")
    for plain, fast in (
        (RRDBNet(RRDBConfig(3, 3, 16, 16, 1, 1)), FastRRDBNet),
        (Compact(CompactConfig(3, 16, 2, 2)), FastCompact),
    ):
        x, want = torch.rand(1, 3, 9, 7), filled(plain)
        network = fast(plain.config, plain.state_dict(), Runtime(PROCESSOR, torch.float32))  # type: ignore[arg-type]
        with torch.inference_mode():
            assert (drain(network.enlarge(x)) - want(x)).abs().max() < 2e-5


def test_numbers_of_a_format_that_kernels_do_not_know_are_left_to_torch() -> None:
    config = CompactConfig(3, 64, 2, 4)
    plain, x = filled(Compact(config)), torch.rand(1, 3, 20, 20)
    network = FastCompact(config, plain.state_dict(), Runtime(PROCESSOR, torch.float16))
    with torch.inference_mode():
        assert (drain(network.enlarge(x)) - plain(x)).abs().max() < 0.03
