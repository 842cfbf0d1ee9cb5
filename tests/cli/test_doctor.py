"""`ganvas doctor`: what it tells, and how it ends where a model is broken."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main
from app.cli.doctor import trial_photo, what_is_wrong
from app.cli.options import NOTHING_DONE, OK, SOME_FAILED, USAGE
from models.networks import kernel
from tests.inference import small_models


@pytest.fixture
def with_models(ganvas_home: Path) -> Path:
    small_models.catalogue(ganvas_home / "data" / "catalogue")
    return ganvas_home


def test_each_model_is_run_and_a_broken_one_is_named(with_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [small_models.FACES, small_models.UPSCALER, small_models.BROKEN]
    code = main(["doctor", "--device", "cpu", "--threads", "1", "--json", "--models", *names])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == SOME_FAILED
    done = {line["model"]: line for line in lines if line["event"] == "done"}
    assert done.keys() == {small_models.FACES, small_models.UPSCALER}
    assert (done[small_models.FACES]["width"], done[small_models.FACES]["height"]) == (64, 64)
    assert done[small_models.UPSCALER]["milliseconds"] > 0
    assert [line["subject"] for line in lines if line["event"] == "failed"] == [small_models.BROKEN]
    about = {line.get("about"): line["text"] for line in lines if line["event"] == "note"}
    assert about["data"] == str(with_models / "data")
    assert about["torch"]
    assert about["convolutions"] == kernel.told()


def test_for_a_person_it_is_plain_lines(with_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--device", "cpu", "--threads", "1", "--models", small_models.FACES]) == OK
    said = capsys.readouterr()
    assert "64 x 64 px" in said.out
    assert "sane" in said.out
    assert str(with_models / "state") in said.out
    assert "{" not in said.out


def test_a_folder_of_the_catalogue_that_is_no_model_is_told(ganvas_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ganvas_home / "data" / "catalogue" / "half").mkdir(parents=True)
    assert main(["doctor", "--models"]) == NOTHING_DONE
    assert "half" in capsys.readouterr().err


def test_a_model_or_device_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--models", "nobody"]) == NOTHING_DONE
    assert "nobody" in capsys.readouterr().err
    assert main(["doctor", "--device", "abacus"]) == NOTHING_DONE
    assert "abacus" in capsys.readouterr().err
    assert main(["doctor", "--device", "cuda:0,cuda:1"]) == USAGE
    assert "name one here" in capsys.readouterr().err


def test_pictures_that_cannot_be_right_are_recognised() -> None:
    assert not what_is_wrong(trial_photo(64))
    assert "black" in what_is_wrong(np.zeros((8, 8, 3), np.uint8))
    assert "flat" in what_is_wrong(np.full((8, 8, 3), 90, np.uint8))
    assert "numbers" in what_is_wrong(np.full((8, 8, 3), np.nan, np.float32))
