"""The upscalers that come along: better than a filter, without shifting colours, at any size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from models.catalogue import Catalogue
from models.training.fidelity import bicubic, psnr_y
from models.training.patches import reduced
from models.upscaling import UpscalingModel

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


@pytest.mark.parametrize("name", EMBEDDED)
def test_it_is_better_than_the_bicubic_filter_and_keeps_colours(name: str) -> None:
    model = models.open(name, device="cpu", precision="float32")
    assert isinstance(model, UpscalingModel)
    photo = sample(256)
    small = reduced(photo, model.scale)
    made = model.upscale(np.array(small))
    assert made.shape == photo.shape
    assert psnr_y(made, photo, model.scale) > psnr_y(bicubic(small, model.scale), photo, model.scale) + 0.2
    assert np.abs((made.astype(float) - photo).mean((0, 1))).max() < 0.5


@pytest.mark.parametrize("name", EMBEDDED)
def test_its_card_says_what_it_was_made_from(name: str) -> None:
    card = models.open(name, device="cpu").card
    assert card.non_commercial is False
    assert card.data
    assert card.limits
    assert "patches seen" in card.recipe
