"""The upscaling recipe: it beats the bicubic filter, resumes exactly, and what it makes is a model of Ganvas."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models.card import Card
from models.errors import BadInput, ModelError
from models.opening import assemble
from models.training import jobs
from models.training.beginnings import read_beginning
from models.training.fidelity import bicubic, psnr_y
from models.training.loop import STATE, Schedule
from models.training.lpips import from_tensors
from models.training.patches import reduced
from models.training.state import save_state
from models.training.upscaling import UpscalingOptions, UpscalingRun
from models.upscaling import UpscalingModel
from tests.models.training.test_lpips import published

SMALL = UpscalingOptions(scale=2, width=12, inner=2, patch=16, batch=8, rate=2e-3, pictures=1000, average=0.9)
HERE = jobs.Place("cpu", bfloat16=False)


def shapes(seed: int, height: int = 96, width: int = 128) -> Image.Image:
    """Sharp discs and bars, drawn large and reduced, so that their edges are those of a photo."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: 4 * height, : 4 * width]
    picture = np.full((4 * height, 4 * width, 3), rng.integers(30, 220, 3), np.uint8)
    for _ in range(14):
        colour, cy, cx, r = rng.integers(0, 255, 3), rng.integers(4 * height), rng.integers(4 * width), rng.integers(20, 120)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < r * r if rng.random() < 0.5 else (abs(y - cy) < r) & (abs(x - cx) < r // 4 + 4)
        picture[inside] = colour
    return Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)


@pytest.fixture
def sharp(tmp_path: Path) -> Path:
    folder = tmp_path / "sharp"
    folder.mkdir()
    for i in range(10):
        shapes(i).save(folder / f"{i}.png")
    return folder


def scores(run: UpscalingRun, photos: Iterable[np.ndarray]) -> tuple[float, float]:
    """Mean PSNR-Y of the run and of bicubic enlargement over `photos`."""
    pairs = [(reduced(photo, 2), photo) for photo in photos]
    ours = [psnr_y(run.enlarge(small), photo, 2) for small, photo in pairs]
    return float(np.mean(ours)), float(np.mean([psnr_y(bicubic(small, 2), photo, 2) for small, photo in pairs]))


def test_it_becomes_better_on_photos_it_has_not_seen(sharp: Path, tmp_path: Path) -> None:
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    before, plain = scores(run, (np.asarray(shapes(100 + i)) for i in range(2)))
    assert before < plain  # it begins with pixels copied, which is worse than the filter
    reports = list(jobs.train_upscaling(run, tmp_path / "run", Schedule(240, sheet_every=240)))
    assert reports[-1].wrote.startswith("sheet-")
    after, _ = scores(run, (np.asarray(shapes(100 + i)) for i in range(2)))
    assert after > before + 0.2


@pytest.mark.parametrize(("adversarial", "worn", "lpips"), [(False, False, False), (True, False, True), (True, True, False)])
def test_a_run_that_was_interrupted_goes_on_exactly(
    adversarial: bool, worn: bool, lpips: bool, sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "open_lpips", lambda device, wheels: from_tensors(published()))
    # Of eight patches in all the last four count by their squares, where there is no critic: the two halves differ in that.
    few = UpscalingOptions(scale=2, width=12, inner=2, patch=32, batch=2, pictures=8, settled=0.5)
    options = replace(few, adversarial=adversarial, worn=worn, lpips=lpips)
    straight = jobs.open_upscaling(sharp, tmp_path / "straight", options, HERE)
    first = [straight.step() for _ in range(4)]
    halves = jobs.open_upscaling(sharp, tmp_path / "halves", options, HERE)
    second = [halves.step() for _ in range(2)]
    (tmp_path / "halves").mkdir()
    save_state(tmp_path / "halves" / STATE, halves.state())
    resumed = jobs.open_upscaling(sharp, tmp_path / "halves", options, HERE)
    second += [resumed.step() for _ in range(2)]
    assert first == second
    assert ("judged" in first[0]) is ("grid" in first[0]) is adversarial
    assert ("lpips" in first[0]) is lpips
    for one, other in zip(straight.averaged.parameters(), resumed.averaged.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_run_from_before_an_option_was_known_goes_on_without_it(sharp: Path, tmp_path: Path) -> None:
    options = replace(SMALL, luma=0.0, settled=0.0, colours=0.0, grid=0.0)
    run = jobs.open_upscaling(sharp, tmp_path / "run", options, HERE)
    run.step()
    state = run.state()
    for name in ("worn", "luma", "settled", "colours", "grid"):
        del state["options"][name]
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, state)
    resumed = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    assert resumed.options == options
    assert resumed.step() == run.step()
    assert torch.equal(resumed.network.body[0].weight, run.network.body[0].weight)
    assert read_beginning(tmp_path / "run").config == run.config


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (replace(SMALL, adversarial=True), "begun without --adversarial, not with --adversarial"),
        (replace(SMALL, lpips=True), "begun without --lpips, not with --lpips"),
        (replace(SMALL, worn=True), "begun without --worn, not with --worn"),
        (replace(SMALL, scale=4), "begun with --scale 2, not with --scale 4"),
        (replace(SMALL, teacher="photo-x2"), "begun without --teacher, not with --teacher photo-x2"),
    ],
)
def test_a_run_that_was_begun_otherwise_is_not_gone_on_with_in_silence(
    asked: UpscalingOptions, said: str, sharp: Path, tmp_path: Path
) -> None:
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, run.state())
    with pytest.raises(BadInput, match=said):
        jobs.open_upscaling(sharp, tmp_path / "run", asked, HERE)


