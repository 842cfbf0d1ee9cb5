"""What every generator understands alike: seeds, truncation, labels, mixing, directions, and what it refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from models.card import Card
from models.errors import BadInput, BadPicture
from models.folders import state_folder
from models.latent import LatentModel, z_of_seed
from models.latents.directions import Direction, edit
from models.latents.principal import COUNT, principal_directions, strongest
from models.precision import Runtime
from models.steps import Steps, drain
from tests.models.small_faces import small_network

CPU = Runtime(torch.device("cpu"), torch.float32)


class Toy:
    """The smallest generator there can be: three latents of four numbers, five classes, a picture that shows all of them."""

    z_dim, w_dim, num_ws, classes, resolution, previews, layer_sizes = 4, 4, 3, 5, 8, (4,), (4, 8, 8)
    noisy = False

    def __init__(self, runtime: Runtime, broken: bool = False) -> None:
        self.runtime, self.broken = runtime, broken

    def average(self) -> torch.Tensor:
        return torch.tensor([1.0, 2.0, 3.0, 4.0])

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        assert label is not None
        return z + 10 * label.argmax(1, keepdim=True) + label.sum(1, keepdim=True)

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        yield
        side = resolution or self.resolution
        spoilt = self.broken and self.runtime.dtype is not torch.float32
        value = torch.nan if spoilt else 0.01
        return (ws.sum((1, 2)) * value)[:, None, None, None] * torch.linspace(0, 1, side).expand(len(ws), 3, side, side)


def toy(broken: bool = False, runtime: Runtime = CPU) -> LatentModel:
    return LatentModel(Card("toy", "Toy", "latent", "toy"), lambda chosen: Toy(chosen, broken), runtime)


def test_a_seed_gives_the_latent_of_the_published_scripts() -> None:
    assert np.array_equal(z_of_seed(85, 512), np.random.RandomState(85).randn(1, 512).astype(np.float32))
    assert toy().z_of_seed(1).shape == (1, 4)
    for seed in (-1, 2**32):
        with pytest.raises(BadInput, match="4294967295"):
            z_of_seed(seed, 4)


def test_truncation_pulls_the_first_latents_to_the_average() -> None:
    model, z = toy(), z_of_seed(1, 4)
    full = model.map(z)
    assert full.shape == (1, 3, 4)
    assert full.dtype == np.float32
    assert np.allclose(model.map(z, psi=0.5), model.average + 0.5 * (full - model.average))
    cut = model.map(z, psi=0.0, cutoff=2)
    assert np.allclose(cut[:, :2], model.average)
    assert np.array_equal(cut[:, 2:], full[:, 2:])


def test_a_label_is_a_number_or_a_one_hot_array() -> None:
    model, z = toy(), np.concatenate([z_of_seed(1, 4), z_of_seed(2, 4)])
    two = model.map(z, 2)
    one_hot = np.eye(5, dtype=np.float32)[2]
    assert np.array_equal(two, model.map(z, one_hot))
    assert np.array_equal(two, model.map(z, np.stack([one_hot, one_hot])))
    assert np.array_equal(model.map(z), model.map(z, 0))
    for wrong in (5, -1, np.zeros(4), np.zeros((3, 5)), np.full(5, np.nan), np.zeros((1, 2, 5))):
        with pytest.raises(BadInput):
            model.map(z, wrong)


@pytest.mark.parametrize("z", [np.zeros(4), np.zeros((1, 5)), np.full((1, 4), np.inf)])
def test_latents_that_do_not_fit_are_refused(z: np.ndarray) -> None:
    with pytest.raises(BadInput, match="latents z"):
        toy().map(z)


def test_what_cannot_be_synthesized_is_refused_in_words() -> None:
    model = toy()
    ws = model.map(model.z_of_seed(1))
    for wrong in (ws[0], ws[:, :2], ws[:0], np.full_like(ws, np.nan)):
        with pytest.raises(BadInput, match="atents"):
            model.synthesize(wrong)
    with pytest.raises(BadInput, match="const, random, none"):
        model.synthesize(ws, noise="loud")
    with pytest.raises(BadInput, match="4, 8 px"):
        model.synthesize(ws, resolution=5)
    with pytest.raises(BadInput, match="noise seed"):
        model.synthesize(ws, noise_seed=-1)


def test_pictures_are_floats_or_levels_and_previews_are_small() -> None:
    model = toy()
    ws = np.ones((2, 3, 4), np.float32)
    assert model.synthesize(ws).shape == (2, 3, 8, 8)
    assert model.synthesize(ws, resolution=8).shape == (2, 3, 8, 8)
    assert model.synthesize(ws, resolution=4).shape == (2, 3, 4, 4)
    picture = drain(model.picture_steps(ws[:1]))
    assert picture.shape == (8, 8, 3)
    assert picture.dtype == np.uint8
    assert picture.min() == 128


def test_numbers_that_make_no_picture_are_tried_again_in_float32_once_and_for_all() -> None:
    model = toy(broken=True, runtime=Runtime(torch.device("cpu"), torch.bfloat16))
    assert model.runtime.precision == "bfloat16"
    assert np.isfinite(model.synthesize(np.ones((1, 3, 4), np.float32))).all()
    assert model.runtime.precision == "float32"
    with pytest.raises(BadPicture):
        toy().synthesize(np.full((1, 3, 4), 1e38, np.float32))


def line(name: str, first: int, last: int) -> Direction:
    return Direction(name, name.title(), "", -3, 3, first, last, np.array([1, 0, 0, 2], np.float32))


def test_an_edit_moves_the_latents_of_its_layers_only() -> None:
    ws = np.zeros((1, 3, 4), np.float32)
    known = {"nod": line("nod", 1, 2), "age": line("age", 0, 0)}
    moved = edit(ws, known, {"nod": 2.0, "age": -1.0})
    assert moved[0].tolist() == [[-1, 0, 0, -2], [2, 0, 0, 4], [2, 0, 0, 4]]
    assert not ws.any()
    with pytest.raises(BadInput, match="nod, age"):
        edit(ws, known, {"smile": 1.0})
    with pytest.raises(BadInput):
        edit(ws, known, {"nod": float("nan")})


def test_principal_directions_are_the_axes_of_greatest_spread() -> None:
    draw = np.random.RandomState(0)
    axes = np.linalg.qr(draw.randn(20, 20))[0]
    spread = np.array([5.0, 3.0, 2.0, *np.full(17, 0.5)])
    steps, shares = strongest(((draw.randn(20_000, 20) * spread) @ axes.T).astype(np.float32))
    assert len(steps) == len(shares) == COUNT
    for step, axis, deviation in zip(steps, axes.T, (5.0, 3.0, 2.0), strict=False):
        assert np.linalg.norm(step) == pytest.approx(deviation, rel=0.03)
        assert abs(step @ axis) / np.linalg.norm(step) > 0.99
        assert step[np.abs(step).argmax()] > 0
    assert shares[0] == pytest.approx(25 / (spread**2).sum(), rel=0.05)


def test_latents_that_vary_alike_in_all_directions_have_no_principal_ones() -> None:
    steps, shares = strongest(np.random.RandomState(0).randn(5000, 30).astype(np.float32))
    assert len(steps) == len(shares) == 0
    assert len(strongest(np.ones((50, 4), np.float32))[0]) == 0


def test_principal_directions_are_computed_once_a_machine() -> None:
    asked = []

    def sample() -> np.ndarray:
        asked.append(1)
        return np.random.RandomState(0).randn(500, 8).astype(np.float32) * np.array([9, 3, 2, 1, 1, 1, 1, 1], np.float32)

    first = principal_directions(sample, 6, b"one")
    again = principal_directions(sample, 6, b"one")
    principal_directions(sample, 6, b"other")
    assert len(asked) == 2
    assert [(a.name, a.title, a.first, a.last) for a in first] == [(a.name, a.title, a.first, a.last) for a in again]
    assert all(np.array_equal(a.step, b.step) for a, b in zip(first, again, strict=True))
    assert first[0].name == "principal-1"
    assert "%" in first[0].remark


def test_a_full_disk_takes_no_directions_away_and_keeps_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    w = np.random.RandomState(0).randn(500, 3).astype(np.float32) * np.array([9, 2, 1], np.float32)
    assert principal_directions(lambda: w, 6, b"one")
    assert list((state_folder() / "directions").iterdir()) == []


def test_damaged_directions_on_disk_are_computed_again() -> None:
    def sample() -> np.ndarray:
        return np.random.RandomState(0).randn(500, 3).astype(np.float32) * np.array([9, 2, 1], np.float32)

    principal_directions(sample, 6, b"one")
    (kept,) = Path(state_folder() / "directions").iterdir()
    whole = load_file(kept)
    kept.write_bytes(b"nothing")
    principal_directions(sample, 6, b"one")
    assert np.array_equal(load_file(kept)["steps"], whole["steps"])


def test_a_model_without_named_directions_offers_principal_ones() -> None:
    from models.networks.mobilestylegan_fast import FastMobileStyleGAN

    network = small_network()
    card = Card("small", "Small", "latent", "mobilestylegan", sha256="ab")
    model = LatentModel(card, lambda runtime: FastMobileStyleGAN(network, {}, runtime), CPU)
    assert model.directions[0].name == "principal-1"
    assert (model.directions[0].first, model.directions[0].last) == (0, model.num_ws - 1)
    ws = model.map(model.z_of_seed(1))
    moved = model.edit(ws, {"principal-1": 2.0})
    assert np.allclose(moved - ws, 2 * model.directions[0].step, atol=1e-5)
