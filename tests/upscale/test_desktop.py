"""What the desktop is asked for around a job arrives there: a private message bus with a stand-in for the desktop, and the real
window in a process of its own."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.upscale.desktop_message import INTERFACE, MESSAGE_MS, PATH, SERVICE, Desktop
from app.upscale.farewell import Farewell
from tests.upscale.belt import catalogue, photos

PROGRAMS = ("dbus-daemon", "busctl", "systemd-inhibit")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other messages")
MISSING = [name for name in PROGRAMS if sys.platform != "linux" or not shutil.which(name)]
CONFIG = """<busconfig><type>session</type><listen>unix:path={0}/bus</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""

# Three jobs: one that ends with a wish to sleep, one with a wish to shut down, one that is stopped.
PROGRAM = """
import sys, time
from dataclasses import replace
from pathlib import Path
from PySide6.QtTest import QTest
from app import theme
from app.inference.worker import InferenceWorker, engine_beside_a_window
from app.settings import Settings
from app.window import MainWindow
from models.catalogue import Catalogue

folder, log = Path(sys.argv[1]), Path(sys.argv[2])
app = theme.application()
engine = engine_beside_a_window(Catalogue(), "cpu", "float32", 1)
window = MainWindow(InferenceWorker(engine), Catalogue(), Settings())  # not shown: somebody is at another program
window.go_to("upscale")
window.begin()
panel = window.panel("upscale")
panel.choose_model("twice")
panel.noticed.connect(lambda notice: notice and notice.bad and print("told:", notice.what, notice.why, flush=True))
jobs, wished = 0, ""

def asleep_until_heard(state):
    if state == "running":  # the job stands still meanwhile: it may be done before the other program has begun
        while log.read_text().count('"Inhibit"') < jobs:
            time.sleep(0.02)
        next(action for action in panel.run_bar._thens.actions() if action.data() == wished).trigger()

panel.runner.state_changed.connect(asleep_until_heard)

def until(holds):
    while not holds():  # as long as the test lets this program live
        QTest.qWait(10)

def job(name, wish):
    global jobs, wished
    jobs, wished = jobs + 1, wish
    panel.queue.set_choices(replace(panel.queue.choices, into=folder / "out" / name))
    panel.queue.set_rows([])
    panel.add([folder / name])
    until(lambda: panel.queue.rows and all(row.state == "ready" for row in panel.queue.rows))
    panel.job.start()

for wish in ("sleep", "shut down"):
    job(wish, wish)
    until(lambda: panel.job.farewell.question is not None)
    until(lambda: '"Notify"' in log.read_text())
    question = panel.job.farewell.question
    next(button for button in question.buttons() if button.objectName() == "farewell:now").click()
    until(lambda: log.read_text().count("true") == jobs)
job("stopped", "sleep")
until(lambda: panel.runner.state == "running")
panel.runner.stop()
until(lambda: panel.runner.state == "idle" and log.read_text().count("let go") == jobs)
window.close()
"""


# A window behind others, which tells of a message, and the numbers of messages that were clicked on since.
WAITING = """
import os
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from app import theme
from app.open_files import TOKEN
from app.upscale import farewell as farewell_module
from app.upscale.farewell import Farewell

app = theme.application()
window = QWidget()
farewell = Farewell(window)
assert farewell.tell("Done.")
while not farewell._message:
    QTest.qWait(10)
print("told", farewell._message, flush=True)
forward = farewell_module.bring_forward
farewell_module.bring_forward = lambda window: (print("in front by", os.environ.get(TOKEN), flush=True), forward(window))
while not window.isVisible():
    QTest.qWait(10)
farewell.shut()
"""


@pytest.fixture
def bus() -> Iterator[dict[str, str]]:
    """The environment of programs on a bus of their own."""
    folder = Path(tempfile.mkdtemp(prefix="bus-"))  # a socket's path is short
    (folder / "bus.conf").write_text(CONFIG.format(folder))
    words = ["dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork", "--print-address"]
    daemon = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    yield {
        "DBUS_SESSION_BUS_ADDRESS": address,
        "DBUS_SYSTEM_BUS_ADDRESS": address,
        "QT_QPA_PLATFORM": "offscreen",
        "DAEMON": str(daemon.pid),
    }
    daemon.terminate()
    daemon.communicate()
    shutil.rmtree(folder)


