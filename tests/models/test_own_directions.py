"""Directions that lie beside a generator's weights are its sliders, wherever it is opened from; damaged ones are told of."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import models
from app.__main__ import main
from models.adding import inspect
from models.card import Card
from models.catalogue import CARD, DIRECTIONS, VECTORS, WEIGHTS, Catalogue
from models.errors import CheckpointError
from models.latent import LatentModel
from models.latents.beside import LARGEST_DIRECTIONS, LARGEST_VECTORS
from models.networks.stylegan2 import Shape
from models.training import direction_jobs, export
from models.training.latent_directions import Found
from models.training.latent_generator import new_generator
from models.training.latent_jobs import generator_tensors
from models.training.portrait_attributes import Attribute
from tests.models.small_faces import SIDE, small_network

NUM_WS, W_DIM = 8, 10
EACH = np.linspace(-1, 1, 4 * W_DIM, dtype=np.float32).reshape(4, W_DIM)  # a step for each of four layers
TURN = Attribute("turn", "Turn", "Minus left, plus right.", lambda row: 0.0)
LIGHT = Attribute("light", "Light", "Minus darker, plus lighter.", lambda row: 0.0)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A generator as it was exported."""
    torch.manual_seed(0)
    shape = Shape(((6, W_DIM), (W_DIM, W_DIM)), (8, 8, 8, 8))
    card = Card("mine", "Mine", "latent", "stylegan2-ada", config=shape.to_config(), resolution=32)
    tensors = generator_tensors(new_generator(shape), 6)
    shown = {k: v + 0.2 * torch.randn(v.shape) if k.startswith("pictures") else v for k, v in tensors.items()}  # by every level
    export.write_model(tmp_path / "mine", card, shown, None)
    return tmp_path / "mine"


@pytest.fixture
def mine(plain: Path) -> Path:
    """It with two directions."""
    found = (Found(0, EACH, 2, 5, np.array([1.5, 0.2])), Found(1, EACH[0], 0, 3, np.array([0.1, 1.4])))
    farther = {k: {-0.5: 1.0, 0.5: 1.0, 1.0: 1.1} for k in range(2)}
    direction_jobs.write_directions(plain, direction_jobs.Named((TURN, LIGHT), found, (0.9, 0.8), farther))
    return plain


def opened(model: str | Path) -> LatentModel:
    found = models.open(model, device="cpu", precision="float32")
    assert isinstance(found, LatentModel)
    return found


def names(model: str | Path) -> list[str]:
    return [one.name for one in opened(model).directions]


def changed(folder: Path, change: Callable[[Any], None]) -> None:
    described = json.loads((folder / DIRECTIONS).read_text())
    change(described)
    (folder / DIRECTIONS).write_text(json.dumps(described))


def test_sliders_beside_the_weights_move_the_picture(mine: Path) -> None:
    model = opened(mine)
    assert [(one.name, one.title, one.low, one.high, one.first, one.last) for one in model.directions] == [
        ("turn", "Turn", -0.5, 1.0, 2, 5),
        ("light", "Light", -0.5, 1.0, 0, 3),
    ]
    ws = model.map(model.z_of_seed(1))
    moved = model.edit(ws, {"turn": 2.0})
    assert np.allclose(moved[0, 2:6] - ws[0, 2:6], 2 * EACH, atol=1e-5)
    assert np.abs(model.synthesize(moved) - model.synthesize(ws)).max() > 1e-3
    assert names(mine / WEIGHTS) == ["turn", "light"]


def test_sliders_travel_with_the_model_that_is_added(mine: Path) -> None:
    (name,) = Catalogue().add(mine)
    shutil.rmtree(mine)
    assert names(name) == ["turn", "light"]
    Catalogue().remove(name)
    assert Catalogue().find(name) is None


def test_a_model_that_is_referred_to_has_the_sliders_of_its_folder(mine: Path) -> None:
    (name,) = Catalogue().add(mine, refer=True)
    assert names(name) == ["turn", "light"]


