"""`ganvas transform`: photos in their own size, through the queue of `ganvas upscale`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.__main__ import main
from app.cli.options import NOTHING_DONE, OK, SOME_FAILED, USAGE
from app.photos import recipe
from tests.inference import small_models

COMMAND = ["transform", "--device", "cpu", "--threads", "1"]


@pytest.fixture(autouse=True)
def with_models(ganvas_home: Path) -> None:
    small_models.catalogue(ganvas_home / "data" / "catalogue")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one.png", "two.png"):
        pixels = np.random.default_rng(len(name)).integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_each_photo_of_a_folder_is_translated_and_says_so(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*COMMAND, str(photos), "--model", small_models.TRANSLATOR, "--out", str(out), "--json"]) == OK
    done = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["event"] == "done"]
    assert sorted(Path(line["output"]).name for line in done) == ["one_small-translator.png", "two_small-translator.png"]
    for line in done:
        with Image.open(line["output"]) as picture:
            assert picture.size == (64, 48)
        assert recipe.read_kind(Path(line["output"])) == "transformed"


def test_one_bad_file_does_not_stop_the_others(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "three.png").write_bytes(b"not a picture")
    code = main([*COMMAND, str(photos), "--model", small_models.TRANSLATOR, "--out", str(tmp_path / "out")])
    assert code == SOME_FAILED
    assert "three.png" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_model_that_enlarges_is_refused_and_one_must_be_named(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, str(photos), "--model", small_models.UPSCALER]) == NOTHING_DONE
    assert "does not transform photos" in capsys.readouterr().err
    assert main([*COMMAND, str(photos)]) == USAGE
