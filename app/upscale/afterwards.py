"""What the machine does when a job has ended: nothing, sleep, or shut down, by the system's own program. No Qt."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Literal

log = logging.getLogger(__name__)

Then = Literal["nothing", "sleep", "shut down"]
THENS: tuple[Then, ...] = ("nothing", "sleep", "shut down")
SECONDS = 60  # in which a person can still stop it

_COMMANDS: dict[tuple[str, Then], list[str]] = {
    ("linux", "sleep"): ["systemctl", "suspend"],
    ("linux", "shut down"): ["systemctl", "poweroff"],
    ("darwin", "sleep"): ["pmset", "sleepnow"],
    ("darwin", "shut down"): ["osascript", "-e", 'tell application "System Events" to shut down'],
    ("win32", "sleep"): ["rundll32.exe", "powrprof.dll,SetSuspendState", "0,1,0"],
    ("win32", "shut down"): ["shutdown", "/s", "/t", "0"],
}


def command(then: Then, platform: str = sys.platform) -> list[str] | None:
    """The words that make this kind of system do it; None for nothing, and where it is not known how."""
    return _COMMANDS.get((platform, then))


def _started(words: list[str]) -> None:
    subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def carry_out(then: Then, platform: str = sys.platform, start: Callable[[list[str]], None] = _started) -> str:
    """Do it; the reason where the system refuses, "" otherwise. `start` begins a program."""
    words = command(then, platform)
    if words is None:
        return ""
    log.info("when done: %s", then)
    try:
        start(words)
    except OSError as error:
        return f"{words[0]}: {error.strerror or type(error).__name__}."
    return ""
