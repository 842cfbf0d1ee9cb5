"""`ganvas models`: what is at hand, what a file holds, adding, fetching and removing, each told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.__main__ import main
from models.catalogue import Catalogue
from models.checkpoints.recognise import MODULES, family_named
from models.errors import NeedsAnswer
from tests.models.small_faces import small_network, write_folder


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_folder(small_network(), tmp_path / "graphs")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == "done"]


def test_a_model_is_added_listed_and_removed(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "add", str(graph)]) == 0
    name = said(capsys).partition(":")[0]
    assert main(["models", "list"]) == 0
    (line,) = [line for line in said(capsys).splitlines() if line.startswith(name)]
    assert "MobileStyleGAN, 128 px" in line
    assert "licence unknown" in line
    assert main(["models", "list", "--json"]) == 0
    (facts,) = [facts for facts in objects(capsys) if facts["name"] == name]
    assert (facts["task"], facts["resolution"], facts["origin"]) == ("latent", 128, "added")
    assert main(["models", "remove", name]) == 0
    assert Catalogue().find(name) is None
    assert main(["models", "remove", name]) == 3
    assert "no model" in said(capsys)


def test_looking_into_a_file_adds_nothing(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "inspect", str(graph), "--json"]) == 0
    (facts,) = objects(capsys)
    assert (facts["family"], facts["path"]) == ("mobilestylegan", str(graph))
    assert not Catalogue().home.exists()


def test_a_folder_is_added_whole_and_what_is_left_out_is_told(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = graph.parent / "broken.safetensors"
    broken.write_bytes((10).to_bytes(8, "little") + b'{"a":{}}  ')
    assert main(["models", "add", str(graph.parent)]) == 0
    assert "left out broken.safetensors" in said(capsys)


def test_some_files_may_fail_while_others_are_added(graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear painter,")
    assert main(["models", "add", str(text), str(graph)]) == 1
    assert "letter.txt" in said(capsys)
    assert main(["models", "inspect", str(text)]) == 3


def test_a_question_of_the_file_is_put_as_an_option(
    graph: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(*_: object) -> list[str]:
        raise NeedsAnswer("depth", "How deep is it?", ("normal", "more"))

    monkeypatch.setattr(Catalogue, "add", asks)
    assert main(["models", "add", str(graph)]) == 3
    assert "--answer depth=normal or --answer depth=more" in said(capsys)
    assert main(["models", "add", str(graph), "--answer", "depth"]) == 2


def test_a_broken_model_is_named_in_the_list(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = Catalogue().add(graph)
    (Catalogue().home / name / "card.json").write_text("{")
    assert main(["models", "list"]) == 1
    assert f"ganvas models remove {name}" in said(capsys)
    assert main(["models", "remove", name]) == 0


def test_what_can_be_fetched_is_listed_with_size_licence_and_remark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "get", "--list"]) == 0
    first = said(capsys).splitlines()[0]
    assert first.startswith("faces: ")
    assert "38 MB" in first
    assert "Apache-2.0" in first
    assert "non-commercial" in first
    assert main(["models", "get", "mona-lisa"]) == 3
    assert "not a recommended model" in said(capsys)


def test_a_command_is_needed() -> None:
    assert main(["models"]) == 2
    assert main(["models", "paint"]) == 2


def test_the_help_that_errors_point_to_names_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "inspect", "--help"]) == 0
    told = said(capsys)
    for name in MODULES:
        if name not in ("landscapes", "labeller", "spandrel"):  # those of Ganvas itself; spandrel is an extra and named as such
            assert family_named(name).title in told
    for ending in (".pth", ".pkl", "safetensors", ".param", ".xml"):
        assert ending in told
