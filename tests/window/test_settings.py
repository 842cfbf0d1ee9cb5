"""Choices survive a restart, and no broken file keeps the window from opening."""

import os
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings, to_toml
from models.folders import config_folder, state_folder

values = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.lists(st.text(st.characters(exclude_categories=("Cs",))))
)
names = st.lists(st.text("abcé _-0", min_size=1), min_size=1, max_size=3)


@given(st.lists(st.tuples(names, values), max_size=6))
def test_what_is_written_is_toml_and_reads_back(entries: list[tuple[list[str], Any]]) -> None:
    # A name cannot be a value and a table at once: a depth of its own for each first word keeps them apart.
    kept: dict[str, Any] = {f"{len(name)}{'.'.join(name)}": value for name, value in entries}
    back = tomllib.loads(to_toml(kept))
    for name, value in kept.items():
        table: Any = back
        for part in name.split("."):
            table = table[part]
        assert table == value
        assert type(table) is type(value)


def test_choices_survive_a_restart() -> None:
    settings = Settings()
    settings.set("explore.model", "faces")
    settings.set("window.scale", 1.5)
    settings.set("recent", ["a", 'b "quoted"', "c\\d"])
    again = Settings()
    assert again.get("explore.model", "") == "faces"
    assert again.get("window.scale", 0.0) == 1.5
    assert again.get("recent", [""]) == ["a", 'b "quoted"', "c\\d"]
    assert (config_folder() / "settings.toml").is_file()


def test_a_path_that_is_no_text_is_a_choice_for_this_time_alone() -> None:
    settings = Settings()
    settings.set("upscale.folder", "/photos/\udcff")
    settings.set("explore.model", "faces")
    assert settings.get("upscale.folder", "") == "/photos/\udcff"
    again = Settings()
    assert (again.get("upscale.folder", "none"), again.get("explore.model", "")) == ("none", "faces")


def test_a_choice_of_another_type_is_not_believed() -> None:
    config_folder().mkdir(parents=True)
    (config_folder() / "settings.toml").write_text('[a]\nflag = "yes"\nnumber = true\nlist = [1, 2]\nwhole = 3\n')
    settings = Settings()
    assert settings.get("a.flag", False) is False
    assert settings.get("a.number", 7) == 7
    assert settings.get("a.list", ["x"]) == ["x"]
    assert settings.get("a.whole", 0.5) == 3.0


def test_a_broken_file_is_set_aside_and_said() -> None:
    config_folder().mkdir(parents=True)
    file = config_folder() / "settings.toml"
    file.write_bytes(b"\xff\xfe not toml [[[")
    settings = Settings()
    assert settings.problem
    assert not file.exists()
    assert file.with_name("settings.toml.broken").read_bytes().startswith(b"\xff\xfe")
    settings.set("a.b", 1)
    assert Settings().get("a.b", 0) == 1
    assert Settings().problem == ""


def test_numbers_that_are_too_long_are_those_of_a_broken_file_or_none() -> None:
    config_folder().mkdir(parents=True)
    file = config_folder() / "settings.toml"
    file.write_text("a = " + "1" * 5000)
    assert Settings().problem
    assert not file.exists()
    file.write_text("a = " + "1" * 400)
    assert Settings().get("a", 0.5) == 0.5


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"{", b"\xff", b"[" * 100_000])
def test_a_last_state_that_cannot_be_read_is_an_empty_one(content: bytes) -> None:
    state_folder().mkdir(parents=True)
    (state_folder() / "window.json").write_bytes(content)
    assert Settings().last_state() == {}


def test_the_last_state_comes_back() -> None:
    Settings().keep_state({"here": "paint", "panels": {"paint": {"x": [1, None]}}})
    assert Settings().last_state() == {"here": "paint", "panels": {"paint": {"x": [1, None]}}}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a folder that refuses this user")
def test_a_disk_that_refuses_costs_no_more_than_a_line_in_the_log(expected_warnings: list[str]) -> None:
    expected_warnings.append("could not be written")
    config_folder().mkdir(parents=True)
    config_folder().chmod(stat.S_IRUSR | stat.S_IXUSR)
    settings = Settings()
    settings.set("a.b", 1)
    assert settings.get("a.b", 0) == 1
    config_folder().chmod(stat.S_IRWXU)


def test_a_folder_that_is_a_file_costs_no_more_than_a_line_in_the_log(expected_warnings: list[str]) -> None:
    expected_warnings += ["could not be written", "could not be set aside"]
    config_folder().parent.mkdir(parents=True, exist_ok=True)
    config_folder().write_text("in the way")
    settings = Settings()
    assert settings.problem
    settings.set("a.b", 1)
    assert settings.get("a.b", 0) == 1


def test_no_half_file_is_left_beside(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "s.toml", tmp_path / "w.json")
    settings.set("a.b", 1)
    settings.keep_state({"a": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.toml", "w.json"]
