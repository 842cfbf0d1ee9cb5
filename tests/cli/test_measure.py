"""`ganvas measure`: what it needs and does not have is said in words; nothing is fetched unless told."""

import argparse
from pathlib import Path

import pytest

from app.cli import measure
from app.cli.options import Parser, UsageError, add_common, complete
from models.training.measuring import Figure, Measured


def arguments(*words: str | Path) -> argparse.Namespace:
    parser = Parser(prog="ganvas measure")
    add_common(parser)
    measure.configure(parser)
    return complete(parser.parse_args([str(word) for word in words]))


def test_without_the_judges_it_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.run(arguments("landscapes", tmp_path, "--threads", "1")) == 3
    assert "ganvas measure get" in capsys.readouterr().err
    with pytest.raises(UsageError, match="needs DATA"):
        measure.run(arguments("landscapes"))
    with pytest.raises(UsageError, match="takes no DATA"):
        measure.run(arguments("get", tmp_path))


def test_a_table_shows_each_figure_under_its_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = (Figure("FID", {"made": 41.26, "real": 12.0}), Figure("LPIPS", {"made": 0.1234}))
    monkeypatch.setattr(measure, "_measured", lambda *_: Measured(("made", "real"), figures, ("Few pictures.",)))
    assert measure.run(arguments("anything", tmp_path)) == 0
    head, fid, lpips, remark = capsys.readouterr().out.splitlines()
    assert head.split() == ["made", "real"]
    assert fid.split() == ["FID", "41.26", "12.00"]
    assert lpips.split() == ["LPIPS", "0.123"]
    assert remark == "Few pictures."
