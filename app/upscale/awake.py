"""Keeps the machine awake while a batch runs (the screen may sleep). Where a system cannot be asked, nothing happens. No Qt."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys

log = logging.getLogger(__name__)

# Windows: SetThreadExecutionState, "the system is in use", until told otherwise.
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001


class Awake:
    """`keep()` and `release()`, each as often as one likes. The system lets go by itself when this process ends."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self._kept = False

    @property
    def kept(self) -> bool:
        return self._kept

    def keep(self) -> None:
        """From now on the machine does not fall asleep."""
        if self._kept:
            return
        if sys.platform == "win32":
            self._kept = _windows(_CONTINUOUS | _SYSTEM_REQUIRED)
            return
        command = inhibitor(sys.platform, os.getpid())
        if command is None:
            return
        try:
            self._helper = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=True
            )
            self._kept = True
        except OSError as error:
            log.info("the machine cannot be kept awake: %s", error)

    def release(self) -> None:
        """The machine may sleep again."""
        if not self._kept:
            return
        self._kept = False
        if sys.platform == "win32":
            _windows(_CONTINUOUS)
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                helper.wait(5)


def inhibitor(platform: str, process: int) -> list[str] | None:
    """The system's own program that keeps it awake as long as this process lives; None where there is none."""
    if platform == "darwin":
        return ["caffeinate", "-i", "-w", str(process)]
    program, tail = shutil.which("systemd-inhibit"), shutil.which("tail")
    if program is None or tail is None:
        return None
    # `tail --pid` ends with this process, so that nothing stays awake after a crash.
    return [program, "--what=sleep:idle", "--who=Ganvas", "--why=Enlarging photos", tail, f"--pid={process}", "-f", os.devnull]


def _windows(state: int) -> bool:
    import ctypes

    windll = getattr(ctypes, "windll", None)
    return bool(windll is not None and windll.kernel32.SetThreadExecutionState(state))
