"""A command that is asked to end, by whatever signal, leaves nothing half-written behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips

from app.__main__ import main
from app.cli.options import INTERRUPTED
from app.photos import placing
from app.stopping import SIGNALS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Signals are heard as in a terminal, also where the tests run in the background or by nohup, which overlook some."""
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(SIGNALS, signal.SIG_DFL)}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(number: int) -> None:
    """Ask this process to end; never by a signal that nobody waits for, which would end the tests."""
    assert signal.getsignal(number) is not signal.SIG_DFL
    os.kill(os.getpid(), number)


def half_written(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """From now on the signal comes when a file is written, but not in its place yet."""
    monkeypatch.setattr(placing.os, "fsync", lambda _: ask(number))


@pytest.mark.parametrize("number", [signal.SIGINT, *SIGNALS])
def test_a_picture_that_is_being_written_goes_and_those_before_it_stay(
    tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    out, before = tmp_path / "out", [signal.getsignal(each) for each in SIGNALS]
    assert main(["generate", "--model", small, "--seeds", "3", "--out", str(out)]) == 0
    half_written(monkeypatch, number)
    assert main(["generate", "--model", small, "--seeds", "5", "--out", str(out)]) == INTERRUPTED
    assert capsys.readouterr().err == "ganvas: interrupted.\n"
    assert [entry.name for entry in out.iterdir()] == ["seed0003.png"]
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_what_is_to_be_overlooked_stays_so(tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        half_written(monkeypatch, signal.SIGHUP)
        assert main(["generate", "--model", small, "--seeds", "5", "--out", str(tmp_path / "out")]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_ends_also_while_it_is_packed(
    tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], suffix: str, number: int
) -> None:
    kill, asked = pyvips.Image.set_kill, []

    def set_kill(image: Any, stop: bool) -> None:
        if not asked:
            asked.append(number)
            ask(number)  # amid what libvips calls: raised here, it would be printed and lost
        kill(image, stop)

    monkeypatch.setattr(pyvips.Image, "set_kill", set_kill)
    out = tmp_path / "out" / f"walk.{suffix}"
    assert main(["morph", "--model", small, "--seeds", "3,5", "--seconds", "0.4", "--out", str(out)]) == INTERRUPTED
    assert asked
    assert capsys.readouterr().err == "ganvas: interrupted.\n"
    assert not list(out.parent.iterdir())  # neither frames nor what libvips makes when it lets go of its work
