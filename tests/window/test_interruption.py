"""Ctrl-C in the terminal closes the window, as its button does: what was open is kept, no traceback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.upscale import recall
from tests.upscale.belt import catalogue, photos

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


# A job is at work, or a person has just been asked whether the window shall close meanwhile.
IN_A_JOB = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox
from app import window

folder, asked, number = Path(sys.argv[1]), sys.argv[2] == "asked", int(sys.argv[3])
begin = window.MainWindow.begin

def begun(self):
    begin(self)
    self.go_to("upscale")
    panel = self.panel("upscale")
    panel.choose_model("twice")
    panel.queue.set_choices(replace(panel.queue.choices, into=folder / "out"))
    panel.add([folder / "in"])

    def every_photo(state):
        return len(panel.queue.rows) == 60 and all(row.state == state for row in panel.queue.rows)

    def look():
        if panel.runner.state == "idle" and every_photo("ready"):
            panel.job.start()
        if any(row.state == "done" for row in panel.queue.rows):
            clock.stop()
            if asked:
                panel.runner.pause()
                answers.start()
                self.close()
            else:
                os.kill(os.getpid(), number)

    def look_for_the_question():
        if any(isinstance(one, QMessageBox) and one.isVisible() for one in self.children()):
            answers.stop()
            print("asked", flush=True)
            os.kill(os.getpid(), number)

    clock, answers = QTimer(self, interval=20), QTimer(self, interval=20)
    clock.timeout.connect(look)
    answers.timeout.connect(look_for_the_question)
    clock.start()

window.MainWindow.begin = begun
print(window.main(["--device", "cpu", "--threads", "1"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a program without asking it")
@pytest.mark.parametrize(("when", "number"), [("at work", signal.SIGINT), ("at work", signal.SIGTERM), ("asked", signal.SIGTERM)])
def test_a_signal_ends_a_job_without_a_question_and_it_can_go_on(
    when: str, number: signal.Signals, ganvas_home: Path, tmp_path: Path
) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    photos(tmp_path / "in", 60, 300, 400)
    words = [sys.executable, "-c", IN_A_JOB, str(tmp_path), when, str(int(number))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.split() == (["asked", "0"] if when == "asked" else ["0"]), done.stderr
    assert (ganvas_home / "state" / "window.json").exists(), "what was open is not kept"
    found = recall.interrupted()
    assert found is not None
    _, made, total = found
    assert 0 < made < total == 60
    assert len(list((tmp_path / "out").iterdir())) == made  # whole, and nothing half-written
