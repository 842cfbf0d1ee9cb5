"""StyleGAN2, StyleGAN3 and R3GAN: published spellings give their references, fast networks give what the plain ones give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import models
from models.card import Card
from models.catalogue import Catalogue
from models.checkpoints.families import r3gan as r3gan_family
from models.checkpoints.families import stylegan2 as stylegan2_family
from models.checkpoints.families import stylegan3 as stylegan3_family
from models.checkpoints.family import Contents
from models.errors import CheckpointError
from models.latent import LatentModel
from models.networks import rows, stylegan2_fast, winograd
from models.networks.r3gan import R3GAN, FastR3GAN, StageShape
from models.networks.r3gan import Shape as R3GANShape
from models.networks.stylegan2 import Shape as StyleGAN2Shape
from models.networks.stylegan2 import StyleGAN2
from models.networks.stylegan2_fast import FastStyleGAN2
from models.networks.stylegan3 import LayerShape, StyleGAN3
from models.networks.stylegan3 import Shape as StyleGAN3Shape
from models.networks.stylegan3_fast import FastStyleGAN3
from models.precision import Runtime
from models.steps import drain

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
CPU = Runtime(torch.device("cpu"), torch.float32)

# File, noise, the golden's picture, and whether it holds latents w.
PUBLISHED = [
    ("stylegan2-ada/orig-32.pkl", "const", "img_const", True),
    ("stylegan2-tf/config-e-resnet-32.pkl", "const", "img_const", True),
    ("rosinality/train-2020-01-32.pt", "none", "img_none", True),
    ("stylegan3/r-64.pkl", "none", "img", True),
    ("r3gan/published-cond5-32.pkl", "none", "img", False),
]


@pytest.mark.parametrize(("file", "noise", "picture", "has_w"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_a_published_spelling_gives_its_reference_before_and_after_it_was_added(
    file: str, noise: str, picture: str, has_w: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the canary in a pickle would write, were it run
    path = FIXTURES / file
    golden = np.load(path.parent / f"{path.stem}.io.npz", allow_pickle=False)
    (name,) = Catalogue().add(path)
    for place in (path, name):
        model = models.open(place, device="cpu", precision="float32")
        assert isinstance(model, LatentModel)
        label = golden["c"] if golden["c"].shape[1] else None
        ws = model.map(golden["z"], label)
        if has_w:
            assert np.abs(ws - golden["w"]).max() < 1e-4
        want = golden[picture]
        assert np.abs(model.synthesize(ws[: len(want)], noise) - want).max() < 2e-4
        one, other = (model.synthesize(ws[:1], "random", seed) for seed in (1, 2))
        assert model.noisy == (not np.array_equal(one, other))
    assert not list(tmp_path.rglob("GANVAS_CANARY"))


def filled(network: torch.nn.Module, seed: int = 0) -> Any:
    """The network with random weights of about the size that keeps activations near one."""
    torch.manual_seed(seed)
    for name, tensor in network.state_dict().items():
        tensor.copy_(torch.randn(tensor.shape) / max(1, tensor[0].numel() if tensor.ndim > 1 else 1) ** 0.5)
        if name.endswith("style.bias"):
            tensor.add_(1.0)
        if name.endswith("kernel"):
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
            tensor.div_(tensor.sum())  # not symmetrical, so that a turned kernel shows
        if name.endswith("filter"):
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
            tensor.div_(tensor.sum())
        if name.endswith("magnitude"):
            tensor.fill_(0.7)
        if name.endswith("input.affine.bias"):
            tensor.copy_(torch.tensor([1.0, 0.3, 0.1, -0.2]))
    return network.eval().requires_grad_(False)


def stylegan2(architecture: str = "skip", clamp: float = 0.0, colours: int = 3) -> StyleGAN2:
    shape = StyleGAN2Shape(
        ((20, 16), (16, 16)),
        (16, 16, 12, 8, 8),
        colours,
        architecture,
        classes=3,
        embedding=4,
        clamp=clamp,  # type: ignore[arg-type]
    )
    network: StyleGAN2 = filled(StyleGAN2(shape))
    return network


def stylegan3(radial: bool = False, clamp: float = 0.0) -> StyleGAN3:
    layers = (LayerShape(36, 2, 2), LayerShape(52, 4, 2), LayerShape(32, 2, 2), LayerShape(32, 1, 1))
    shape = StyleGAN3Shape(((16, 16), (16, 16)), layers, 36, 16.0, 2.0, 0.25, clamp)
    kernel = 1 if radial else 3
    sizes = {"input.weight": torch.Size((12, 12))}
    for number, (before, after) in enumerate(((12, 12), (12, 8), (8, 8))):
        sizes[f"layers.{number}.weight"] = torch.Size((after, before, kernel, kernel))
        sizes[f"layers.{number}.up_filter"] = torch.Size((6 * layers[number].up,))
        sizes[f"layers.{number}.down_filter"] = torch.Size((12, 12) if radial and number < 2 else (12,))
    sizes["layers.3.weight"] = torch.Size((3, 8, 1, 1))
    network: StyleGAN3 = filled(StyleGAN3(shape, sizes))
    return network


def r3gan(taps: int = 4) -> R3GAN:
    stages = (StageShape(12, 24, 4, 1), StageShape(12, 24, 4, 2), StageShape(8, 16, 2, 1), StageShape(8, 16, 4, 1))
    network: R3GAN = filled(R3GAN(R3GANShape(16, stages, taps, 3, 5, 6)))
    return network


def off(got: torch.Tensor, want: torch.Tensor) -> float:
    assert got.shape == want.shape
    return float((got - want).abs().max() / (want.max() - want.min()))


def run(fast: Any, ws: torch.Tensor, noise: str = "const", seed: int = 0, size: int | None = None) -> torch.Tensor:
    with torch.inference_mode():
        picture: torch.Tensor = drain(fast.synthesize(ws, noise, seed, size))
    return picture


def latents(network: Any, count: int = 2) -> torch.Tensor:
    torch.manual_seed(7)
    return torch.randn(count, network.shape.num_ws, network.shape.w_dim)


@pytest.fixture(params=[1, 1 << 10, 1 << 20], ids=["thin strips", "strips", "whole"])
def strips(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "STRIP_VALUES", request.param)
    monkeypatch.setattr(stylegan2_fast, "STRIP_VALUES", request.param)


def test_a_dense_layer_is_computed_in_groups_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    network = stylegan2()
    ws = latents(network, 1)
    whole = list(FastStyleGAN2(network, CPU).synthesize(ws, "const", 0, None))
    monkeypatch.setattr(stylegan2_fast, "PIECE", 1e3)
    monkeypatch.setattr(stylegan2_fast, "FEWEST_CHANNELS", 4)
    fast = FastStyleGAN2(network, CPU)
    assert len(list(fast.synthesize(ws, "const", 0, None))) > len(whole)
    assert off(run(fast, ws), network(ws, network.noise_planes())) < 1e-5


@pytest.mark.usefixtures("strips")
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("clamp", [0.0, 1.5], ids=["free", "clamped"])
def test_the_fast_stylegan2_gives_the_plain_picture(architecture: str, clamp: float) -> None:
    network = stylegan2(architecture, clamp)
    ws = latents(network)
    assert off(run(FastStyleGAN2(network, CPU), ws), network(ws, network.noise_planes())) < 1e-5
    assert off(run(FastStyleGAN2(network, CPU), ws, "none"), network(ws, [None] * len(network.layers))) < 1e-5


@pytest.mark.usefixtures("strips")
@pytest.mark.skipif(not winograd.has_onednn(), reason="this torch was built without oneDNN")
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_wide_layers_of_stylegan2_by_winograd_give_the_plain_picture(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 4)
    monkeypatch.setattr(winograd, "FEWEST_PIXELS", 64)
    network = stylegan2(architecture, 1.5)
    ws = latents(network)
    assert off(run(FastStyleGAN2(network, CPU), ws), network(ws, network.noise_planes())) < 1e-5


def test_lower_levels_of_a_skip_network_are_its_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylegan2_fast, "SMALLEST_PREVIEW", 16)
    network = stylegan2()
    fast, ws = FastStyleGAN2(network, CPU), latents(network)
    assert fast.previews == (16, 32)
    assert off(run(fast, ws, size=16), network(ws, network.noise_planes(), levels=3)) < 1e-5
    assert FastStyleGAN2(stylegan2("resnet"), CPU).previews == ()


def test_random_noise_follows_its_seed() -> None:
    network = stylegan2()
    fast, ws = FastStyleGAN2(network, CPU), latents(network, 1)
    const, one, again, two = (run(fast, ws, *how) for how in (("const",), ("random", 1), ("random", 1), ("random", 2)))
    assert torch.equal(one, again)
    assert not torch.equal(one, two)
    assert not torch.equal(one, const)


def test_a_grey_stylegan_shows_as_colour() -> None:
    network = stylegan2(colours=1)
    picture = run(FastStyleGAN2(network, CPU), latents(network))
    assert picture.shape == (2, 3, 64, 64)
    assert torch.equal(picture[:, 0], picture[:, 2])


@pytest.mark.usefixtures("strips")
@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
@pytest.mark.parametrize("clamp", [0.0, 0.5], ids=["free", "clamped"])
def test_the_fast_stylegan3_gives_the_plain_picture(radial: bool, clamp: float) -> None:
    network = stylegan3(radial, clamp)
    ws = latents(network)
    assert off(run(FastStyleGAN3(network, CPU), ws), network(ws)) < 1e-5


@pytest.mark.usefixtures("strips")
@pytest.mark.parametrize("taps", [3, 4])
def test_the_fast_r3gan_gives_the_plain_picture(taps: int) -> None:
    network = r3gan(taps)
    fast = FastR3GAN(network, CPU)
    z, label = torch.randn(2, 16), torch.eye(5)[[1, 3]]
    w = fast.map(z, label)
    assert torch.equal(w[:, :16], z)
    assert off(run(fast, w[:, None]), network(w)) < 1e-5
    assert not fast.average().any()


@pytest.mark.parametrize(
    ("make", "fast"),
    [(stylegan2, FastStyleGAN2), (stylegan3, FastStyleGAN3), (r3gan, FastR3GAN)],
    ids=["stylegan2", "stylegan3", "r3gan"],
)
def test_bfloat16_stays_close_and_a_picture_can_be_dropped(make: Callable[[], Any], fast: Callable[..., Any]) -> None:
    network = make()
    half = fast(network, Runtime(torch.device("cpu"), torch.bfloat16))
    exact = fast(network, CPU)
    ws = torch.randn(1, exact.num_ws, exact.w_dim)
    want = run(exact, ws)
    assert float((run(half, ws) - want).abs().mean() / (want.max() - want.min())) < 0.01
    steps = exact.synthesize(ws, "const", 0, None)
    next(steps)
    steps.close()


def families() -> list[tuple[str, Any, Any, dict[str, Any]]]:
    two, three, plain = stylegan2(clamp=2.0), stylegan3(), r3gan()
    return [
        ("stylegan2-ada", stylegan2_family.FAMILY, two, two.shape.to_config()),
        ("stylegan3", stylegan3_family.FAMILY, three, three.shape.to_config()),
        ("r3gan", r3gan_family.FAMILY, plain, plain.shape.to_config()),
    ]


@pytest.mark.parametrize(("name", "family", "network", "config"), families(), ids=[row[0] for row in families()])
def test_weights_and_cards_that_do_not_fit_are_refused_in_words(
    name: str, family: Any, network: Any, config: dict[str, Any]
) -> None:
    tensors = dict(network.state_dict())
    card = Card("x", "X", "latent", name, config)
    assert isinstance(family.assemble(card, tensors, CPU), LatentModel)
    telling = ("embed", "mapping.layers.0.weight", "mix.weight", "filter")  # shapes follow from these: less is another network
    for key in (key for key in tensors if not any(part in key for part in telling)):
        missing = {other: tensor for other, tensor in tensors.items() if other != key}
        with pytest.raises(CheckpointError):
            family.assemble(card, missing, CPU)
        if tensors[key].ndim:
            with pytest.raises(CheckpointError):
                family.assemble(card, {**tensors, key: tensors[key][..., :-1]}, CPU)
        with pytest.raises(CheckpointError):
            family.assemble(card, {**tensors, key: torch.full_like(tensors[key], torch.nan)}, CPU)
    with pytest.raises(CheckpointError):
        family.assemble(card, {**tensors, "stranger": torch.zeros(1)}, CPU)


@pytest.mark.parametrize(
    "told",
    [
        {"layers": [[10**9, 2, 2]] * 4},
        {"layers": [[2048, 8, 8]] * 4},
        {"layers": [[36, 0, 2]] * 4},
        {"layers": [[36, 2, 5]] * 4},
        {"layers": "many"},
        {"layers": []},
        {"layers": [[36, 2, 2]] * 3},
        {"input_size": -1},
        {"input_size": True},
        {"sampling_rate": 1.0},
        {"sampling_rate": float("nan")},
        {"scale": "much"},
        {"clamp": -1},
    ],
)
def test_a_card_that_claims_impossible_sizes_is_refused_before_anything_is_allocated(told: dict[str, Any]) -> None:
    network = stylegan3()
    card = Card("x", "X", "latent", "stylegan3", {**network.shape.to_config(), **told})
    with pytest.raises(CheckpointError):
        stylegan3_family.FAMILY.assemble(card, dict(network.state_dict()), CPU)


@pytest.mark.parametrize("clamp", ["much", -1, float("nan"), True, [1]])
def test_a_limit_that_is_no_number_is_refused(clamp: object) -> None:
    network = stylegan2()
    card = Card("x", "X", "latent", "stylegan2-ada", {"clamp": clamp})
    with pytest.raises(CheckpointError, match="limit"):
        stylegan2_family.FAMILY.assemble(card, dict(network.state_dict()), CPU)


def nvidia_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The bare tensors of a pickle's generator, as people save them alone."""
    from models.checkpoints.families.nvidia import generator_of
    from models.checkpoints.reading import read

    found = generator_of(read(path))
    assert found is not None
    return found.tensors


