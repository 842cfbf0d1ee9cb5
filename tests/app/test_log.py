"""The log: one file that does not grow for ever, and a program that works where none can be written."""

import errno
import logging
import os
import subprocess
import sys
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


OTHER = """
import logging, sys
from app import log
log.BYTES = 10_000
log.start()
for line in sys.stdin:
    logging.getLogger("app").info("the other says %s", line.strip())
    print("said", flush=True)
"""


def test_another_process_writes_on_where_the_log_is_and_not_into_an_old_file(
    ganvas_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "BYTES", 10_000)
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def say(word: str) -> None:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(f"{word}\n")
            other.stdin.flush()
            assert other.stdout.readline() == "said\n"

        say("first")
        log.start()
        for number in range(400):  # three files full of these
            logging.getLogger("app").info("line %d", number)
        older = log.log_file().with_name("ganvas.log.1").read_bytes()
        say("second")
        assert log.log_file().with_name("ganvas.log.1").read_bytes() == older
        assert log.log_file().read_text(encoding="utf-8").endswith("the other says second\n")
        other.stdin.close()
    assert other.returncode == 0


MANY = """
import logging, sys
from app import log
log.BYTES, log.OLD_FILES = 5_000, 99
log.start()
for number in range(300):
    logging.getLogger("app").info("%s-%d.", sys.argv[1], number)
"""


def test_of_what_several_write_at_once_no_line_is_lost_or_mixed_up(ganvas_home: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", MANY, name]) for name in "abc"]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    files = list(log.log_file().parent.glob("ganvas.log*"))
    lines = [line.rpartition(" ")[2] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(lines) == sorted(f"{name}-{number}." for name in "abc" for number in range(300))
    assert all(file.stat().st_size <= 5_000 for file in files)
    assert sum(file.stat().st_size < 4_800 for file in files) == 1  # the one that is being filled


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not tell what a process has open")
def test_between_two_lines_nobody_has_the_log_open(ganvas_home: Path) -> None:
    log.start()
    logging.getLogger("app").info("a line")
    assert log.log_file().parent not in [file.resolve().parent for file in Path("/proc/self/fd").iterdir()]


@pytest.mark.skipif(os.name != "posix", reason="Windows knows locks on every disk")
def test_on_a_disk_without_locks_no_line_waits_and_old_ones_make_room(ganvas_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some homes in a network."""

    def flock(file: int, what: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    waited: list[float] = []
    monkeypatch.setattr("fcntl.flock", flock)
    monkeypatch.setattr(log.time, "sleep", waited.append)
    monkeypatch.setattr(log, "BYTES", 10_000)
    log.start()
    for number in range(400):
        logging.getLogger("app").info("line %d", number)
    assert waited == []
    assert log.log_file().read_text(encoding="utf-8").endswith("line 399\n")
    assert log.log_file().stat().st_size <= 10_000


def test_a_log_that_a_full_disk_refuses_is_told_of_once(
    ganvas_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.start()
    with monkeypatch.context() as full:
        full.setattr(Path, "open", lambda *_, **__: os.open("/dev/full/nowhere", os.O_RDONLY))
        for _ in range(3):
            logging.getLogger("app").info("lost")
    logging.getLogger("app").info("there is room again")
    said = capsys.readouterr().err
    assert said.count("nothing can be written to") == said.count("\n") == 1
    assert "there is room again" in log.log_file().read_text(encoding="utf-8")


def test_where_windows_lets_nobody_rename_the_log_its_lines_go_on(
    ganvas_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def rename(source: str, place: str) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process", source)

    monkeypatch.setattr(log, "BYTES", 10_000)
    log.start()
    monkeypatch.setattr(os, "replace", rename)
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
