"""A hostile file runs nothing, takes little time and memory, and is refused in one sentence that names what was found."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from models.errors import CheckpointError
from tests.models.checkpoints.hostile import HOSTILE
from tests.models.checkpoints.hostile_pickles import CANARY, PAYLOADS, is_a_pickle

LONGEST = 20.0  # processor seconds; the slowest, four million opcodes, takes three here
MOST_MEMORY = 2 << 30


@pytest.fixture
def limited_memory() -> Iterator[None]:
    """No more than 2 GiB beyond what the process has already (Linux only; elsewhere the sizes are still refused)."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("limited_memory")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_runs_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "files"
    work = tmp_path / "work"
    files.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    path = HOSTILE[name](files)
    modules, threads = set(sys.modules), threading.active_count()
    there = sorted(files.iterdir())
    started = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        models.open(path, device="cpu", precision="float32", num_upsampling_layers="normal")
    assert time.process_time() - started < LONGEST
    assert list(work.iterdir()) == [], "something was written"
    assert sorted(files.iterdir()) == there
    assert not {"antigravity", "webbrowser", "runpy"} & (set(sys.modules) - modules)
    assert threading.active_count() == threads
    said = str(caught.value)
    assert 20 < len(said) < 600
    assert "\n" not in said
    assert not (Path.home() / CANARY).exists()


def test_there_are_many_hostile_files() -> None:
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize("name", [name for name in PAYLOADS if "os.system" in name or "builtins" in name])
def test_the_payloads_are_real(name: str) -> None:
    """Python's own tools read them as pickles, so it is not their form that keeps them from running."""
    assert is_a_pickle(PAYLOADS[name])


def test_what_was_to_be_run_is_named(tmp_path: Path) -> None:
    path = HOSTILE["posix.system"](tmp_path)
    with pytest.raises(CheckpointError, match=r"asks Python for posix\.system.*nothing of it was run"):
        models.open(path)
