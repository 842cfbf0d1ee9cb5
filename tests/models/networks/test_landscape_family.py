"""Our landscape painters as models: opened from their card and weights, painted by map and look."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models
from models.card import Card, Label
from models.checkpoints.families.landscapes import FEATURES_UNTIL, Landscapes
from models.checkpoints.family import Contents
from models.errors import BadInput, CheckpointError
from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.landscape import FoldedGenerator, LandscapeConfig, LandscapeGenerator, StyleEncoder, noise_at
from models.painting import PaintingModel
from models.precision import Runtime
from models.steps import drain

CONFIG = LandscapeConfig(labels=4, channels=(16, 12, 8, 8), style_dim=6, embedding=8)
CARD = Card(
    "small",
    "Small",
    "painting",
    "landscapes",
    CONFIG.to_dict(),
    tuple(Label(i, f"label {i}", (i * 20, 0, 0)) for i in range(4)),
    resolution=64,
)
SAMPLES = Path(__file__).parents[3] / "resources" / "samples" / "maps"


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    parts = {"generator": LandscapeGenerator(CONFIG), "encoder": StyleEncoder(6), "features": EfficientNetLite(FEATURES_UNTIL)}
    named = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items() if "num_batches" not in k}
    return {**named, "looks.mean": torch.randn(5, 6) * 3, "looks.deviation": torch.rand(5, 6) * 0.1}


def opened() -> PaintingModel:
    return Landscapes().assemble(CARD, tensors(), Runtime(torch.device("cpu"), torch.float32))


def generator() -> LandscapeGenerator:
    network = LandscapeGenerator(CONFIG)
    own = {k.removeprefix("generator."): v for k, v in tensors().items() if k.startswith("generator.")}
    network.load_state_dict({**network.state_dict(), **own})
    return network


def one_label(height: int, width: int) -> torch.Tensor:
    shares = torch.zeros(1, 4, height, width)
    shares[:, 0] = 1
    return shares


def quarters(height: int, width: int) -> np.ndarray:
    label_map = np.zeros((height, width), np.uint8)
    label_map[: height // 2, width // 2 :], label_map[height // 2 :, : width // 2] = 1, 2
    label_map[height // 2 :, width // 2 :] = 3
    return label_map


@pytest.mark.parametrize(
    ("size", "expected"), [((512, 512), (64, 64)), ((256, 512), (48, 88)), ((3, 300), (16, 256)), ((31, 40), (56, 72))]
)
def test_a_map_is_worked_on_at_the_taught_area_in_its_own_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert opened().working_size(*size) == expected
    assert opened().paint(quarters(*size)).shape == (*size, 3)


def test_a_seed_gives_the_look_of_one_photo_and_always_the_same_one() -> None:
    model = opened()
    looks = [model.style_vector(seed) for seed in range(12)]
    known = tensors()["looks.mean"].numpy()
    nearest = {int(np.abs(known - look).sum(1).argmin()) for look in looks}
    assert len(nearest) >= 3
    assert all(np.abs(known - look).max(1).min() < 0.5 for look in looks)
    assert np.array_equal(looks[3], model.style_vector(3))


def test_a_photo_gives_its_look_at_any_size_and_a_tiny_one_is_refused() -> None:
    model = opened()
    photo = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    large = np.asarray(Image.fromarray(photo).resize((900, 600)))
    assert model.style_vector(photo).shape == (6,)
    assert np.isfinite(model.style_vector(large)).all()
    with pytest.raises(BadInput, match="too small"):
        model.style_vector(photo[:20])


@pytest.mark.parametrize(("pictures", "side"), [(1, 64), (2, 32)])
def test_a_photo_is_described_at_the_size_that_the_encoder_learnt_at(pictures: int, side: int) -> None:
    config = replace(CONFIG, pictures=pictures)
    torch.manual_seed(0)
    parts = {"generator": LandscapeGenerator(config), "encoder": StyleEncoder(6), "features": EfficientNetLite(FEATURES_UNTIL)}
    weights = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
    model = Landscapes().assemble(replace(CARD, config=config.to_dict()), weights, Runtime(torch.device("cpu"), torch.float32))
    photo = torch.rand(1, 3, 100, 150) * 2 - 1
    numbers = ((photo[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    small = torch.nn.functional.interpolate(
        torch.from_numpy(numbers).permute(2, 0, 1)[None] / 127.5 - 1, (side, side * 3 // 2), mode="bilinear", antialias=True
    )
    with torch.no_grad():
        expected = parts["encoder"](small, parts["features"](small, FEATURES_UNTIL))[0]
    np.testing.assert_allclose(model.style_vector(numbers), expected[0].numpy(), atol=1e-4)


@pytest.mark.parametrize(("detail", "down", "across"), [(1, 4, 8), (1.5, 8, 16), (2, 8, 16)])
@pytest.mark.parametrize("shape", [(128, 128), (64, 192)])  # a map of 40 x 112, what the second becomes, would become 40 x 104
def test_the_border_of_the_map_is_painted_as_if_the_map_went_on(
    shape: tuple[int, int], detail: float, down: int, across: int
) -> None:
    model = opened()
    painted = drain(model.paint_steps(np.zeros(shape, np.uint8), np.zeros(6), own_size=True, detail=detail))
    rows, columns = model.working_size(*shape, detail)
    height, width, far = rows + 2 * down, columns + 2 * across, 64  # no convolution sees as far
    noise = [
        torch.nn.functional.pad(plane, (part := far * plane.shape[-1] // width, part, 0, 0), mode="replicate")
        for plane in noise_at(CONFIG, height, width, 0, detail)
    ]
    plain = FoldedGenerator(generator(), torch.float32)
    wider = drain(plain.render(one_label(height, width + 2 * far), torch.zeros(1, 6), noise))
    inner = ((wider[0, :, down:-down, far + across : -far - across] + 1) * 127.5).clamp(0, 255).round()
    assert np.abs(painted.astype(int) - inner.permute(1, 2, 0).numpy().astype(int)).max() <= 1


@pytest.mark.parametrize(("detail", "side"), [(1.5, 96), (2, 128)])
def test_a_finer_picture_shows_the_same_map_with_more_pixels(detail: float, side: int) -> None:
    model, label_map = opened(), quarters(128, 128)
    coarse = drain(model.paint_steps(label_map, 1, own_size=True))
    fine = drain(model.paint_steps(label_map, 1, own_size=True, detail=detail))
    assert coarse.shape == (64, 64, 3)
    assert fine.shape == (side, side, 3)
    assert drain(model.paint_steps(label_map, 1, detail=detail)).shape == (128, 128, 3)
    means = [[part.mean((0, 1)) for half in np.split(p, 2) for part in np.split(half, 2, 1)] for p in (coarse, fine)]
    assert np.corrcoef(np.ravel(means[0]), np.ravel(means[1]))[0, 1] > 0.9


def test_noise_is_quiet_in_a_sky_and_as_loud_as_ever_elsewhere() -> None:
    labels = (replace(CARD.labels[0], name="sky"), *CARD.labels[1:])
    runtime = Runtime(torch.device("cpu"), torch.float32)
    with_sky, without = Landscapes().assemble(replace(CARD, labels=labels), tensors(), runtime), opened()
    above = np.zeros((64, 64), np.uint8)
    above[32:] = 1

    def grain(model: PaintingModel, rows: slice) -> float:
        one, two = (model.synthesize(above, np.zeros(6), noise_seed=seed)[:, rows] for seed in (1, 2))
        return float(np.abs(one - two).mean())

    sky, land = slice(4, 16), slice(48, 60)
    assert grain(with_sky, sky) < 0.6 * grain(without, sky)
    assert grain(with_sky, land) == pytest.approx(grain(without, land), rel=0.2)


def test_the_noise_seed_alone_changes_the_noise() -> None:
    model, label_map = opened(), quarters(64, 64)
    one = model.paint(label_map, 1, noise_seed=1)
    assert np.array_equal(one, model.paint(label_map, 1, noise_seed=1))
    assert not np.array_equal(one, model.paint(label_map, 1, noise_seed=2))


def test_weights_that_do_not_fit_their_card_are_refused_in_words() -> None:
    runtime, good = Runtime(torch.device("cpu"), torch.float32), tensors()
    without = {k: v for k, v in good.items() if k != "generator.start.bias"}
    for card, weights, text in (
        (CARD, without, "generator.start.bias is missing"),
        (CARD, {**good, "encoder.net.0.bias": torch.zeros(3)}, "has the shape"),
        (CARD, {**good, "looks.deviation": torch.zeros(5, 5)}, "looks.deviation"),
        (replace(CARD, config={}), good, "does not describe"),
        (replace(CARD, labels=CARD.labels[:3]), good, "contradicts itself"),
    ):
        with pytest.raises(CheckpointError, match=text):
            Landscapes().assemble(card, weights, runtime)


def test_a_painter_without_its_card_says_what_lacks() -> None:
    family = Landscapes()
    alone = Contents("safetensors", tensors(), "weights.safetensors")
    assert family.recognises(alone)
    with pytest.raises(CheckpointError, match=r"card\.json"):
        family.convert(alone, {})
    card, found = family.convert(replace(alone, siblings={"card.json": CARD.to_json().encode()}), {})
    assert card.labels == CARD.labels
    assert "generator.label_codes" in found
    with pytest.raises(CheckpointError, match="another family"):
        family.convert(replace(alone, siblings={"card.json": replace(CARD, family="spade").to_json().encode()}), {})


@pytest.mark.parametrize("painter", ["landscapes", "landscapes-open"])
def test_an_embedded_painter_answers_every_hand_drawn_map_with_its_labels_in_sight(painter: str) -> None:
    model = models.open(painter, device="cpu", precision="float32")
    assert isinstance(model, PaintingModel)
    assert [label.name for label in model.labels][:2] == ["sky", "cloud"]
    paths = sorted(SAMPLES.glob("*.png"))
    assert len(paths) == 12
    noon = np.asarray(Image.open(SAMPLES.parent / "looks" / "noon.webp").convert("RGB"))
    used: set[int] = set()
    for number, path in enumerate(paths):
        label_map = np.asarray(Image.open(path))
        used |= set(np.unique(label_map).tolist())
        assert label_map.shape == (384, 512)
        if number:  # one at its size tells of the size; a quarter of the pixels tells as much of the labels
            label_map = label_map[::2, ::2].copy()
        sky = label_map == 0
        picture = model.paint(label_map, noon).astype(float)
        assert picture.std() > 12
        if 0.1 < sky.mean() < 0.9:  # blue outweighs green in the sky more than elsewhere
            excess = picture[..., 2] - picture[..., 1]
            assert excess[sky].mean() > excess[~sky].mean()
    assert used == set(range(18))


@pytest.mark.parametrize(("painter", "licence"), [("landscapes", "research collections"), ("landscapes-open", "Unsplash")])
def test_the_card_of_an_embedded_painter_tells_licence_and_limits(painter: str, licence: str) -> None:
    folder = Path(__file__).parents[3] / "resources" / "weights" / painter
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["non_commercial"] is (painter == "landscapes")
    assert licence in card["licence_note"]
    assert card["limits"]
    assert "pictures seen" in card["recipe"]
