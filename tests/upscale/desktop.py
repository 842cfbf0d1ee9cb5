"""Stands for what a Linux desktop offers on its message buses: login manager and messages. Run as a program.

Every call that arrives is a line of JSON: interface, method, signature, arguments, and of a message who sent it. "Inhibit" is
answered by a pipe, and "let go" tells that the other end was closed. "PowerOff" is refused.
"""

import json
import os
import sys
from typing import Any

from PySide6.QtCore import QCoreApplication, QSocketNotifier
from PySide6.QtDBus import QDBusArgument, QDBusConnection, QDBusMessage, QDBusUnixFileDescriptor, QDBusVirtualObject

SERVICES = ("org.freedesktop.login1", "org.freedesktop.Notifications")


def say(*words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class Desktop(QDBusVirtualObject):
    """Answers all that comes."""

    def __init__(self) -> None:
        super().__init__()
        self._notifiers: list[QSocketNotifier] = []

    def introspect(self, path: str) -> str:
        return ""

    def handleMessage(self, message: QDBusMessage, bus: QDBusConnection) -> bool:
        arguments = ["..." if isinstance(one, QDBusArgument) else one for one in message.arguments()]
        sender = [message.service()] if message.member() == "Notify" else []
        say(message.interface(), message.member(), message.signature(), arguments, *sender)
        if message.member() == "Inhibit":
            reply = message.createReply(self._lock())
        elif message.member() == "PowerOff":
            reply = message.createErrorReply("org.freedesktop.DBus.Error.AccessDenied", "Somebody else is logged in")
        elif message.member() == "Notify":
            reply = message.createReply(7)
        else:
            reply = message.createReply()
        return bus.send(reply)

    def _lock(self) -> QDBusUnixFileDescriptor:
        ours, theirs = os.pipe()
        lock = QDBusUnixFileDescriptor(theirs)  # a copy
        os.close(theirs)
        notifier = QSocketNotifier(ours, QSocketNotifier.Type.Read)

        def let_go() -> None:
            notifier.setEnabled(False)
            say("let go")

        notifier.activated.connect(let_go)
        self._notifiers.append(notifier)
        return lock


if __name__ == "__main__":
    app = QCoreApplication([])
    bus = QDBusConnection.sessionBus()
    desktop = Desktop()
    assert bus.registerVirtualObject("/", desktop, QDBusConnection.VirtualObjectRegisterOption.SubPath)
    assert all(bus.registerService(service) for service in SERVICES)
    say("ready")
    app.exec()
