"""Files that come from outside the window: a second start, an icon they were dropped on, a double click in a file browser.

One window serves a person. The first start listens at a local socket of that person alone; a later start hands its files
over there, gets a word back, and ends. On macOS the system sends files as events instead.

The words on the socket: one line of JSON, `{"files": ["/absolute/path", ...], "token": "..."}`, answered by `ok` and a line
end. `token` is the permission to come to the front that a Wayland desktop gave the second start.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication, QWidget

from models.folders import state_folder

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 4 << 20  # some thousand long paths; more is not a person's selection
ANSWER_MS = 6000  # a window that is just being built answers when it stands; one that hangs for longer is not waited for
SOCKET_PATH_BYTES = 100  # sockaddr_un holds 104 bytes on macOS, 108 on Linux, with the ending zero
TOKEN = "XDG_ACTIVATION_TOKEN"


def address() -> str:
    """Where the window of this person and this `GANVAS_HOME` listens: a socket's path, on Windows a pipe's name."""
    who = f"{os.getlogin() if os.name == 'nt' else os.getuid()} {state_folder()}"
    name = f"ganvas-{hashlib.sha256(who.encode()).hexdigest()[:16]}"
    if os.name == "nt":
        return name
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if not _is_own(folder) or len(os.fsencode(folder / name)) > SOCKET_PATH_BYTES:
        folder = Path(tempfile.gettempdir())
    return str(folder / name)


def _is_own(folder: Path) -> bool:
    try:
        told = folder.stat()
    except OSError:
        return False
    return folder.is_absolute() and told.st_uid == os.getuid() and not told.st_mode & 0o022


def hand_over(paths: Sequence[Path]) -> bool:
    """Give files to the window that is open already; True if one took them, False where there is none (or it hangs)."""
    socket = QLocalSocket()
    socket.connectToServer(address())
    if not socket.waitForConnected(ANSWER_MS) or not _is_ours(address()):
        return False
    if sys.platform == "win32":  # Windows lets nobody come to the front but by leave of the program that is there
        ctypes.windll.user32.AllowSetForegroundWindow(-1)
    message = {"files": [str(path.absolute()) for path in paths], "token": os.environ.get(TOKEN, "")}
    socket.write(json.dumps(message).encode() + b"\n")
    while not socket.canReadLine():
        if not socket.waitForReadyRead(ANSWER_MS):
            return False
    return socket.readLine().data() == b"ok\n"


def _is_ours(name: str) -> bool:
    """A socket in a folder that everybody may write to could be somebody else's; it is not given our file names."""
    return os.name == "nt" or Path(name).stat().st_uid == os.getuid()


def bring_forward(window: QWidget) -> None:
    """Show a window that may be hidden, minimised or behind others."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)  # a maximised one stays so
    window.show()
    window.raise_()
    window.activateWindow()


class FrontDoor(QObject):
    """Listens for files from outside. `arrived(list of Path)` tells them; an empty list only asks the window to come forward.

    `as_events`: the system sends files as events to the program (macOS). Elsewhere no event is looked at: each would cost time.
    """

    arrived = Signal(list)

    def __init__(self, parent: QObject | None = None, as_events: bool = sys.platform == "darwin") -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        # One timer for all who wait, that stays: as in app/inference/worker.py.
        self._waiting: dict[QLocalSocket, float] = {}  # until when each is waited for, those first who came first
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._lose_patience)
        app = QApplication.instance()
        if as_events and app is not None:
            app.installEventFilter(self)

    def listen(self) -> bool:
        """Start to listen; False where another window does already, or where no socket can be made (that is logged)."""
        other = QLocalSocket()  # asked first: Qt would take the address from under a window that listens
        other.connectToServer(address())
        if other.waitForConnected(ANSWER_MS):
            other.abort()
            return False
        QLocalServer.removeServer(address())  # left behind by a program that was killed
        if self._server.listen(address()):
            return True
        logger.info("a second start cannot hand its files over: %s", self._server.errorString())
        return False

    def shut(self) -> None:
        """Stop listening."""
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        self._patience.stop()
        self._waiting.clear()
        self._server.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.file():
            self.arrived.emit([Path(event.file())])
            return True
        return super().eventFilter(watched, event)

    def _greet(self) -> None:
        while (guest := self._server.nextPendingConnection()) is not None:
            guest.readyRead.connect(lambda guest=guest: self._read(guest))
            guest.disconnected.connect(lambda guest=guest: self._see_off(guest))
            self._waiting[guest] = time.monotonic() + ANSWER_MS / 1000
            if not self._patience.isActive():
                self._patience.start(ANSWER_MS)
            self._read(guest)

    def _see_off(self, guest: QLocalSocket) -> None:
        self._waiting.pop(guest, None)
        guest.deleteLater()

    def _lose_patience(self) -> None:
        """Whoever connects and says nothing, or not all, is not waited for for ever."""
        now = time.monotonic()
        for guest in [guest for guest, until in self._waiting.items() if until <= now]:
            guest.abort()
        if self._waiting:
            self._patience.start(max(1, math.ceil(1000 * (min(self._waiting.values()) - now))))

    def _read(self, guest: QLocalSocket) -> None:
        if guest.canReadLine():
            line = bytes(guest.readLine(MESSAGE_BYTES).data())
            try:
                files, token = _understood(line)
            except ValueError as error:
                logger.info("something else spoke at the window's door: %s", error)
                guest.abort()
                return
            guest.write(b"ok\n")
            guest.flush()
            guest.disconnectFromServer()
            if token:
                os.environ[TOKEN] = token  # Qt reads it when the window is activated
            self.arrived.emit(files)
        elif guest.bytesAvailable() > MESSAGE_BYTES:
            guest.abort()


def _understood(line: bytes) -> tuple[list[Path], str]:
    """Paths and token of a message; `ValueError` for anything else. The paths are looked at by who opens them."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON ({error})") from error
    if not isinstance(message, dict):
        raise ValueError("no object")
    files, token = message.get("files"), message.get("token", "")
    if not isinstance(files, list) or not all(isinstance(f, str) and os.path.isabs(f) and "\0" not in f for f in files):
        raise ValueError("files are no absolute paths")
    if not isinstance(token, str) or "\0" in token:
        raise ValueError("token is no text")
    return [Path(file) for file in files], token
