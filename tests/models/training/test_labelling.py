"""The labelling recipe: it learns, stops and goes on exactly, leaves a model; and how painted pictures are judged by it."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models.card import Card
from models.errors import BadInput
from models.labelling import LabellingModel
from models.training import labelling_jobs as jobs
from models.training.jobs import Place, read_card
from models.training.labelled import square
from models.training.labelling import LabellingOptions, LabellingRun, channels_of, held_out_agreement
from models.training.loop import LOG, STATE, Schedule
from models.training.metrics import agreement, relabelled
from models.training.state import load_state, save_state

SMALL = LabellingOptions(size=64, batch=4, rate=3e-3, pictures=160)
HERE = Place("cpu", False, 1)


def begun(landscapes: Path, out: Path) -> LabellingRun:
    return jobs.open_labelling(landscapes, out, SMALL, HERE)


def test_it_learns_to_label_photos_it_has_not_seen_and_metrics_say_so(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    first = [run.step()["entropy"] for _ in range(30)]
    assert np.mean(first[-5:]) < 0.7 * np.mean(first[:3])
    found = relabelled(run.data, 64, lambda numbers, photo, seed: np.full_like(photo, seed), run.says)
    assert found["photos"].pixels > 0.7
    assert found["photos"].pixels == pytest.approx(held_out_agreement(run.data, 64, run.says, run.data.held_out).pixels)
    assert found["painted"].pixels < found["photos"].pixels  # plain grey is no landscape
    same = relabelled(run.data, 64, lambda numbers, photo, seed: photo, run.says, limit=2)
    assert same["painted"].pixels == same["photos"].pixels


def test_a_labeller_of_open_photos_never_goes_on_with_others(landscapes: Path, tmp_path: Path) -> None:
    run = jobs.open_labelling(landscapes, tmp_path, replace(SMALL, open_only=True), HERE)
    assert run.data.train != begun(landscapes, tmp_path).data.train
    save_state(tmp_path / STATE, run.state())
    with pytest.raises(BadInput, match="begun with --open-only, not without --open-only"):
        begun(landscapes, tmp_path)


def test_a_run_that_was_told_to_end_goes_on_exactly(landscapes: Path, tmp_path: Path) -> None:
    straight = begun(landscapes, tmp_path / "straight")
    list(jobs.train_labelling(straight, tmp_path / "straight", Schedule(40, log_every=2, sheet_every=16)))
    halves = begun(landscapes, tmp_path / "halves")
    for _ in jobs.train_labelling(halves, tmp_path / "halves", Schedule(40, log_every=2, sheet_every=16)):
        os.kill(os.getpid(), signal.SIGTERM)
    assert 0 < halves.seen < 40
    assert load_state(tmp_path / "halves" / STATE)["seen"] == halves.seen
    resumed = begun(landscapes, tmp_path / "halves")
    assert resumed.seen == halves.seen
    list(jobs.train_labelling(resumed, tmp_path / "halves", Schedule(40)))
    for one, other in zip(straight.decoder.parameters(), resumed.decoder.parameters(), strict=True):
        assert torch.equal(one, other)
    assert "entropy" in (tmp_path / "straight" / LOG).read_text()
    assert [path.name for path in sorted((tmp_path / "straight").glob("sheet-*.png"))] == [
        "sheet-00000016.png",
        "sheet-00000032.png",
    ]


def test_the_result_is_a_model_that_labels_like_the_run(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    for _ in range(30):
        run.step()
    folder = tmp_path / "models" / "mine"
    jobs.export_labelling(run, read_card(None, "mine"), folder)
    card = Card.from_json((folder / "card.json").read_text())
    assert (card.task, card.family, card.resolution) == ("labelling", "labeller", 64)
    assert card.labels == run.data.labels
    assert card.metrics["pixels_as_in_3_held_out_maps"] == pytest.approx(
        held_out_agreement(run.data, 64, run.says, run.data.held_out).pixels, abs=0.08
    )
    assert (folder / "sheet.webp").stat().st_size > 0
    model = models.open(folder / "weights.safetensors", device="cpu")
    assert isinstance(model, LabellingModel)
    photo, _ = square(run.data.photos[run.data.held_out[0]], run.data.maps[run.data.held_out[0]], 64)
    same = channels_of(model, run.data.labels)(photo) == run.says(photo)
    assert same.mean() > 0.9  # not all: the model also looks at the mirror image
    assert set(np.unique(model.label(photo))) <= {0, 3, 7}


def test_a_state_as_it_was_written_before_is_read(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    run.step()
    state = run.state()
    before = {key: state[key] for key in ("options", "seen", "random")}
    before |= {"decoder": state["networks"]["decoder"], "optimiser": state["optimisers"]["decoder"]}
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, before)
    expected = run.step()
    resumed = begun(landscapes, tmp_path / "run")
    assert (resumed.step(), resumed.seen) == (expected, run.seen)
    new = jobs.open_labelling(landscapes, tmp_path / "new", SMALL, HERE, begin_from=tmp_path / "run")
    assert torch.equal(new.decoder.says.weight, load_state(tmp_path / "run" / STATE)["decoder"]["says.weight"])


def test_another_set_of_labels_is_refused(landscapes: Path, tmp_path: Path) -> None:
    run = begun(landscapes, tmp_path / "run")
    list(jobs.train_labelling(run, tmp_path / "run", Schedule(4)))
    labels = landscapes / "labels.json"
    labels.write_text(labels.read_text().replace("]}]", ']}, {"id": 9, "name": "snow", "colour": [255, 255, 255]}]'))
    with pytest.raises(BadInput, match="begun with 3 labels, the data has 4"):
        begun(landscapes, tmp_path / "run")
    with pytest.raises(BadInput, match="begun with 3 labels, the data has 4"):
        jobs.open_labelling(landscapes, tmp_path / "new", SMALL, HERE, begin_from=tmp_path / "run")


def test_agreement_counts_pixels_and_weighs_labels_alike() -> None:
    found = agreement(np.array([[90, 0, 0], [5, 5, 0], [0, 0, 0]]))
    assert found.pixels == pytest.approx(0.95)
    assert found.mean_label == pytest.approx(0.75)
    assert np.isnan(found.of_label[2])
