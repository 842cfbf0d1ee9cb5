"""Favourites flow into one another: in time, and into files."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.explore.animation import FRAME_MS, GENERATED, GivenUp, assemble, folder_for, prepare, write_frame
from app.explore.morph import FRAMES_A_SECOND, Morph
from app.explore.variation import Variation
from app.photos import recipe
from app.video.facts import look
from app.video.reading import FrameReader
from tests.explore.animations import LONG_AGO

KEYS = tuple(Variation("m", x=float(x)) for x in range(3))
LATENTS = {key: np.full((1, 4, 2), number, np.float32) for number, key in enumerate(KEYS)}


@given(st.floats(0, 100), st.booleans(), st.integers(2, 3))
def test_at_any_time_it_is_between_two_neighbours(time: float, loop: bool, count: int) -> None:
    morph = Morph(KEYS[:count], 2.0, loop)
    one, other, share = morph.between(time)
    first, second = morph.keys.index(one), morph.keys.index(other)
    assert 0 <= share <= 1
    assert second == (first + 1) % count
    assert loop or second > first


def test_at_its_moment_a_key_is_shown_exactly() -> None:
    morph = Morph(KEYS, 2.0, loop=True)
    for number in range(3):
        ws = morph.request(number * 2.0, LATENTS).ws
        assert ws is not None
        assert np.array_equal(ws, LATENTS[KEYS[number]])
    assert np.array_equal(morph.request(6.0, LATENTS).ws, LATENTS[KEYS[0]])
    assert morph.request(1.0, LATENTS).ws.mean() == pytest.approx(0.5)


def test_a_loop_does_not_repeat_its_first_picture_and_a_line_ends_on_its_last() -> None:
    assert (Morph(KEYS, 2.0, True).legs, Morph(KEYS, 2.0, True).frames) == (3, 6 * FRAMES_A_SECOND)
    line = Morph(KEYS, 2.0, False)
    assert (line.legs, line.frames) == (2, 4 * FRAMES_A_SECOND + 1)
    last = line.request((line.frames - 1) / FRAMES_A_SECOND, LATENTS).ws
    assert np.array_equal(last, LATENTS[KEYS[2]])


def test_one_picture_alone_is_no_morph() -> None:
    assert Morph(KEYS[:1]).legs == 0
    assert Morph(KEYS[:1]).frames == 0
    with pytest.raises(ValueError, match="two keys"):
        Morph(()).between(0)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
@pytest.mark.parametrize("loop", [True, False])
def test_an_animation_has_its_frames_its_pace_and_its_recipe(tmp_path: Path, suffix: str, loop: bool) -> None:
    path = tmp_path / f"morph{suffix}"
    folder = folder_for(path)
    for number in range(5):
        write_frame(folder, number, np.full((16, 24, 3), 50 * number, np.uint8))
    assemble(folder, path, Morph(KEYS).to_recipe("ff", "Faces"), loop)
    with Image.open(path) as animation:
        assert animation.n_frames == 5
        assert animation.size == (24, 16)
        for number in range(5):
            animation.seek(number)
            animation.load()
            assert animation.info["duration"] == FRAME_MS
            assert abs(int(np.asarray(animation.convert("RGB")).mean()) - 50 * number) < 4
        assert ("loop" in animation.info) or suffix == ".gif"
        assert animation.info.get("loop", 1) == (0 if loop else 1)
    if suffix == ".gif":
        assert f"!\xfe{chr(len(GENERATED))}{GENERATED}\0;".encode("latin-1") == path.read_bytes()[-len(GENERATED) - 5 :]
    if suffix == ".webp":
        assert (recipe.read(path) or {})["morph"]["loop"] is True
        assert recipe.read_kind(path) == "generated"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_film_has_its_pictures_and_its_pace_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "morph.mp4"
    folder = folder_for(path)
    for number in range(5):
        write_frame(folder, number, np.full((17, 25, 3), 40 + 40 * number, np.uint8))
    assemble(folder, path, Morph(KEYS).to_recipe("ff", "Faces"), True)
    facts = look(path, "mp4")
    assert (facts.width, facts.height, facts.frames, facts.rate) == (26, 18, 5, FRAMES_A_SECOND)  # H.264 has even sides
    reader = FrameReader(path, facts, 0, deep=False)
    for number in range(5):
        frame = reader.next()
        assert frame is not None
        assert abs(float(frame.pixels.mean()) - 40 - 40 * number) < 3
    assert reader.next() is None
    reader.close()
    assert GENERATED in path.read_bytes().decode("latin-1")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["morph.webp", "morph.gif", "morph.mp4", "morph"])
def test_what_nobody_wants_any_more_is_given_up_amid_its_frames(tmp_path: Path, name: str) -> None:
    folder, asked = folder_for(tmp_path / name), []
    for number in range(200):
        write_frame(folder, number, np.full((64, 64, 3), number, np.uint8))

    def wanted() -> bool:
        asked.append(len(asked))
        return len(asked) < 3

    with pytest.raises(GivenUp):
        assemble(folder, tmp_path / name, {"panel": "explore"}, True, wanted)
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]
    assert len(asked) < 100


def test_frames_that_a_killed_program_left_go_before_the_next_morph_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    left, at_work, slow = (folder_for(tmp_path / "morph.webp") for _ in range(3))
    for folder in (left, at_work, slow):
        write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))
    for old in (left / "00001.png", left, slow):  # not every disk notes at a folder when something came into it
        os.utime(old, (LONG_AGO, LONG_AGO))
    prepare(tmp_path / "morph.webp")
    assert {entry.name for entry in tmp_path.iterdir()} == {at_work.name, slow.name}


def test_frames_become_a_folder_of_pictures_and_none_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "morph"
    for _ in range(2):
        folder = folder_for(path)
        write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))
        if path.exists():
            with pytest.raises(FileExistsError):
                assemble(folder, path, Morph(KEYS).to_recipe("", ""), True)
        else:
            assemble(folder, path, Morph(KEYS).to_recipe("", ""), True)
    assert [frame.name for frame in path.iterdir()] == ["00001.png"]
    (tmp_path / "plain").mkdir()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert recipe.read_kind(path / "00001.png") == "generated"


def test_a_morph_never_stands_there_without_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_for(tmp_path / "a.webp")
    write_frame(folder, 0, np.zeros((8, 8, 3), np.uint8))

    def refuse(*arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(recipe, "embed", refuse)
    with pytest.raises(OSError, match="No space"):
        assemble(folder, tmp_path / "a.webp", {"panel": "explore"}, loop=True)
    assert not (tmp_path / "a.webp").exists()
