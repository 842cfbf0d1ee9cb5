"""A pickle machine that makes data and nothing else.

It follows the opcodes of protocols 0 to 5 (CPython, Lib/pickletools.py describes them) on a stack of its own. What a pickle
would import stays a name, what it would call goes to `meaning.call`, which returns data. Every length is held against the
bytes present, the number of opcodes is limited, and nothing is ever hashed or compared whose hash could take long.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Protocol

from models.checkpoints.inert import ATOMS, Dictionary, Global, Record, hashes_quickly
from models.checkpoints.source import Buffer
from models.errors import CheckpointError

MOST_OPCODES = 4_000_000  # the largest published file (optimiser states included) has some 100,000
LONGEST_NAME = 400
LONGEST_LINE = 1 << 16  # of protocol 0, where numbers and texts end with a line break
LONGEST_KEY_TUPLE = 8
MOST_KEY_TUPLES = 10_000  # their hashes can be made to collide
LARGEST_PLACE = 1 << 32  # of the memo, which text may number without end
_HIGHEST_PROTOCOL = 5


class Meaning(Protocol):
    """What names, calls and references of a pickle stand for."""

    def named(self, module: str, name: str) -> Any:
        """What a GLOBAL stands for: a `Global`, or a refusal."""
        ...

    def call(self, maker: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an object is that `maker` would have made."""
        ...

    def build(self, thing: Any, state: Any) -> None:
        """Give an object its state."""
        ...

    def persistent(self, reference: Any) -> Any:
        """What a reference to something outside the pickle stands for."""
        ...


class Damaged(CheckpointError):
    """The bytes do not form a pickle."""


def read_pickle(data: Buffer, start: int, meaning: Meaning) -> tuple[Any, int]:
    """The value of the pickle that begins at byte `start`, and the position after it. `CheckpointError` says what is wrong."""
    return _Machine(data, start, meaning).run()


