"""What the system is asked for around a job, by its own programs: a message at the end, then sleep or shutting down. No Qt."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Literal

log = logging.getLogger(__name__)

Then = Literal["nothing", "sleep", "shut down"]
THENS: tuple[Then, ...] = ("nothing", "sleep", "shut down")
SECONDS = 60  # in which a person can still stop it
ANSWER_SECONDS = 10.0  # A program that says nothing for so long is doing what it was asked for, or asks a person for leave.

# The login manager's own calls, and not systemctl, which in need tells the first process to power off past all that objects.
_LOGIN = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
# rundll32 passes no arguments on: with it Windows hibernates wherever hibernation is allowed.
_SUSPEND = (
    "Add-Type -AssemblyName System.Windows.Forms; "
    "if (-not [System.Windows.Forms.Application]::SetSuspendState('Suspend', $false, $false)) { exit 1 }"
)
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # of Windows: no black box flashes up
_COMMANDS: dict[tuple[str, Then], list[str]] = {
    ("linux", "sleep"): ["busctl", "call", *_LOGIN, "Suspend", "b", "true"],
    ("linux", "shut down"): ["busctl", "call", *_LOGIN, "PowerOff", "b", "true"],
    ("darwin", "sleep"): ["pmset", "sleepnow"],
    ("darwin", "shut down"): ["osascript", "-e", 'tell application "System Events" to shut down'],
    ("win32", "sleep"): ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", _SUSPEND],
    ("win32", "shut down"): ["shutdown.exe", "/s", "/t", "0"],
}


def command(then: Then, platform: str = sys.platform) -> list[str] | None:
    """The words that make this kind of system do it; None for nothing, and where it is not known how."""
    return _COMMANDS.get((platform, then))


def ask(words: list[str]) -> tuple[str, str]:
    """Run a program of the system: what it printed, and why it refused ("" where it did not). Waits some seconds at most."""
    none, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        process = subprocess.Popen(
            words, stdin=none, stdout=pipe, stderr=pipe, text=True, errors="replace", creationflags=_NO_CONSOLE
        )
    except OSError as error:
        return "", f"{words[0]}: {error.strerror or type(error).__name__}."
    with contextlib.suppress(subprocess.TimeoutExpired):
        printed, complained = process.communicate(timeout=ANSWER_SECONDS)
        said = complained.strip().splitlines()
        if process.returncode != 0:
            return "", f"{words[0]}: {said[-1] if said else f'it ended with {process.returncode}'}".rstrip(".") + "."
        return printed, ""
    return "", ""


def run(words: list[str]) -> str:
    """Run a program of the system: why it refused, "" where it did not."""
    return ask(words)[1]


def carry_out(then: Then, platform: str = sys.platform, run: Callable[[list[str]], str] = run) -> str:
    """Do it; the reason where the system refuses, "" otherwise. `run` runs a program and says why it refused."""
    words = command(then, platform)
    if words is None:
        return ""
    log.info("when done: %s", then)
    return run(words)
