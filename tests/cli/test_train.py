"""`ganvas train`: a run from the command line, and the model it leaves."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import train
from app.cli.options import Parser, UsageError, add_common, complete
from models.training.labelling import LabellingOptions
from models.training.latent_losses import LOSSES
from models.training.state import save_state


def arguments(*words: str | Path) -> argparse.Namespace:
    parser = Parser(prog="ganvas train")
    add_common(parser)
    train.configure(parser)
    return complete(parser.parse_args([str(word) for word in words]))


def test_a_few_steps_leave_a_log_and_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (128, 128, 3), np.uint8)).save(photos / f"{i}.png")
    (photos / "note.jpg").write_text("no photo")
    words = (
        "upscaling",
        photos,
        "--out",
        tmp_path / "run",
        "--pictures",
        "8",
        "--batch",
        "4",
        "--device",
        "cpu",
        "--threads",
        "1",
    )
    assert train.run(arguments(*words, "--precision", "float32", "--export", tmp_path / "mine", "--json")) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(event["event"] == "note" and event.get("name") == "note.jpg" for event in events)
    assert events[-1] == {"event": "done", "path": str(tmp_path / "mine"), "seen": 8}
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["card.json", "sheet.webp", "weights.safetensors"]
    mean = ("--export", tmp_path / "half", "--mean-with", tmp_path / "mine", "--share", "0.4")
    assert train.run(arguments(*words, "--precision", "float32", *mean)) == 0
    assert "averaged with mine, whose share is 0.4" in json.loads((tmp_path / "half" / "card.json").read_text())["recipe"]


def test_a_mean_with_the_run_of_another_recipe_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(4):
        Image.effect_noise((64, 64), 40 + i).convert("RGB").save(pictures / f"{i}.png")
    other = tmp_path / "state.safetensors"
    save_state(other, {"options": asdict(LabellingOptions()), "decoder": {}})
    words = ("latent", pictures, "--out", tmp_path / "run", "--size", "64", "--small", "0", "--pictures", "2", "--batch", "2")
    few = ("--device", "cpu", "--threads", "1", "--export", tmp_path / "mean", "--mean-with", other)
    assert train.run(arguments(*words, *few)) != 0
    assert "begun by another recipe" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


def test_all_losses_of_the_latent_recipe_can_be_asked_for() -> None:
    for loss in LOSSES:
        assert arguments("latent", "pictures", "--out", "run", "--loss", loss).loss == loss


def test_data_that_is_none_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for recipe in ("painting", "upscaling"):
        assert train.run(arguments(recipe, tmp_path / "nowhere", "--out", tmp_path / "run")) == 3
        assert "nothing to train on" in capsys.readouterr().err
    with pytest.raises(UsageError, match="multiple of 32"):
        train.run(arguments("painting", tmp_path, "--out", tmp_path / "run", "--size", "100"))
    for word, value, said in (
        ("--share", "2", "between 0 and 1"),
        ("--rate", "0", "above 0"),
        ("--rate", "nan", "above 0"),
        ("--lessons", "9", "name one"),
        ("--hours", "nan", "--hours must be above 0"),
        ("--save-minutes", "0", "--save-minutes must be above 0"),
        ("--precision", "float16", "float32 or bfloat16"),
        ("--card", tmp_path / "card.json", "--card is about the model that --export writes"),
        ("--mean-with", tmp_path / "other", "--mean-with is about the model that --export writes"),
    ):
        with pytest.raises(UsageError, match=said):
            train.run(arguments("upscaling", tmp_path, "--out", tmp_path / "run", word, value))


def test_what_speaks_against_an_export_is_said_before_the_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, mine = tmp_path / "photos", tmp_path / "mine"
    for folder in (photos, mine):
        folder.mkdir()
    (mine / "letter.txt").write_text("a person's own")
    words = ("upscaling", photos, "--out", tmp_path / "run", "--export")
    assert train.run(arguments(*words, mine)) == 3
    assert "holds other things than a model" in capsys.readouterr().err
    for text in ("no card", "[]", '"title"'):
        (tmp_path / "card.json").write_text(text)
        assert train.run(arguments(*words, tmp_path / "new", "--card", tmp_path / "card.json")) == 3
        assert "is not a card" in capsys.readouterr().err
    assert train.run(arguments(*words, tmp_path / "new", "--mean-with", tmp_path / "none")) == 3
    assert "nothing to begin from" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def seas(tmp_path: Path) -> Path:
    """Twenty photos with maps of sky and sea."""
    data = tmp_path / "data"
    for folder in ("photos", "maps"):
        (data / folder).mkdir(parents=True)
    (data / "labels.json").write_text(
        json.dumps([{"id": 0, "name": "sky", "colour": [9, 9, 250]}, {"id": 4, "name": "sea", "colour": [9, 90, 90]}])
    )
    for i in range(20):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (80, 96, 3), np.uint8)).save(data / "photos" / f"{i:02}.png")
        Image.fromarray(np.repeat([0, 4], 40).astype(np.uint8)[:, None].repeat(96, 1)).save(data / "maps" / f"{i:02}.png")
    return data


def test_a_painter_becomes_a_wider_one_and_a_mean_of_both(seas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("painting", seas, "--size", "64", "--batch", "2", "--device", "cpu", "--threads", "1")
    narrow, wide = ("--channels", "16", "12", "8", "8", "8"), ("--channels", "20", "16", "12", "10", "8", "--deep")
    begun = ("--out", tmp_path / "begun", "--pictures", "2", *narrow)
    assert train.run(arguments(*words, *begun)) == 0
    more = ("--out", tmp_path / "wide", "--from", tmp_path / "begun", "--pictures", "6", "--workers", "1", *wide)
    mean = ("--export", tmp_path / "mine", "--mean-with", tmp_path / "begun", "--share", "0.25")
    assert train.run(arguments(*words, *more, *mean)) == 0
    card = json.loads((tmp_path / "mine" / "card.json").read_text())
    assert card["config"]["channels"] == [20, 16, 12, 10, 8]
    assert "6 pictures seen" in card["recipe"]
    assert train.run(arguments(*words, "--out", tmp_path / "wide", "--pictures", "8")) == 3
    assert "was begun with --deep, not without --deep" in capsys.readouterr().err
    assert train.run(arguments(*words, *begun[:4], *wide[:6])) == 3
    assert "was begun with --channels 16 12 8 8 8, not with --channels 20 16 12 10 8" in capsys.readouterr().err
    for given, said in (
        (("--channels", "16", "8"), "are those of 5 levels, without --detail, not 2"),
        (("--channels", *["8"] * 5, "--detail"), "are those of 6 levels with --detail, not 5"),
        (("--workers", "-1"), "must not be below 0"),
    ):
        with pytest.raises(UsageError, match=said):
            train.run(arguments(*words, "--out", tmp_path / "other", *given))


def test_a_labeller_is_trained_further_by_the_same_command_and_becomes_a_model(
    seas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = seas
    words = ("labelling", data, "--out", tmp_path / "run", "--size", "64", "--batch", "4", "--device", "cpu", "--threads", "1")
    assert train.run(arguments(*words, "--pictures", "8")) == 0
    assert "19 photos to train on, 1 held out, 0 pictures seen" in capsys.readouterr().err
    assert train.run(arguments(*words, "--pictures", "16", "--export", tmp_path / "mine")) == 0
    said = capsys.readouterr()
    assert "8 pictures seen" in said.err
    assert "16 pictures seen" in said.out
    card = json.loads((tmp_path / "mine" / "card.json").read_text())
    assert (card["task"], [label["id"] for label in card["labels"]]) == ("labelling", [0, 4])
    with pytest.raises(UsageError, match="multiple of 32"):
        train.run(arguments("labelling", data, "--out", tmp_path / "other", "--size", "70"))


def test_a_generator_is_trained_resumed_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for i in range(20):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (64, 70, 3), np.uint8)).save(data / f"{i:02}.png")
    words = ("latent", data, "--out", tmp_path / "run", "--size", "64", "--batch", "4", "--device", "cpu", "--threads", "1")
    assert train.run(arguments(*words, "--small", "4", "--pictures", "4")) == 0
    assert "19 photos to train on, 1 held out, 0 pictures seen" in capsys.readouterr().err
    assert train.run(arguments(*words, "--pictures", "8", "--export", tmp_path / "mine")) == 0
    said = capsys.readouterr()
    assert "4 pictures seen" in said.err
    assert "8 pictures seen" in said.out
    card = json.loads((tmp_path / "mine" / "card.json").read_text())
    assert (card["task"], card["resolution"]) == ("latent", 64)
