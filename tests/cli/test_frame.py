"""The command line's frame: what it imports, what it says, and with which code it ends."""

import argparse
import io
import json
import logging
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from app import __main__ as program
from app import log
from app.cli.options import INTERRUPTED, NOTHING_DONE, OK, USAGE, Parser, UsageError, add_common, complete, window_arguments
from models.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]


def install(
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[argparse.Namespace], int],
    configure: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """A sub-command `work` that does what the test says."""
    module = types.ModuleType("app.cli.work")
    vars(module).update(HELP="Work.", EXAMPLES="  ganvas work hard", configure=configure, run=run)
    monkeypatch.setitem(sys.modules, "app.cli.work", module)
    monkeypatch.setattr(program, "COMMANDS", ("work",))


def started(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A fresh interpreter that runs `ganvas` with these arguments and then `code`."""
    script = f"import sys\nfrom app.__main__ import main\ncode = main({list(arguments)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_and_version_import_neither_torch_nor_qt(arguments: tuple[str, ...]) -> None:
    done = started("print('\\nimported:', [m for m in ('torch', 'PySide6') if m in sys.modules], code)", *arguments)
    assert done.stdout.splitlines()[-1] == "imported: [] 0", done.stdout + done.stderr


def test_every_command_of_the_table_has_what_the_frame_needs_and_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in program.COMMANDS:
        assert program.main([name, "--help"]) == OK
        said = capsys.readouterr().out
        assert f"ganvas {name}" in said
        assert "exit codes:" in said
        assert "--device" in said
    assert program.main(["--help"]) == OK
    said = capsys.readouterr().out
    assert all(f"  {name}" in said for name in program.COMMANDS)


def test_a_sub_command_gets_its_options_and_gives_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []
    install(monkeypatch, lambda args: seen.append(args) or 1)
    assert program.main(["work", "--device", "cpu", "--threads", "3", "--json"]) == 1
    assert (seen[0].device, seen[0].precision, seen[0].threads, seen[0].json) == ("cpu", None, 3, True)


def test_common_options_stand_behind_a_nested_word_or_before_it() -> None:
    parser = Parser(prog="ganvas models")
    add_common(parser)
    nested = parser.add_subparsers(dest="action")
    add_common(nested.add_parser("list"))
    assert complete(parser.parse_args(["--json", "list"])).json
    assert complete(parser.parse_args(["list", "--json", "--device", "cpu"])).device == "cpu"
    assert not complete(parser.parse_args(["list"])).json


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["--threads", "0"],
        ["work", "--threads", "100000"],
        ["work", "--threads", "many"],
        ["--device", "cpu", "work"],
    ],
)
def test_a_command_that_is_not_understood_ends_with_2_and_one_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, lambda args: OK)
    assert program.main(arguments) == USAGE
    said = capsys.readouterr().err
    assert said.startswith("ganvas")
    assert said.count("\n") == 1


def test_a_sentence_of_an_option_ends_with_one_full_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["upscale", "photo.jpg", "--scale", "0"]) == USAGE
    assert "larger than nothing. See" in capsys.readouterr().err


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    install(monkeypatch, interrupted)
    assert program.main(["work"]) == INTERRUPTED
    assert capsys.readouterr().err == "ganvas: interrupted.\n"


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        (BadInput("The map is empty.", hint="Paint something first."), "The map is empty. Paint something first.", NOTHING_DONE),
        (UsageError("Seeds run from 0 upwards."), "Seeds run from 0 upwards.", USAGE),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "No such file or directory: a.png.", NOTHING_DONE),
        (ZeroDivisionError("secret detail"), "something went wrong that should not", NOTHING_DONE),
    ],
)
def test_an_error_is_one_sentence_for_a_person_and_no_traceback(
    error: Exception,
    sentence: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    expected_warnings: list[str],
) -> None:
    if code == NOTHING_DONE:
        expected_warnings.append("ERROR app: ganvas work")

    def fails(args: argparse.Namespace) -> int:
        raise error

    install(monkeypatch, fails)
    assert program.main(["work"]) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    if code == NOTHING_DONE:
        logging.getLogger("app").handlers[-1].flush()
        assert "Traceback" in log.log_file().read_text(encoding="utf-8")


def test_without_a_display_the_window_says_so_and_names_what_needs_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(program, "COMMANDS", ("generate", "tour"))
    assert program.main([]) == NOTHING_DONE
    said = capsys.readouterr().err
    assert "no display" in said
    assert "tour" in said
    assert "generate" in said
    assert said.count("\n") == 1


def test_a_chosen_qt_platform_or_another_system_needs_no_display_variable() -> None:
    assert program.no_display({}, "linux")
    assert not program.no_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    assert not program.no_display({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert not program.no_display({}, "win32")
    assert not program.no_display({}, "darwin")


def test_files_are_handed_to_the_window_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[str]] = []
    window = types.ModuleType("app.window")
    vars(window)["main"] = lambda argv: handed.append(argv) or 0
    monkeypatch.setitem(sys.modules, "app.window", window)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert program.main(["--device", "cpu", "my photo.jpg"]) == OK
    files, common = window_arguments(handed[0])
    assert files == ["my photo.jpg"]
    assert common.device == "cpu"


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; sys.exit(code)"
    script = (
        "import sys, types\nfrom app import __main__ as program\n"
        "work = types.ModuleType('app.cli.work')\n"
        "def run(args):\n    for n in range(100000): print('line', n)\n    return 0\n"
        "vars(work).update(HELP='', EXAMPLES='', configure=lambda p: None, run=run)\n"
        "sys.modules['app.cli.work'] = work\nprogram.COMMANDS = ('work',)\n"
        f"code = program.main(['work'])\n{code}"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "line 0\n"
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.wait(60) == NOTHING_DONE


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(args: argparse.Namespace) -> int:
        sys.stdout.write(sys.stdin.read())
        sys.stderr.write("said\n")
        return OK

    install(monkeypatch, run)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys, name, None)
    assert program.main(["work"]) == OK
    getattr(sys, name).close()


def test_the_version_is_that_of_the_project() -> None:
    done = started("", "--version")
    assert done.stdout.startswith("ganvas ")
    assert json.dumps(done.stdout.strip()).isascii()