def test_a_model_whose_directions_were_found_later_is_added_with_them(mine: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(mine, bare)
    (bare / DIRECTIONS).unlink()
    (first,) = Catalogue().add(bare)
    (second,) = Catalogue().add(mine)
    assert names(first)[0].startswith("principal")
    assert names(second) == ["turn", "light"]
    assert Catalogue().add(mine) == [second]


def test_an_archive_of_the_folder_is_one_model_with_its_sliders(mine: Path, tmp_path: Path) -> None:
    packed = tmp_path / "mine.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in mine.iterdir():
            archive.write(file, f"mine/{file.name}")
    assert names(packed) == ["turn", "light"]
    (copied,) = Catalogue().add(packed)
    assert names(copied) == ["turn", "light"]


def test_directions_of_another_model_are_none_of_this_one(mine: Path) -> None:
    changed(mine, lambda described: described.update(model="0" * 64))
    assert names(mine)[0].startswith("principal")
    (name,) = Catalogue().add(mine)
    assert names(name)[0].startswith("principal")
    assert not (Catalogue().home / name / DIRECTIONS).exists()


def test_no_directions_found_is_no_damage(mine: Path) -> None:
    changed(mine, lambda described: described.update(directions=[]))
    save_file({"steps": torch.zeros(0, W_DIM)}, mine / VECTORS)
    assert names(mine)[0].startswith("principal")


@pytest.mark.parametrize("name", ["portraits", "faces"])
def test_a_card_that_claims_to_be_another_model_gets_no_sliders_that_do_not_fit(plain: Path, name: str) -> None:
    folder = {"portraits": "weights/portraits", "faces": "faces"}[name]
    root = Path(models.__file__).parent.parent / "resources"
    claimed = json.loads((root / folder / DIRECTIONS).read_text())["model"]
    card = replace(Card.from_json((plain / CARD).read_bytes()), sha256=claimed)
    (plain / CARD).write_text(card.to_json())
    assert names(plain)[0].startswith("principal")


def test_a_card_that_claims_to_be_the_faces_gets_no_previews_that_do_not_fit(tmp_path: Path) -> None:
    resources = Path(models.__file__).parent.parent / "resources"
    claimed = json.loads((resources / "faces" / DIRECTIONS).read_text())["model"]
    card = Card("small", "Small", "latent", "mobilestylegan", resolution=SIDE, sha256=claimed)
    export.write_model(tmp_path / "small", card, small_network().state_dict(), None)
    model = opened(tmp_path / "small")
    ws = model.map(model.z_of_seed(0))
    assert [model.synthesize(ws, resolution=size).shape[2] for size in model.previews] == list(model.previews) == [SIDE // 2]


def row(**values: Any) -> Callable[[Path], None]:
    """A change of the first slider; `...` takes the part away."""

    def change(folder: Path) -> None:
        kept = {key: value for key, value in values.items() if value is not ...}
        changed(folder, lambda described: described["directions"][0].update(kept))
        for key in values.keys() - kept.keys():
            changed(folder, lambda described, key=key: described["directions"][0].pop(key))

    return change


def steps(tensor: torch.Tensor) -> Callable[[Path], None]:
    return lambda folder: save_file({"steps": tensor}, folder / VECTORS)


def text(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: bool((folder / name).write_bytes(data)) and None


def directions(value: Any) -> Callable[[Path], None]:
    return lambda folder: changed(folder, lambda described: described.update(directions=value))


def link(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        elsewhere = folder.parent / f"elsewhere-{name}"
        (folder / name).rename(elsewhere)
        (folder / name).symlink_to(elsewhere)

    return change


def folder_called(folder: Path) -> None:
    (folder / VECTORS).unlink()
    (folder / VECTORS).mkdir()


WHOLE = torch.zeros(2, NUM_WS, W_DIM)
DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no JSON": (text(DIRECTIONS, b'{"model": "'), r"is damaged: it is no JSON"),
    "no text": (text(DIRECTIONS, b"\xff\xfe"), r"is damaged: it is no JSON"),
    "too deep": (text(DIRECTIONS, b"[" * 100_000), r"is damaged: it is no JSON"),
    "too large": (text(DIRECTIONS, b" " * (LARGEST_DIRECTIONS + 1)), r"directions.json has more than the 1,048,576 bytes"),
    "vectors too large": (text(VECTORS, bytes(LARGEST_VECTORS + 1)), r"directions.safetensors has more than the"),
    "a link": (link(DIRECTIONS), r"directions.json is a link"),
    "vectors by a link": (link(VECTORS), r"directions.safetensors is a link"),
    "vectors in no file": (folder_called, r"directions.safetensors (is no ordinary file|cannot be read)"),
    "no vectors": (lambda folder: (folder / VECTORS).unlink(), r"directions.safetensors is not beside directions.json"),
    "no list": (directions({}), "no list of directions"),
    "too many": (directions([{}] * 201), "has 201 directions"),
    "no row": (directions([3, 4]), "slider 1 is no description"),
    "fewer rows": (directions([{}]), "has 1 directions, but directions.safetensors has 2 steps"),
    "one name twice": (row(name="light"), "two sliders are called light"),
    "no name": (row(name=...), "slider 1 has a name that is no line of text"),
    "empty name": (row(name=" "), "slider 1 has a name or a title that no slider can have"),
    "name of a principal one": (row(name="principal-1"), "slider 1 has a name or a title"),
    "name that cannot be asked for": (row(name="a=b"), "slider 1 has a name or a title"),
    "title of two lines": (row(title="a\nb"), "slider 1 has a title that is no line of text"),
    "title is a list": (row(title=["a"]), "slider 1 has a title"),
    "remark is a number": (row(remark=3), "slider 1 has a remark"),
    "half a letter": (row(remark="\ud800"), "slider 1 has a remark"),
    "long remark": (row(remark="a" * 2000), "slider 1 has a remark that is no line of text, or too long"),
    "low above 0": (row(low=0.5), "does not run from a number below 0"),
    "high is none": (row(high=...), "does not run from a number below 0"),
    "high is true": (row(high=True), "does not run from a number below 0"),
    "low not finite": (row(low=float("-inf")), "does not run from a number below 0"),
    "high not a number": (row(high=float("nan")), "does not run from a number below 0"),
    "high immense": (row(high=10**400), "does not run from a number below 0"),
    "first below 0": (row(first=-1), "does not say the first and the last layer"),
    "last before first": (row(last=1), "does not say the first and the last layer"),
    "last no whole number": (row(last=5.0), "does not say the first and the last layer"),
    "last beyond the model": (row(last=NUM_WS), "acts on layers up to 8, but the model's last one is 7"),
    "too few layers": (steps(torch.zeros(2, 5, W_DIM)), "has steps for 5 only"),
    "one number each": (steps(torch.zeros(2, 1)), "have 1 numbers, but the model's latents have 10"),
    "another width": (steps(torch.zeros(2, NUM_WS, 12)), "have 12 numbers, but the model's latents have 10"),
    "one layer": (steps(torch.zeros(2, 1, W_DIM)), "has steps for 1 only"),
    "too flat": (steps(torch.zeros(2)), "are no table of numbers"),
    "whole numbers": (steps(WHOLE.int()), "are no table of numbers"),
    "not finite": (steps(WHOLE + torch.inf), "not finite"),
    "too large for floats": (steps(WHOLE.double() + 1e300), "not finite"),
    "no steps": (lambda folder: save_file({"other": WHOLE}, folder / VECTORS), "has no steps"),
    "vectors cut off": (lambda folder: (folder / VECTORS).write_bytes((folder / VECTORS).read_bytes()[:-4]), "is damaged"),
    "vectors without tensors": (text(VECTORS, b"{}"), "is damaged"),
    "no vectors in it": (text(VECTORS, b""), "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_sliders_are_told_of_and_nothing_is_added(mine: Path, damage: str) -> None:
    change, said = DAMAGES[damage]
    change(mine)
    catalogue = Catalogue()
    for attempt in (lambda: opened(mine), lambda: opened(mine / WEIGHTS), lambda: catalogue.add(mine)):
        with pytest.raises(CheckpointError, match=said) as caught:
            attempt()
        assert str(caught.value).startswith("The model's sliders cannot be used.")
        assert "Remove directions.json from its folder" in caught.value.hint
    assert catalogue.entries() == Catalogue().entries()
    assert not any(entry.origin == "added" for entry in catalogue.entries())
    (mine / DIRECTIONS).unlink()
    assert names(mine)[0].startswith("principal")


def test_looking_into_a_folder_with_damaged_sliders_says_so(mine: Path) -> None:
    (mine / VECTORS).unlink()
    with pytest.raises(CheckpointError, match="sliders cannot be used"):
        inspect(mine)


def test_sliders_that_were_damaged_in_the_catalogue_are_told_of(mine: Path) -> None:
    (name,) = Catalogue().add(mine)
    (Catalogue().home / name / VECTORS).unlink()
    with pytest.raises(CheckpointError, match="sliders cannot be used"):
        models.open(name)


def test_the_command_line_moves_along_sliders_of_a_folder_and_of_what_was_added(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made(model: str, *words: str) -> np.ndarray:
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        assert main(["generate", "--model", model, "--seeds", "3", *words, "--precision", "float32", "--out", str(out)]) == 0
        return np.asarray(Image.open(out / "seed0003.png").convert("RGB")).astype(int)

    assert main(["models", "add", str(mine)]) == 0
    turned = [made(model, "--direction", "turn=1") for model in (str(mine), "mine")]
    assert np.array_equal(*turned)
    assert np.abs(turned[0] - made("mine")).max() > 1
    row(high=0)(mine)
    capsys.readouterr()
    assert main(["generate", "--model", str(mine), "--direction", "turn=1", "--out", str(tmp_path / "out")]) == 3
    assert "The model's sliders cannot be used. In directions.json slider 1 does not run" in capsys.readouterr().err
    assert main(["models", "add", str(mine)]) == 3
    assert "Remove directions.json from its folder" in capsys.readouterr().err


def test_an_archive_that_claims_large_sliders_unpacks_none_of_them(mine: Path, tmp_path: Path) -> None:
    packed = tmp_path / "mine.zip"
    (mine / DIRECTIONS).write_bytes(b" " * (LARGEST_DIRECTIONS + 1))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in mine.iterdir():
            archive.write(file, f"mine/{file.name}")
    with pytest.raises(CheckpointError, match=r"directions\.json has more than"):
        models.open(packed)
