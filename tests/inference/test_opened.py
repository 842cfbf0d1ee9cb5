"""Which models stay open: the recently used ones, within the budget, and never a file's older state."""

from pathlib import Path
from typing import Any

import pytest

from app.inference.opened import OpenedModels
from models.errors import OutOfMemory


class Opener:
    """Opens anything; each model holds 10 bytes. Notes what was opened, and has no memory where it is told so."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.full = 0

    def __call__(self, name: str) -> tuple[Any, int]:
        if self.full:
            self.full -= 1
            raise OutOfMemory("Full.")
        self.opened.append(name)
        return object(), 10


def test_a_model_is_opened_once() -> None:
    opener = Opener()
    models = OpenedModels(opener, budget=100)
    assert models.get("a") is models.get("a")
    assert opener.opened == ["a"]


def test_beyond_the_budget_the_least_recently_used_goes() -> None:
    models = OpenedModels(Opener(), budget=20)
    for name in ("a", "b", "a", "c"):
        models.get(name)
    assert models.names == ["a", "c"]


def test_the_model_at_work_stays_even_beyond_the_budget() -> None:
    models = OpenedModels(Opener(), budget=5)
    first = models.get("a")
    assert models.get("a") is first
    models.get("b")
    assert models.names == ["b"]


def test_a_file_that_changed_is_opened_anew_and_its_older_state_dropped(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    file.write_bytes(b"one")
    opener = Opener()
    models = OpenedModels(opener, budget=100)
    first = models.get(str(file))
    assert models.get(str(file)) is first
    file.write_bytes(b"other")
    assert models.get(str(file)) is not first
    assert models.names == [str(file)]


def test_a_model_folder_whose_weights_were_written_anew_is_opened_anew(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    (tmp_path / "weights.safetensors").write_bytes(b"one")
    models = OpenedModels(Opener(), budget=100)
    first = models.get(str(tmp_path))
    assert models.get(str(tmp_path)) is first
    (tmp_path / "weights.safetensors").write_bytes(b"other")
    assert models.get(str(tmp_path)) is not first


def test_a_model_folder_whose_directions_were_found_is_opened_anew(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    (tmp_path / "weights.safetensors").write_bytes(b"one")
    models = OpenedModels(Opener(), budget=100)
    for asked in (tmp_path, tmp_path / "weights.safetensors"):
        first = models.get(str(asked))
        (tmp_path / "directions.json").write_text(f"for {asked}")
        second = models.get(str(asked))
        assert second is not first
        (tmp_path / "card.json").write_text(f"{{}}  {asked}")
        assert models.get(str(asked)) is not second


def test_opening_makes_room_once_where_memory_is_full() -> None:
    opener = Opener()
    models = OpenedModels(opener, budget=100)
    models.get("a")
    opener.full = 1
    models.get("b")
    assert models.names == ["b"]


def test_opening_gives_up_where_there_is_nothing_left_to_drop() -> None:
    opener = Opener()
    opener.full = 1
    with pytest.raises(OutOfMemory):
        OpenedModels(opener, budget=100).get("a")


def test_a_removed_model_is_forgotten() -> None:
    models = OpenedModels(Opener(), budget=100)
    first = models.get("a")
    models.forget("a")
    assert models.get("a") is not first
