"""The frozen trunk: batch norms fold away without a trace, strides are what they say."""

from importlib.resources import as_file, files

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from models.networks.efficientnet_lite import CHANNELS, STRIDES, EfficientNetLite, fold_published
from models.training.trunk import read_trunk


def test_features_have_the_sizes_and_channels_of_their_strides() -> None:
    features = EfficientNetLite()(torch.rand(1, 3, 64, 96))
    assert {s: tuple(f.shape[1:]) for s, f in features.items()} == {s: (CHANNELS[s], 64 // s, 96 // s) for s in STRIDES}


def test_a_shorter_trunk_gives_the_same_features_as_far_as_it_goes() -> None:
    trunk = read_trunk()
    short = EfficientNetLite(16)
    short.load_state_dict({k: v for k, v in trunk.state_dict().items() if k in short.state_dict()})
    photo = torch.rand(1, 3, 64, 64) * 2 - 1
    whole = trunk(photo)
    for stride, feature in short(photo).items():
        torch.testing.assert_close(feature, whole[stride])
    assert set(trunk(photo, 8)) == {2, 4, 8}


def test_the_gradient_reaches_the_picture_and_stops_at_the_weights() -> None:
    trunk = read_trunk()
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    trunk(picture)[32].sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert all(p.grad is None for p in trunk.parameters())


def test_autocast_leaves_the_first_features_exact_and_the_gradient_of_the_last_near_what_it_was() -> None:
    trunk = read_trunk()
    where = files("resources") / "samples" / "looks" / "noon.webp"
    with as_file(where) as path:
        photo = np.asarray(Image.open(path).convert("RGB").resize((128, 128)))
    picture = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    signs = torch.randn(1, CHANNELS[32], 4, 4, generator=torch.Generator().manual_seed(0))

    def seen(bfloat16: bool) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
        x = picture.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            features = trunk(x)
        (features[32].float() * signs).sum().backward()
        assert x.grad is not None
        return features, x.grad.flatten()

    (exact, gradient), (rounded, other) = seen(False), seen(True)
    assert all(torch.equal(exact[s], rounded[s]) for s in (2, 4))
    assert rounded[16].dtype == torch.bfloat16
    assert float(F.cosine_similarity(gradient, other, dim=0)) > 0.9


def published() -> dict[str, torch.Tensor]:
    """Made-up weights under the names of the published package."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}

    def layer(conv: str, norm: str, shape: tuple[int, ...]) -> None:
        state[f"{conv}.weight"] = torch.randn(shape, generator=generator) / (shape[1] * shape[2] * shape[3]) ** 0.5
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = torch.rand(shape[0], generator=generator) + 0.5

    layer("_conv_stem", "_bn0", (32, 3, 3, 3))
    for i, block in enumerate(EfficientNetLite().blocks):
        if block.expand is not None:
            layer(f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", tuple(block.expand.weight.shape))
        layer(f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", tuple(block.depthwise.weight.shape))
        layer(f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", tuple(block.project.weight.shape))
    return state


def test_folded_norms_are_those_of_the_published_network() -> None:
    state = published()
    trunk = EfficientNetLite(2)
    trunk.load_state_dict({k: v for k, v in fold_published(state).items() if k in trunk.state_dict()})

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        parts = (state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts, eps=1e-3)  # type: ignore[arg-type]

    photo = torch.rand(1, 3, 32, 32)
    x = F.relu6(norm("_bn0", F.conv2d(F.pad(photo, (0, 1, 0, 1)), state["_conv_stem.weight"], stride=2)))
    x = F.relu6(norm("_blocks.0._bn1", F.conv2d(x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32)))
    x = norm("_blocks.0._bn2", F.conv2d(x, state["_blocks.0._project_conv.weight"]))
    torch.testing.assert_close(trunk(photo)[2], x, rtol=1e-4, atol=1e-4)


def test_an_unknown_stride_is_refused() -> None:
    with pytest.raises(ValueError):
        EfficientNetLite(7)
