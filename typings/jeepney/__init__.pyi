"""What Ganvas uses of jeepney."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

class MessageType(Enum):
    error = 3

class HeaderFields(Enum):
    member = 3

class Header:
    message_type: MessageType
    fields: Mapping[HeaderFields, Any]

class Message:
    header: Header
    body: tuple[Any, ...]

class DBusAddress:
    def __init__(self, object_path: str, bus_name: str | None = ..., interface: str | None = ...) -> None: ...

class MatchRule:
    def __init__(self, *, type: str | None = ..., interface: str | None = ..., member: str | None = ...) -> None: ...

class MessageBus: ...

message_bus: MessageBus

def new_method_call(
    remote_obj: DBusAddress, method: str, signature: str | None = ..., body: tuple[Any, ...] = ...
) -> Message: ...
