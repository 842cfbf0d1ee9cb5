"""The upscalers that come along: better than a filter, without shifting colours, at any size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from models.catalogue import Catalogue
from models.training.degradations import compressed, noisy
from models.training.fidelity import bicubic, psnr_y
from models.training.patches import reduced
from models.upscaling import UpscalingModel

TEXTURED = ("photo-x4", "photo-x2")
SAMPLES = Path(__file__).parents[3] / "resources" / "samples"
EMBEDDED = [entry.name for entry in Catalogue().entries() if entry.origin == "embedded" and entry.card.task == "upscaling"]


def sample(side: int) -> np.ndarray:
    """The middle of a photo that no network was trained on, `side` pixels square."""
    path = min((p for p in SAMPLES.rglob("*") if p.suffix in (".jpg", ".png", ".webp") and "photos" in p.parts), key=str)
    photo = Image.open(path).convert("RGB")
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return np.array(photo.crop((left, top, left + side, top + side)))


def test_a_quick_upscaler_comes_along() -> None:
    assert "photo-x4" in EMBEDDED


@pytest.mark.parametrize("name", [name for name in EMBEDDED if not name.startswith("restore")])
def test_it_is_better_than_the_bicubic_filter_and_keeps_colours(name: str) -> None:
    model = models.open(name, device="cpu", precision="float32")
    assert isinstance(model, UpscalingModel)
    photo = sample(256)
    small = reduced(photo, model.scale)
    made = model.upscale(np.array(small))
    assert made.shape == photo.shape
    made_up = 0.0 if name in TEXTURED else 0.2  # texture that is likely and not true costs some of what plain differences gain
    assert psnr_y(made, photo, model.scale) > psnr_y(bicubic(small, model.scale), photo, model.scale) + made_up
    assert np.abs((made.astype(float) - photo).mean((0, 1))).max() < 0.5


@pytest.mark.parametrize(("name", "scale", "more"), [("photo-x4", 4, 1.5), ("photo-x2", 2, 1.05)])
def test_the_crisp_one_has_more_of_the_photos_fine_detail_than_the_faithful_one(name: str, scale: int, more: float) -> None:
    photo = sample(256)
    small, detail = np.array(reduced(photo, scale)), []
    for one in (f"{name}-faithful", name):
        model = models.open(one, device="cpu", precision="float32")
        assert isinstance(model, UpscalingModel)
        detail.append(fine(model.upscale(small)))
    assert more * detail[0] < detail[1] < 1.1 * fine(photo)


def fine(picture: np.ndarray) -> float:
    """How strong what a mean over nine pixels takes away is, in levels."""
    grey = picture.astype(float).mean(2)
    around = sum(np.roll(grey, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    return float(np.abs(grey - around)[1:-1, 1:-1].mean())


def test_the_restorer_takes_noise_and_blocks_away_and_keeps_edges_and_colours() -> None:
    """Two flat halves under noise and JPEG: calmer by more than half, and the step between them stays as steep."""
    model = models.open("restore-x4", device="cpu", precision="float32")
    assert isinstance(model, UpscalingModel)
    halves = np.full((48, 64, 3), 90, np.uint8)
    halves[:, 32:] = 170
    small = compressed(noisy(halves, 8, False, False, np.random.default_rng(0)), 50)
    made, plain = model.upscale(np.array(small)).astype(float), bicubic(small, 4).astype(float)
    for columns in (np.s_[24:96], np.s_[160:232]):
        assert made[24:-24, columns].std() < 0.5 * plain[24:-24, columns].std()
        assert np.abs((made[24:-24, columns] - plain[24:-24, columns]).mean((0, 1))).max() < 2
    rise = [np.abs(np.diff(x[24:-24].mean((0, 2)))).max() for x in (made, plain)]
    assert rise[0] > rise[1]


@pytest.mark.parametrize("name", EMBEDDED)
def test_its_card_says_what_it_was_made_from(name: str) -> None:
    card = models.open(name, device="cpu").card
    assert card.non_commercial is False
    assert card.data
    assert card.limits
    assert "patches seen" in card.recipe
