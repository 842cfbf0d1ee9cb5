"""Ctrl-C in the terminal that started the window, or a system that ends the session: the window closes, and asks nothing."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from PySide6.QtCore import QCoreApplication, QMetaObject, QObject, QSocketNotifier, Qt

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption(QObject):
    """A signal asks the application to quit; a second one, before that is done, ends the program as it would have otherwise.

    Python runs its handlers between two of its own instructions, of which there are none while Qt waits for events: the
    signal's number is written to a socket, and Qt wakes up to read it. `unasked` is called at once, so that whatever is at work
    is stopped without a question: nobody may be there to answer it, and a session waits for none.
    """

    def __init__(self, app: QCoreApplication, unasked: Callable[[], None]) -> None:
        super().__init__(app)
        self._app, self._unasked = app, unasked
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._former: dict[int, Any] = {number: signal.signal(number, self._asked) for number in SIGNALS}
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)
        app.aboutToQuit.connect(self._end)

    def _end(self) -> None:
        self._notifier.setEnabled(False)
        self._restore()
        signal.set_wakeup_fd(self._wakeup)
        self._reading.close()
        self._writing.close()

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        self._unasked()
        # Not at once: this runs between any two lines, also in the middle of what the window is just doing.
        QMetaObject.invokeMethod(self._app, "quit", Qt.ConnectionType.QueuedConnection)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # read already, or closed by the handler, which runs before this line does
            self._reading.recv(64)

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}
