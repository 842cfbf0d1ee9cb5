"""Errors of torch in our words, precision by what was measured, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

import models
from models import device, precision
from models.allowance import GB
from models.card import Card
from models.errors import BadInput, OutOfMemory
from models.precision import Precise, Runtime, choose, in_true_float32
from models.running import is_out_of_memory, piece_of_work

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
CARD = Card("x", "x", "upscaling", "esrgan")


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried 4 bytes.",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory (MPS allocated: 1 GB)",
        "GET was unable to find an engine to execute this computation",
    ],
)
def test_a_full_memory_is_told_from_other_errors(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    with pytest.raises(OutOfMemory), piece_of_work():
        raise RuntimeError(text)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "The computer has no memory left for this picture."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 4 bytes."), "Close other programs"),
        (RuntimeError("could not create a memory object"), "Close other programs"),
        (torch.OutOfMemoryError("CUDA out of memory."), "Ganvas may use 2 GB of the graphics card's memory: allow it more"),
        (RuntimeError("FIND was unable to find an engine to execute this computation"), "the graphics card's memory: allow"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), "The graphics card has no memory left for this picture."),
    ],
)
def test_the_memory_that_is_full_is_the_one_that_is_spoken_of(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_allowed", {"cuda:0": 2 * GB})
    with pytest.raises(OutOfMemory) as told, piece_of_work():
        raise error
    assert says in str(told.value)
    assert ("graphics card" in str(told.value)) == ("graphics card" in says)


@pytest.mark.parametrize("error", [RuntimeError("The size of tensor a (3) must match"), ValueError("out of memory lane")])
def test_any_other_error_is_itself(error: Exception) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)), piece_of_work():
        raise error


def test_the_processors_allocator_is_understood() -> None:
    with pytest.raises(OutOfMemory), piece_of_work():
        torch.empty(1 << 60, dtype=torch.uint8)


def test_a_precision_that_was_asked_for_is_used() -> None:
    assert choose("cpu", "bfloat16", CARD).precision == "bfloat16"
    assert choose("cpu", "float32", CARD).precision == "float32"


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_is_chosen_where_the_processor_has_it(has: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "processor_has_bfloat16", lambda: has)
    assert choose("cpu", None, CARD).precision == expected
    assert choose("cpu", None, Card("x", "x", "upscaling", "a family that nobody measured")).precision == "float32"


@pytest.mark.parametrize(
    ("flags", "has"),
    [
        ("flags\t\t: fpu avx2 avx512_bf16", {"avx512_bf16"}),
        ("processor : 0\nflags : fpu amx_bf16 amx_tile\nprocessor : 1\nflags : x", {"amx_bf16"}),
        ("flags : fpu avx2", set()),
    ],
)
def test_the_processors_flags_are_read_from_linux_listing(flags: str, has: set[str], tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    found = precision._processor_flags(tmp_path / "cpuinfo")
    assert found is not None
    assert found & {"avx512_bf16", "amx_bf16"} == has
    assert precision._processor_flags(tmp_path / "nothing") is None


@pytest.mark.parametrize(("place", "kind"), [("gpu", None), ("cuda:99", None), ("cpu", "float8")])
def test_what_is_not_there_is_refused_in_words(place: str, kind: str | None) -> None:
    with pytest.raises(BadInput):
        choose(place, kind, CARD)


def test_float32_is_built_when_it_is_needed_and_only_once() -> None:
    built: list[str] = []

    def build(runtime: Runtime) -> str:
        built.append(runtime.precision)
        return runtime.precision

    precise = Precise(build, Runtime(torch.device("cpu"), torch.bfloat16))
    assert built == ["bfloat16"]
    assert precise.exact == precise.exact == "float32"
    assert precise.distrust()
    assert precise.network == "float32"
    assert not precise.distrust()
    assert built == ["bfloat16", "float32"]


def test_importing_models_imports_no_torch() -> None:
    code = "import sys, models, models.card, models.errors, models.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_opening_writes_nothing_and_leaves_the_file_free(tmp_path: Path) -> None:
    source = tmp_path / "model.pth"
    source.write_bytes((FIXTURES / "compact/tiny-x2-params_ema.pth").read_bytes())
    before = (source.stat().st_size, source.stat().st_mtime_ns)  # not when it was read last, which reading changes
    model = models.open(source)
    assert list(tmp_path.iterdir()) == [source]
    assert (source.stat().st_size, source.stat().st_mtime_ns) == before
    source.write_bytes(b"overwritten while the model is open")
    assert model.upscale(torch.zeros(4, 4, 3).numpy()).shape == (8, 8, 3)  # type: ignore[union-attr]


def test_a_string_is_a_name_first_and_a_path_otherwise() -> None:
    assert models.open(str(FIXTURES / "compact/tiny-x2-params_ema.pth")).card.family == "compact"
    with pytest.raises(BadInput, match="There is no model"):
        models.open("no-such-model")


def test_float32_is_float32_while_it_is_asked_for_and_no_longer() -> None:
    seen = []

    def steps() -> Generator[None, None, None]:
        for _ in range(3):
            seen.append(torch.backends.cudnn.allow_tf32)
            yield

    before = torch.backends.cudnn.allow_tf32
    between = [torch.backends.cudnn.allow_tf32 for _ in in_true_float32(steps())]
    assert seen == [False] * 3
    assert between == [before] * 3
    assert torch.backends.cudnn.allow_tf32 == before
    seen.clear()
    list(in_true_float32(steps(), wanted=False))
    assert seen == [before] * 3


def test_steps_in_true_float32_that_are_dropped_or_fail_leave_nothing_switched() -> None:
    closed = []

    def steps() -> Generator[None, None, None]:
        try:
            yield
            raise ValueError("broken")
        finally:
            closed.append(torch.backends.cudnn.allow_tf32)

    before = torch.backends.cudnn.allow_tf32
    dropped = in_true_float32(steps())
    next(dropped)
    dropped.close()
    with pytest.raises(ValueError, match="broken"):
        list(in_true_float32(steps()))
    assert len(closed) == 2
    assert torch.backends.cudnn.allow_tf32 == before