def test_a_critic_goes_on_from_the_plain_run_at_a_lower_rate(sharp: Path, tmp_path: Path) -> None:
    plain = jobs.open_upscaling(sharp, tmp_path / "plain", SMALL, HERE)
    for _ in range(3):
        plain.step()
    (tmp_path / "plain").mkdir()
    save_state(tmp_path / "plain" / STATE, plain.state())
    crisp = jobs.open_upscaling(sharp, tmp_path / "crisp", SMALL.gentle(), HERE, begin_from=tmp_path / "plain")
    assert crisp.seen == 0
    assert torch.equal(crisp.network.body[0].weight, plain.averaged.body[0].weight)
    crisp.step()
    assert crisp.optimiser.param_groups[0]["lr"] == pytest.approx(SMALL.rate / 5)


def test_lpips_draws_the_network_towards_what_looks_alike(sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eye = from_tensors(published())
    monkeypatch.setattr(jobs, "open_lpips", lambda device, wheels: eye)
    asked = replace(SMALL, lpips=True, alike=1.0, judged=0.0, features=0.0, grid=0.0, adversarial=True, rate=4e-3, batch=2)
    found = {}
    for name, options in (("with", asked), ("without", replace(asked, alike=0.0))):
        run = jobs.open_upscaling(sharp, tmp_path / name, options, HERE)
        found[name] = sum(run.step()["lpips"] for _ in range(8))
    assert found["with"] < found["without"]


def test_a_run_at_its_end_needs_no_wheel_and_another_one_says_which_is_missing(sharp: Path, tmp_path: Path) -> None:
    asked = replace(SMALL, lpips=True, adversarial=True)
    with pytest.raises(ModelError, match=r"stlpips_pytorch.*is not in.*ganvas measure get"):
        jobs.open_upscaling(sharp, tmp_path / "run", asked, HERE, wheels=tmp_path)
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    run.step()
    state = run.state()
    state["options"]["lpips"] = state["options"]["adversarial"] = True
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, state)
    ended = replace(asked, pictures=run.seen)
    assert jobs.open_upscaling(sharp, tmp_path / "run", ended, HERE, wheels=tmp_path).lpips is None


def test_the_result_is_a_model_that_enlarges_like_the_run(sharp: Path, tmp_path: Path) -> None:
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    for _ in range(20):
        run.step()
    folder = tmp_path / "models" / "quick"
    jobs.export_upscaling(run, jobs.read_card(None, "quick"), folder)
    card = Card.from_json((folder / "card.json").read_text())
    assert (card.task, card.scale) == ("upscaling", 2)
    model = assemble(card, load_file(folder / "weights.safetensors"), "cpu", "float32")
    assert isinstance(model, UpscalingModel)
    small = np.asarray(shapes(50, 40, 60))
    assert np.abs(model.upscale(small).astype(int) - run.enlarge(small)).max() <= 1


