"""Every published spelling gives the picture that its authors' code gives, from the file and from the catalogue."""

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import models
from models.catalogue import Catalogue
from models.checkpoints.recognise import MODULES

OURS = Path(__file__).parents[2] / "fixtures" / "checkpoints"
BESIDE = Path(os.environ.get("GANVAS_FIXTURES", Path(__file__).parents[4] / "shared" / "checkpoints"))

# File, public call, range of the arrays in the golden.
SMALL: list[tuple[str, str, tuple[float, float]]] = [
    ("compact/tiny-x2-params_ema.pth", "upscale", (0, 1)),
    ("esrgan/oldarch-x1.pth", "upscale", (0, 1)),
    ("esrgan/basicsr-x4-params.pth", "upscale", (0, 1)),
    ("ncnn/rrdb-x4-fp16.param", "upscale", (0, 1)),
    ("ncnn/compact-x2-fp16.param", "upscale", (0, 1)),
    ("pix2pix-cyclegan/resnet9-instance-pre04/latest_net_G.pth", "translate", (-1, 1)),
    ("gan-compression/mobile-resnet9/latest_net_G.pth", "translate", (-1, 1)),
]


def _hwc(nchw: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(nchw[0], 0, -1), dtype=np.float32)


@pytest.mark.parametrize(("file", "call", "span"), SMALL, ids=[row[0] for row in SMALL])
def test_a_small_checkpoint_gives_its_reference_before_and_after_it_was_added(
    file: str, call: str, span: tuple[float, float], tmp_path: Path
) -> None:
    path = OURS / file
    golden = np.load(path.with_suffix(".io.npz"))
    low, high = span
    x, want = (_hwc(golden["x"]) - low) / (high - low), np.clip((_hwc(golden["y"]) - low) / (high - low), 0, 1)
    catalogue = Catalogue(tmp_path)
    (name,) = catalogue.add(path)
    entry = catalogue.find(name)
    assert entry is not None
    for place in (path, entry.weights):
        model: Any = models.open(place, device="cpu", precision="float32")
        got = np.clip(getattr(model, call)(x), 0, 1)
        assert np.abs(got - want).max() < 1e-4, place


def test_a_grey_generator_shows_as_colour_and_gives_its_reference() -> None:
    path = OURS / "dcgan/dataparallel-grey-2017-64.pth"
    golden = np.load(path.with_suffix(".io.npz"))
    model: Any = models.open(path, device="cpu", precision="float32")
    ws = model.map(golden["z"].reshape(len(golden["z"]), -1))
    got = model.synthesize(ws)
    assert got.shape == (2, 3, 64, 64)
    assert np.abs(got - golden["img"]).max() < 2e-4


def _check() -> ModuleType | None:
    script = BESIDE / "check.py"
    if not script.is_file():
        return None
    spec = importlib.util.spec_from_file_location("golden_check", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rows() -> list[dict[str, Any]]:
    listing = BESIDE / "manifest.json"
    if not listing.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(listing.read_text(encoding="utf-8"))
    return [row for row in rows if row["family"] in MODULES]


@pytest.mark.skipif(not _rows(), reason="the large fixtures do not lie beside the repository (set GANVAS_FIXTURES)")
@pytest.mark.parametrize("row", _rows(), ids=[row["file"] for row in _rows()])
def test_a_published_spelling_gives_its_reference_before_and_after_it_was_added(row: dict[str, Any], tmp_path: Path) -> None:
    check = _check()
    assert check is not None
    found = list(check.fixture(BESIDE, row))
    catalogue = Catalogue(tmp_path)
    (name,) = catalogue.add(BESIDE / row.get("open", row["file"]))
    entry = catalogue.find(name)
    assert entry is not None
    model = models.open(entry.weights, device="cpu", precision="float32")
    added = list(check.check_all(model, row, check.arrays(BESIDE, row["golden"])))
    assert found
    assert added
    assert not [(name, error) for name, error, good in [*found, *added] if not good]
