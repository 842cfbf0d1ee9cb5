"""Named directions: found on problems whose answer is known, read from pictures, written so that the sliders find them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card
from models.errors import BadInput
from models.latents import directions as sliders
from models.networks.stylegan2 import Shape
from models.training import direction_jobs, direction_ranges, export, latent_directions
from models.training.attribute_reader import describe, fit_reader
from models.training.latent_directions import Found, find_directions, layer_ranges, table, whitened
from models.training.latent_generator import new_generator
from models.training.latent_jobs import generator_tensors
from models.training.layered_directions import QUIET, SPILLS, Gains
from models.training.pixel_reader import taught_reader
from models.training.portrait_attributes import ATTRIBUTES, Attribute, read_attributes
from models.training.source import Source
from models.training.squares import Squares
from models.training.trunk import read_trunk

TURN = Attribute("turn", "Turn", "Minus left, plus right.", lambda row: float(row["turn"]), turns=True)
LIGHT = Attribute("light", "Light", "Minus darker, plus lighter.", lambda row: float(row["light"]))


def latents(count: int = 600, size: int = 12) -> np.ndarray:
    """Latents that vary more along some axes than along others."""
    return (np.random.default_rng(0).normal(size=(count, size)) * np.linspace(0.5, 2, size)).astype(np.float32)


FRESH = latents(90)[-40:] * np.float32(1.01)


def test_attributes_that_hang_together_by_chance_are_parted() -> None:
    mixed = np.zeros((12, 2))
    mixed[3, 0], mixed[3, 1], mixed[7, 1] = 1, 0.8, 1  # what moves the first moves the second too

    def measure(ws: np.ndarray) -> np.ndarray:
        return np.tanh(0.3 * ws.mean(1) @ mixed)

    found = find_directions(latents(), FRESH, measure, num_ws=6)
    assert [one.clean for one in found] == [True, True]
    assert found[0].own > 1
    assert abs(found[0].effects[1]) < 0.2
    assert found[0].comes_along() == []


def test_a_slider_ends_before_pictures_leave_the_real_ones() -> None:
    asked: list[float] = []

    def distance(sigmas: float) -> float:
        asked.append(sigmas)
        return 10 + max(-sigmas - 1, 0) * 4 + max(sigmas, 0) * 0.1

    tried = direction_ranges.outward(distance)
    assert tried[-1.5] == pytest.approx(1.2)
    assert tried[-2.0] == pytest.approx(1.4)
    assert -2.5 not in asked  # what lies beyond is not looked at
    assert direction_ranges.ends(tried) == (-1.5, 3.0)


def test_a_slider_has_two_ends_where_every_step_leads_away() -> None:
    assert direction_ranges.ends(direction_ranges.outward(lambda sigmas: 1 + abs(sigmas))) == (-0.5, 0.5)


def test_pictures_that_fall_apart_are_farther_from_real_ones() -> None:
    pixels, _ = pictures()
    trunk = read_trunk().eval()
    real = direction_ranges.RealPictures.of(trunk, pixels[:60])
    whole = torch.from_numpy(pixels[60:]).float().permute(0, 3, 1, 2) / 127.5 - 1
    blotted = whole.clone()
    blotted[:4, :, 8:40, 4:30] = -1  # a fifth of them
    assert real.distance(trunk, blotted) > 1.2 * real.distance(trunk, whole)
    assert real.distance(trunk, torch.from_numpy(pixels[:5]).float().permute(0, 3, 1, 2) / 127.5 - 1) < 0.01


def test_attributes_that_are_one_cannot_be_parted_and_it_is_said() -> None:
    def measure(ws: np.ndarray) -> np.ndarray:
        first = ws.mean(1)[:, 2]
        return np.stack([first, -first + 0.01 * ws.mean(1)[:, 5], ws.mean(1)[:, 9]], 1)

    found = find_directions(latents(), FRESH, measure, num_ws=6)
    assert found[0].own >= 1
    assert not found[0].clean
    assert found[0].comes_along() == [1]
    assert found[2].clean
    said = table(found, ["tone", "era", "nod"])
    assert "not alone" in said.splitlines()[1]
    assert "not alone" not in said.splitlines()[3]


def test_a_direction_acts_on_the_layers_where_it_is_alone() -> None:
    def measure(ws: np.ndarray) -> np.ndarray:  # the same axis turns the head early and colours the picture late
        return np.stack([ws[:, :2, 4].mean(1), ws[:, 4:, 4].mean(1) + 0.3 * ws[:, 4:, 6].mean(1)], 1)

    found = find_directions(latents(), FRESH, measure, num_ws=6)
    assert found[0].clean
    assert found[0].last < 4
    assert found[1].first >= 2


def hand_in_hand(ws: np.ndarray) -> np.ndarray:
    """Readings `[N, 2]` of one axis: early latents move both, late ones the second alone. No step in W parts them."""
    early, late = ws[:, :3, 4].mean(1), ws[:, 3:, 4].mean(1)
    return np.stack([early, 0.8 * early + 0.7 * late], 1)


def layered(attribute: int) -> Iterator[np.ndarray]:
    def readings(ws: torch.Tensor) -> torch.Tensor:
        early, late = ws[:, :3, 4].mean(1), ws[:, 3:, 4].mean(1)
        return torch.stack([early, 0.8 * early + 0.7 * late], 1)

    return Gains.of(lambda ws: ws, readings, latents(), num_ws=6, tried=64).steps(attribute)


def test_what_no_step_in_w_parts_is_parted_layer_by_layer() -> None:
    together = find_directions(latents(), FRESH, hand_in_hand, 6)
    apart = find_directions(latents(), FRESH, hand_in_hand, 6, layered)
    assert [one.clean for one in together] == [False, False]
    assert [one.clean for one in apart] == [True, True]
    assert apart[0].step.shape == (6, 12)
    lengths = np.linalg.norm(apart[0].step @ np.linalg.pinv(whitened(latents()).basis), axis=1)
    assert lengths.max() <= 1.001  # no latent is moved by more than a deviation
    assert apart[0].step[0, 4] * apart[0].step[5, 4] < 0  # late layers take back what early ones bring along


def test_others_come_along_no_farther_than_was_asked() -> None:
    gains = Gains(torch.tensor([[[0.4, 0.1], [0.2, 0.0]], [[0.4, 0.0], [0.0, 0.3]]]), torch.eye(2))
    for step, spill in zip(gains.steps(0), SPILLS * len(QUIET), strict=True):
        own, other = gains.effects(torch.from_numpy(step)).tolist()
        assert own > 0.3
        assert abs(other) <= spill * own + 0.02


def test_what_a_direction_does_is_measured_on_latents_that_it_was_not_found_with() -> None:
    def measure(ws: np.ndarray) -> np.ndarray:  # where the fifth axis is high, the attribute does not answer
        return np.stack([ws.mean(1)[:, 2] * (ws.mean(1)[:, 5] < 8), ws.mean(1)[:, 9]], 1)

    deaf = latents(40)
    deaf[:, 5] = 9
    assert find_directions(latents(), FRESH, measure, 6)[0].own > 1
    assert find_directions(latents(), deaf, measure, 6)[0].own == 0


def test_layer_ranges_lie_within_the_network() -> None:
    for num_ws in (4, 8, 12, 18):
        assert all(0 <= first <= last < num_ws for first, last in layer_ranges(num_ws))


def pictures(count: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Bright bars left or right of the middle on grounds of different light, and (place, light) of each."""
    rng = np.random.default_rng(1)
    made, truth = [], []
    for _ in range(count):
        place, light = rng.uniform(-1, 1), rng.uniform(20, 120)
        picture = np.full((64, 64, 3), light)
        middle = int(32 + 20 * place)
        picture[10:54, middle - 6 : middle + 6] = 230
        made.append(picture.astype(np.uint8))
        truth.append((place, light))
    return np.stack(made), np.array(truth)


