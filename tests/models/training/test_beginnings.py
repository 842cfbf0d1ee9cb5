"""A new upscaling run may begin from another run, from a model's folder, or from a name of the catalogue."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from models.card import Card
from models.catalogue import Catalogue
from models.errors import BadInput
from models.networks.compact import CompactConfig
from models.training import jobs
from models.training.beginnings import ALONE, read_beginning
from models.training.export import write_model
from models.training.labelling import LabellingOptions
from models.training.labelling_jobs import open_labelling
from models.training.latent import LatentRun
from models.training.latent_jobs import export_latent, open_latent
from models.training.latent_options import LatentOptions
from models.training.loop import STATE
from models.training.painting import PaintingOptions
from models.training.state import save_state
from models.training.upscaling import UpscalingOptions, begun

WIDE = CompactConfig(3, 20, 3, 2)
HERE = jobs.Place("cpu", bfloat16=False)


def card(**values: object) -> Card:
    known = {"name": "quick", "title": "Quick", "task": "upscaling", "family": "compact", "config": asdict(WIDE), "scale": 2}
    return Card(**{**known, **values})  # type: ignore[arg-type]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(5):
        Image.effect_noise((90, 80), 40 + i).convert("RGB").save(folder / f"{i}.png")
    return folder


def test_a_run_takes_over_shape_and_numbers_of_a_model(photos: Path, tmp_path: Path) -> None:
    network = begun(WIDE)
    write_model(tmp_path / "quick", card(), dict(network.state_dict()), None)
    options = UpscalingOptions(scale=2, width=8, inner=1, patch=16)
    run = jobs.open_upscaling(photos, tmp_path / "run", options, HERE, begin_from=tmp_path / "quick")
    assert (run.config, run.options.width, run.options.inner) == (WIDE, 20, 3)
    for key, tensor in run.averaged.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[key].half().float())
    (tmp_path / "run").mkdir()
    save_state(tmp_path / "run" / STATE, run.state())
    resumed = jobs.open_upscaling(photos, tmp_path / "run", options, HERE)
    assert resumed.config == WIDE  # though the options of the command line still say otherwise


def test_a_model_of_the_catalogue_is_found_by_its_name() -> None:
    found = read_beginning(Path("photo-x2"))
    assert found.config.scale == 2
    assert found.tensors["body.0.weight"].dtype == torch.float32
    expected = Catalogue().find("photo-x2")
    assert expected is not None
    assert found.config.features == expected.card.config["features"]


@pytest.mark.parametrize(
    ("opened", "kind"),
    [
        (jobs.open_painting, PaintingOptions),
        (jobs.open_upscaling, UpscalingOptions),
        (open_latent, LatentOptions),
        (open_labelling, LabellingOptions),
    ],
)
def test_the_run_of_another_recipe_is_said_to_be_one(
    opened: Callable[..., object], kind: type, photos: Path, landscapes: Path, tmp_path: Path
) -> None:
    data = photos if kind in (UpscalingOptions, LatentOptions) else landscapes
    small = kind(patch=16) if kind is UpscalingOptions else kind(size=64)
    for other in {PaintingOptions, UpscalingOptions, LatentOptions, LabellingOptions} - {kind}:
        place = tmp_path / other.__name__
        place.mkdir()
        save_state(place / STATE, {"options": asdict(other()), "networks": {}})
        with pytest.raises(BadInput, match="begun by another recipe"):
            opened(data, place, small, HERE)
        with pytest.raises(BadInput, match="begun by another recipe"):
            opened(data, tmp_path / "new", small, HERE, place)


def test_a_painting_run_takes_over_a_painter_and_lets_its_new_critics_learn_alone(landscapes: Path, tmp_path: Path) -> None:
    small = PaintingOptions(size=64, channels=(16, 12, 8, 8), batch=4)
    one = jobs.open_painting(landscapes, tmp_path / "one", small, HERE)
    jobs.export_painting(one, Card("mine", "Mine", "painting", ""), tmp_path / "mine")
    run = jobs.open_painting(landscapes, tmp_path / "run", replace(small, seed=1), HERE, begin_from=tmp_path / "mine")
    assert (run.options.alone, run.seen) == (ALONE, 0)
    for network, other in ((run.generator, one.averaged), (run.averaged, one.averaged), (run.encoder, one.encoder)):
        for name, tensor in network.state_dict().items():
            wanted = other.state_dict()[name]
            assert torch.equal(tensor, wanted.half().float() if wanted.is_floating_point() else wanted), name
    before = run.generator.label_codes.clone()
    critic = run.critics[0].fine[-1].weight.clone()
    run.step()
    assert torch.equal(run.generator.label_codes, before)
    assert not torch.equal(run.critics[0].fine[-1].weight, critic)
    asked = jobs.open_painting(landscapes, tmp_path / "new", replace(small, alone=8), HERE, begin_from=tmp_path / "mine")
    assert asked.options.alone == 8
    described = json.loads((landscapes / "labels.json").read_text())
    described[0]["name"] = "ceiling"
    (landscapes / "labels.json").write_text(json.dumps(described))
    with pytest.raises(BadInput, match=r"Mine paints other labels than the data has: sky, sea, sand, not ceiling, sea, sand\."):
        jobs.open_painting(landscapes, tmp_path / "other", small, HERE, begin_from=tmp_path / "mine")
    with pytest.raises(BadInput, match="no painter of this kit"):
        jobs.open_painting(landscapes, tmp_path / "other", small, HERE, begin_from=Path("photo-x2"))


def test_a_latent_run_takes_over_a_generator_of_its_size_or_of_half_of_it(photos: Path, tmp_path: Path) -> None:
    narrow = LatentOptions(size=32, channels=(12, 12, 8, 8), z_dim=8, w_dim=16, mapping=3, batch=4, small=0)
    one = open_latent(photos, tmp_path / "one", narrow, HERE)
    export_latent(one, Card("mine", "Mine", "latent", ""), tmp_path / "mine")

    def begun_at(size: int, small: int | None = None) -> LatentRun:
        return open_latent(photos, tmp_path / f"{size}-{small}", LatentOptions(size=size), HERE, tmp_path / "mine", small)

    run = begun_at(32)
    assert (run.shape, run.options.alone, run.small, run.side) == (one.shape, ALONE, 0, 32)
    for network in (run.generator, run.averaged, run.best):
        assert torch.equal(network.start, one.averaged.start.half().float())
        assert torch.equal(network.mapping.layers[2].weight, one.averaged.mapping.layers[2].weight.half().float())
    larger = begun_at(64)
    assert larger.shape.channels == (12, 12, 8, 8, 8)
    assert (larger.small, larger.side, larger.options.settle) == (ALONE, 32, ALONE)
    assert torch.equal(larger.generator.layers[5].weight, one.averaged.layers[5].weight.half().float())
    assert (
        larger.pictures(larger.averaged, larger.fixed_latents(2)) - run.pictures(run.averaged, run.fixed_latents(2))
    ).abs().max() < 1e-4
    assert begun_at(64, 8).small == 8
    with pytest.raises(BadInput, match="Mine makes pictures of 32 px, the new run of 128 px"):
        begun_at(128)
    for other in ("photo-x2", "landscapes"):
        with pytest.raises(BadInput, match="no generator that this kit trains"):
            open_latent(photos, tmp_path / "other", narrow, HERE, begin_from=Path(other))


def test_a_damaged_model_to_begin_from_is_said_to_be_one(photos: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "mine", card(title="Mine"), {"a": torch.zeros(1)}, None)
    weights = tmp_path / "mine" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    with pytest.raises(BadInput, match="Mine is no model that a run can begin from"):
        read_beginning(tmp_path / "mine")


def test_what_cannot_be_begun_from_is_said(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to begin from"):
        read_beginning(Path("no-such-model"))
    write_model(tmp_path / "other", card(family="esrgan"), {"a": torch.zeros(1)}, None)
    with pytest.raises(BadInput, match="no compact upscaler"):
        read_beginning(tmp_path / "other")
    write_model(tmp_path / "quick", card(), dict(begun(WIDE).state_dict()), None)
    with pytest.raises(BadInput, match="enlarges 2 times, the new run 4 times"):
        jobs.open_upscaling(photos, tmp_path / "run", UpscalingOptions(scale=4, patch=16), HERE, begin_from=tmp_path / "quick")
