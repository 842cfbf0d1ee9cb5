"""LPIPS: published names find their places, equal pictures are no distance apart, and the numbers are the pinned file's."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.checkpoints.state_dicts import Tensors
from models.errors import CheckpointError, ModelError
from models.training import yardsticks
from models.training.lpips import LPIPS, from_tensors, open_lpips

WHEELS = yardsticks.folder()  # of this person: tests have a home of their own
SLICES = {1: (0, 2), 2: (6, 8), 3: (12, 14, 16), 4: (20, 22, 24), 5: (28, 30, 32)}
WIDTHS = (3, 64, 128, 256, 512, 512)


def published() -> Tensors:
    """Random numbers under the names and in the shapes of the pinned file."""
    generator = torch.Generator().manual_seed(1)
    found: Tensors = {
        "scaling_layer.shift": torch.full((1, 3, 1, 1), -0.1),
        "scaling_layer.scale": torch.full((1, 3, 1, 1), 0.45),
    }
    for number, places in SLICES.items():
        before, after = WIDTHS[number - 1], WIDTHS[number]
        for i, place in enumerate(places):
            shape = (after, before if i == 0 else after, 3, 3)
            found[f"net.slice{number}.{place}.weight"] = torch.randn(shape, generator=generator) * (2 / (shape[1] * 9)) ** 0.5
            found[f"net.slice{number}.{place}.bias"] = torch.zeros(after)
        if number > 1:
            row = torch.tensor([1.0, 2.0, 1.0]) / 4
            found[f"net.slice{number}.{places[0] - 1}.filt"] = torch.outer(row, row).expand(before, 1, 3, 3).clone()
        found[f"lin{number - 1}.model.1.weight"] = torch.rand((1, after, 1, 1), generator=generator)
    return found


def plain(found: Tensors, x: torch.Tensor) -> list[torch.Tensor]:
    """The features, written out layer by layer."""
    x, kept = (x - found["scaling_layer.shift"]) / found["scaling_layer.scale"], []
    for number, places in SLICES.items():
        if number > 1:
            filt = found[f"net.slice{number}.{places[0] - 1}.filt"]
            x = F.conv2d(F.pad(F.max_pool2d(x, 2, 1), (2, 2, 2, 2), mode="reflect"), filt, stride=2, groups=len(filt))
        for place in places:
            x = F.conv2d(
                x, found[f"net.slice{number}.{place}.weight"], found[f"net.slice{number}.{place}.bias"], padding=1
            ).relu()
        kept.append(F.normalize(x, dim=1))
    return kept


@pytest.fixture(scope="module")
def lpips() -> LPIPS:
    return from_tensors(published())


def pictures(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    one = random.integers(0, 256, (40, 56, 3), np.uint8)
    return one, np.clip(one.astype(int) + random.integers(-60, 61, one.shape), 0, 255).astype(np.uint8)


def test_it_is_the_weighted_difference_of_the_features(lpips: LPIPS) -> None:
    one, other = pictures(0)
    found = published()
    a, b = (torch.from_numpy(x).permute(2, 0, 1)[None].float() / 127.5 - 1 for x in (one, other))
    want = sum(
        float(F.conv2d((x - y) ** 2, found[f"lin{i}.model.1.weight"]).mean())
        for i, (x, y) in enumerate(zip(plain(found, a), plain(found, b), strict=True))
    )
    assert lpips.distance(one, other) == pytest.approx(want, rel=1e-4)


def test_a_picture_is_no_distance_from_itself_and_direction_does_not_matter(lpips: LPIPS) -> None:
    one, other = pictures(1)
    assert lpips.distance(one, one) == 0
    assert lpips.distance(one, other) == pytest.approx(lpips.distance(other, one))
    assert lpips.distance(one, other) > 0


def test_pictures_get_gradients_and_its_own_numbers_none(lpips: LPIPS) -> None:
    one, other = (torch.from_numpy(x).permute(2, 0, 1)[None].float() / 127.5 - 1 for x in pictures(2))
    one.requires_grad_(True)
    lpips(one, other).sum().backward()
    assert one.grad is not None
    assert one.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in lpips.parameters())


def test_what_cannot_be_compared_is_refused(lpips: LPIPS) -> None:
    one, other = pictures(3)
    with pytest.raises(ValueError, match="cannot be compared"):
        lpips.distance(one, other[:-1])
    with pytest.raises(ValueError, match="cannot be compared"):
        lpips.distance(one[:20], other[:20])
    broken = published()
    del broken["net.slice3.14.bias"]
    with pytest.raises(CheckpointError, match="incomplete"):
        from_tensors(broken)


def test_a_wheel_that_is_not_there_or_another_one_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"stlpips_pytorch.*is not in.*ganvas measure get"):
        open_lpips(wheels=tmp_path)
    (tmp_path / yardsticks.yardsticks()[yardsticks.LPIPS].pin.file).write_bytes(b"PK not this")
    with pytest.raises(ModelError, match="checksum differs"):
        open_lpips(wheels=tmp_path)


def test_the_pinned_numbers_find_noise_worse_than_a_shift() -> None:
    if not (WHEELS / yardsticks.yardsticks()[yardsticks.LPIPS].pin.file).is_file():
        pytest.skip("the pinned wheel is not at hand (`ganvas measure get` fetches it)")
    measured = open_lpips(wheels=WHEELS)
    y, x = np.mgrid[:64, :65]
    wide = np.stack([128 + 100 * np.sin(x / 7), 128 + 100 * np.cos(y / 9), 128 + 60 * np.sin((x + y) / 5)], -1).astype(np.uint8)
    noisy = np.clip(wide + np.random.default_rng(0).normal(0, 25, wide.shape), 0, 255).astype(np.uint8)
    assert measured.distance(wide[:, :-1], wide[:, 1:]) < 0.3 * measured.distance(wide[:, :-1], noisy[:, :-1])
