"""A job's end is told, and the machine sleeps or shuts down only if that was wished and nobody stopped it."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.taskbar import Taskbar, properties
from app.upscale import afterwards
from app.upscale.afterwards import Then
from app.upscale.desktop_message import Desktop, Heard
from app.upscale.farewell import Farewell
from app.upscale.panel import UpscalePanel
from app.widgets.panel import Notice
from tests.upscale.belt import photos

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def wished() -> list[Then]:
    return []


@pytest.fixture
def job_ends(panel: UpscalePanel, until: Until, tmp_path: Path, wished: list[Then]) -> Callable[[Then], None]:
    """Run a job that ends well, with a wish for its end; what the machine is told is recorded and never done."""

    def record(then: Then) -> str:
        wished.append(then)
        return ""

    panel.job.farewell._carry_out = record
    photos(tmp_path / "in", 6)
    panel.add([tmp_path / "in"])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"] * 6)

    def run(then: Then) -> None:
        panel.job.start()
        until(lambda: panel.runner.state == "running")
        action = next(action for action in panel.run_bar._thens.actions() if action.data() == then)
        action.trigger()
        until(lambda: panel.runner.state == "idle")

    return run


def test_nothing_happens_where_nothing_was_wished(
    panel: UpscalePanel, job_ends: Callable[[Then], None], wished: list[Then]
) -> None:
    job_ends("nothing")
    assert panel.job.farewell.question is None
    assert not wished


def test_the_machine_sleeps_after_a_minute_in_which_one_can_stop_it(
    panel: UpscalePanel, until: Until, job_ends: Callable[[Then], None], wished: list[Then]
) -> None:
    job_ends("sleep")
    farewell = panel.job.farewell
    assert farewell.question is not None
    assert "sleep in 60 s" in farewell.question.text()
    for _ in range(afterwards.SECONDS - 1):
        farewell._tick()
    assert not wished
    assert "in 1 s" in farewell.question.text()
    farewell._tick()
    until(lambda: wished == ["sleep"])
    assert farewell.question is None
    assert farewell.then == "nothing"


def test_stop_keeps_the_machine_on_and_the_wish_is_for_one_job(
    panel: UpscalePanel, job_ends: Callable[[Then], None], wished: list[Then]
) -> None:
    job_ends("shut down")
    farewell = panel.job.farewell
    assert farewell.question is not None
    assert "shuts down" in farewell.question.text()
    next(button for button in farewell.question.buttons() if button.objectName() == "farewell:stop").click()
    assert farewell.question is None
    assert not farewell._clock.isActive()
    assert farewell.then == "nothing"
    assert not wished


def test_a_job_that_a_person_stops_leaves_the_machine_on(
    panel: UpscalePanel, until: Until, tmp_path: Path, wished: list[Then]
) -> None:
    panel.job.farewell._carry_out = lambda then: wished.append(then) or ""
    photos(tmp_path / "in", 30, 120, 160)
    panel.add([tmp_path / "in"])
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"] * 30)
    panel.job.start()
    until(lambda: panel.runner.state == "running")
    panel.run_bar.then.emit("shut down")
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    assert panel.job.farewell.question is None
    assert not wished


def test_each_system_has_its_own_words_and_a_refusal_is_told() -> None:
    ran: list[list[str]] = []

    def refused(words: list[str]) -> str:
        ran.append(words)
        return f"{words[0]}: no."

    for platform in ("linux", "darwin", "win32"):
        assert afterwards.carry_out("nothing", platform, refused) == ""
        for then in afterwards.THENS[1:]:
            assert afterwards.carry_out(then, platform, refused) == f"{ran[-1][0]}: no."
    login = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"]
    linux_sleep, linux_off, mac_sleep, mac_off, windows_sleep, windows_off = ran
    assert linux_sleep == ["busctl", "call", *login, "Suspend", "b", "true"]
    assert linux_off == ["busctl", "call", *login, "PowerOff", "b", "true"]
    assert mac_sleep == ["pmset", "sleepnow"]
    assert mac_off == ["osascript", "-e", 'tell application "System Events" to shut down']
    assert windows_sleep[:4] == ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command"]
    assert "SetSuspendState('Suspend', $false, $false)" in windows_sleep[4]  # sleep, not hibernation
    assert windows_off == ["shutdown.exe", "/s", "/t", "0"]


def test_why_a_program_refused_is_what_it_said_last() -> None:
    said = "import sys; sys.stderr.write('first\\nno leave.\\n'); sys.exit(3)"
    assert afterwards.run([sys.executable, "-c", said]) == f"{sys.executable}: no leave."
    assert afterwards.run([sys.executable, "-c", "raise SystemExit(3)"]) == f"{sys.executable}: it ended with 3."
    assert afterwards.run([sys.executable, "-c", ""]) == ""
    assert "No such file" in afterwards.run(["no-such-program"])


class SlowDesktop(Desktop):
    """Answers when it is let; knows whether it was listened to while it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.let, self.asked, self.shown = threading.Semaphore(0), 0, 0
        self.heard_at: list[bool] = []

    def show(self, text: str) -> int | None:
        self.let.acquire()
        self.shown += 1
        return self.shown

    def heard(self) -> list[Heard]:
        self.heard_at.append(self.shown == self.asked)
        return []


