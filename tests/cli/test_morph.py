"""`ganvas morph`: seeds or saved pictures flow into one another in a file, or a sentence says why not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from app.__main__ import main
from app.explore.animation import folder_for
from app.explore.morph import FRAMES_A_SECOND
from app.explore.state import from_recipe
from app.photos import recipe
from app.video.facts import look
from models.catalogue import Catalogue
from tests.cli.test_generate import pixels
from tests.models.small_faces import SIDE

FRAMES = round(0.4 * FRAMES_A_SECOND)
QUICK = ["--seconds", "0.4", "--precision", "float32"]


@pytest.fixture
def saved(tmp_path: Path, small: str) -> list[str]:
    """Two pictures that `ganvas generate` saved."""
    assert main(["generate", "--model", small, "--seeds", "3,5", "--out", str(tmp_path), "--precision", "float32"]) == 0
    return [str(tmp_path / "seed0003.png"), str(tmp_path / "seed0005.png")]


def test_seeds_become_a_film(tmp_path: Path, small: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "walk.mp4"
    assert main(["morph", "--model", small, "--seeds", "3,5", *QUICK, "--json", "--out", str(out)]) == 0
    facts = look(out, "mp4")
    assert (facts.width, facts.height, facts.frames) == (SIDE, SIDE, 2 * FRAMES)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"event": "done", "path": str(out), "width": SIDE, "height": SIDE, "frames": 2 * FRAMES, "seconds": 0.8}
    assert [entry.name for entry in out.parent.iterdir()] == ["walk.mp4"]


def test_saved_pictures_are_its_ends_to_the_pixel(tmp_path: Path, saved: list[str]) -> None:
    out, killed = tmp_path / "frames", folder_for(tmp_path / "frames")
    os.utime(killed, (0, 0))
    assert main(["morph", *saved, "--no-loop", *QUICK, "--out", str(out)]) == 0
    assert not killed.exists()  # what an earlier one left
    frames = sorted(out.iterdir())
    assert len(frames) == FRAMES + 1
    for frame, end in ((frames[0], saved[0]), (frames[-1], saved[1])):
        assert abs(pixels(frame).astype(int) - pixels(Path(end))).max() <= 1
    held = recipe.read(frames[0])
    assert held is not None
    assert (held["morph"]["seconds"], held["morph"]["loop"]) == (0.4, False)
    assert main(["morph", *saved, "--out", str(out)]) == 2  # a folder is never replaced


def test_a_truncation_is_that_of_every_seed(tmp_path: Path, small: str) -> None:
    out = tmp_path / "still.webp"
    assert main(["morph", "--model", small, "--seeds", "3,5", "--psi", "0", *QUICK, "--out", str(out)]) == 0
    with Image.open(out) as animation:
        assert animation.n_frames == 1  # all seeds look like the average
    assert from_recipe(recipe.read(out) or {}).psi == 0


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--seeds", "1"],
        ["one.png"],
        ["a.png", "b.png", "--seeds", "1,2"],
        ["a.png", "b.png", "--psi", "1"],
        ["a.png", "b.png", "--model", "faces"],
        ["--seeds", "1,2", "--seconds", "0"],
        ["--seeds", "1,2", "--seconds", "soon"],
    ],
)
def test_what_cannot_be_meant_is_an_error_of_usage(tmp_path: Path, wrong: list[str]) -> None:
    assert main(["morph", *wrong, "--out", str(tmp_path / "walk.mp4")]) == 2


def test_other_endings_and_its_own_pictures_are_refused(tmp_path: Path, saved: list[str]) -> None:
    assert main(["morph", *saved, "--out", str(tmp_path / "walk.avi")]) == 2
    animated = tmp_path / "key.webp"
    assert main(["morph", *saved, *QUICK, "--out", str(animated)]) == 0
    before = animated.read_bytes()
    assert main(["morph", str(animated), saved[0], "--out", str(animated)]) == 2
    assert animated.read_bytes() == before
    (tmp_path / "folder.webp").mkdir()
    assert main(["morph", *saved, *QUICK, "--out", str(tmp_path / "folder.webp")]) == 2


def test_pictures_that_are_no_keys_are_named(
    tmp_path: Path, small: str, saved: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = tmp_path / "photo.png", str(tmp_path / "walk.webp")
    Image.new("RGB", (8, 8)).save(photo)
    assert main(["morph", saved[0], str(photo), "--out", out]) == 3
    assert "photo.png is no picture that Explore" in capsys.readouterr().err
    assert main(["generate", "--out", str(tmp_path), "--precision", "float32"]) == 0  # by another model
    assert main(["morph", saved[0], str(tmp_path / "seed0000.png"), "--out", out]) == 3
    assert "seed0000.png is of another model than seed0003.png" in capsys.readouterr().err
    Catalogue().remove(small)
    assert main(["morph", *saved, "--out", out]) == 3
    assert "is not at hand" in capsys.readouterr().err
    assert not Path(out).exists()


def test_a_morph_that_fails_leaves_nothing(tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.explore.animation.write_frame", full)
    out = tmp_path / "there" / "walk.webp"
    assert main(["morph", "--model", small, "--seeds", "3,5", *QUICK, "--out", str(out)]) == 3
    assert list(out.parent.iterdir()) == []