class _Machine:
    """One run over one pickle."""

    def __init__(self, data: Buffer, start: int, meaning: Meaning) -> None:
        self.data, self.at, self.end = data, start, len(data)
        self.meaning = meaning
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.key_tuples = 0

    def run(self) -> tuple[Any, int]:
        try:
            for _ in range(MOST_OPCODES):
                if self.at >= self.end:
                    raise Damaged("The file is cut off.", f"Its pickle has no end; the file has {self.end:,} bytes.")
                code = self.data[self.at]
                self.at += 1
                if code == _STOP:
                    return self.pop(), self.at
                step = _STEPS.get(code)
                if step is None:
                    raise Damaged("The file is damaged.", f"Byte {self.at - 1:,} is no instruction of a pickle.")
                step(self)
        except (TypeError, ValueError, IndexError, OverflowError, struct.error) as error:
            raise Damaged(
                "The file is damaged.", f"Its pickle makes no sense at byte {self.at:,} ({type(error).__name__})."
            ) from error
        raise CheckpointError("The file is damaged or malicious.", f"Its pickle has more than {MOST_OPCODES:,} instructions.")

    # Bytes

    def take(self, count: int) -> bytes:
        if count < 0 or count > self.end - self.at:
            raise Damaged("The file is cut off.", f"At byte {self.at:,} it should go on, but it has {self.end:,} bytes.")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece if isinstance(piece, bytes) else bytes(piece)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> bytes:
        stop = self.data.find(b"\n", self.at, min(self.end, self.at + LONGEST_LINE))
        if stop < 0:
            raise Damaged("The file is damaged.", f"A line that begins at byte {self.at:,} of its pickle has no end.")
        text = self.take(stop - self.at)
        self.at += 1
        return text

    # Stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Damaged("The file is damaged.", f"Its pickle takes more than it has at byte {self.at:,}.")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def since_mark(self) -> list[Any]:
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise Damaged("The file is damaged.", f"Its pickle recalls something that it never stored, at byte {self.at:,}.")
        self.stack.append(self.memo[index])

    # Objects

    def check_key(self, key: Any) -> Any:
        """The key itself, where its hash takes no time and cannot be made to collide often."""
        if isinstance(key, tuple):
            self.key_tuples += 1
            simple = len(key) <= LONGEST_KEY_TUPLE and self.key_tuples <= MOST_KEY_TUPLES
            if simple and all(isinstance(part, ATOMS) for part in key):
                return tuple(self.check_key(part) for part in key)
        elif hashes_quickly(key):
            return key
        raise CheckpointError(
            "The file is damaged or malicious.", f"Its pickle has {type(key).__name__} keys that no model needs."
        )

    def set_pairs(self, target: Any, values: list[Any]) -> None:
        if len(values) % 2:
            raise Damaged("The file is damaged.", f"A key of its pickle has no value at byte {self.at:,}.")
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if isinstance(target, Record):
            target.pairs.extend(pairs)
        elif isinstance(target, dict):
            target.update((self.check_key(key), value) for key, value in pairs)
        else:
            raise Damaged("The file is damaged.", f"Its pickle sets entries of a {type(target).__name__}.")

    def extend(self, target: Any, values: list[Any]) -> None:
        if isinstance(target, Record):
            target.items.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        elif isinstance(target, set):
            target.update(map(self.check_key, values))
        else:
            raise Damaged("The file is damaged.", f"Its pickle appends to a {type(target).__name__}.")

    def find(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or max(len(module), len(name)) > LONGEST_NAME:
            raise Damaged("The file is damaged or malicious.", "Its pickle names a class in a way that is no name.")
        self.push(self.meaning.named(module, name))

    def make(self, maker: Any, args: Any, kwargs: Any = None) -> None:
        if not isinstance(args, tuple) or not (kwargs is None or isinstance(kwargs, dict)):
            raise Damaged("The file is damaged.", f"Its pickle calls something without arguments at byte {self.at:,}.")
        if not isinstance(maker, (Global, Record)):
            raise Damaged("The file is damaged or malicious.", f"Its pickle calls a {type(maker).__name__}.")
        self.push(self.meaning.call(maker, args, kwargs or {}))

    def text(self, size: int) -> None:
        self.push(self.take(self.number(size)).decode("utf-8", "surrogatepass"))

    def refuse(self, what: str) -> None:
        raise CheckpointError("The file cannot be read.", f"Its pickle uses {what}, which no model file needs.")


_STOP = ord(".")
Step = Callable[[_Machine], None]


def _pop_mark(m: _Machine) -> None:
    m.since_mark()


def _pop(m: _Machine) -> None:
    if m.marks and len(m.stack) == m.marks[-1]:
        m.marks.pop()
    else:
        m.pop()


def _int_line(m: _Machine) -> None:
    text = m.line()
    m.push({b"00": False, b"01": True}[text] if text in (b"00", b"01") else int(text))


def _string_line(m: _Machine) -> None:
    text = m.line().strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise Damaged("The file is damaged.", f"A text of its pickle has no quotes at byte {m.at:,}.")
    m.push(text[1:-1].decode("unicode_escape"))


def _long(size: int) -> Step:
    return lambda m: m.push(int.from_bytes(m.take(m.number(size)), "little", signed=True))


def _frame(m: _Machine) -> None:
    if m.number(8) > m.end - m.at:
        raise Damaged("The file is cut off.", f"At byte {m.at:,} it should go on, but it has {m.end:,} bytes.")


def _protocol(m: _Machine) -> None:
    protocol = m.number(1)
    if protocol > _HIGHEST_PROTOCOL:
        raise Damaged("The file cannot be read.", f"Its pickle is of protocol {protocol}, and {_HIGHEST_PROTOCOL} is the newest.")


def _put(m: _Machine, index: int) -> None:
    if not 0 <= index < LARGEST_PLACE:
        raise Damaged("The file is damaged or malicious.", "Its pickle stores something at a place that no pickle has.")
    m.memo[index] = m.top()


def _dict(m: _Machine) -> None:
    values, made = m.since_mark(), Dictionary()
    m.set_pairs(made, values)
    m.push(made)


def _set_item(m: _Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_pairs(m.top(), [key, value])


def _set_items(m: _Machine) -> None:
    values = m.since_mark()
    m.set_pairs(m.top(), values)


def _append(m: _Machine) -> None:
    value = m.pop()
    m.extend(m.top(), [value])


def _extend(m: _Machine) -> None:
    values = m.since_mark()
    m.extend(m.top(), values)


def _tuple_of(count: int) -> Step:
    def step(m: _Machine) -> None:
        values = [m.pop() for _ in range(count)]
        m.push(tuple(reversed(values)))

    return step


def _global_lines(m: _Machine) -> None:
    module, name = m.line().decode("utf-8"), m.line().decode("utf-8")
    m.find(module, name)


def _global_stack(m: _Machine) -> None:
    name, module = m.pop(), m.pop()
    m.find(module, name)


def _instance(m: _Machine) -> None:
    args = m.since_mark()
    _global_lines(m)
    m.make(m.pop(), tuple(args))


def _object(m: _Machine) -> None:
    maker, *args = m.since_mark()
    m.make(maker, tuple(args))


def _call(m: _Machine) -> None:
    args, maker = m.pop(), m.pop()
    m.make(maker, args)


def _call_with_names(m: _Machine) -> None:
    kwargs, args, maker = m.pop(), m.pop(), m.pop()
    m.make(maker, args, kwargs)


def _build(m: _Machine) -> None:
    state = m.pop()
    m.meaning.build(m.top(), state)


def _frozen(m: _Machine) -> None:
    m.push(frozenset(map(m.check_key, m.since_mark())))


_STEPS: dict[int, Step] = {
    ord("("): lambda m: m.marks.append(len(m.stack)),
    ord("0"): _pop,
    ord("1"): _pop_mark,
    ord("2"): lambda m: m.push(m.top()),
    ord("F"): lambda m: m.push(float(m.line())),
    ord("I"): _int_line,
    ord("J"): lambda m: m.push(int.from_bytes(m.take(4), "little", signed=True)),
    ord("K"): lambda m: m.push(m.number(1)),
    ord("L"): lambda m: m.push(int(m.line().rstrip(b"L"))),
    ord("M"): lambda m: m.push(m.number(2)),
    ord("N"): lambda m: m.push(None),
    ord("P"): lambda m: m.push(m.meaning.persistent(m.line().decode("ascii"))),
    ord("Q"): lambda m: m.push(m.meaning.persistent(m.pop())),
    ord("R"): _call,
    ord("S"): _string_line,
    ord("T"): lambda m: m.push(m.take(m.number(4)).decode("latin-1")),
    ord("U"): lambda m: m.push(m.take(m.number(1)).decode("latin-1")),
    ord("V"): lambda m: m.push(m.line().decode("raw_unicode_escape")),
    ord("X"): lambda m: m.text(4),
    ord("a"): _append,
    ord("b"): _build,
    ord("c"): _global_lines,
    ord("d"): _dict,
    ord("}"): lambda m: m.push(Dictionary()),
    ord("e"): _extend,
    ord("g"): lambda m: m.recall(int(m.line())),
    ord("h"): lambda m: m.recall(m.number(1)),
    ord("j"): lambda m: m.recall(m.number(4)),
    ord("i"): _instance,
    ord("l"): lambda m: m.push(m.since_mark()),
    ord("]"): lambda m: m.push([]),
    ord("o"): _object,
    ord("p"): lambda m: _put(m, int(m.line())),
    ord("q"): lambda m: _put(m, m.number(1)),
    ord("r"): lambda m: _put(m, m.number(4)),
    ord("s"): _set_item,
    ord("u"): _set_items,
    ord("t"): lambda m: m.push(tuple(m.since_mark())),
    ord(")"): lambda m: m.push(()),
    ord("G"): lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    0x80: _protocol,
    0x81: _call,
    0x82: lambda m: m.refuse("an extension registry"),
    0x83: lambda m: m.refuse("an extension registry"),
    0x84: lambda m: m.refuse("an extension registry"),
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    0x8A: _long(1),
    0x8B: _long(4),
    ord("B"): lambda m: m.push(m.take(m.number(4))),
    ord("C"): lambda m: m.push(m.take(m.number(1))),
    0x8C: lambda m: m.text(1),
    0x8D: lambda m: m.text(8),
    0x8E: lambda m: m.push(m.take(m.number(8))),
    0x8F: lambda m: m.push(set()),
    0x90: _extend,
    0x91: _frozen,
    0x92: _call_with_names,
    0x93: _global_stack,
    0x94: lambda m: _put(m, len(m.memo)),
    0x95: _frame,
    0x96: lambda m: m.push(m.take(m.number(8))),
    0x97: lambda m: m.refuse("bytes from outside"),
    0x98: lambda m: m.refuse("bytes from outside"),
}
