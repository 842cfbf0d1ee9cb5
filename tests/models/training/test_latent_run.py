"""The latent recipe: it learns, resumes exactly with every loss, notices a collapse, and what it makes is a model of Ganvas."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models.card import Card
from models.errors import BadInput
from models.latent import LatentModel
from models.opening import assemble
from models.training import latent_figures, latent_jobs
from models.training.jobs import Place
from models.training.latent import LatentRun
from models.training.latent_generator import drawn_grain, give_grain, levels_of, new_generator, synthesize
from models.training.latent_guides import guides, likeness_loss, turned
from models.training.latent_losses import LOSSES, Loss, critic_loss, generator_loss, moments_loss, penalty, sureness
from models.training.latent_options import LatentOptions, with_loss
from models.training.loop import LOG, STATE, Schedule
from models.training.squares import read_squares
from models.training.state import load_state, save_state

TINY = LatentOptions(size=32, channels=(16, 16, 12, 8), z_dim=8, w_dim=16, batch=4, loss="hinge", small=8, settle=0, rest=8)
HERE = Place("cpu", bfloat16=False)


@pytest.fixture(autouse=True)
def few_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a moment is judged by is the same with fewer pictures, and takes an eighth of the time."""
    monkeypatch.setattr("models.training.latent._JUDGED", 64)


