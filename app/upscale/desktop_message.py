"""Messages of a Linux desktop, as freedesktop.org's Desktop Notifications 1.2 have it, on a connection that stays. No Qt.

GNOME tells of a click to whoever sent the message, and to nobody else; so the window itself sends it, and stays on the bus. (Qt's
own way to the bus cannot: from Python it has no unsigned number, which the call's second argument is.)
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

log = logging.getLogger(__name__)

SERVICE, PATH, INTERFACE = "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications"
CLICKED = "default"  # the action of who clicks on the message itself
MESSAGE_MS = 15_000
ANSWER_SECONDS = 10.0

Kind = Literal["ActionInvoked", "ActivationToken"]
_KINDS: tuple[Kind, ...] = ("ActionInvoked", "ActivationToken")


@dataclass(frozen=True)
class Heard:
    """What a desktop tells of a message: which action was chosen, or before it Wayland's leave to come to the front."""

    kind: Kind
    message: int
    word: str


class Desktop:
    """`show` may take its time and is for a thread beside the window; `heard` never waits. Never both at once; `hang_up` may
    come at any time."""

    def __init__(self) -> None:
        self._bus: DBusConnection | None = None

    def show(self, text: str) -> int | None:
        """Show a message: the number the desktop gave it (0 where it has not answered yet), None where it shows none."""
        from jeepney import DBusAddress, MessageType, new_method_call

        # Notify(program, replaced message, icon, title, text, actions, hints, milliseconds)
        words: tuple[Any, ...] = ("Ganvas", 0, "ganvas", "Ganvas", text, [CLICKED, "Open"], {}, MESSAGE_MS)
        call = new_method_call(DBusAddress(PATH, SERVICE, INTERFACE), "Notify", "susssasa{sv}i", words)
        asked = False
        try:
            bus = self._bus = self._bus or _connected()
            asked = True
            reply = bus.send_and_get_reply(call, timeout=ANSWER_SECONDS)
        except Exception as error:  # no bus here, a broken one, one that refuses us: jeepney has an error for each
            if asked and isinstance(error, TimeoutError):
                return 0
            log.info("no message was shown: %s: %s", type(error).__name__, error)
            self.close()
            return None
        if reply.header.message_type is MessageType.error:
            log.info("no message was shown: %s", " ".join(map(str, reply.body)))
            return None
        return int(reply.body[0])

    @property
    def socket(self) -> int:
        """What can be read from when there is something to be heard; -1 where nothing can come."""
        return -1 if self._bus is None else self._bus.sock.fileno()

    def heard(self) -> list[Heard]:
        """All that has come since the last call."""
        from jeepney import HeaderFields

        found: list[Heard] = []
        try:
            while self._bus is not None:
                message = self._bus.receive(timeout=0)
                kind = next((kind for kind in _KINDS if kind == message.header.fields.get(HeaderFields.member)), None)
                if kind is not None and len(message.body) == 2:
                    found.append(Heard(kind, int(message.body[0]), str(message.body[1])))
        except TimeoutError:  # nothing more for now
            pass
        except Exception as error:  # the bus is gone, or speaks otherwise than it should
            log.info("the desktop is not listened to any more: %s: %s", type(error).__name__, error)
            self.close()
        return found

    def hang_up(self) -> None:
        """Have a `show` that still waits for its answer give up."""
        bus = self._bus
        if bus is not None:
            with contextlib.suppress(OSError):
                bus.sock.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """Leave the bus."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(OSError):
                bus.close()


def _connected() -> DBusConnection:
    from jeepney import MatchRule, message_bus
    from jeepney.io.blocking import Proxy, open_dbus_connection

    bus = open_dbus_connection("SESSION")
    try:
        for kind in _KINDS:  # other desktops than GNOME's tell all who ask for it
            Proxy(message_bus, bus, timeout=ANSWER_SECONDS).AddMatch(MatchRule(type="signal", interface=INTERFACE, member=kind))
    except BaseException:
        bus.close()
        raise
    return bus
