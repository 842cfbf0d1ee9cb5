"""`ganvas label`: from photos to label maps that `ganvas paint` reads, or a sentence that says why not."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.__main__ import main
from app.cli import label, paint
from app.cli.options import Parser, add_common, complete
from app.paint.state.map_files import looks_like_map, read_map
from app.paint.state.palette import Palette
from models.catalogue import Catalogue


def arguments(*words: str | Path) -> argparse.Namespace:
    parser = Parser(prog="ganvas label")
    add_common(parser)
    label.configure(parser)
    return complete(parser.parse_args([str(word) for word in words]))


def photo(path: Path, size: tuple[int, int] = (300, 200)) -> Path:
    """A blue sky above a green meadow."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:] = (110, 170, 240)
    pixels[size[1] // 2 :] = (90, 140, 50)
    noise = np.random.default_rng(0).integers(-12, 13, pixels.shape)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def test_a_photo_becomes_a_map_of_its_size_that_paint_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = photo(tmp_path / "meadow.jpg")
    assert label.run(arguments(taken, "--out", tmp_path / "maps", "--json", "--threads", "1")) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["path"] == str(tmp_path / "maps" / "meadow.png")
    assert done["labels"]["sky"] > 0.3
    assert sum(done["labels"].values()) == pytest.approx(1, abs=0.01)
    entry = Catalogue().find("landscapes")
    assert entry is not None
    palette = Palette(entry.card.labels)
    assert looks_like_map(Path(done["path"]), palette)
    read = read_map(Path(done["path"]), palette)
    assert read.labels.shape == (200, 300)
    assert read.unknown == ()
    assert (read.labels[:60] == 0).mean() > 0.9
    parser = Parser()
    add_common(parser)
    paint.configure(parser)
    words = [done["path"], "--style", str(taken), "--enlarge-with", "plain", "--out", str(tmp_path / "painted.png")]
    assert paint.run(complete(parser.parse_args(words))) == 0
    assert Image.open(tmp_path / "painted.png").size == (300, 200)


def test_maps_can_be_smaller_and_names_never_clash(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, other = photo(tmp_path / "same.jpg"), photo(tmp_path / "b" / "Same.png", (160, 320))
    assert label.run(arguments(one, other, "--side", "100", "--out", tmp_path / "maps", "--threads", "1")) == 0
    assert Image.open(tmp_path / "maps" / "same.png").size == (100, 67)
    assert Image.open(tmp_path / "maps" / "Same-2.png").size == (50, 100)  # Same.png would be the same file on Windows
    before = other.read_bytes()
    assert label.run(arguments(other, "--side", "100", "--out", other.parent, "--threads", "1")) == 0
    assert Image.open(other.parent / "Same-2.png").size == (50, 100)
    assert other.read_bytes() == before  # a map is not written over its photo


def test_what_is_no_photo_is_said_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.jpg").write_text("no photo")
    taken = photo(tmp_path / "meadow.jpg")
    words = (tmp_path / "text.jpg", tmp_path / "gone.jpg", taken, "--out", tmp_path / "maps", "--threads", "1")
    assert label.run(arguments(*words)) == 1
    said = capsys.readouterr()
    assert "text.jpg" in said.err
    assert "gone.jpg" in said.err
    assert "meadow.png: " in said.out
    assert label.run(arguments(taken, "--model", "photo-x4", "--out", tmp_path / "maps")) == 3
    assert "does not tell what is on photos" in capsys.readouterr().err


def test_doctor_lists_the_labeller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--device", "cpu", "--threads", "1", "--models", "labeller"]) == 0
    assert "labeller" in capsys.readouterr().out
    entry = Catalogue().find("labeller")
    assert entry is not None
    assert entry.card.non_commercial is True
    assert entry.card.limits
