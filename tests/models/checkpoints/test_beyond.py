"""What spandrel knows beyond our own families, where it is installed: its networks, our reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import models
from models.card import Card
from models.catalogue import Catalogue
from models.checkpoints.families import beyond
from models.errors import CheckpointError
from models.opening import assemble


@pytest.fixture
def span(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    """A small random network of an architecture that we have none of, saved as its training would."""
    pytest.importorskip("spandrel", reason="the extra spandrel is not installed")
    from spandrel.architectures.SPAN import SPAN

    torch.manual_seed(0)
    network = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2).eval()
    torch.save({"params": network.state_dict()}, tmp_path / "2x_span.pth")
    return tmp_path / "2x_span.pth", network


def test_a_foreign_architecture_opens_and_enlarges(span: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, network = span
    photo = np.random.RandomState(0).rand(24, 36, 3).astype(np.float32)
    model: Any = models.open(path, device="cpu")
    assert (model.card.family, model.scale) == ("spandrel", 2)
    with torch.no_grad():
        want = network(torch.from_numpy(photo).permute(2, 0, 1)[None])[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert np.abs(model.upscale(photo) - want).max() < 1e-4
    catalogue = Catalogue(tmp_path / "home")
    (name,) = catalogue.add(path)
    entry = catalogue.find(name)
    assert entry is not None
    again: Any = models.open(entry.weights, device="cpu")
    assert np.abs(again.upscale(photo) - want).max() < 1e-4


def test_a_network_larger_than_its_file_is_stopped_before_it_takes_memory() -> None:
    with pytest.raises(CheckpointError, match="far larger than the file"), beyond._Bounded(1 << 20):
        torch.empty(1 << 24)
    with beyond._Bounded(1 << 20):
        small = torch.nn.Linear(100, 100)
        small.load_state_dict(small.state_dict())


def test_without_the_package_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond, "_installed", lambda: False)
    with pytest.raises(CheckpointError, match=r"pip install 'ganvas\[spandrel\]'"):
        assemble(Card("x", "x", "upscaling", "spandrel", {"architecture": "SPAN"}, scale=2), {})
