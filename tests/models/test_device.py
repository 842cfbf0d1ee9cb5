"""The machine: its memory, the limit of a container, and a start of torch that leaves the rest of the program as it was."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from models import device

ROOT = Path(__file__).resolve().parents[2]


def test_the_processors_memory_is_what_can_be_had() -> None:
    memory = device.memory("cpu")
    assert 0 < memory.free <= memory.total < 2**50


@pytest.mark.skipif(sys.platform == "win32", reason="containers limit memory under Linux")
def test_a_containers_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert device._limit_of_group(tmp_path) == device.Memory(1_000_000, 600_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert device._limit_of_group(tmp_path) is None
    assert device._limit_of_group(tmp_path / "nowhere") is None


def test_the_processor_has_a_name_of_one_line(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor : 0\nmodel name\t: Abacus 3000\n")
    assert device._processor(listing) == "Abacus 3000"
    assert device._processor(tmp_path / "nowhere")


def test_starting_torch_keeps_the_collector_on_and_spares_it_what_torch_made() -> None:
    code = (
        "import gc, sys; from models import device; device.map_libraries(); assert 'torch' not in sys.modules; "
        "device.start(1); import torch; print(gc.isenabled(), gc.get_freeze_count() > 50000, torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.split() == ["True", "True", "1"], done.stderr


def test_starting_it_again_changes_nothing_but_the_threads() -> None:
    device.start()
    frozen = gc.get_freeze_count()
    device.start(1)
    assert gc.get_freeze_count() == frozen
    assert "(1 threads)" in device.name("cpu")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator of Linux")
def test_freed_memory_is_kept_for_the_next_layer_and_given_back_when_asked() -> None:
    code = (
        "import os, sys; from models import device; kept = device.keep_pages(); import torch\n"
        "def resident():\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') >> 20\n"
        "torch.ones(4 << 20); before = resident()\n"
        "blocks = [torch.ones(4 << 20) for _ in range(4)]; del blocks; held = resident()\n"
        "device.give_back(); print(kept, held - before >= 32, held - resident() >= 32)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    kept, holds, gives = ran.stdout.split()
    if kept == "False":
        pytest.skip("another C library than glibc")
    assert (holds, gives) == ("True", "True"), ran.stderr
