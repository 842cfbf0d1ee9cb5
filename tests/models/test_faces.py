"""The face generator: read out of its published files, the fast network held to the plain one, both to the published goldens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models.card import Card
from models.catalogue import Catalogue
from models.checkpoints.families.mobilestylegan import FAMILY
from models.errors import BadInput, CheckpointError
from models.folders import data_folder
from models.latent import LatentModel
from models.latents.fitted import fitted_average
from models.networks import mobilestylegan_fast
from models.networks.mobilestylegan import MobileStyleGAN
from models.networks.mobilestylegan_fast import FastMobileStyleGAN, drawn_noise
from models.networks.mobilestylegan_preview import FastPreview, fitted_preview
from models.networks.wavelets import haar_order
from models.precision import Runtime
from models.steps import drain
from tests.models.small_faces import SHAPE, SIDE, small_network, write_folder, write_wheel

CPU = Runtime(torch.device("cpu"), torch.float32)
GOLDENS = Path(__file__).parents[3] / "shared" / "faces" / "goldens.npz"
PERSONAL = data_folder() / "catalogue"  # before a test moves home: where this machine's fetched models lie


@pytest.fixture(scope="module")
def plain() -> MobileStyleGAN:
    return small_network()


@pytest.fixture(scope="module")
def ws(plain: MobileStyleGAN) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(2, SHAPE.num_ws, SHAPE.w_dim)


def off(got: torch.Tensor, want: torch.Tensor) -> float:
    """Largest difference over the span of what is wanted."""
    assert got.shape == want.shape
    return float((got - want).abs().max() / (want.max() - want.min()))


def run(fast: FastMobileStyleGAN, ws: torch.Tensor, size: int | None = None, noise: str = "const", seed: int = 0) -> torch.Tensor:
    with torch.inference_mode():
        return drain(fast.synthesize(ws, noise, seed, size))


@pytest.mark.parametrize("strip", [1, 1 << 12, 1 << 20])
def test_the_fast_network_gives_the_plain_picture_however_it_is_cut(
    plain: MobileStyleGAN, ws: torch.Tensor, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mobilestylegan_fast, "STRIP_VALUES", strip)
    assert off(run(FastMobileStyleGAN(plain, {}, CPU), ws), plain(ws)) < 1e-5


def test_half_size_is_exactly_the_mean_of_four_pixels(plain: MobileStyleGAN, ws: torch.Tensor) -> None:
    fast = FastMobileStyleGAN(plain, {}, CPU)
    assert fast.previews == (SIDE // 2,)
    assert off(run(fast, ws, SIDE // 2), torch.nn.functional.avg_pool2d(plain(ws), 2)) < 1e-5


def test_bfloat16_stays_within_a_level_of_float32_on_average(plain: MobileStyleGAN, ws: torch.Tensor) -> None:
    half = FastMobileStyleGAN(plain, {}, Runtime(torch.device("cpu"), torch.bfloat16))
    want = plain(ws)
    scaled = (run(half, ws) - want).abs() / (want.max() - want.min()) * 255
    assert float(scaled.mean()) < 1


def test_a_picture_is_made_in_many_pieces_and_can_be_dropped(plain: MobileStyleGAN, ws: torch.Tensor) -> None:
    steps = FastMobileStyleGAN(plain, {}, CPU).synthesize(ws[:1], "const", 0, None)
    assert sum(1 for _ in steps) >= len(SHAPE.blocks)
    dropped = FastMobileStyleGAN(plain, {}, CPU).synthesize(ws[:1], "const", 0, None)
    next(dropped)
    dropped.close()


def test_each_latent_acts_at_its_own_resolution_only(plain: MobileStyleGAN, ws: torch.Tensor) -> None:
    assert len(SHAPE.layer_sizes) == SHAPE.num_ws
    planes = plain.noise_planes()
    for slot, side in enumerate(SHAPE.layer_sizes[:-1]):
        changed = ws[:1].clone()
        changed[:, slot] += 1
        level = (side // 4).bit_length() - 1
        if slot:  # until the block before, nothing has changed
            assert torch.equal(plain.hidden(changed, planes, level - 1), plain.hidden(ws[:1], planes, level - 1))
        assert not torch.equal(plain.hidden(changed, planes, level), plain.hidden(ws[:1], planes, level))


def test_noise_is_kept_dropped_or_drawn_anew(plain: MobileStyleGAN, ws: torch.Tensor) -> None:
    fast = FastMobileStyleGAN(plain, {}, CPU)
    const, none = run(fast, ws[:1]), run(fast, ws[:1], noise="none")
    first, again, other = (run(fast, ws[:1], noise="random", seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    pictures = [const, none, first, other]
    assert all(not torch.equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])
    quiet = plain(ws[:1], [torch.zeros_like(plane) for plane in plain.noise_planes()])
    assert off(none, quiet) < 1e-5


def test_only_noise_that_shows_is_drawn_anew(plain: MobileStyleGAN) -> None:
    planes = plain.noise_planes()
    drawn = drawn_noise(planes, "random", 5)
    rough = [float(plane.std(correction=0)) >= mobilestylegan_fast.ROUGH_NOISE for plane in planes]
    assert any(rough)
    assert not all(rough)
    assert [not torch.equal(a, b) for a, b in zip(planes, drawn, strict=True)] == rough
    largest = max(range(len(planes)), key=lambda i: planes[i].numel() * rough[i])
    assert float(drawn[largest].std()) == pytest.approx(float(planes[largest].std()), rel=0.1)


@pytest.mark.parametrize("smooth", [None, torch.tensor([0.2, 0.6, 0.2])], ids=["plain", "smoothed"])
def test_a_preview_head_is_folded_without_loss(smooth: torch.Tensor | None) -> None:
    torch.manual_seed(2)
    sizes = {"conv_a.weight": (16, 32, 1, 1), "conv_a.bias": (16,), "conv_b.weight": (8, 16, 1, 1), "conv_b.bias": (8,)}
    sizes |= {"conv_c.weight": (12, 8, 1, 1), "conv_c.bias": (12,), "conv_l.weight": (12, 32, 1, 1)}
    sizes |= {"m.weight": (32, 24), "m.bias": (32,)}
    head = {name: torch.randn(size) for name, size in sizes.items()} | ({} if smooth is None else {"smooth": smooth})
    hidden, w = torch.randn(1, 32, 32, 32), torch.randn(1, 24)
    inside = hidden[0].permute(1, 2, 0).contiguous()
    want = fitted_preview(head, hidden, w)[0]
    assert off(FastPreview(head, False, CPU)(inside, w[0]), want) < 1e-5
    ordered = inside[..., haar_order(32)].contiguous()
    assert off(FastPreview(head, True, CPU)(ordered, w[0]), want) < 1e-5


def test_the_published_files_give_the_network_back(tmp_path: Path, plain: MobileStyleGAN) -> None:
    model = models.open(write_folder(plain, tmp_path / "graphs"), device="cpu", precision="float32")
    assert isinstance(model, LatentModel)
    assert (model.resolution, model.num_ws, model.w_dim, model.classes) == (SIDE, SHAPE.num_ws, SHAPE.w_dim, 0)
    z = model.z_of_seed(7)
    want = plain(torch.from_numpy(model.map(z)))
    assert off(torch.from_numpy(model.synthesize(model.map(z))), want) < 1e-5
    with torch.inference_mode():
        assert np.abs(model.map(z)[0, 0] - plain.mapping(torch.from_numpy(z))[0].numpy()).max() < 1e-6


def test_the_same_model_has_the_same_hash_however_it_is_packed(tmp_path: Path, plain: MobileStyleGAN) -> None:
    synthesis = write_folder(plain, tmp_path / "graphs")
    wheel = write_wheel(plain, tmp_path / "small_faces-1.0-py3-none-any.whl")
    opened = [models.open(path) for path in (synthesis, synthesis.with_name("MappingNetwork.xml"), wheel)]
    assert len({model.card.sha256 for model in opened}) == 1
    assert len(opened[0].card.sha256) == 64


def test_the_average_of_a_network_without_one_is_measured(tmp_path: Path, plain: MobileStyleGAN) -> None:
    model = models.open(write_folder(plain, tmp_path))
    assert isinstance(model, LatentModel)
    seeds = np.concatenate([model.map(model.z_of_seed(seed))[:, 0] for seed in range(300)])
    assert np.abs(seeds.mean(0) - model.average).max() < 5 * seeds.std(0).max() / 300**0.5
    assert np.allclose(model.map(model.z_of_seed(1), psi=0), model.average, atol=1e-6)


def test_a_synthesis_network_without_its_mapping_says_what_is_missing(tmp_path: Path, plain: MobileStyleGAN) -> None:
    synthesis = write_folder(plain, tmp_path)
    (tmp_path / "MappingNetwork.xml").unlink()
    with pytest.raises(CheckpointError, match="mapping network is not beside it"):
        models.open(synthesis)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("start", lambda tensor: None),
        ("head.weight", lambda tensor: tensor[:3]),
        ("blocks.1.conv1.depthwise", lambda tensor: tensor[:4]),
        ("blocks.2.up.weight", lambda tensor: tensor[:5]),
        ("mapping.layers.0.weight", lambda tensor: tensor[0]),
        ("first.noise", lambda tensor: torch.zeros(1, 1, 8, 8)),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_words(plain: MobileStyleGAN, name: str, spoil: object) -> None:
    assert callable(spoil)
    tensors = dict(plain.state_dict())
    changed = spoil(tensors[name])
    if changed is None:
        del tensors[name]
    else:
        tensors[name] = changed
    with pytest.raises(CheckpointError):
        FAMILY.assemble(Card("x", "X", "latent", "mobilestylegan"), tensors, CPU)


# The published model


@pytest.fixture(scope="module")
def faces() -> LatentModel:
    entry = Catalogue(PERSONAL).find("faces")
    if entry is None:
        pytest.skip("the recommended model faces is not at hand (ganvas models get faces)")
    model = models.open(entry.weights, device="cpu", precision="float32")
    assert isinstance(model, LatentModel)
    return model


@pytest.fixture(scope="module")
def goldens() -> dict[str, np.ndarray]:
    if not GOLDENS.is_file():
        pytest.skip("the reference outputs of the face generator are not at hand")
    with np.load(GOLDENS, allow_pickle=False) as file:
        return dict(file)


def test_faces_have_the_published_latents(faces: LatentModel, goldens: dict[str, np.ndarray]) -> None:
    assert np.abs(faces.map(goldens["z"])[:, 0] - goldens["w"]).max() < 1e-4
    assert np.abs(faces.average - goldens["w_mean"]).max() < 1e-6


def test_faces_are_the_published_pictures(faces: LatentModel, goldens: dict[str, np.ndarray]) -> None:
    for i, z in enumerate(goldens["z"]):
        rgb = faces.synthesize(faces.map(z[None]))
        assert np.abs(rgb[0, :, 600:632, 440:472] - goldens["raw_crop"][i]).max() < 1e-4 * 2
        small = rgb[0].clip(-1, 1).reshape(3, 256, 4, 256, 4).mean((2, 4))
        levels = np.rint((small + 1) * 127.5).transpose(1, 2, 0)
        assert np.abs(levels - goldens["img256"][i].astype(float)).max() <= 1


def test_faces_previews_are_close_to_the_picture(faces: LatentModel) -> None:
    assert faces.previews == (128, 256, 512)
    average = fitted_average(faces.card.sha256)
    assert average is not None
    assert np.array_equal(average.numpy(), faces.average)
    ws = faces.map(faces.z_of_seed(3), psi=0.7)
    exact = faces.synthesize(ws)
    for side, most in ((128, 0.17), (256, 0.12), (512, 1e-5)):
        want = exact.reshape(1, 3, side, 1024 // side, side, 1024 // side).mean((3, 5))
        assert np.sqrt(np.square(faces.synthesize(ws, resolution=side) - want).mean()) < most


def test_faces_have_twenty_two_named_directions(faces: LatentModel) -> None:
    assert len(faces.directions) == 22
    ws = faces.map(faces.z_of_seed(3), psi=0.7)
    turned = faces.edit(ws, {"yaw": 2.0, "bg_light": -1.0})
    assert not np.array_equal(turned[:, :5], ws[:, :5])
    with pytest.raises(BadInput, match="yaw"):
        faces.edit(ws, {"nose": 1.0})


def test_a_bfloat16_face_is_within_a_level_on_average(faces: LatentModel) -> None:
    entry = Catalogue(PERSONAL).find("faces")
    assert entry is not None
    half = models.open(entry.weights, device="cpu", precision="bfloat16")
    assert isinstance(half, LatentModel)
    assert isinstance(half.card, Card)
    ws = faces.map(faces.z_of_seed(2), psi=0.7)
    error = np.abs(half.synthesize(ws).clip(-1, 1) - faces.synthesize(ws).clip(-1, 1)) * 127.5
    assert error.mean() < 1
