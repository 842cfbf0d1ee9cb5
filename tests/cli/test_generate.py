"""`ganvas generate`: from seeds to pictures that remember their making, or a sentence that says why not."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from app.__main__ import main
from app.cli import generate
from app.explore.state import from_recipe
from app.photos import recipe
from models.catalogue import Catalogue
from models.latent import LatentModel
from models.steps import drain
from tests.models.small_faces import SIDE, small_network, write_folder


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_seeds_become_the_pictures_that_the_library_makes(tmp_path: Path, small: str) -> None:
    out = tmp_path / "new" / "faces"
    assert (
        main(["generate", "--model", small, "--seeds", "0-1,7", "--psi", "0.6", "--out", str(out), "--precision", "float32"]) == 0
    )
    assert [path.name for path in sorted(out.iterdir())] == ["seed0000.png", "seed0001.png", "seed0007.png"]
    model = models.open(small, precision="float32")
    assert isinstance(model, LatentModel)
    want = drain(model.picture_steps(model.map(model.z_of_seed(7), psi=0.6)))
    assert np.abs(pixels(out / "seed0007.png").astype(int) - want).max() <= 1


def test_without_a_flag_and_without_a_download_there_are_portraits(tmp_path: Path) -> None:
    assert main(["generate", "--out", str(tmp_path), "--precision", "float32"]) == 0
    (path,) = tmp_path.glob("*.png")
    assert from_recipe(recipe.read(path) or {}).model == "portraits"
    made = pixels(path)
    assert made.shape == (256, 256, 3)
    assert made.std() > 20


def test_everything_asked_for_is_in_the_picture_and_in_its_recipe(tmp_path: Path, small: str) -> None:
    words = ["generate", "--model", small, "--seeds", "3", "--psi", "0.5", "--truncation-cutoff", "4", "--mix", "9:2,4-5"]
    words += ["--direction", "principal-1=1.5", "--direction", "principal-2=-2", "--direction", "principal-1=0.5"]
    words += ["--noise", "random", "--noise-seed", "11", "--precision", "float32", "--out", str(tmp_path)]
    assert main(words) == 0
    made = from_recipe(recipe.read(tmp_path / "seed0003.png") or {})
    assert (made.model, made.seed, made.psi, made.cutoff) == (small, 3, 0.5, 4)
    assert (made.mix_seed, made.mix_layers) == (9, (2, 4, 5))
    assert made.directions == (("principal-1", 2.0), ("principal-2", -2.0))
    assert (made.noise, made.noise_seed) == ("random", 11)
    model = models.open(small, precision="float32")
    assert isinstance(model, LatentModel)
    ws = model.map(model.z_of_seed(3), psi=0.5, cutoff=4)
    other = model.map(model.z_of_seed(9), psi=0.5, cutoff=4)
    ws[:, [2, 4, 5]] = other[:, [2, 4, 5]]
    ws = model.edit(ws, {"principal-1": 2.0, "principal-2": -2.0})
    want = drain(model.picture_steps(ws, "random", 11))
    assert np.abs(pixels(tmp_path / "seed0003.png").astype(int) - want).max() <= 1


def test_a_preview_is_small_and_formats_are_what_they_say(tmp_path: Path, small: str) -> None:
    assert main(["generate", "--model", small, "--size", "60", "--format", "jpg", "--out", str(tmp_path)]) == 0
    picture = Image.open(tmp_path / "seed0000.jpg")
    assert (picture.format, picture.size) == ("JPEG", (SIDE // 2, SIDE // 2))


def test_a_model_file_works_without_being_added(tmp_path: Path) -> None:
    graph = write_folder(small_network(), tmp_path / "graphs")
    assert main(["generate", "--model", str(graph), "--out", str(tmp_path / "out")]) == 0
    assert Catalogue().find("SynthesisNetwork") is None
    assert (recipe.read(tmp_path / "out" / "seed0000.png") or {})["model"]["sha256"]


def test_what_training_exported_works_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "portraits of mine"
    shutil.copytree(Catalogue().embedded / "portraits", folder)  # with directions and a sheet beside its weights
    words = ["generate", "--model", str(folder), "--direction", "smile=1", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert (recipe.read(tmp_path / "out" / "seed0000.png") or {})["model"]["sha256"] == Catalogue().find("portraits").card.sha256


def test_machines_get_one_object_a_line(tmp_path: Path, small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--model", small, "--seeds", "4,5", "--json", "--out", str(tmp_path)]) == 0
    done = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["event"] == "done"]
    assert [(line["seed"], line["width"], Path(line["path"]).name) for line in done] == [
        (4, SIDE, "seed0004.png"),
        (5, SIDE, "seed0005.png"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "nobody"], "no model nobody"),
        (["--model", "realesrgan-x4plus-anime"], "`ganvas models get realesrgan-x4plus-anime` fetches it"),
        (["--model", "landscapes"], "does not make pictures from seeds"),
        (["--direction", "nose=1"], "no direction 'nose'"),
        (["--label", "3"], "no classes"),
    ],
)
def test_what_cannot_be_made_is_said_once(
    words: list[str], said: str, tmp_path: Path, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = words if "--model" in words else ["--model", small, *words]
    assert main(["generate", *chosen, "--seeds", "0-99", "--out", str(tmp_path / "out")]) == 3
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_a_model_it_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalogue, "entries", lambda self: [])
    assert main(["generate", "--out", str(tmp_path)]) == 3
    assert "ganvas models get faces" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "3-1"],
        ["--seeds", "x"],
        ["--seeds", "-1"],
        ["--seeds", "4294967296"],
        ["--seeds", "0-9999999"],
        ["--mix", "3"],
        ["--mix", "3:99"],
        ["--direction", "smile"],
        ["--direction", "smile=inf"],
        ["--direction", "=1"],
        ["--noise-seed", "-1"],
        ["--size", "0"],
    ],
)
def test_what_cannot_mean_anything_is_an_error_of_usage(words: list[str], tmp_path: Path) -> None:
    assert main(["generate", *words, "--out", str(tmp_path)]) == 2


def test_lists_of_numbers_keep_their_order_and_drop_repeats() -> None:
    assert generate.seeds("3, 7,20-22,7") == (3, 7, 20, 21, 22)
    assert generate.mix("12:0-2,9") == (12, (0, 1, 2, 9))


@pytest.mark.parametrize("psi", ["nan", "inf", "1e30", "-11", "much"])
def test_a_psi_that_makes_no_picture_is_refused_before_a_model_is_opened(psi: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="-10 to 10"):
        generate.truncation(psi)
    assert generate.truncation("-0.5") == -0.5
