"""`ganvas upscale` with two models mixed, turns averaged, grain given back and parts protected."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.cli.options import OK, USAGE
from app.photos import masks, recipe
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.photos.resizing import resize
from models.card import Card
from models.networks.compact import Compact, CompactConfig
from tests.cli.upscaling import ROOT, upscale
from tests.upscale.belt import CONFIG, TWICE, catalogue, doubled, photos

pytestmark = pytest.mark.usefixtures("log_is_closed")


@pytest.fixture(autouse=True)
def second_model(with_model: Path) -> None:
    """Two more: one that is built as `TWICE` and answers otherwise, and one that is built otherwise."""
    made = catalogue(with_model / "data" / "catalogue")
    tensors = {name: torch.zeros_like(value) for name, value in Compact(CONFIG).state_dict().items()}
    last = max(name for name in tensors if name.endswith("bias"))
    tensors[last] += 0.2
    made.keep(Card("brighter", "Brighter", "upscaling", "compact", asdict(CONFIG), scale=2), tensors)
    wide = CompactConfig(channels=3, features=8, inner=1, shuffle=2)
    tensors = {name: torch.zeros_like(value) for name, value in Compact(wide).state_dict().items()}
    made.keep(Card("wide", "Wide", "upscaling", "compact", asdict(wide), scale=2), tensors)


def photo(tmp_path: Path) -> tuple[Path, np.ndarray]:
    named = photos(tmp_path / "in", 1, 40, 60)[0]
    return named, decode(named).pixels


def result(tmp_path: Path) -> np.ndarray:
    made = list((tmp_path / "out").glob("*.png"))
    assert len(made) == 1
    return decode(made[0]).pixels


def test_a_share_of_a_second_model_is_mixed_in_and_told_in_the_recipe(tmp_path: Path) -> None:
    named, pixels = photo(tmp_path)
    assert upscale(named, "--out", tmp_path / "out", "--blend-with", "brighter=0.5") == OK
    brighter = np.clip(doubled(pixels).astype(float) + 0.1 * 255, 0, 255)
    assert np.abs(result(tmp_path) - brighter).max() <= 2
    made = recipe.read(next((tmp_path / "out").glob("*.png")))
    assert made is not None
    assert (made["other"], made["share"]) == ("brighter", 0.5)


def test_models_that_are_not_built_alike_are_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named, _ = photo(tmp_path)
    assert upscale(named, "--out", tmp_path / "out", "--blend-with", "wide=0.5") != OK
    assert "not built alike" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_turns_change_nothing_where_the_network_treats_all_directions_alike(tmp_path: Path) -> None:
    named, pixels = photo(tmp_path)
    assert upscale(named, "--out", tmp_path / "out", "--turns") == OK
    assert np.abs(result(tmp_path).astype(int) - doubled(pixels)).max() <= 1


def test_where_the_mask_is_white_the_plain_resize_is_kept_exactly(tmp_path: Path) -> None:
    named, pixels = photo(tmp_path)
    mask = np.zeros((80, 120, 1), np.uint8)  # of another size, and the same shape
    mask[20:60, 30:90] = 255
    encode(Photo(mask), tmp_path / "mask.png")
    assert upscale(named, "--out", tmp_path / "out", "--protect", tmp_path / "mask.png", "--grain", 1) == OK
    made, plain = result(tmp_path), resize(pixels, 120, 80)
    assert np.array_equal(made[20:60, 30:90], plain[20:60, 30:90])
    assert np.abs(made[:, :10].astype(int) - plain[:, :10]).max() > 20


def test_a_mask_of_another_shape_is_refused_with_both_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, _ = photo(tmp_path)
    encode(Photo(np.full((50, 50, 1), 255, np.uint8)), tmp_path / "mask.png")
    assert upscale(named, "--out", tmp_path / "out", "--protect", tmp_path / "mask.png") != OK
    assert "another shape" in capsys.readouterr().err


def test_of_a_label_map_it_is_asked_what_in_it_is_protected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, pixels = photo(tmp_path)
    image = Image.fromarray(np.repeat(np.array([[1], [2]], np.uint8), 60, 1).repeat(20, 0), "P")
    image.putpalette(list(range(256)) * 3)
    info = PngInfo()
    info.add_text(masks.LABELS_KEY, json.dumps([{"id": 1, "name": "sky"}, {"id": 2, "name": "sea"}]))
    image.save(tmp_path / "map.png", pnginfo=info)
    assert upscale(named, "--out", tmp_path / "out", "--protect", tmp_path / "map.png") != OK
    assert "--protect-labels; it has sea, sky" in capsys.readouterr().err
    assert upscale(named, "--out", tmp_path / "out", "--protect", tmp_path / "map.png", "--protect-labels", "sky") == OK
    made, plain = result(tmp_path), resize(pixels, 120, 80)
    assert np.array_equal(made[:40], plain[:40])
    assert not np.array_equal(made[60:], plain[60:])


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--protect", "gone.png"], "The mask gone.png cannot be used"), (["--protect-labels", "sky"], "needs --protect")],
)
def test_a_mask_that_is_not_there_is_told(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named, _ = photo(tmp_path)
    assert upscale(named, "--out", tmp_path / "out", *words) != OK
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--blend-with", "brighter"], ["--blend-with", "brighter=2"], ["--grain", "3"]])
def test_what_is_no_share_is_a_question_of_usage(tmp_path: Path, words: list[str]) -> None:
    named, _ = photo(tmp_path)
    assert upscale(named, "--out", tmp_path / "out", *words) == USAGE


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_after_kill_9_the_job_goes_on_with_the_same_grain_and_the_same_mask(
    tmp_path: Path, ganvas_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = photos(tmp_path / "in", 10, 240, 300)
    mask = np.zeros((240, 300, 1), np.uint8)
    mask[60:180, 80:220] = 255
    encode(Photo(mask), tmp_path / "mask.png")
    words = ["in", "--out", "out", "--grain", "1", "--protect", "mask.png", "--blend-with", "brighter=0.3"]
    command = [sys.executable, "-m", "app", "upscale", "--device", "cpu", "--threads", "1", "--model", TWICE, *words]
    environment = {**os.environ, "GANVAS_HOME": str(ganvas_home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        until = time.monotonic() + 120
        while len(list((tmp_path / "out").glob("photo*.png"))) < 2 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        run.kill()
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("photo*.png")}
    assert 2 <= len(before) < 10
    monkeypatch.chdir(tmp_path)
    assert upscale(*words, "--resume") == OK
    made = sorted((tmp_path / "out").glob("photo*.png"))
    assert len(made) == 10
    assert all(path.read_bytes() == before[path.name] for path in made if path.name in before)
    for photo, path in zip(named, made, strict=True):
        pixels = decode(photo).pixels
        plain = resize(pixels, 600, 480)
        assert np.array_equal(decode(path).pixels[120:360, 160:440], plain[120:360, 160:440])
    words[words.index("out")] = "whole"
    assert upscale(*words) == OK
    for path in made:
        assert np.array_equal(decode(path).pixels, decode(tmp_path / "whole" / path.name).pixels)
