"""A large upscaler teaches a small one: its fine detail, the photo's colours, each piece asked for once, and exact resuming."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import models
from models.card import Card
from models.catalogue import Catalogue
from models.errors import BadInput
from models.networks.compact import CompactConfig
from models.training import jobs, teaching
from models.training.fidelity import bicubic
from models.training.loop import STATE, Schedule
from models.training.state import save_state
from models.training.upscaling import UpscalingOptions, begun

Pixels = NDArray[np.uint8]
HERE = jobs.Place("cpu", bfloat16=False)
FEW = UpscalingOptions(scale=2, width=8, inner=1, patch=16, batch=2, pictures=8, teacher="teacher", lessons=30)


@pytest.fixture
def sharp(tmp_path: Path) -> Path:
    folder = tmp_path / "sharp"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for i in range(4):
        blocks = rng.integers(60, 195, (128, 160, 3), np.uint8).repeat(2, 0).repeat(2, 1)
        Image.fromarray(blocks).save(folder / f"{i}.png")
    return folder


def keep_teacher(strength: float = 0.2) -> None:
    """An upscaler in the catalogue, called "teacher", that repeats pixels and sharpens: each, less its neighbours, is added."""
    config = CompactConfig(3, 8, 1, 2)
    tensors = {name: torch.zeros_like(tensor) for name, tensor in begun(config).state_dict().items()}
    sharpens = strength * torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    for channel in range(3):
        for layer in (0, 2):
            tensors[f"body.{layer}.weight"][channel, channel, 1, 1] = 1
        tensors["body.4.weight"][4 * channel : 4 * channel + 4, channel] = sharpens
    if Catalogue().find("teacher") is not None:
        Catalogue().remove("teacher")
    Catalogue().keep(Card("teacher", "Teacher", "upscaling", "compact", asdict(config), scale=2), tensors)


def test_a_teacher_works_on_the_card_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_teacher()
    asked = []
    opens = models.open

    def noted(name: str, device: str) -> object:
        asked.append(device)
        return opens(name, device="cpu")

    monkeypatch.setattr(models, "open", noted)
    teaching.read_teacher("teacher", 2, torch.device("cuda", 1))
    assert asked == ["cuda:1"]


def test_fine_detail_is_the_teachers_and_the_rest_the_photos() -> None:
    """The teacher paints everything darker and draws lines: the lines are taken, the darkness is not."""
    photo = np.full((64, 64, 3), 150, np.uint8)
    answer = photo - 40
    answer[:, ::2] += 20
    made = teaching.taught(answer, photo).astype(int)[:, 8:-8]
    assert abs(made.mean() - 150) < 2
    assert (made[:, ::2] - made[:, 1::2] >= 16).all()


def test_a_run_learns_what_the_teacher_says_and_goes_on_exactly(sharp: Path, tmp_path: Path) -> None:
    keep_teacher()
    straight = jobs.open_upscaling(sharp, tmp_path / "straight", FEW, HERE)
    first = [straight.step() for _ in range(4)]
    halves = jobs.open_upscaling(sharp, tmp_path / "halves", FEW, HERE)
    second = [halves.step() for _ in range(2)]
    (tmp_path / "halves").mkdir()
    save_state(tmp_path / "halves" / STATE, halves.state())
    second += [jobs.open_upscaling(sharp, tmp_path / "halves", FEW, HERE).step() for _ in range(1)]
    assert first[:3] == second
    plain = jobs.open_upscaling(sharp, tmp_path / "plain", replace(FEW, teacher=""), HERE)
    assert plain.step()["difference"] != first[0]["difference"]


def test_a_lesson_shows_what_the_teacher_makes_of_that_very_place(sharp: Path, tmp_path: Path) -> None:
    keep_teacher()
    run = jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    teacher = teaching.read_teacher("teacher", 2, torch.device("cpu"))
    inside = np.s_[8:-8, 8:-8]
    for at in range(len(run.pairs)):
        small, large = run.pairs.pair(at, np.random.default_rng(at))
        assert (small.shape, large.shape) == ((16, 16, 3), (32, 32, 3))
        same = teaching.taught(teacher.enlarge(np.ascontiguousarray(small)), large)  # that fine detail on what is coarse here
        moved = np.roll(same, 1, 0)
        plain = bicubic(small, 2)
        near, *others = (float(np.abs(made.astype(int) - large)[inside].mean()) for made in (same, moved, plain))
        assert near < 0.3 * min(others)


def test_a_teacher_is_asked_once_and_an_interruption_loses_little(
    sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_teacher()
    asked = 0
    known: Callable[..., teaching.Teacher] = teaching.read_teacher

    def counting(*about: object) -> teaching.Teacher:
        teacher = known(*about)

        def enlarge(small: Pixels) -> Pixels:
            nonlocal asked
            asked += 1
            if asked == 28:
                raise KeyboardInterrupt
            return teacher.enlarge(small)

        return replace(teacher, enlarge=enlarge)

    monkeypatch.setattr(jobs, "read_teacher", counting)
    with pytest.raises(KeyboardInterrupt):
        jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    said: list[tuple[int, int]] = []
    run = jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE, report=lambda done, total, _: said.append((done, total)))
    assert (asked, len(run.pairs)) == (28 + 5, 30)  # of 25 that were complete none is asked for again
    assert said == [(25, 30), (30, 30)]
    jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    assert asked == 33
    keep_teacher(0.1)  # other weights of the same name say something else
    jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    assert asked == 63


@pytest.mark.parametrize("name", ["nobody", "landscapes", "photo-x4"])
def test_what_cannot_teach_is_refused_in_words(name: str, sharp: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"{name} cannot teach this run"):
        jobs.open_upscaling(sharp, tmp_path / "run", replace(FEW, teacher=name), HERE)
    assert not (tmp_path / "run").exists()


def test_patches_that_are_larger_than_lessons_are_refused(sharp: Path, tmp_path: Path) -> None:
    keep_teacher()
    with pytest.raises(BadInput, match="do not fit into lessons"):
        jobs.open_upscaling(sharp, tmp_path / "run", replace(FEW, patch=97), HERE)


def test_a_run_that_is_at_its_end_needs_no_teacher_to_become_a_model(sharp: Path, tmp_path: Path) -> None:
    keep_teacher()
    run = jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    assert [report.seen for report in jobs.train_upscaling(run, tmp_path / "run", Schedule(FEW.pictures))] == [8]
    Catalogue().remove("teacher")
    shutil.rmtree(tmp_path / "cache" / "sharp-by-teacher")
    ended = jobs.open_upscaling(sharp, tmp_path / "run", FEW, HERE)
    assert not list(jobs.train_upscaling(ended, tmp_path / "run", Schedule(FEW.pictures)))
    jobs.export_upscaling(ended, jobs.read_card(None, "pupil"), tmp_path / "pupil")
    assert "30 lessons of teacher" in json.loads((tmp_path / "pupil" / "card.json").read_text())["recipe"]
    with pytest.raises(BadInput, match="teacher cannot teach this run"):  # where it is to learn more
        jobs.open_upscaling(sharp, tmp_path / "run", replace(FEW, pictures=10), HERE)
