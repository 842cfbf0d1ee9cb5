"""Files as they lie about in real life: wrapped, renamed, halved, shortened under the reader's hands."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import models
from models.checkpoints.source import file_source
from models.errors import CheckpointError
from models.networks.rrdbnet import RRDBConfig, RRDBNet


def weights(doublings: int = 1) -> dict[str, torch.Tensor]:
    """A small upscaler under the names of BasicSR."""
    torch.manual_seed(0)
    network = RRDBNet(RRDBConfig(3, 3, 8, 4, 1, doublings))
    names = {name: name.replace("ups.0", "conv_up1").replace("ups.1", "conv_up2") for name in network.state_dict()}
    return {names[name]: torch.randn(tensor.shape) / 10 for name, tensor in network.state_dict().items()}


def weights_of_2018() -> dict[str, torch.Tensor]:
    """The same network under the names of 2018."""
    found = {}
    for name, tensor in weights().items():
        new = name.replace("conv_first", "model.0").replace("body.0.rdb", "model.1.sub.0.RDB")
        new = new.replace("conv_body", "model.1.sub.1").replace("conv_up1", "model.3").replace("conv_hr", "model.5")
        new = new.replace("conv_last", "model.7")
        if ".RDB" in new:
            head, _, kind = new.rpartition(".")
            new = f"{head}.0.{kind}"
        found[new] = tensor
    return found


def pixels(path: Path, **answers: str) -> np.ndarray:  # type: ignore[type-arg]
    photo = np.random.default_rng(0).random((8, 10, 3), np.float32)
    result: np.ndarray = models.open(path, device="cpu", precision="float32", **answers).upscale(photo)  # type: ignore[union-attr,type-arg]
    return result


@pytest.fixture
def plain(tmp_path: Path) -> np.ndarray:  # type: ignore[type-arg]
    torch.save(weights(), tmp_path / "plain.pth")
    return pixels(tmp_path / "plain.pth")


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in weights().items()}


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(lambda: prefixed("module."), id="DataParallel"),
        pytest.param(lambda: prefixed("_orig_mod."), id="torch.compile"),
        pytest.param(lambda: prefixed("module._orig_mod."), id="both"),
        pytest.param(lambda: {"state_dict": prefixed("netG."), "epoch": 3, "pytorch-lightning_version": "2.0"}, id="lightning"),
        pytest.param(lambda: {"params": {}, "params_ema": weights(), "iter": 5}, id="an average beside nothing"),
        pytest.param(lambda: {"params": weights(), "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}}}, id="optimizer"),
        pytest.param(lambda: {"model": {"state_dict": weights()}}, id="two nests"),
        pytest.param(lambda: OrderedDict(sorted(weights().items())), id="sorted"),
        pytest.param(lambda: {name: t.requires_grad_() for name, t in weights().items()}, id="gradients wanted"),
        pytest.param(lambda: {name: torch.nn.Parameter(t) for name, t in weights().items()}, id="parameters"),
        pytest.param(lambda: {name: t.double() for name, t in weights().items()}, id="double precision"),
        pytest.param(
            lambda: {name: t.transpose(0, -1).contiguous().transpose(0, -1) for name, t in weights().items()}, id="turned strides"
        ),
    ],
)
def test_what_training_programs_wrap_around_weights_is_taken_off(held: object, plain: object, tmp_path: Path) -> None:
    torch.save(held(), tmp_path / "wrapped.pth")  # type: ignore[operator]
    assert np.allclose(pixels(tmp_path / "wrapped.pth"), plain, atol=1e-6)  # type: ignore[arg-type]


def test_metadata_of_modules_does_not_matter(plain: object, tmp_path: Path) -> None:
    held = OrderedDict(weights())
    held._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    torch.save(held, tmp_path / "meta.pth")
    assert np.allclose(pixels(tmp_path / "meta.pth"), plain)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_halved_weights_open_and_look_nearly_the_same(dtype: torch.dtype, ending: str, plain: object, tmp_path: Path) -> None:
    halved = {name: tensor.to(dtype) for name, tensor in weights().items()}
    path = tmp_path / f"half.{ending}"
    if ending == "pth":
        torch.save(halved, path)
    else:
        save_file(halved, path)
    assert np.abs(pixels(path) - plain).max() < 0.05  # type: ignore[operator]


@pytest.mark.parametrize(
    "name", ["weights", "model.pkl", "model.safetensors", "photo.jpg", "mödel ✓.bin", "a" * 200 + ".pth", ".pth"]
)
def test_a_file_is_told_by_its_bytes_whatever_its_name(name: str, plain: object, tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "file")
    (tmp_path / "file").rename(tmp_path / name)
    assert np.allclose(pixels(tmp_path / name), plain)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda found: found.update({"conv_first.weight": torch.full((8, 3, 3, 3), torch.nan)}), id="not a number"),
        pytest.param(lambda found: found.update({"conv_first.weight": torch.full((8, 3, 3, 3), torch.inf)}), id="infinite"),
        pytest.param(lambda found: found.update({"conv_first.bias": torch.zeros(8, dtype=torch.int8)}), id="whole numbers"),
        pytest.param(lambda found: found.update({"conv_first.weight": torch.zeros(8, 3, 3)}), id="a dimension short"),
        pytest.param(lambda found: found.update({"conv_last.weight": torch.zeros(0, 8, 3, 3)}), id="no channels"),
        pytest.param(lambda found: found.pop("conv_hr.bias"), id="one missing"),
        pytest.param(lambda found: found.update({"body.0.rdb1.conv1.weight_orig": torch.zeros(4, 8, 3, 3)}), id="one more"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_in_words(change: object, tmp_path: Path) -> None:
    found = weights()
    change(found)  # type: ignore[operator]
    torch.save(found, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError) as caught:
        models.open(tmp_path / "bad.pth")
    assert len(str(caught.value)) < 400


def test_a_file_that_is_shortened_after_it_was_opened_cannot_end_the_program(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(bytes(range(256)) * 4096)
    source = file_source(path)
    os.truncate(path, 10)
    assert bytes(source.data[-256:]) == bytes(range(256))


def test_a_file_that_became_shorter_meanwhile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"x" * 5000)
    found = os.stat(path)

    def before(handle: int) -> os.stat_result:
        os.truncate(path, 100)
        return found

    monkeypatch.setattr("models.checkpoints.source.os.fstat", before)
    with pytest.raises(CheckpointError, match="became shorter"):
        file_source(path)


def test_a_network_of_2018_is_for_twice_unless_its_name_says_thrice(plain: object, tmp_path: Path) -> None:
    for name in ("some.pth", "2x_some.pth", "box3d.pth"):
        torch.save(weights_of_2018(), tmp_path / name)
        assert np.allclose(pixels(tmp_path / name), plain)  # type: ignore[arg-type]
    for name in ("3x_some.pth", "some-x3.pth", "some_X3_g.pth"):
        torch.save(weights_of_2018(), tmp_path / name)
        with pytest.raises(CheckpointError, match="three times"):
            models.open(tmp_path / name)
        assert np.allclose(pixels(tmp_path / name, scale="2"), plain)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="three times"):
        models.open(tmp_path / "some.pth", scale="3")
    assert "x3" in models.open(tmp_path / "some.pth").card.limits