@pytest.fixture
def desktop(bus: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """Where the desktop notes what it was asked for."""
    log = tmp_path / "asked.jsonl"
    words = [sys.executable, "-m", "tests.upscale.desktop"]
    with log.open("w") as file:
        process = subprocess.Popen(words, stdout=file, env=os.environ | bus)
    while not log.read_text():
        assert process.poll() is None
    yield log
    process.kill()
    process.wait()


def asked(log: Path) -> list[list[Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.skipif(bool(MISSING), reason=f"programs of a Linux desktop are missing: {', '.join(MISSING)}")
def test_a_job_keeps_awake_is_told_of_and_the_machine_is_asked_to_sleep(
    bus: dict[str, str], desktop: Path, ganvas_home: Path, tmp_path: Path
) -> None:
    catalogue(ganvas_home / "data" / "catalogue")
    for name, count in (("sleep", 3), ("shut down", 3), ("stopped", 40)):
        photos(tmp_path / name, count, 120, 160)
    words = [sys.executable, "-c", PROGRAM, str(tmp_path), str(desktop)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=os.environ | bus)
    assert done.returncode == 0, done.stderr
    login, inhibit = "org.freedesktop.login1.Manager", ["sleep:idle", "Ganvas", "Enlarging photos", "block"]
    heard = [line for line in asked(desktop) if line != ["ready"]]
    messages = [line for line in heard if line[0] == "org.freedesktop.Notifications"]
    others = [line for line in heard if line[0] != "org.freedesktop.Notifications"]
    keeps = [[login, "Inhibit", "ssss", inhibit], ["let go"]]  # before anybody is asked to sleep
    assert others == [*keeps, [login, "Suspend", "b", [True]], *keeps, [login, "PowerOff", "b", [True]], *keeps]
    # At the end of the second job the window is in front (it had a question): nobody need be told.
    assert [line[1:3] for line in messages] == [["Notify", "susssasa{sv}i"]]
    program, replaced, icon, title, text, buttons, _, milliseconds = messages[0][3]
    assert (program, replaced, icon, title, buttons) == ("Ganvas", 0, "ganvas", "Ganvas", ["default", "Open"])
    assert text.startswith("3 photos enlarged in ")
    assert milliseconds == MESSAGE_MS
    (refusal,) = done.stdout.splitlines()
    assert refusal.startswith("told: The machine did not shut down. busctl: Call failed: ")


@pytest.mark.skipif(bool(MISSING), reason=f"programs of a Linux desktop are missing: {', '.join(MISSING)}")
@pytest.mark.parametrize("tells", ["its sender alone", "everybody"])
def test_a_click_on_the_message_brings_the_window_forward_and_on_another_does_not(
    bus: dict[str, str], desktop: Path, ganvas_home: Path, tells: str
) -> None:
    """GNOME tells the sender alone, others everybody on the bus."""
    process = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True, env=os.environ | bus)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "told 7\n"
        *_, sender = next(line for line in asked(desktop) if line[1:2] == ["Notify"])
        whom = [f"--destination={sender}"] if tells == "its sender alone" else []

        def emit(signal: str, number: str, word: str) -> None:
            words = ["busctl", "--user", *whom, "emit", PATH, INTERFACE, signal, "us", number, word]
            subprocess.run(words, check=True, env=os.environ | bus)

        emit("ActionInvoked", "8", "default")
        emit("ActionInvoked", "7", "another")
        emit("ActivationToken", "7", "leave of Wayland")
        emit("ActionInvoked", "7", "default")
        assert process.stdout.readline() == "in front by leave of Wayland\n"
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@needs_linux
def test_without_a_bus_there_is_no_message_and_nothing_to_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    desktop = Desktop()
    assert desktop.show("Done.") is None
    assert desktop.socket == -1
    assert desktop.heard() == []
    desktop.close()


@pytest.mark.skipif(bool(MISSING), reason=f"programs of a Linux desktop are missing: {', '.join(MISSING)}")
def test_a_bus_without_a_desktop_refuses_and_one_that_goes_is_not_listened_to(
    bus: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bus.items():
        monkeypatch.setenv(name, value)
    desktop = Desktop()
    assert desktop.show("Done.") is None
    assert desktop.socket != -1
    os.kill(int(bus["DAEMON"]), signal.SIGTERM)
    while desktop.socket != -1:
        assert select.select([desktop.socket], [], [], 30)[0]
        assert desktop.heard() == []


@needs_linux
def test_a_bus_that_never_answers_shows_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, and not a message without a number: it can be shown in another way."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/bus")
        silent.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={folder}/bus")
        assert Desktop().show("Done.") is None


class Kept(Desktop):
    """Keeps what came of a message."""

    came: object = "nothing"

    def show(self, text: str) -> int | None:
        self.came = number = super().show(text)
        return number


@pytest.mark.skipif(bool(MISSING), reason=f"programs of a Linux desktop are missing: {', '.join(MISSING)}")
def test_the_window_closes_without_the_answer_of_a_desktop_that_gives_none(
    bus: dict[str, str], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    from jeepney import DBusAddress, HeaderFields, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    for name, value in bus.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(QApplication, "applicationState", lambda: Qt.ApplicationState.ApplicationInactive)
    silent = open_dbus_connection("SESSION")
    own = new_method_call(DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus"), "RequestName", "su", (SERVICE, 0))
    silent.send_and_get_reply(own)
    window, desktop = QWidget(), Kept()
    qtbot.addWidget(window)
    farewell = Farewell(window, desktop=desktop)
    assert farewell.tell("Done.")
    while silent.receive(timeout=60).header.fields[HeaderFields.member] != "Notify":
        pass
    farewell.shut()
    assert desktop.came is None  # it was given up; 0 is what comes of waiting to the end
    silent.close()
