"""The landscape generator: its fast form paints what the plain one paints, and the same as the trial it grew from."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from models.networks.landscape import (
    FoldedGenerator,
    LandscapeConfig,
    LandscapeGenerator,
    StyleEncoder,
    Window,
    label_planes,
    noise_planes,
)
from models.steps import drain

TRIAL = Path(__file__).parents[4] / "shared" / "landscapes-trial"
SMALL = LandscapeConfig(labels=5, channels=(24, 16, 12, 8), style_dim=6, embedding=10, pictures=2, soften=True)


def shares_of(config: LandscapeConfig, height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand(1, config.labels, height, width, generator=generator)
    return shares / shares.sum(1, keepdim=True)


def used(config: LandscapeConfig) -> LandscapeGenerator:
    """A generator whose batch norms and place weights hold something, as after training."""
    torch.manual_seed(1)
    network = LandscapeGenerator(config)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.3, 3)
        elif name.endswith(("running_mean", "place.weight", "heads.1.conv.weight")):
            tensor.normal_(0, 0.3)
    return network.eval()


@pytest.mark.parametrize("size", [(32, 48), (16, 16), (40, 24)])
def test_the_fast_form_paints_what_the_plain_one_paints(size: tuple[int, int]) -> None:
    network = used(SMALL)
    shares, style, noise = shares_of(SMALL, *size), torch.randn(1, 6), noise_planes(SMALL, *size, seed=4)
    with torch.no_grad():
        plain = network(shares, style, noise)
        fast = drain(FoldedGenerator(network, torch.float32).render(shares, style, noise))
    assert fast.shape == (1, 3, *size)
    assert plain.std() > 0.05
    torch.testing.assert_close(fast, plain, rtol=0, atol=2e-5)


def test_a_new_style_is_not_painted_with_the_table_of_the_one_before() -> None:
    network = used(SMALL)
    fast = FoldedGenerator(network, torch.float32)
    shares, noise = shares_of(SMALL, 16, 16), noise_planes(SMALL, 16, 16, seed=0)
    with torch.no_grad():
        for seed in (0, 1, 0):
            style = torch.randn(1, 6, generator=torch.Generator().manual_seed(seed)) * 2
            torch.testing.assert_close(drain(fast.render(shares, style, noise)), network(shares, style, noise), rtol=0, atol=2e-5)


def test_rendering_comes_in_as_many_pieces_as_there_are_levels() -> None:
    noise = noise_planes(SMALL, 16, 16, 0)
    steps = FoldedGenerator(used(SMALL), torch.float32).render(shares_of(SMALL, 16, 16), torch.zeros(1, 6), noise)
    with torch.no_grad():
        assert sum(1 for _ in steps) == len(SMALL.channels)


def test_noise_planes_are_those_of_their_seed_and_fit_every_level() -> None:
    one, same, other = (noise_planes(SMALL, 32, 16, seed) for seed in (7, 7, 8))
    assert [tuple(p.shape[-2:]) for p in one[::2]] == [(4, 2), (8, 4), (16, 8), (32, 16)]
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])


def test_a_window_of_the_top_level_is_that_part_of_the_whole_picture() -> None:
    network = used(SMALL)
    shares, style = shares_of(SMALL, 64, 64), torch.randn(1, 6)
    quiet = [torch.zeros_like(p) for p in noise_planes(SMALL, 64, 64, 0)]
    with torch.no_grad():
        whole = network(shares, style, quiet)
        for window in (Window(8, 12, 16), Window(0, 16, 16)):
            network_noise = list(quiet)
            network_noise[-2:] = [torch.zeros(1, 1, 1, 1)] * 2
            part = network.pictures(shares, style, network_noise, window=window)[-1]
            expected = whole[..., 2 * window.top : 2 * (window.top + 16), 2 * window.left : 2 * (window.left + 16)]
            torch.testing.assert_close(part, expected, rtol=0, atol=1e-5)


def test_stopping_early_gives_the_smaller_picture_of_the_level_below() -> None:
    network = used(SMALL)
    shares, style, noise = shares_of(SMALL, 32, 32), torch.randn(1, 6), noise_planes(SMALL, 32, 32, 0)
    with torch.no_grad():
        half, whole = network.pictures(shares, style, noise)
        early = network.pictures(torch.nn.functional.avg_pool2d(shares, 2), style, noise, levels=3)
    assert half.shape[-1] == 16
    assert whole.shape[-1] == 32
    assert (early[-1] - half).abs().mean() < 0.02  # edges are told from the level itself, not from above


def test_planes_keep_shares_and_tell_where_a_pixel_is() -> None:
    config = LandscapeConfig(labels=5, channels=(24, 16, 12, 8))
    shares = torch.zeros(1, 5, 32, 32)
    shares[:, 0, :16], shares[:, 3, 16:] = 1, 1
    planes = label_planes(shares, config)
    assert [p.shape[-1] for p in planes] == [4, 8, 16, 32]
    assert all(torch.allclose(p[:, :5].sum(1), torch.ones(1)) for p in planes)
    height, edge = planes[-1][0, 5], planes[-1][0, 7]
    assert height[0, 0] == -1
    assert height[-1, 0] == 1
    assert edge[16, 8] < 0.2  # hard borders between whole cells are no mixture
    moved = torch.roll(shares, 1, 2)
    assert label_planes(moved, config)[-1][0, 7, 16, 8] > 2 * edge[16, 8] + 0.05


def test_a_configuration_survives_its_card_and_nonsense_is_refused() -> None:
    assert LandscapeConfig.from_dict(SMALL.to_dict()) == SMALL
    for change in ({"channels": [4]}, {"channels": [4, 4, -1]}, {"labels": 0}, {"pictures": 9}, {"labels": "many"}):
        with pytest.raises(ValueError):
            LandscapeConfig.from_dict({**SMALL.to_dict(), **change})


def test_the_encoder_describes_each_photo_alone() -> None:
    torch.manual_seed(0)
    encoder = StyleEncoder(6)
    photos = torch.rand(3, 3, 32, 32)
    features = {4: torch.rand(3, 24, 8, 8), 8: torch.rand(3, 40, 4, 4), 16: torch.rand(3, 112, 2, 2)}
    together = encoder(photos, features)[0]
    alone = encoder(photos[1:2], {s: f[1:2] for s, f in features.items()})[0]
    assert together.shape == (3, 6)
    torch.testing.assert_close(together[1:2], alone)


def trial_networks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trial_networks", TRIAL / "networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_our_words(theirs: dict[str, torch.Tensor], labels: int) -> dict[str, torch.Tensor]:
    """The trial's averaged generator under our names; its channel of unlabelled pixels is left out, as maps are filled before."""
    parts = {"m1": "modulation1", "m2": "modulation2", "c1": "conv1", "c2": "conv2", "sk": "skip", "n1": "noise1", "n2": "noise2"}
    parts |= {"bn": "norm", "lin": "look_up", "pos": "place", "mlp": "mixer", "zin": "start_style", "emb": "label_codes"}
    ours: dict[str, torch.Tensor] = {}
    for name, tensor in theirs.items():
        words = [parts.get(word, word) for word in name.split(".")]
        if words[0] == "last":
            words = ["heads", "0", "modulation", *words[1:]]
        elif words[0] == "rgb":
            words = ["heads", "0", "conv", *words[1:]]
        ours[".".join(words)] = tensor.float()
    for name in [n for n in ours if n.endswith("place.bias")]:
        ours[name.replace("place", "look_up")] = ours[name.replace("place", "look_up")] + ours.pop(name)
    for name in [n for n in ours if n.endswith("place.weight")]:
        ours[name] = ours[name][:, :, 0, 0]
    ours["label_codes"] = ours["label_codes"][:labels]
    ours["start.weight"] = torch.cat([ours["start.weight"][:, :labels], ours["start.weight"][:, labels + 1 :]], 1)
    return ours


