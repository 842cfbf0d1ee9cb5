"""Ctrl-C in the terminal closes the window, as its button does: what was open is kept, no traceback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process group elsewhere")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_in_order(number: signal.Signals, ganvas_home: Path) -> None:
    child = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = ganvas_home / "state" / "ganvas.log"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (log.exists() and "on the screen" in log.read_text(encoding="utf-8")):
        time.sleep(0.05)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "Traceback" not in out + err
    assert (ganvas_home / "state" / "window.json").exists(), "what was open is not kept"


# The signal comes between two lines of `MainWindow.begin`.
IN_THE_MIDDLE = """
import os, signal, sys
from app import window
from app.inference.worker import InferenceWorker

warm_up, reached = InferenceWorker.warm_up, []

def interrupted(worker):
    os.kill(os.getpid(), signal.SIGTERM)
    reached.append(warm_up(worker))
    return reached[0]

InferenceWorker.warm_up = interrupted
code = window.main([])
print(code, len(reached))
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a program without asking it")
def test_a_signal_in_the_middle_of_the_first_steps_waits_until_they_are_done(ganvas_home: Path) -> None:
    words = [sys.executable, "-c", IN_THE_MIDDLE]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.split() == ["0", "1"], done.stderr
    assert (ganvas_home / "state" / "window.json").exists(), "what was open is not kept"