def squares(pixels: np.ndarray) -> Squares:
    names = tuple(f"{i:03}.png" for i in range(len(pixels)))
    return Squares(pixels, names, tuple(range(len(pixels))), (), ())


def test_a_reader_reads_what_it_has_not_seen_and_what_turns_over_in_a_mirror(tmp_path: Path) -> None:
    pixels, truth = pictures()
    rows = [f"{i:03}.png,{turn},{light}" for i, (turn, light) in enumerate(truth[:60])]
    (tmp_path / "index.csv").write_text("file,turn,light\n" + "\n".join(rows) + "\n077.png,unknown,\n")
    reader = direction_jobs.reader_of(squares(pixels), Source(tmp_path), (TURN, LIGHT))
    assert min(reader.held_out) > 0.9
    new = torch.from_numpy(pixels[60:]).float().permute(0, 3, 1, 2) / 127.5 - 1
    trunk = read_trunk().eval()
    upright, mirrored = (reader.read(describe(trunk, x)) for x in (new, new.flip(3)))
    assert np.corrcoef(upright[:, 0], truth[60:, 0])[0, 1] > 0.9
    assert np.corrcoef(upright[:, 0], mirrored[:, 0])[0, 1] < -0.9
    assert np.corrcoef(upright[:, 1], mirrored[:, 1])[0, 1] > 0.9


