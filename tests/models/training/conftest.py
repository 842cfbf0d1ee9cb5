"""A made-up folder of landscapes: stripes of sky, sea and sand with noise, as small as training allows; one thread for all."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

LABELS = [{"id": 0, "name": "sky", "colour": [120, 180, 240]}, {"id": 3, "name": "sea", "colour": [10, 60, 140]},
          {"id": 7, "name": "sand", "colour": [230, 200, 140]}]  # fmt: skip


def one(seed: int, height: int, width: int) -> tuple[Image.Image, Image.Image]:
    """A photo and its map."""
    rng = np.random.default_rng(seed)
    horizon, shore = sorted(rng.integers(height // 5, height - height // 5, 2))
    numbers = np.zeros((height, width), np.uint8)
    numbers[horizon:], numbers[max(shore, horizon + 4) :] = 3, 7
    numbers[:4, :4] = 255
    colours = np.zeros((256, 3))
    for label in LABELS:
        colours[label["id"]] = label["colour"]
    pixels = colours[numbers] * rng.uniform(0.5, 1) + rng.normal(0, 12, (height, width, 3))
    label_map = Image.fromarray(numbers)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), label_map


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads add up in another order, and a tenth of a core is all a test needs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def landscapes(tmp_path: Path) -> Path:
    """Twelve photos with maps, the labels and an index."""
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    (folder / "maps").mkdir()
    (folder / "labels.json").write_text(json.dumps(LABELS))
    rows = ["name,split,licence_class"]
    for i in range(12):
        photo, label_map = one(i, 150, 150 + 10 * (i % 3))
        photo.save(folder / "photos" / f"p{i:02}.png")
        label_map.save(folder / "maps" / f"p{i:02}.png")
        rows.append(f"p{i:02},{'val' if i % 4 == 3 else 'train'},{'open' if i % 2 else 'research'}")
    (folder / "index.csv").write_text("\n".join(rows))
    return folder
