"""The log: one file that does not grow for ever, and a program that works where none can be written."""

import logging
import os
from pathlib import Path

import pytest

from app import log


def test_what_our_packages_log_stands_in_the_state_folder(ganvas_home: Path) -> None:
    log.start()
    log.start()
    logging.getLogger("app.explore").info("a picture was made")
    logging.getLogger("models.opening").info("a model was opened")
    logging.getLogger("others").info("not ours")
    assert log.log_file().is_relative_to(ganvas_home)
    text = log.log_file().read_text(encoding="utf-8")
    assert text.count("a picture was made") == 1
    assert "a model was opened" in text
    assert "not ours" not in text


def test_old_lines_make_room(ganvas_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "BYTES", 10_000)
    log.start()
    for number in range(2000):
        logging.getLogger("app").info("line %d", number)
    files = sorted(log.log_file().parent.glob("ganvas.log*"))
    assert len(files) == 1 + log.OLD_FILES
    assert all(file.stat().st_size <= 10_000 for file in files)
    assert "line 1999" in log.log_file().read_text(encoding="utf-8")


def test_where_windows_lets_nobody_rename_the_log_its_lines_go_on(
    ganvas_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def rename(source: str, place: str) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process", source)

    monkeypatch.setattr(log, "BYTES", 10_000)
    log.start()
    monkeypatch.setattr("logging.handlers.os.rename", rename)
    for number in range(400):
        logging.getLogger("app").info("line %d of \udcff", number)
    text = log.log_file().read_text(encoding="utf-8")
    assert all(f"line {number} of \\udcff" in text for number in range(400))
    assert capsys.readouterr().err == ""


def test_where_no_log_can_be_written_the_program_says_so_and_goes_on(ganvas_home: Path, expected_warnings: list[str]) -> None:
    expected_warnings.append("No log can be written")
    (ganvas_home / "state").write_text("a file where the folder should be")
    log.start()
    logging.getLogger("app").info("goes on")
    assert os.path.isfile(ganvas_home / "state")
