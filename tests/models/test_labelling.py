"""Photos to label maps: any size, every pixel labelled, specks given to their neighbours, and refusals in words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models.card import Card, Label
from models.checkpoints.families.labeller import FAMILY, PhotoLabeller
from models.errors import BadInput, CheckpointError
from models.guided import guided
from models.labelling import LabellingModel
from models.networks.labeller import Labeller
from models.precision import Runtime
from models.regions import enlarged, regions, without_specks
from models.steps import drain

CPU = Runtime(torch.device("cpu"), torch.float32)
LABELS = (Label(2, "sky", (1, 2, 3)), Label(5, "sea", (4, 5, 6)), Label(9, "sand", (7, 8, 9)))
CARD = Card("small", "Small", "labelling", "labeller", labels=LABELS, resolution=64)


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return dict(Labeller(3).state_dict())


@pytest.fixture(scope="module")
def model() -> LabellingModel:
    return FAMILY.assemble(CARD, tensors(), CPU)


@pytest.mark.parametrize("shape", [(64, 64), (37, 90), (16, 128), (300, 170), (1, 1)])
def test_a_map_is_as_large_as_its_photo_and_holds_the_labels_alone(model: LabellingModel, shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    if min(shape) < 16:
        with pytest.raises(BadInput, match="cannot be labelled"):
            model.label(photo)
        return
    found = model.label(photo)
    assert found.shape == shape
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= {2, 5, 9}
    assert np.array_equal(found, model.label(photo))


def test_what_is_no_photo_is_refused(model: LabellingModel) -> None:
    for wrong in (np.zeros((32, 32), np.uint8), np.zeros((32, 32, 4), np.uint8), np.zeros((32, 32, 3), np.float32)):
        with pytest.raises(BadInput, match="no photo that can be labelled"):
            model.label(wrong)
    with pytest.raises(BadInput, match="8 times as long"):
        model.label(np.zeros((16, 200, 3), np.uint8))


def test_the_mirror_image_gets_the_mirrored_map(model: LabellingModel) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    mirrored = model.label(np.ascontiguousarray(photo[:, ::-1]), 0)[:, ::-1]
    assert (mirrored == model.label(photo, 0)).mean() > 0.99  # sums in another order may tip a pixel


def test_a_photo_is_looked_at_with_its_short_side_as_taught() -> None:
    network = PhotoLabeller(3, 64, tensors(), CPU)
    assert network.working_size(640, 1280) == (64, 128)
    assert network.working_size(50, 1600) == (64, 512)
    assert network.working_size(20, 20) == (64, 64)


def test_weights_that_do_not_fit_their_card_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit its weights"):
        FAMILY.assemble(Card("small", "Small", "labelling", "labeller", labels=LABELS[:2], resolution=64), tensors(), CPU)
    missing = tensors()
    del missing["decoder.mix.8.weight"]
    with pytest.raises(CheckpointError, match=r"holds no decoder.mix.8.weight"):
        FAMILY.assemble(CARD, missing, CPU)
    from safetensors.torch import save_file

    save_file(tensors(), tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match="labeller of Ganvas without its card"):
        models.open(tmp_path / "weights.safetensors")
    (tmp_path / "card.json").write_text(CARD.to_json())
    assert isinstance(models.open(tmp_path / "weights.safetensors", device="cpu"), LabellingModel)


def test_borders_move_to_the_edges_of_the_photo() -> None:
    guide = torch.zeros(1, 1, 32, 32)
    guide[..., 16:] = 1
    ramp = torch.linspace(1, 0, 12)
    share = torch.cat([torch.ones(8), ramp, torch.zeros(12)]).expand(1, 1, 32, 32)  # a soft border some pixels off
    found = guided(share, guide, 6, 1e-3)[0, 0]
    step = (found[16, :-1] - found[16, 1:]).argmax()
    assert int(step) == 15
    flat = guided(share, torch.full_like(guide, 0.5), 3, 1e-3)
    assert float((flat - share).abs().mean()) < 0.05
    waves = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(guided(0.5 * waves + 0.2, waves, 3, 1e-6), 0.5 * waves + 0.2, atol=1e-3)  # linear, as it takes them for
    constant = torch.full((1, 2, 20, 20), 0.3)
    assert torch.allclose(guided(constant, torch.rand(1, 1, 20, 20), 6, 1e-3), constant, atol=1e-5)


def flooded(label_map: np.ndarray) -> np.ndarray:
    """Regions by flooding one after the other: slow and plain."""
    found = np.full(label_map.shape, -1)
    for start in range(label_map.size):
        if found.flat[start] >= 0:
            continue
        waiting = [divmod(start, label_map.shape[1])]
        while waiting:
            y, x = waiting.pop()
            if found[y, x] < 0 and label_map[y, x] == label_map.flat[start]:
                found[y, x] = start
                near = ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1))
                waiting += [(v, u) for v, u in near if 0 <= v < label_map.shape[0] and 0 <= u < label_map.shape[1]]
    return found


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 14), st.integers(1, 14), st.integers(1, 3))
def test_regions_are_those_of_flooding(seed: int, height: int, width: int, labels: int) -> None:
    label_map = np.random.default_rng(seed).integers(0, labels, (height, width), np.uint8)
    assert np.array_equal(regions(label_map), flooded(label_map))


def test_a_snake_is_one_region() -> None:
    snake = np.zeros((41, 41), np.uint8)
    snake[1::4, :-1] = snake[3::4, 1:] = 1
    snake[::2] = 0
    snake[1::2, 1:-1] = 1
    snake[2::4, -2] = snake[4::4, 1] = 1
    assert np.array_equal(regions(snake), flooded(snake))


def test_specks_go_to_what_surrounds_them_and_the_largest_region_stays() -> None:
    label_map = np.zeros((20, 20), np.uint8)
    label_map[10:] = 1
    label_map[3:5, 3:5] = 2
    label_map[15, 15] = 0
    tidy = without_specks(label_map, 5)
    assert np.array_equal(tidy, np.repeat([0, 1], 10).astype(np.uint8)[:, None].repeat(20, 1))
    assert without_specks(label_map, 1) is label_map
    noise = np.random.default_rng(0).integers(0, 4, (20, 20), np.uint8)
    assert len(np.unique(without_specks(noise, 400))) == 1


def test_enlarging_keeps_borders_in_place_and_rounds_stairs() -> None:
    label_map = np.triu(np.full((16, 16), 7, np.uint8))
    large = drain(enlarged(label_map, 160, 160))
    assert set(np.unique(large)) == {0, 7}
    plain = np.kron(label_map, np.ones((10, 10), np.uint8))
    assert 0.94 < (large == plain).mean() < 1
    steps = np.abs(np.diff((large == 7).sum(1)))
    assert steps.max() < 10  # the plain map steps by ten
    assert drain(enlarged(label_map, 16, 16)) is label_map
