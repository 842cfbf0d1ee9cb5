"""What README and docs tell a person to type works: links lead somewhere, commands parse, Python runs."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import COMMANDS
from app.cli.options import Parser, add_common
from models.catalogue import Catalogue
from models.folders import data_folder

# Before a test moves home: where this machine's fetched models lie.
PERSONAL_HOME = os.environ.get("GANVAS_HOME")
PERSONAL = data_folder() / "catalogue"

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "packaging" / "README.md"]
PAGES = [page for page in PAGES if page.exists()]


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each line of a shell block that calls ganvas, with the page it stands on."""
    found = []
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
            if line.startswith("ganvas "):
                found.append((page.name, line.split("#")[0].strip()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_in_the_documents_is_understood(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    if words[0].startswith("--"):
        return
    assert words[0] in COMMANDS
    module = importlib.import_module(f"app.cli.{words[0]}")
    parser: argparse.ArgumentParser = Parser(prog=f"ganvas {words[0]}")
    add_common(parser)
    module.configure(parser)
    parser.parse_args(words[1:])


def test_the_readme_names_exactly_two_commands_to_set_up() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^python3 .*$", text, re.MULTILINE) == [
        "python3 packaging/bootstrap.py tour",
        "python3 packaging/bootstrap.py test",
    ]


def test_a_source_archive_holds_what_the_readme_leads_to() -> None:
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    grafted = {line.split()[1] for line in lines if line.startswith("graft ")}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {path.split("/")[0] for path in re.findall(r"(?<![\w./])(?:\.?[a-z]+/)+[\w.-]*", text)}
    there = {name for name in named if (ROOT / name).is_dir()}
    assert {"docs", "packaging", "benchmarks", ".ci"} <= there
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}  # by commands
    packages = {"app", "models", "resources"}  # which setuptools takes by itself
    assert there - packages - made <= grafted


def test_the_readme_tells_our_environment_variables() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    sources = [path for room in ("app", "models") for path in (ROOT / room).rglob("*.py")]
    ours = {name for path in sources for name in re.findall(r"\bGANVAS_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert ours
    assert ours <= set(re.findall(r"\bGANVAS_[A-Z_]+", text))


def test_python_in_the_page_on_architecture_runs() -> None:
    for code in blocks(ROOT / "docs" / "architecture.md", "python"):
        exec(compile(code, "architecture.md", "exec"), {})


def test_python_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    if Catalogue(PERSONAL).find("faces") is None:
        pytest.skip("the recommended model faces is not at hand (ganvas models get faces)")
    if PERSONAL_HOME is None:
        monkeypatch.delenv("GANVAS_HOME")
    else:
        monkeypatch.setenv("GANVAS_HOME", PERSONAL_HOME)
    (code,) = blocks(ROOT / "README.md", "python")
    known: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), known)
    picture = known["picture"]
    assert isinstance(picture, np.ndarray)
    assert picture.shape == (1, 3, 1024, 1024)