def disc(seed: int, side: int = 40) -> Image.Image:
    """A bright disc on a dark ground, somewhere near the middle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0.4, 0.6, 2) * side, rng.uniform(0.2, 0.3) * side
    inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    return Image.fromarray(np.where(inside[..., None], rng.integers(150, 255, 3), rng.integers(0, 80, 3)).astype(np.uint8))


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    folder = tmp_path / "discs"
    folder.mkdir()
    for i in range(24):
        disc(i).save(folder / f"{i:02}.png")
    return folder


def opened(data: Path, out: Path, options: LatentOptions = TINY) -> LatentRun:
    return latent_jobs.open_latent(data, out, options, HERE)


def test_pictures_are_squares_and_what_cannot_be_used_is_listed(discs: Path, tmp_path: Path) -> None:
    disc(1, 10).save(discs / "small.png")
    Image.new("RGB", (200, 40)).save(discs / "long.png")
    (discs / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (60, 40), (9, 8, 7)).save(discs / "wide.png")
    data = read_squares(discs, tmp_path / "cache", 32)
    assert data.pixels.shape == (25, 32, 32, 3)
    assert (data.pixels[data.names.index("wide.png")] == (9, 8, 7)).all()
    assert {problem.name for problem in data.problems} == {"small.png", "long.png", "broken.png"}
    assert len(data.held_out) == 1
    assert set(data.held_out).isdisjoint(data.train)
    again = read_squares(discs, tmp_path / "cache", 32)
    assert np.array_equal(again.pixels, data.pixels)


def test_too_few_pictures_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for i in range(5):
        disc(i, 12).save(tmp_path / "few" / f"{i}.png")
    with pytest.raises(BadInput, match="Fewer than 4"):
        read_squares(tmp_path / "few", tmp_path / "cache", 32)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_what_is_trained_computes_what_is_shipped(bfloat16: bool) -> None:
    torch.manual_seed(1)
    shape = TINY.shape()
    network = new_generator(shape)
    for layer in network.pictures.values():
        torch.nn.init.normal_(layer.weight, std=0.2)
    give_grain(network, 0.3)
    ws = torch.randn(3, shape.num_ws, shape.w_dim)
    with torch.no_grad():
        plain, smooth = network(ws, network.noise_planes()), network(ws, [None] * len(network.layers))
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            quick = synthesize(network, ws, levels_of(32), network.noise_planes()).float()
    assert (plain - quick).abs().max() < (0.1 if bfloat16 else 1e-4) * plain.std()
    assert (plain - smooth).abs().mean() > 0.05 * plain.std()  # grain shows


def test_grain_is_drawn_anew_for_each_picture_in_the_layers_of_fine_detail_alone() -> None:
    network = new_generator(TINY.shape())
    assert drawn_grain(network, 2) == [None] * 7
    give_grain(network, 0.1)
    planes = drawn_grain(network, 2)
    assert planes[:5] == [None] * 5
    drawn = planes[6]
    assert drawn is not None
    assert drawn.shape == (2, 1, 32, 32)
    assert drawn.std() == pytest.approx(0.1, rel=0.1)
    assert not torch.equal(drawn[0], drawn[1])
    again = new_generator(TINY.shape())
    give_grain(again, 0.1)
    assert all(torch.equal(a, b) for a, b in zip(network.noise_planes(), again.noise_planes(), strict=True))


def test_it_comes_nearer_to_the_data(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run", replace(TINY, small=0, rest=1, moments=10.0, rate=1e-2))
    z = run.fixed_latents(32)
    real = torch.from_numpy(run.data.pixels).float().permute(0, 3, 1, 2) / 127.5 - 1

    def mistake() -> float:
        return float((run.pictures(run.averaged, z).mean(0) - real.mean(0)).abs().mean())

    before = mistake()
    for _ in range(20):
        run.step()
    assert mistake() < 0.7 * before


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_that_was_interrupted_goes_on_exactly_and_grows_alike(loss: Loss, discs: Path, tmp_path: Path) -> None:
    options = replace(TINY, loss=loss, pixels=loss == "relativistic", settle=4)
    straight = opened(discs, tmp_path / "straight", options)
    assert straight.side == 16
    straight.step()
    (tmp_path / "again").mkdir()
    save_state(tmp_path / "again" / STATE, straight.state())
    figures = [straight.step() for _ in range(3)]
    assert straight.side == 32  # in the second of these three the new level learnt alone, in the third all did
    other: Loss = "logistic" if loss == "hinge" else "hinge"
    with pytest.raises(BadInput, match=f"begun with --loss {loss}, not with --loss {other}"):
        opened(discs, tmp_path / "again", replace(options, loss=other))
    again = opened(discs, tmp_path / "again", replace(options, batch=9))
    assert again.options == options  # a run that was begun keeps its options
    assert [again.step() for _ in range(3)] == figures
    for name, tensor in straight.generator.state_dict().items():
        assert torch.equal(tensor, again.generator.state_dict()[name]), name


def test_a_run_that_was_begun_before_there_was_grain_goes_on_without(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run", replace(TINY, framing=False, grain=0.0))
    run.step()
    state = run.state()
    for name in ("framing", "grain"):
        del state["options"][name]
    (tmp_path / "run").mkdir(exist_ok=True)
    save_state(tmp_path / "run" / STATE, state)
    wanted = run.step()
    again = opened(discs, tmp_path / "run", TINY)
    assert (again.options.framing, again.options.grain) == (False, 0.0)
    assert again.step() == wanted


def test_places_are_turned_as_the_generator_that_is_gone_on_with_has_learnt_them(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = replace(TINY, small=0, rest=1, rate=1e-2, likeness=20.0)
    other = opened(discs, tmp_path / "other", plain)
    for _ in range(20):
        other.step()
    (tmp_path / "other").mkdir()
    save_state(tmp_path / "other" / STATE, other.state())
    assert other._guides is not None
    signs = torch.where(torch.arange(8) % 2 == 0, -1.0, 1.0)
    places = other._guides
    monkeypatch.setattr("models.training.latent.guides", lambda described, z_dim: (places * signs).reshape(-1, z_dim))
    run = latent_jobs.open_latent(discs, tmp_path / "run", plain, HERE, begin_from=tmp_path / "other")
    run.step()
    new = opened(discs, tmp_path / "new", plain)
    new.step()
    assert run._guides is not None
    assert new._guides is not None
    assert torch.equal(new._guides, places * signs)  # who begins anew has no way that was learnt

    def apart(guides: torch.Tensor) -> float:
        real = run.data.pixels[list(run.data.train)]
        made = other.pictures(other.averaged, guides[0])
        return float((made - (torch.from_numpy(real).permute(0, 3, 1, 2).float() / 127.5 - 1)).abs().mean())

    assert apart(run._guides) < apart(places * signs)
    assert torch.equal(run._guides.abs(), places.abs())


def test_a_sign_is_kept_where_turning_it_does_not_help() -> None:
    wanted = torch.tensor([[1.0, -2.0, 3.0], [0.5, 1.0, -1.0]])
    given = wanted * torch.tensor([1.0, -1.0, -1.0])
    assert turned(given, lambda z: float((z - wanted).abs().sum())).tolist() == [1, -1, -1]
    assert turned(given, lambda z: 0.0).tolist() == [1, 1, 1]


def test_a_warm_start_has_grain_though_the_other_run_had_none(discs: Path, tmp_path: Path) -> None:
    other = opened(discs, tmp_path / "other", replace(TINY, grain=0.0))
    (tmp_path / "other").mkdir()
    save_state(tmp_path / "other" / STATE, other.state())
    run = latent_jobs.open_latent(discs, tmp_path / "run", TINY, HERE, begin_from=tmp_path / "other")
    assert torch.equal(run.generator.start, other.generator.start)
    for network in (run.generator, run.averaged, run.best):
        assert float(network.noise_planes()[-1].std()) == pytest.approx(TINY.grain, rel=0.1)


def test_the_mean_with_an_earlier_moment_lies_half_way(discs: Path, tmp_path: Path) -> None:
    run, other = opened(discs, tmp_path / "run"), opened(discs, tmp_path / "other", replace(TINY, seed=1))
    before = run.best.start.clone()
    run.mean_with(other.state())
    assert torch.allclose(run.best.start, (before + other.best.start) / 2)
    narrow = opened(discs, tmp_path / "narrow", replace(TINY, channels=(8, 8, 8, 8)))
    with pytest.raises(BadInput, match="generator has another shape"):
        run.mean_with(narrow.state())


def test_each_loss_has_what_suits_it() -> None:
    assert with_loss("relativistic", batch=4) == LatentOptions(batch=4)
    hinge, usual = with_loss("hinge"), LatentOptions()
    assert (hinge.loss, hinge.pixels, usual.pixels) == ("hinge", False, True)
    assert (hinge.rate > usual.rate, hinge.critic_rate < usual.critic_rate, hinge.settle > usual.settle) == (True, True, True)


def test_of_large_pictures_every_second_step_shows_a_window_to_a_critic_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "discs").mkdir()
    for i in range(6):
        disc(i, 256).save(tmp_path / "discs" / f"{i}.png")
    large = LatentOptions(size=256, channels=(8, 8, 8, 8, 8, 8, 8), z_dim=8, w_dim=16, batch=2, small=2, settle=0)
    run = opened(tmp_path / "discs", tmp_path / "run", large)
    assert run.close is not None
    shown: list[torch.Size] = []
    run.trunk.register_forward_pre_hook(lambda trunk, given: shown.append(given[0].shape))

    def learnt(figures: dict[str, float]) -> tuple[bool, bool]:
        assert run.close is not None
        now = [critic.fine[0].weight.clone() for critic in (run.critic, run.close)]
        changed = tuple(not torch.equal(a, b) for a, b in zip(now, before, strict=True))
        before[:] = now
        return changed  # type: ignore[return-value]

    before = [critic.fine[0].weight.clone() for critic in (run.critic, run.close)]
    assert learnt(run.step()) == (True, False)  # still at half the size
    figures = run.step()
    assert learnt(figures) == (False, True)
    assert {name for name in figures if not name.startswith("close.")} == {"strength"}
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, run.state())
    wanted = [run.step() for _ in range(3)]
    assert learnt(wanted[-1]) == (True, True)
    assert "critic" in wanted[0]
    assert "close.critic" in wanted[1]
    assert set(shown[-6:]) == {torch.Size((2, 3, 128, 128))}
    again = opened(tmp_path / "discs", tmp_path / "run", large)
    assert [again.step() for _ in range(3)] == wanted


def test_new_critics_learn_alone_first_and_then_the_rate_rises(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run", replace(TINY, small=0, alone=8))
    before, critic = run.generator.start.clone(), run.critic.heads["32"][0].parametrizations.weight.original.clone()
    rates = []
    for _ in range(5):
        run.step()
        rates.append(run.generator_optimiser.param_groups[0]["lr"] / run.generator_optimiser.param_groups[0]["full"])
        if run.seen == 12:
            assert torch.equal(run.generator.start, before)
            assert not torch.equal(run.critic.heads["32"][0].parametrizations.weight.original, critic)
    assert rates == [0, 0, 0, 0.5, 1]
    assert not torch.equal(run.generator.start, before)


def test_while_a_new_level_settles_it_learns_alone(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run", replace(TINY, small=4, settle=4))
    run.step()
    before = {name: tensor.clone() for name, tensor in run.generator.named_parameters()}

    def moved() -> set[str]:
        return {name for name, tensor in run.generator.named_parameters() if not torch.equal(tensor, before[name])}

    run.step()
    assert moved()
    assert all(name.startswith(("layers.5.", "layers.6.", "pictures.3.")) for name in moved())
    run.step()
    assert {"start", "layers.0.weight", "mapping.layers.0.weight"} < moved()


def test_the_size_can_be_doubled_earlier_than_was_said(discs: Path, tmp_path: Path) -> None:
    list(latent_jobs.train_latent(opened(discs, tmp_path / "run"), tmp_path / "run", Schedule(4)))
    run = latent_jobs.open_latent(discs, tmp_path / "run", TINY, HERE, small=4)
    list(latent_jobs.train_latent(run, tmp_path / "run", Schedule(8)))
    assert (run.seen, run.small, run.side) == (8, 4, 32)
    assert load_state(tmp_path / "run" / STATE)["small"] == 4


def test_one_step_exported_as_a_model_that_opens_and_answers(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run")
    with pytest.raises(BadInput, match="does not make pictures of 32 px yet"):
        latent_jobs.export_latent(run, Card("discs", "Discs", "latent", ""), tmp_path / "model")
    reports = list(latent_jobs.train_latent(run, tmp_path / "run", Schedule(16, sheet_every=16)))
    assert reports[-1].wrote == "sheet-00000016.png"
    assert Image.open(tmp_path / "run" / reports[-1].wrote).size == (256, 256)
    assert {"distance", "diversity"} <= reports[-1].figures.keys()
    assert run.best_seen == 16
    latent_jobs.export_latent(run, Card("discs", "Discs", "latent", "", recipe="Made up:"), tmp_path / "model")
    card = Card.from_json((tmp_path / "model" / "card.json").read_bytes())
    assert card.recipe == "Made up: 16 pictures seen, batches of 4, hinge loss."
    assert (card.resolution, card.family) == (32, "stylegan2-ada")
    model = assemble(card, load_file(tmp_path / "model" / "weights.safetensors"), "cpu", "float32")
    assert isinstance(model, LatentModel)
    z = run.fixed_latents(2)
    made = model.synthesize(model.map(z.numpy(), psi=0.7))
    wanted = run.pictures(run.best, z, 0.7).numpy()
    assert np.abs(made - wanted).max() < 0.02 * wanted.std()  # weights were rounded to float16
    assert np.abs(model.average - model.map(run.fixed_latents(2000).numpy())[:, 0].mean(0)).max() < 0.2


def test_each_picture_has_a_place_among_normal_latents_and_near_it_lie_those_that_look_alike() -> None:
    draw = torch.Generator().manual_seed(0)
    kinds = torch.randn(3, 50, generator=draw) * 3
    described = kinds.repeat(40, 1) + torch.randn(120, 50, generator=draw)
    places = guides(described, 4)
    assert torch.equal(places, guides(described, 4))
    assert (places.mean(0).abs() < 1e-3).all()
    assert (places.std(0) - 1).abs().max() < 0.05
    first = places[:, :2]
    inside = torch.stack([torch.pdist(first[kind::3]).mean() for kind in range(3)]).mean()
    assert inside < 0.6 * torch.pdist(first).mean()
    assert guides(described[:5], 16).shape == (5, 16)  # fewer pictures than numbers: the rest is drawn


def test_pictures_made_from_the_place_of_another_are_told_by_their_likeness() -> None:
    draw = torch.Generator().manual_seed(0)
    real, other = (torch.rand(4, 3, 64, 64, generator=draw) * 2 - 1 for _ in range(2))
    features = [{4: x[:, :, ::4, ::4], 8: x[:, :, ::8, ::8], 16: x[:, :, ::16, ::16]} for x in (real, other)]
    assert likeness_loss(real, features[0], real, features[0]) == 0
    assert likeness_loss(other, features[1], real, features[0]) > 0.5


def test_pictures_that_become_alike_are_said_in_the_log_and_the_report(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(discs, tmp_path / "run")
    run.seen = 10_000
    monkeypatch.setattr(run, "pictures", lambda network, z, psi=1.0: torch.zeros(len(z), 3, 32, 32) + 1e-4 * z[:, :1, None, None])
    reports = list(latent_jobs.train_latent(run, tmp_path / "run", Schedule(10_008, sheet_every=10_004)))
    said = [report.alarm for report in reports if report.alarm]
    assert len(said) == 1
    assert "become alike" in said[0]
    rows = list(csv.DictReader((tmp_path / "run" / LOG).open()))
    assert [row["value"] for row in rows if row["figure"] == "alarm"] == said
    assert not run.alarm(0.9)


def test_the_nearest_moment_is_kept_not_the_last(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run")
    run.seen = 8
    run.measure()
    kept = {name: tensor.clone() for name, tensor in run.best.state_dict().items()}
    with torch.no_grad():
        run.averaged.start.mul_(100)
        for layer in run.averaged.pictures.values():
            layer.bias.add_(5)
    run.seen = 12
    worse = run.measure()["distance"]
    assert worse > run.best_distance
    assert run.best_seen == 8
    assert all(torch.equal(tensor, run.best.state_dict()[name]) for name, tensor in kept.items())


def test_what_was_best_at_half_the_size_gives_way_at_full_size(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run")
    run.seen, run.best_seen, run.best_distance = 8, 4, -1.0
    found = run.measure()
    assert run.best_seen == 8
    assert run.best_distance == found["distance"]


def test_a_moment_at_half_the_size_is_not_what_is_exported(discs: Path, tmp_path: Path) -> None:
    run = opened(discs, tmp_path / "run")
    run.step()
    run.measure()  # at 16 px
    run.step()
    run.step()
    assert (run.best_seen, run.side) == (4, 32)
    latent_jobs.export_latent(run, Card("discs", "Discs", "latent", ""), tmp_path / "model")
    exported = load_file(tmp_path / "model" / "weights.safetensors")
    assert torch.equal(exported["start"], run.averaged.start.half())
    assert "12 pictures seen" in Card.from_json((tmp_path / "model" / "card.json").read_bytes()).recipe


def test_figures_tell_the_same_pictures_from_others_and_from_one_picture() -> None:
    draw = torch.Generator().manual_seed(0)
    real = torch.randn(200, 20, generator=draw)
    alike, other = torch.randn(200, 20, generator=draw), torch.randn(200, 20, generator=draw) + 1
    assert abs(latent_figures.kernel_distance(real, alike)) < 0.1 * latent_figures.kernel_distance(real, other)
    assert latent_figures.diversity(real, alike) == pytest.approx(1, abs=0.1)
    assert latent_figures.diversity(real, real[:1].repeat(9, 1)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_falls_for_the_critic_where_it_is_right_and_for_the_generator_where_it_is_taken_in(loss: Loss) -> None:
    high, low = [torch.full((2, 1, 2, 2), 0.8)], [torch.full((2, 1, 2, 2), -0.8)]
    assert critic_loss(loss, high, low) < critic_loss(loss, low, high)
    assert generator_loss(loss, low, high) < generator_loss(loss, low, low)
    assert sureness(loss, high, low) == 1
    higher = [high[0] + 1]
    assert sureness(loss, high, higher) == (-1 if loss == "relativistic" else 1)  # logits of no nought of their own


def test_penalties_are_the_squared_gradients_at_what_the_critic_sees() -> None:
    views = [torch.randn(3, 2, 1, 1)]

    def judge(x: list[torch.Tensor]) -> list[torch.Tensor]:
        return [(x[0] * torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).sum(1, keepdim=True)]

    def of(loss: Loss, step: int) -> float | None:
        found = penalty(loss, judge, views, views, step, gamma=2.0)
        return None if found is None else float(found)

    assert of("logistic", 16) == pytest.approx(25 * 16)
    assert of("logistic", 15) is None
    assert of("relativistic", 4) == pytest.approx(50 * 4)
    assert of("relativistic", 3) is None
    assert of("wasserstein", 3) == pytest.approx(10 * 16)
    assert of("hinge", 16) is None


def test_moments_see_a_wrong_mean_and_pictures_that_are_alike() -> None:
    draw = torch.Generator().manual_seed(0)
    real, other = (torch.randn(64, 3, 4, 4, generator=draw) for _ in range(2))
    right = float(moments_loss([real], [other]))
    assert float(moments_loss([real], [other + 1])) > 5 * right
    assert float(moments_loss([real], [other * 0.1])) > 5 * right