def test_a_network_reads_off_pixels_what_it_has_not_seen_and_can_be_followed_by_its_gradient() -> None:
    pixels, truth = pictures()
    values = truth.copy()
    values[:5, 1] = np.nan
    finder = taught_reader(pixels[:60], values[:60], [True, False], seed=0, passes=60)
    new = (torch.from_numpy(pixels[60:]).float().permute(0, 3, 1, 2) / 127.5 - 1).requires_grad_()
    upright, mirrored = finder(new), finder(new.flip(3))
    for k in range(2):
        assert np.corrcoef(upright[:, k].detach(), truth[60:, k])[0, 1] > 0.8
    assert np.corrcoef(upright[:, 0].detach(), mirrored[:, 0].detach())[0, 1] < -0.8
    assert torch.autograd.grad(upright[:, 0].sum(), new)[0].abs().sum() > 0


def test_teaching_a_network_leaves_the_chances_of_others_as_they_were() -> None:
    pixels, truth = pictures(20)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = (taught_reader(pixels, truth, [True, False], seed=5, passes=4) for _ in range(2))
    assert torch.rand(1) == expected
    assert torch.equal(first.out.weight, second.out.weight)


def test_an_attribute_that_is_hardly_known_is_refused() -> None:
    values = np.full((50, 1), np.nan)
    values[:3] = [[1], [2], [3]]
    described = np.random.default_rng(0).normal(size=(50, 5))
    with pytest.raises(ValueError, match="3 pictures only"):
        fit_reader(described, described, values, [False])


def test_the_portraits_index_is_read_with_gaps(tmp_path: Path) -> None:
    header = "file,birth_year,last_term_year,chroma_spread,yaw,pitch,smile,mouth_open,beard"
    (tmp_path / "index.csv").write_text(
        f"{header}\nA.webp,1804,1859,0,27.1,-3.1,0.5,0.01,\nB.webp,1960,2029,9,1,2,0.6,0.1,1\nD.webp,1900\n"
    )
    values = read_attributes(Source(tmp_path), ["x/A.webp", "B.webp", "C.webp", "D.webp"])
    by_name = {attribute.name: values[:, k] for k, attribute in enumerate(ATTRIBUTES)}
    assert by_name["era"][:2].tolist() == [1859, 2023]
    assert by_name["age"][:2].tolist() == [55, 63]
    assert np.isnan(by_name["beard"][0])
    assert np.isnan(values[2:]).all()  # not there, and a line that ends early
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.png").write_bytes(b"")
    with pytest.raises(BadInput, match=r"no index\.csv"):
        read_attributes(Source(tmp_path / "none"), ["a.png"])


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    shape = Shape(((6, 10), (10, 10)), (8, 8, 8, 8))
    card = Card("made", "Made", "latent", "stylegan2-ada", config=shape.to_config(), resolution=32)
    export.write_model(tmp_path / "made", card, generator_tensors(new_generator(shape), 6), None)
    return tmp_path / "made"