def test_a_desktop_is_not_listened_to_while_it_is_asked_to_show_another_message(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read from one line: the answer to the one would be taken for news by the other."""
    monkeypatch.setattr(QApplication, "applicationState", lambda: Qt.ApplicationState.ApplicationInactive)
    window, desktop = QWidget(), SlowDesktop()
    qtbot.addWidget(window)
    farewell = Farewell(window, desktop=desktop)
    for desktop.asked in (1, 2):
        assert farewell.tell("Done.")
    for number in (1, 2):
        desktop.let.release()
        qtbot.waitUntil(lambda number=number: farewell._message == number)
    assert desktop.heard_at == [True]
    farewell.shut()


def test_a_refusal_reaches_the_bar(qtbot: QtBot, until: Until) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    farewell = Farewell(window, lambda then: "busctl: Permission denied.")
    told: list[Notice] = []
    farewell.noticed.connect(told.append)
    farewell.then = "sleep"
    farewell.leave()
    farewell._now()
    until(lambda: bool(told))
    assert [(notice.what, notice.why) for notice in told] == [("The machine did not go to sleep.", "busctl: Permission denied.")]
    farewell.shut()


def test_the_title_says_how_far_the_slowest_job_is(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    taskbar = Taskbar(window, platform="win32")
    assert window.windowTitle() == "Ganvas"
    taskbar.show_name("otter.jpg")
    taskbar.show_job("upscale", 0.372)
    taskbar.show_job("models", 0.9)
    assert window.windowTitle() == "37% · otter.jpg — Ganvas"
    taskbar.show_job("upscale", None)
    taskbar.show_job("models", None)
    assert window.windowTitle() == "otter.jpg — Ganvas"
    assert properties(0.5) == {"progress": 0.5, "progress-visible": True}
    assert properties(None)["progress-visible"] is False


LISTENING = """
import subprocess, sys, time
from PySide6.QtWidgets import QApplication, QWidget
from app.taskbar import INTERFACE, Taskbar
app = QApplication([])
heard = subprocess.Popen(["dbus-monitor", "--session", f"interface={INTERFACE!r}"], stdout=subprocess.PIPE, text=True)
while "NameLost" not in heard.stdout.readline():  # from here on it listens
    pass
taskbar = Taskbar(QWidget())
taskbar.show_job("upscale", 0.25)
taskbar.show_job("upscale", None)
lines = []
while sum("boolean" in line for line in lines) < 2:
    lines.append(heard.stdout.readline())
heard.terminate()
print("".join(lines))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("dbus-run-session") or not shutil.which("dbus-monitor"),
    reason="a message bus of its own cannot be started here",
)
def test_docks_that_listen_on_the_message_bus_hear_it() -> None:
    done = subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-c", LISTENING],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    assert "application://ganvas.desktop" in done.stdout, done.stderr
    assert "double 0.25" in done.stdout
    assert "boolean false" in done.stdout