def test_a_restorer_is_exported_with_its_colours_evened_out_and_sees_beyond_the_sides(sharp: Path, tmp_path: Path) -> None:
    run = jobs.open_upscaling(sharp, tmp_path / "run", replace(SMALL, worn=True), HERE)
    for _ in range(10):
        run.step()
    tint = torch.tensor([6.0, -3.0, 0.0])
    with torch.no_grad():
        run.averaged.body[-1].bias.view(3, 4).add_(tint[:, None] / 255)
    before = run.averaged.body[-1].bias.clone()
    folder = tmp_path / "models" / "restorer"
    jobs.export_upscaling(run, jobs.read_card(None, "restorer"), folder)
    card = Card.from_json((folder / "card.json").read_text())
    assert card.config["around"] == 4
    assert "mean colours evened out" in card.recipe
    model = assemble(card, load_file(folder / "weights.safetensors"), "cpu", "float32")
    assert isinstance(model, UpscalingModel)
    small = np.asarray(shapes(50, 40, 60))
    assert np.abs(model.upscale(small).astype(int) - run.enlarge(small)).max() <= 1
    made = model.upscale(small)
    with torch.no_grad():
        run.averaged.body[-1].bias.copy_(before)
    apart = [one.mean((0, 1)) - small.mean((0, 1)) for one in (run.enlarge(small), made)]
    assert np.abs(apart[1][0]) < np.abs(apart[0][0]) - 2  # red, which was tinted most
    assert read_beginning(folder).config == run.config  # what is seen beyond the sides is not of the network


def test_a_mean_with_another_run_is_exported_and_its_card_says_so(sharp: Path, tmp_path: Path) -> None:
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    other = jobs.open_upscaling(sharp, tmp_path / "plain", replace(SMALL, seed=1), HERE)
    other.step()
    (tmp_path / "plain").mkdir()
    save_state(tmp_path / "plain" / STATE, other.state())
    run.step()
    now, then = run.averaged.body[0].weight.clone(), other.averaged.body[0].weight.clone()
    folder, plain = tmp_path / "mean", read_beginning(tmp_path / "plain")
    jobs.export_upscaling(run, jobs.read_card(None, "mean"), folder, jobs.Mean("plain", plain, 0.25))
    written = load_file(folder / "weights.safetensors")["body.0.weight"].float()
    assert torch.allclose(written, 0.75 * now + 0.25 * then, atol=1e-3)
    assert not torch.allclose(now, then, atol=0.1)  # so the shares can be told apart
    assert "averaged with plain, whose share is 0.25" in Card.from_json((folder / "card.json").read_text()).recipe
    wide = jobs.open_upscaling(sharp, tmp_path / "wide", replace(SMALL, width=16), HERE)
    with pytest.raises(BadInput, match="mean with another run"):
        jobs.export_upscaling(wide, jobs.read_card(None, "mean"), folder, jobs.Mean("plain", plain, 0.5))


def test_the_baseline_fits_what_the_network_makes() -> None:
    photo = np.asarray(shapes(3, 99, 130))
    small = reduced(photo, 4)
    assert small.shape == (24, 32, 3)
    assert bicubic(small, 4).shape == (96, 128, 3)


def test_photos_that_are_too_small_are_listed(sharp: Path, tmp_path: Path) -> None:
    shapes(11, 20, 90).save(sharp / "small.png")
    (sharp / "broken.jpg").write_bytes(b"nothing")
    whole = next(sharp.glob("*.png")).read_bytes()
    (sharp / "cut.png").write_bytes(whole[: len(whole) // 2])
    run = jobs.open_upscaling(sharp, tmp_path / "run", SMALL, HERE)
    assert {p.name for p in run.problems} == {"small.png", "broken.jpg", "cut.png"}
    reasons = {p.name: p.reason for p in run.problems}
    assert reasons["broken.jpg"] == "is no picture that can be read"
    assert reasons["cut.png"] == "is broken, or cut off"
    with pytest.raises(BadInput, match="Fewer than two"):
        jobs.open_upscaling(sharp, tmp_path / "run", UpscalingOptions(scale=4, patch=64), HERE)