@pytest.mark.skipif(not TRIAL.exists(), reason="the trial's code and weights are not at hand")
def test_the_trials_weights_paint_what_the_trials_code_paints(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = trial_networks()
    state = {k[3:]: v.float() for k, v in load_file(TRIAL / "trial-128.safetensors").items() if k.startswith("ge.")}
    reference = trial.G(19, 128)
    reference.load_state_dict(state, strict=False)
    network = LandscapeGenerator(LandscapeConfig(labels=18))
    network.load_state_dict({**network.state_dict(), **in_our_words(state, 18)})
    reference.eval()
    fast = FoldedGenerator(network, torch.float32)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        cells = torch.randint(0, 18, (8, 8), generator=generator).repeat_interleave(16, 0).repeat_interleave(16, 1)
        shares = torch.nn.functional.one_hot(cells, 19).permute(2, 0, 1)[None].float()
        style, noise = torch.randn(1, 32, generator=generator), noise_planes(network.config, 128, 128, seed)
        drawn = iter(noise)
        with torch.no_grad():
            with monkeypatch.context() as patch:
                patch.setattr(torch, "randn", lambda *_, **__: next(drawn))  # noqa: B023 - used in this round only
                expected = reference(shares, style)
            assert expected.std() > 0.1
            torch.testing.assert_close(network(shares[:, :18], style, noise), expected, rtol=0, atol=1e-4)
            torch.testing.assert_close(drain(fast.render(shares[:, :18], style, noise)), expected, rtol=0, atol=1e-4)
