"""`ganvas train`: a run from the command line, and the model it leaves."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import train
from app.cli.options import Parser, UsageError, add_common, complete


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


def test_data_that_is_none_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for recipe in ("painting", "upscaling"):
        assert train.run(arguments(recipe, tmp_path / "nowhere", "--out", tmp_path / "run")) == 3
        assert "nothing to train on" in capsys.readouterr().err
    with pytest.raises(UsageError, match="multiple of 32"):
        train.run(arguments("painting", tmp_path, "--out", tmp_path / "run", "--size", "100"))