@pytest.mark.parametrize("file", ["stylegan2-ada/orig-32.pkl", "stylegan3/r-64.pkl"])
def test_tensors_alone_are_opened_with_the_published_settings(file: str) -> None:
    path = FIXTURES / file
    golden = np.load(path.parent / f"{path.stem}.io.npz", allow_pickle=False)
    contents = Contents("safetensors", nvidia_state_dict(path), "alone.safetensors", "ab")
    family = next(f for f in (stylegan2_family.FAMILY, stylegan3_family.FAMILY) if f.recognises(contents))
    card, tensors = family.convert(contents, {})
    model = family.assemble(card, tensors, CPU)
    ws = model.map(golden["z"])
    assert np.abs(ws - golden["w"]).max() < 1e-4
    want = golden["img_const" if "img_const" in golden else "img"]
    assert np.abs(model.synthesize(ws[: len(want)]) - want).max() < 2e-4


@pytest.mark.parametrize("missing", ["mapping.fc0.bias", "mapping.fc1.bias", "mapping.fc0.weight", "synthesis.b4.const"])
def test_a_generator_with_a_part_missing_is_refused_and_soon(missing: str) -> None:
    tensors = nvidia_state_dict(FIXTURES / "stylegan2-ada/orig-32.pkl")
    contents = Contents("safetensors", {k: v for k, v in tensors.items() if k != missing}, "part.safetensors", "ab")
    with pytest.raises(CheckpointError):
        stylegan2_family.FAMILY.convert(contents, {})