def shown_sliders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[sliders.Direction, ...]:
    """The directions of the model in `folder` as the panel gets them."""
    monkeypatch.setattr(sliders, "FITTED", ("faces", str(folder)))
    sliders.fitted_folder.cache_clear()
    sliders.named_directions.cache_clear()
    try:
        return direction_jobs.generator_in(folder).directions
    finally:
        sliders.fitted_folder.cache_clear()
        sliders.named_directions.cache_clear()


def test_the_sliders_of_a_model_are_its_directions(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = np.arange(10, dtype=np.float32)
    found = (
        Found(0, step, 0, 3, np.array([1.5, 1.2])),
        Found(1, -step, 0, 7, np.array([0.1, 0.4])),
    )
    farther = {0: {-1.0: 1.4, -0.5: 1.1, 0.5: 1.0, 1.0: 0.9, 1.5: 1.2, 2.0: 1.3}}
    direction_jobs.write_directions(model_folder, direction_jobs.Named((TURN, LIGHT), found, (0.9, 0.8), farther))
    card = Card.from_json((model_folder / "card.json").read_bytes())
    described = json.loads((model_folder / "directions.json").read_text())
    assert card.sha256 == described["model"]
    assert described["effects"]["light"]["moves"] is False
    assert described["farther"]["turn"]["-1.0"] == 1.4
    shown = shown_sliders(model_folder, monkeypatch)
    assert [(one.name, one.first, one.last) for one in shown] == [("turn", 0, 3)]  # the other does not move what it is called
    assert (shown[0].low, shown[0].high) == (-0.5, 1.5)  # beyond, pictures leave the real ones
    assert shown[0].remark == "Minus left, plus right. In these pictures it cannot be parted from: light."
    assert np.array_equal(shown[0].step, step)


def test_a_slider_moves_each_layer_its_own_way(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    each = np.arange(40, dtype=np.float32).reshape(4, 10)
    found = (Found(0, each, 2, 5, np.array([1.5, 0.2])), Found(1, each[0], 0, 3, np.array([0.1, 1.4])))
    farther = {k: {-0.5: 1.0, 0.5: 1.0} for k in range(2)}
    direction_jobs.write_directions(model_folder, direction_jobs.Named((TURN, LIGHT), found, (0.9, 0.8), farther))
    shown = shown_sliders(model_folder, monkeypatch)
    ws = np.ones((1, 8, 10), np.float32)
    moved = sliders.edit(ws, {one.name: one for one in shown}, {"turn": 2.0}) - ws
    assert np.array_equal(moved[0, 2:6], 2 * each)
    assert not moved[0, :2].any()
    assert not moved[0, 6:].any()
    alike = sliders.edit(ws, {one.name: one for one in shown}, {"light": 1.0}) - ws
    assert np.array_equal(alike[0], np.concatenate([np.repeat(each[:1], 4, 0), np.zeros((4, 10))]))


def test_a_generator_is_measured_and_gets_one_direction_for_each_attribute(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latent_directions, "TRIED", 4)  # fewer pictures than it takes, for time
    for name in ("_FRESH", "_GRADIENTS", "_TOGETHER"):
        monkeypatch.setattr(direction_jobs, name, 6)
    pixels, truth = pictures(40)
    rows = "\n".join(f"{i:03}.png,{turn},{light}" for i, (turn, light) in enumerate(truth))
    (tmp_path / "index.csv").write_text(f"file,turn,light\n{rows}\n")
    reader = direction_jobs.reader_of(squares(pixels), Source(tmp_path), (TURN, LIGHT))
    finders = direction_jobs.finders_of(squares(pixels), Source(tmp_path), (TURN, LIGHT))
    model = direction_jobs.generator_in(model_folder)
    named = direction_jobs.name_directions(model, reader, finders, squares(pixels), (TURN, LIGHT), samples=60)
    assert named.farther.keys() == {one.attribute for one in named.found if one.own >= 1}
    assert [one.attribute for one in named.found] == [0, 1]
    assert all(one.step.shape[-1] == 10 and np.isfinite(one.effects).all() for one in named.found)
