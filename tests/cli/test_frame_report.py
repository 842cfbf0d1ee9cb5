"""What a sub-command says while it works: for a person at a terminal, for a file, and for a program."""

import io
import json

from app.cli.options import NOTHING_DONE, OK, SOME_FAILED
from app.cli.report import Reporter
from app.inference.updates import Done, Failure, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_one_object_a_line_on_standard_output() -> None:
    out, err = io.StringIO(), io.StringIO()
    reporter = Reporter(as_json=True, out=out, err=err)
    reporter.progress(1, 4, "tiles")
    reporter.result("Saved a.png", file="a.png", milliseconds=12.5)
    reporter.failed("b.png", Failure("The file is cut off.", hint="Copy it again."))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["progress", "done", "failed"]
    assert lines[1] == {"event": "done", "file": "a.png", "milliseconds": 12.5}
    assert lines[2]["subject"] == "b.png"
    assert err.getvalue() == ""


def test_results_go_to_standard_output_and_failures_to_standard_error() -> None:
    out, err = io.StringIO(), io.StringIO()
    reporter = Reporter(out=out, err=err)
    reporter.result("Saved a.png")
    reporter.failed("b.png", Failure("The file is cut off."))
    assert out.getvalue() == "Saved a.png\n"
    assert err.getvalue() == "b.png: The file is cut off.\n"


def test_a_files_name_gives_a_terminal_no_orders_and_a_pipe_the_name_as_it_is() -> None:
    name = "a\x1b]0;mine\x07\x9b2J.png"
    terminal, piped = Terminal(), io.StringIO()
    for out in (terminal, piped):
        reporter = Reporter(out=out, err=Terminal())
        reporter.progress(1, 4, f"{name}\nb")
        reporter.progress(2, 4, name)
        reporter.failed(name, Failure("It is cut off."))
        reporter.result(f"Saved {name}")
        reporter.clear()
        said = reporter.err.getvalue()  # type: ignore[attr-defined]
        assert "a?]0;mine??2J.png b" in said
        assert "\x1b]" not in said
        assert "\x9b" not in said
    assert terminal.getvalue() == "Saved a?]0;mine??2J.png\n"
    assert piped.getvalue() == f"Saved {name}\n"


def test_the_exit_code_tells_all_some_and_nothing() -> None:
    def code(done: int, failed: int) -> int:
        reporter = Reporter(out=io.StringIO(), err=io.StringIO())
        for _ in range(done):
            reporter.result("Saved.")
        for number in range(failed):
            reporter.failed(f"{number}.png", Failure("It is cut off."))
        return reporter.finish()

    assert code(3, 0) == OK
    assert code(2, 2) == SOME_FAILED
    assert code(0, 2) == NOTHING_DONE


def test_several_failures_are_listed_together_at_the_end() -> None:
    err = io.StringIO()
    reporter = Reporter(out=io.StringIO(), err=err)
    reporter.failed("a.png", Failure("It is cut off."))
    reporter.failed("b.png", Failure("It is empty."))
    reporter.finish()
    assert err.getvalue().splitlines()[-1] == "0 done, 2 failed: a.png, b.png"


def test_a_terminal_sees_a_bar_that_is_gone_at_the_end() -> None:
    err = Terminal()
    reporter = Reporter(out=io.StringIO(), err=err)
    for done in range(5):
        reporter.progress(done, 4, "tiles")
    assert "tiles" in err.getvalue()
    assert "4" in err.getvalue()
    reporter.finish()
    assert err.getvalue().endswith("\r")


def test_a_file_sees_no_bar() -> None:
    err = io.StringIO()
    reporter = Reporter(out=io.StringIO(), err=err)
    for done in range(5):
        reporter.progress(done, 4, "tiles")
    assert "\r" not in err.getvalue()


def test_following_a_request_gives_its_ending() -> None:
    reporter = Reporter(out=io.StringIO(), err=io.StringIO())
    ending = reporter.follow(iter([Progress(1, 2), Progress(2, 2), Done("picture", 0.5)]))
    assert isinstance(ending, Done)
    assert ending.result == "picture"
