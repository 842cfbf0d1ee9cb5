"""docs/add-a-model-family.md does what it says: its blocks are run in order, as its reader would."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.__main__ import main
from models.checkpoints import recognise

PAGE = Path(__file__).parents[3] / "docs" / "add-a-model-family.md"


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(python|sh)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_page_adds_a_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recognise, "MODULES", dict(recognise.MODULES))
    # What the reader would have written into files of the repository stands in one module here.
    written = ModuleType("models.checkpoints.families.doubler")
    monkeypatch.setitem(sys.modules, written.__name__, written)
    scope: dict[str, Any] = written.__dict__
    blocks = _blocks()
    assert len(blocks) >= 9
    for language, block in blocks:
        if language == "python":
            exec(compile(block, str(PAGE), "exec", dont_inherit=True), scope)
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "ganvas"
            assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "family doubler" in said
    assert said.count("doubler") >= 3
