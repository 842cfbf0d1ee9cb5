"""The painting recipe: it learns, it can be interrupted anywhere, and what it makes is a model of Ganvas."""

import csv
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.card import Card
from models.checkpoints.families.landscapes import QUIET
from models.errors import BadInput, ModelError
from models.networks.landscape import noise_planes
from models.opening import assemble
from models.painting import PaintingModel
from models.training import jobs
from models.training.augment import adapted, draw
from models.training.critic import Critic, critic_loss, generator_loss, label_weights, share_pyramid
from models.training.export import write_model
from models.training.loop import LOG, STATE, Schedule, train
from models.training.painting import PaintingOptions, PaintingRun, to_shares
from models.training.resuming import random_state, restore_random
from models.training.state import load_state, save_state
from models.training.styles import label_statistics, statistics_loss
from models.training.trunk import read_trunk

SMALL = PaintingOptions(size=64, channels=(16, 12, 8, 8), batch=4)
DETAIL = PaintingOptions(size=64, detail=True, channels=(16, 12, 8, 8, 8), batch=4)
HERE = jobs.Place("cpu", bfloat16=False)


def begun(data: Path, out: Path, options: PaintingOptions = SMALL) -> PaintingRun:
    return jobs.open_painting(data, out, options, HERE)


@pytest.mark.parametrize("options", [SMALL, DETAIL], ids=["whole", "detail"])
def test_a_run_that_was_interrupted_goes_on_exactly(options: PaintingOptions, landscapes: Path, tmp_path: Path) -> None:
    straight = begun(landscapes, tmp_path / "straight", options)
    first = [straight.step() for _ in range(4)]
    halves = begun(landscapes, tmp_path / "halves", options)
    second = [halves.step() for _ in range(2)]
    (tmp_path / "halves").mkdir()
    save_state(tmp_path / "halves" / STATE, halves.state())
    resumed = begun(landscapes, tmp_path / "halves", options)
    second += [resumed.step() for _ in range(2)]
    assert first == second
    assert straight.seen == resumed.seen == 16
    for one, other in zip(straight.averaged.state_dict().values(), resumed.averaged.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_run_of_open_photos_never_goes_on_with_others(landscapes: Path, tmp_path: Path) -> None:
    free = replace(SMALL, open_only=True)
    run = begun(landscapes, tmp_path, free)
    assert run.data.train != begun(landscapes, tmp_path, SMALL).data.train
    state = run.state()
    save_state(tmp_path / STATE, state)
    with pytest.raises(BadInput, match="begun with --open-only, not without --open-only"):
        begun(landscapes, tmp_path, SMALL)
    assert begun(landscapes, tmp_path, free).data.train == run.data.train
    del state["options"]["open_only"]  # one that was begun before that was kept
    save_state(tmp_path / STATE, state)
    assert begun(landscapes, tmp_path, free).data.train == run.data.train


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_the_numbers_that_a_card_draws_go_on_too(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands, restored = torch.arange(16, dtype=torch.uint8), []
    module = getattr(torch, kind)
    monkeypatch.setattr(module, "get_rng_state", lambda *device: stands)
    monkeypatch.setattr(module, "set_rng_state", lambda state, *device: restored.append((state, *device)))
    random, device = np.random.default_rng(0), torch.device(kind, 1) if kind == "cuda" else torch.device(kind)
    save_state(tmp_path / "s", random_state(random, device))
    state = load_state(tmp_path / "s")
    restore_random(random, state, torch.device("cpu"))
    assert not restored
    restore_random(random, state, device)
    assert torch.equal(restored[0][0], stands)
    assert restored[0][1:] == ((device,) if kind == "cuda" else ())
    before = {name: value for name, value in state.items() if name != kind}
    restore_random(random, before, device)  # as states were written when these numbers were not in them
    assert len(restored) == 1


def test_the_critic_learns_to_tell_and_all_figures_stay_finite(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    figures = [run.step() for _ in range(8)]
    assert all(np.isfinite(value) for one in figures for value in one.values())
    assert np.mean([f["whole.critic"] for f in figures[-2:]]) < np.mean([f["whole.critic"] for f in figures[:2]])


def test_training_writes_log_sheets_and_state_and_ends_on_sigterm(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    reports = []
    for report in jobs.train_painting(run, tmp_path / "run", Schedule(100_000, log_every=2, sheet_every=8)):
        reports.append(report)
        if len(reports) == 2:
            assert threading.current_thread() is threading.main_thread()
            os.kill(os.getpid(), signal.SIGTERM)
    assert run.seen < 40
    assert any(report.wrote.startswith("sheet-") for report in reports)
    rows = list(csv.DictReader((tmp_path / "run" / LOG).read_text().splitlines()))
    assert {"whole.critic", "strength"} <= {row["figure"] for row in rows}
    assert load_state(tmp_path / "run" / STATE)["seen"] == run.seen
    resumed = begun(landscapes, tmp_path / "run")
    assert resumed.seen == run.seen


class Counting:
    """A run that does nothing but what it is told to at a step."""

    def __init__(self, at: int, happens: Callable[[], float]) -> None:
        self.seen, self._at, self._happens = 0, at, happens

    def step(self) -> dict[str, float]:
        value = self._happens() if self.seen == self._at else 1.0
        self.seen += 1
        return {"loss": value}

    def state(self) -> dict[str, int]:
        return {"seen": self.seen}


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a process that a script started behind itself is born without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_a_run_after_its_step_and_a_second_one_does_not_wait(tmp_path: Path) -> None:
    def once() -> float:
        signal.raise_signal(signal.SIGINT)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        list(train(Counting(3, once), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def twice() -> float:
        once()
        once()
        raise AssertionError("a second Ctrl-C was waited for")

    with pytest.raises(KeyboardInterrupt):
        list(train(Counting(7, twice), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 4  # amid a step nothing is written


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_comes_apart_is_said_to_and_leaves_the_state_before(value: float, tmp_path: Path) -> None:
    list(train(Counting(-1, lambda: 1.0), tmp_path, Schedule(2)))
    with pytest.raises(ModelError, match=f"loss is {value}"):
        list(train(Counting(3, lambda: value), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 2


@pytest.mark.parametrize("minutes", [0, 5])
def test_weights_that_are_no_numbers_are_never_written(minutes: float, tmp_path: Path) -> None:
    weights = torch.zeros(3)

    class Breaking(Counting):
        def state(self) -> dict[str, object]:
            return {"networks": {"generator": {"weight": weights.clone()}}, "seen": self.seen}

    def broken() -> float:
        weights[1] = torch.nan  # by a gradient that the figures of the step knew nothing of
        return 1.0

    list(train(Breaking(-1, broken), tmp_path, Schedule(2)))
    with pytest.raises(ModelError, match="come apart: weights of its generator are no numbers"):
        list(train(Breaking(3, broken), tmp_path, Schedule(4, save_minutes=minutes)))
    assert load_state(tmp_path / STATE)["seen"] == (3 if minutes == 0 else 2)


def test_a_finished_run_stops_at_its_number_of_pictures(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    list(train(run, tmp_path / "run", Schedule(8)))
    assert run.seen == 8
    assert list(train(run, tmp_path / "run", Schedule(8))) == []


def test_the_result_is_a_model_that_paints_like_the_run(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run", DETAIL)
    for _ in range(2):
        run.step()
    folder = tmp_path / "models" / "mine"
    for _ in range(2):  # a second export takes the place of the first
        jobs.export_painting(run, jobs.read_card(None, "mine"), folder)
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "sheet.webp", "weights.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["mine"]
    card = Card.from_json((folder / "card.json").read_text())
    assert card.resolution == 128
    assert [label.name for label in card.labels] == ["sky", "sea", "sand"]
    assert "8 pictures seen" in card.recipe
    model = assemble(card, load_file(folder / "weights.safetensors"), "cpu", "float32")
    assert isinstance(model, PaintingModel)
    label_map = np.zeros((128, 128), np.uint8)
    label_map[60:], label_map[100:] = 3, 7
    numbers = np.pad((label_map > 2).astype(np.uint8) + (label_map > 5), ((8, 8), (16, 16)), mode="edge")
    shares = to_shares(numbers[None], 3, 1, run.device, torch.float32)
    style = model.style_vector(2)
    loud = 1 - (1 - QUIET["sky"]) * shares[:, :1]
    noise = [
        plane * torch.nn.functional.adaptive_avg_pool2d(loud, tuple(plane.shape[-2:]))
        for plane in noise_planes(run.config, 144, 160, 0)
    ]
    expected = run.paint(shares, torch.from_numpy(style)[None], noise)[0, :, 8:-8, 16:-16]
    assert np.abs(model.synthesize(label_map, style) - expected.numpy()).max() < 0.03  # weights in float16


def test_a_run_can_begin_with_the_networks_of_a_smaller_one(landscapes: Path, tmp_path: Path) -> None:
    small = begun(landscapes, tmp_path / "small")
    small.step()
    (tmp_path / "small").mkdir()
    save_state(tmp_path / "small" / STATE, small.state())
    grown = jobs.open_painting(landscapes, tmp_path / "grown", DETAIL, HERE, begin_from=tmp_path / "small")
    assert grown.seen == 4
    assert torch.equal(grown.averaged.blocks[2].conv1.weight, small.averaged.blocks[2].conv1.weight)
    for critic in grown.critics:
        assert torch.equal(critic.mix["4"].weight, small.critics[0].mix["4"].weight)
    shares, style = torch.rand(1, 3, 128, 128), torch.randn(1, 32)
    half, whole = grown.averaged.pictures(shares, style)
    assert torch.allclose(torch.nn.functional.avg_pool2d(whole, 2), half, atol=0.2)  # the new level adds nothing yet


@pytest.mark.parametrize(("begun_as", "asked"), [(SMALL, DETAIL), (DETAIL, SMALL)], ids=["detail asked", "whole asked"])
def test_a_run_with_detail_and_one_without_are_not_taken_for_each_other(
    begun_as: PaintingOptions, asked: PaintingOptions, landscapes: Path, tmp_path: Path
) -> None:
    run = begun(landscapes, tmp_path / "run", begun_as)
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, run.state())
    with pytest.raises(BadInput, match=r"begun with(out)? --detail, not with(out)? --detail. Give the command as it was"):
        begun(landscapes, tmp_path / "run", asked)
    with pytest.raises(BadInput, match="mean with another run cannot be taken"):
        begun(landscapes, tmp_path / "new", asked).mean_with(run.state())


def test_a_state_with_other_networks_is_refused_in_words(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    state = run.state()
    del state["networks"]["generator"]["label_codes"]  # as another recipe with the same options has none
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, state)
    with pytest.raises(BadInput, match="other networks: its generator has another shape at label_codes"):
        begun(landscapes, tmp_path / "run")
    foreign = {**state, "networks": {"generator": {"other": torch.zeros(1)}}}
    save_state(tmp_path / "run" / STATE, foreign)
    with pytest.raises(BadInput, match="Nothing can be taken over"):
        jobs.open_painting(landscapes, tmp_path / "new", SMALL, HERE, begin_from=tmp_path / "run")


def test_a_run_from_before_the_rates_fell_keeps_them(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    state = run.state()
    del state["options"]["rest"]
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, state)
    resumed = begun(landscapes, tmp_path / "run")
    resumed.until = resumed.seen + 2 * resumed.options.batch
    resumed.step()
    assert resumed.generator_optimiser.param_groups[0]["lr"] == resumed.options.rate


def test_the_mean_with_an_earlier_moment_lies_half_way(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path)
    run.step()
    earlier = {name: {k: v.clone() for k, v in tensors.items()} for name, tensors in run.state()["networks"].items()}
    run.step()
    now = {k: v.clone() for k, v in run.encoder.state_dict().items()}
    run.mean_with({**run.state(), "networks": earlier})
    for key, tensor in run.encoder.state_dict().items():
        assert torch.allclose(tensor, (now[key] + earlier["encoder"][key]) / 2, atol=1e-6)
    other = begun(landscapes, tmp_path / "other", PaintingOptions(size=64, channels=(16, 16, 8, 8), batch=4))
    with pytest.raises(BadInput, match="another shape"):
        run.mean_with(other.state())


def test_another_set_of_labels_is_refused(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    run.step()
    (tmp_path / "run").mkdir(exist_ok=True)
    save_state(tmp_path / "run" / STATE, run.state())
    (landscapes / "labels.json").write_text(
        '[{"id": 0, "name": "all", "colour": [1, 2, 3]}, {"id": 3, "name": "sea", "colour": [1, 2, 3]}]'
    )
    with pytest.raises(BadInput, match="labels"):
        begun(landscapes, tmp_path / "run")


def test_states_hold_what_was_put_in_and_foreign_files_are_refused(tmp_path: Path) -> None:
    state = {"a": {"b": torch.arange(3), 5: [1, 2.5, None, "x"]}, "big": 2**127, "flag": True}
    save_state(tmp_path / "s", state)
    found = load_state(tmp_path / "s")
    assert torch.equal(found["a"].pop("b"), torch.arange(3))
    assert found == {"a": {5: [1, 2.5, None, "x"]}, "big": 2**127, "flag": True}
    (tmp_path / "other").write_bytes(b"x" * 100)
    with pytest.raises(BadInput, match="not the state"):
        load_state(tmp_path / "other")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is told here under Linux alone")
def test_a_state_that_was_read_is_not_mapped_any_more(tmp_path: Path) -> None:
    save_state(tmp_path / "s", {"a": torch.zeros(100_000)})
    state = load_state(tmp_path / "s")  # Windows would let nobody write over a file that is
    assert str(tmp_path / "s") not in Path("/proc/self/maps").read_text()
    assert len(state["a"]) == 100_000


def test_a_state_that_cannot_be_written_leaves_no_rest(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "in the way").touch()
    with pytest.raises(OSError):
        save_state(tmp_path / "s", {"a": torch.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_what_is_no_model_is_never_replaced_by_one(tmp_path: Path) -> None:
    card = Card(name="x", title="X", task="upscaling", family="compact")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(b"a person's own")
    with pytest.raises(BadInput, match="holds other things than a model"):
        write_model(pictures, card, {"w": torch.zeros(1)}, None)
    with pytest.raises(BadInput, match="is a file"):
        write_model(pictures / "a.jpg", card, {"w": torch.zeros(1)}, None)
    assert (pictures / "a.jpg").read_bytes() == b"a person's own"
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "empty", card, {"w": torch.zeros(1)}, None)
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["card.json", "weights.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "pictures"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_the_model_before_stays_where_the_new_one_is_broken_off(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(name="x", title="X", task="upscaling", family="compact")
    write_model(tmp_path / "x", card, {"w": torch.zeros(1)}, None)
    renames, rename = [], os.rename

    def broken_off(one: Path, other: Path) -> None:
        renames.append(other)
        if len(renames) == 2:  # the one before is out of the way, and the new one is not there yet
            raise error
        rename(one, other)

    monkeypatch.setattr(os, "rename", broken_off)
    with pytest.raises(error):
        write_model(tmp_path / "x", card, {"w": torch.ones(1)}, None)
    assert load_file(tmp_path / "x" / "weights.safetensors")["w"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_augmentation_treats_shares_and_pictures_alike_and_lets_gradients_through() -> None:
    torch.manual_seed(3)
    draws = draw(4, 1.0, torch.device("cpu"))
    assert (draws.down, draws.right) != (0.0, 0.0)
    pictures = torch.zeros(4, 3, 32, 32, requires_grad=True)
    shares = torch.ones(4, 2, 32, 32)
    changed, moved = draws.pictures(pictures), draws.shifted(shares)
    changed.sum().backward()
    assert pictures.grad is not None
    gone = moved[0, 0] == 0
    assert 0 < gone.float().mean() < 0.3
    assert torch.equal(changed[0, 0] == 0, gone) or draws.light[0] == 0
    unchanged = draw(4, 0.0, torch.device("cpu"))
    assert torch.allclose(unchanged.pictures(changed), changed, atol=1e-6)


def test_strength_follows_sureness_within_its_ends() -> None:
    assert adapted(0.4, 0.9, 1000) > 0.4 > adapted(0.4, 0.1, 1000)
    assert adapted(0.8, 1.0, 10**6) == 0.8
    assert adapted(0.2, 0.0, 10**6) == 0.15


def test_rare_labels_weigh_more_and_the_mean_weight_is_one() -> None:
    shares = torch.tensor([0.9, 0.0999, 0.0001])
    weights = label_weights(shares)
    assert weights[2] > weights[1] > weights[0]
    assert (weights * shares).sum().item() == pytest.approx(1)


def test_losses_of_critic_and_generator_pull_against_each_other() -> None:
    torch.manual_seed(0)
    critic, trunk = Critic(3), read_trunk()
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    there = torch.zeros(2, 3, 64, 64)
    there[:, 1] = 1
    shares = share_pyramid(there)
    logits, whole = critic(pictures, trunk(pictures))
    assert [one.shape[-1] for one in logits] == [32, 16, 8, 4, 32]
    weights = torch.ones(3)
    named = [torch.zeros_like(one).index_fill(1, torch.tensor([1]), 9.0) for one in logits]
    made = [torch.zeros_like(one).index_fill(1, torch.tensor([3]), 9.0) for one in logits]
    low, high = torch.full_like(whole, -2), torch.full_like(whole, 2)
    assert critic_loss(named, high, shares, weights, real=True) < 0.01 < critic_loss(made, low, shares, weights, real=True)
    assert critic_loss(made, low, shares, weights, real=False) < 0.01 < critic_loss(named, high, shares, weights, real=False)
    assert generator_loss(named, high, shares, weights) < generator_loss(made, low, shares, weights)


def test_statistics_are_those_of_each_label_and_compare_only_common_ones() -> None:
    features = torch.zeros(1, 2, 8, 8)
    features[:, 0, :4], features[:, 0, 4:] = 1, 5
    shares = torch.zeros(1, 3, 8, 8)
    shares[:, 0, :4], shares[:, 1, 4:] = 1, 1
    mean, deviation, area = label_statistics(features, shares)
    assert mean[0, :2, 0].tolist() == [1, 5]
    assert deviation[0, :2].max() < 0.01
    assert area[0].tolist() == [0.5, 0.5, 0]
    pixels = (torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16))
    alone = torch.zeros_like(shares)
    alone[:, 2] = 1
    here, there = ({8: x, 4: torch.nn.functional.avg_pool2d(x, 2)} for x in (shares, alone))
    assert statistics_loss({2: features}, here, {2: features * 3}, there, pixels)[0] == 0
    assert statistics_loss({2: features}, here, {2: features}, here, pixels)[0] == 0
    assert statistics_loss({2: features}, here, {2: features * 3}, here, pixels)[0] > 0.1


def test_what_is_even_has_its_deviation_in_bfloat16_too() -> None:
    torch.manual_seed(0)
    sky = (0.8 + 0.03 * torch.randn(1, 3, 64, 64)).requires_grad_()
    shares = torch.ones(1, 1, 64, 64)
    exact = label_statistics(sky, shares)
    with torch.autocast("cpu", torch.bfloat16):
        found = label_statistics(sky, shares)
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one, other)
    found[1].sum().backward()
    assert sky.grad is not None
    assert sky.grad.abs().max() > 0


def test_rates_fall_towards_the_end_of_a_run_and_stay_where_no_end_is_known(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    rate = run.options.rate
    run.step()
    assert run.generator_optimiser.param_groups[0]["lr"] == rate
    run.until = run.seen + run.options.rest // 2
    run.step()
    assert run.generator_optimiser.param_groups[0]["lr"] == pytest.approx(rate / 2)
    run.until = 1
    run.step()
    assert run.critic_optimiser.param_groups[0]["lr"] == pytest.approx(run.options.critic_rate / 10)


def test_the_critic_is_not_held_to_the_pixel_at_borders() -> None:
    there = torch.zeros(1, 2, 64, 64)
    there[:, 0, :, :32], there[:, 1, :, 32:] = 1, 1
    pyramid = share_pyramid(there)
    assert pyramid[32][0, 0, 0, 12:20].tolist() == pytest.approx([1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0])
    assert all(torch.allclose(one.sum(1), torch.ones(1)) for one in pyramid.values())
    assert pyramid[4][0, 0, 0].tolist() == [1, 1, 0, 0]
