"""A new upscaling run may begin from another run, from a model's folder, or from a name of the catalogue."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image

from models.card import Card
from models.catalogue import Catalogue
from models.errors import BadInput
from models.networks.compact import CompactConfig
from models.training import jobs
from models.training.beginnings import read_beginning
from models.training.export import write_model
from models.training.labelling import LabellingOptions
from models.training.labelling_jobs import open_labelling
from models.training.latent_jobs import open_latent
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


def test_what_cannot_be_begun_from_is_said(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to begin from"):
        read_beginning(Path("no-such-model"))
    write_model(tmp_path / "other", card(family="esrgan"), {"a": torch.zeros(1)}, None)
    with pytest.raises(BadInput, match="no compact upscaler"):
        read_beginning(tmp_path / "other")
    write_model(tmp_path / "quick", card(), dict(begun(WIDE).state_dict()), None)
    with pytest.raises(BadInput, match="enlarges 2 times, the new run 4 times"):
        jobs.open_upscaling(photos, tmp_path / "run", UpscalingOptions(scale=4, patch=16), HERE, begin_from=tmp_path / "quick")
