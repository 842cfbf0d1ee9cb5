"""A second start hands its files to the window that is open; nobody else gets in by that door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app import open_files
from app.open_files import FrontDoor

SECOND_START = (
    "import sys; from pathlib import Path; from app.open_files import hand_over; "
    "print(hand_over([Path(p) for p in sys.argv[1:]]))"
)


@pytest.fixture
def door(qapp: object) -> Iterator[FrontDoor]:
    door = FrontDoor(as_events=True)
    assert door.listen()
    yield door
    door.shut()
    door.deleteLater()


def start_again(*files: str, folder: Path) -> subprocess.Popen[str]:
    """A second start in another process, from another folder."""
    return subprocess.Popen(
        [sys.executable, "-c", SECOND_START, *files],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(open_files.__file__).parent.parent)},
    )


def say(message: bytes, qtbot: QtBot) -> bytes:
    """What the door answers to a message of any kind, when it has hung up."""
    guest = QLocalSocket()
    guest.connectToServer(open_files.address())
    guest.write(message)
    guest.flush()
    qtbot.waitUntil(lambda: guest.state() == QLocalSocket.LocalSocketState.UnconnectedState, timeout=10_000)
    answer = guest.readAll().data()
    guest.deleteLater()
    return answer


def test_a_second_start_hands_its_files_over_and_ends(door: FrontDoor, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "mes photos été"
    folder.mkdir()
    with qtbot.waitSignal(door.arrived, timeout=30_000) as got:
        second = start_again("a picture.png", str(tmp_path / "b.jpg"), folder=folder)
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=30_000)
    assert second.communicate()[0].strip() == "True"
    assert got.args == [[folder / "a picture.png", tmp_path / "b.jpg"]]


def test_a_first_start_finds_nobody_to_hand_files_to(qapp: object) -> None:
    assert open_files.hand_over([Path("x.png")]) is False


def test_a_second_start_without_files_asks_the_window_forward(door: FrontDoor, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(door.arrived, timeout=30_000) as got:
        second = start_again(folder=tmp_path)
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=30_000)
    second.communicate()
    assert got.args == [[]]


@pytest.mark.parametrize(
    "message",
    [
        b"GET / HTTP/1.1\n",
        b"[]\n",
        b'{"files": "x"}\n',
        b'{"files": ["relative.png"]}\n',
        b'{"files": [1]}\n',
        b'{"files": ["/a\\u0000b"]}\n',
        b'{"files": [], "token": 3}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_list_of_absolute_paths_is_shown_out(door: FrontDoor, qtbot: QtBot, message: bytes) -> None:
    told: list[object] = []
    door.arrived.connect(told.append)
    assert say(message, qtbot) == b""
    assert told == []


def test_one_who_says_nothing_is_shown_out(door: FrontDoor, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "ANSWER_MS", 50)
    assert say(b'{"files":', qtbot) == b""


def test_each_silent_one_is_shown_out_and_nobody_who_speaks(
    door: FrontDoor, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "ANSWER_MS", 50)
    guests = [QLocalSocket(door) for _ in range(3)]
    with qtbot.waitSignal(door.arrived, timeout=30_000):
        for guest in guests:
            guest.connectToServer(open_files.address())
        guests[1].write(b'{"files": []}\n')
    qtbot.waitUntil(lambda: all(g.state() == QLocalSocket.LocalSocketState.UnconnectedState for g in guests), timeout=30_000)
    assert guests[1].readAll().data() == b"ok\n"
    assert not door._waiting
    assert not door._patience.isActive()


def test_one_who_never_ends_is_shown_out(door: FrontDoor, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "MESSAGE_BYTES", 1000)
    assert say(b" " * 5000, qtbot) == b""


def test_only_one_window_listens(door: FrontDoor, qapp: object) -> None:
    second = FrontDoor()
    assert second.listen() is False
    second.shut()
    second.deleteLater()


def test_a_killed_window_leaves_no_locked_door(qapp: object, tmp_path: Path) -> None:
    code = (
        "import os; from PySide6.QtWidgets import QApplication; from app.open_files import FrontDoor; "
        "app = QApplication([]); door = FrontDoor(); assert door.listen(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(open_files.__file__).parent.parent, check=False)
    if os.name == "posix":
        assert Path(open_files.address()).exists()
    door = FrontDoor()
    assert door.listen() is True
    door.shut()
    door.deleteLater()


@pytest.mark.skipif(os.name != "posix", reason="Windows has pipes with rights of their own")
def test_the_door_is_for_this_person_alone(door: FrontDoor) -> None:
    told = Path(open_files.address()).stat()
    assert told.st_mode & 0o077 == 0
    assert told.st_uid == os.getuid()


def test_another_home_has_another_door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = open_files.address()
    monkeypatch.setenv("GANVAS_HOME", str(tmp_path / "other"))
    assert open_files.address() != before


def test_the_permission_to_come_forward_is_handed_on(door: FrontDoor, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(open_files.TOKEN, "old")
    assert say(json.dumps({"files": [], "token": "new"}).encode() + b"\n", qtbot) == b"ok\n"
    assert os.environ[open_files.TOKEN] == "new"


def test_a_file_sent_by_the_system_arrives(door: FrontDoor, qtbot: QtBot, tmp_path: Path) -> None:
    event = QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "map.png")))
    with qtbot.waitSignal(door.arrived) as got:
        QCoreApplication.sendEvent(QCoreApplication.instance(), event)
    assert got.args == [[tmp_path / "map.png"]]


@pytest.mark.qt_log_ignore("This plugin does not support raise")
def test_a_minimised_window_comes_forward(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    for shown in (Qt.WindowState.WindowNoState, Qt.WindowState.WindowMaximized):
        window.setWindowState(shown | Qt.WindowState.WindowMinimized)
        open_files.bring_forward(window)
        assert window.isVisible()
        assert window.windowState() == shown
