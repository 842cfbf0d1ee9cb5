"""The painting recipe: it learns, it can be interrupted anywhere, and what it makes is a model of Ganvas."""

import csv
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.card import Card
from models.checkpoints.families.landscapes import QUIET
from models.errors import BadInput
from models.networks.landscape import noise_planes
from models.opening import assemble
from models.painting import PaintingModel
from models.training import jobs
from models.training.loop import LOG, STATE, Schedule, train
from models.training.painting import PaintingOptions, PaintingRun, to_shares
from models.training.resuming import random_state, restore_random
from models.training.state import load_state, save_state

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
