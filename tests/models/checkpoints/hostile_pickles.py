"""Pickles that want something, put together opcode by opcode. What they would do, if somebody ran them, is to create a file named
CANARY in the current folder; none of them is ever run here."""

from __future__ import annotations

import pickletools
import struct

CANARY = "CANARY"
COMMAND = f"touch {CANARY}"
PYTHON = f"open('{CANARY}', 'w')"

# Pieces of pickles


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def named(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def call(module: str, name: str, *args: bytes) -> bytes:
    return named(module, name) + b"(" + b"".join(args) + b"tR"


SYSTEM = call("os", "system", text(COMMAND))


def pickle(*parts: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + b"".join(parts) + b"."


def _payloads() -> dict[str, bytes]:
    evaluated = text(PYTHON)
    return {
        "os.system": pickle(SYSTEM),
        "posix.system": pickle(call("posix", "system", text(COMMAND))),
        "nt.system": pickle(call("nt", "system", text(COMMAND))),
        "builtins.eval": pickle(call("builtins", "eval", evaluated)),
        "builtins.exec": pickle(call("builtins", "exec", evaluated)),
        "builtins of Python 2": pickle(call("__builtin__", "execfile", evaluated)),
        "builtins.open": pickle(call("builtins", "open", text(CANARY), text("w"))),
        "builtins.__import__": pickle(call("builtins", "__import__", text("os"))),
        "a chain of getattr": pickle(
            call("builtins", "getattr", call("builtins", "__import__", text("os")), text("system")) + b"(" + text(COMMAND) + b"tR"
        ),
        "subprocess.Popen by NEWOBJ": pickle(named("subprocess", "Popen") + b"(" + text(COMMAND) + b"t\x81"),
        "subprocess.Popen by NEWOBJ_EX": pickle(
            named("subprocess", "Popen") + b"(" + text(COMMAND) + b"t}" + text("shell") + b"\x88s\x92", protocol=4
        ),
        "subprocess.check_output by INST": pickle(b"(" + text(COMMAND) + b"isubprocess\ncheck_output\n"),
        "os.system by OBJ": pickle(b"(" + named("os", "system") + text(COMMAND) + b"o"),
        "os.system by STACK_GLOBAL": pickle(text("os") + text("system") + b"\x93(" + text(COMMAND) + b"tR", protocol=4),
        "os.system in protocol 0": b"cos\nsystem\n(S'" + COMMAND.encode() + b"'\ntR.",
        "a dotted name": pickle(text("collections") + text("OrderedDict.fromkeys.__globals__") + b"\x93", protocol=4),
        "os.system within a list": pickle(b"](" + SYSTEM + b"e"),
        "os.system as a value": pickle(b"}" + text("params") + SYSTEM + b"s"),
        "os.system as a key": pickle(b"}" + SYSTEM + text("params") + b"s"),
        "os.system in a set": pickle(b"\x8f(" + SYSTEM + b"\x90", protocol=4),
        "os.system as an argument of OrderedDict": pickle(call("collections", "OrderedDict", SYSTEM)),
        "os.system as a state": pickle(named("network", "Generator") + b")\x81" + SYSTEM + b"b"),
        "os.system as a reference": pickle(SYSTEM + b"Q"),
        "a __setstate__ of its own": pickle(call("builtins", "setattr", text("x"), text("__setstate__"), named("os", "system"))),
        "copyreg.add_extension": pickle(call("copyreg", "add_extension", text("os"), text("system"), b"K\x01")),
        "an extension code": pickle(b"\x82\x01(" + text(COMMAND) + b"tR"),
        "runpy.run_path": pickle(call("runpy", "run_path", text("x.py"))),
        "importlib.import_module": pickle(call("importlib", "import_module", text("antigravity"))),
        "ctypes.CDLL": pickle(call("ctypes", "CDLL", text("libc.so.6"))),
        "marshal.loads": pickle(call("marshal", "loads", b"C\x01N")),
        "pickle.loads": pickle(call("pickle", "loads", b"C\x02N.")),
        "types.FunctionType": pickle(named("types", "FunctionType")),
        "functools.partial of os.system": pickle(call("functools", "partial", named("os", "system"), text(COMMAND)) + b")R"),
        "operator.methodcaller": pickle(call("operator", "methodcaller", text("system"), text(COMMAND))),
        "webbrowser.open": pickle(call("webbrowser", "open", text("file:///etc/passwd"))),
        "socket.create_connection": pickle(call("socket", "create_connection", b"(" + text("127.0.0.1") + b"K\x50t")),
        "shutil.rmtree": pickle(call("shutil", "rmtree", text("x"))),
        "pip.main": pickle(call("pip", "main", b"](" + text("install") + text("x") + b"e")),
        "torch.hub.load": pickle(call("torch.hub", "load", text("x/y"), text("z"))),
        "torch.load": pickle(call("torch", "load", text("x"))),
        "torch.ops.load_library": pickle(call("torch.ops", "load_library", text("x.so"))),
        "numpy.load": pickle(call("numpy", "load", text("x.npy"))),
        "numpy's runstring": pickle(call("numpy.testing._private.utils", "runstring", evaluated, b"}")),
        "timeit.timeit": pickle(call("timeit", "timeit", evaluated)),
        "a name with a line in it": pickle(text("os\nsystem") + text("x") + b"\x93", protocol=4),
        "a number that is called": pickle(b"K\x05)R"),
        "a tensor made by os.system": pickle(
            call(
                "torch._tensor",
                "_rebuild_from_type_v2",
                named("os", "system"),
                named("torch", "Tensor"),
                b"(" + text("x") + b"t",
                b"N",
            )
        ),
        # Sizes and structures
        "a text of 2**62 bytes": pickle(b"\x8d" + struct.pack("<Q", 1 << 62), protocol=4),
        "bytes of 2**62 bytes": pickle(b"\x8e" + struct.pack("<Q", 1 << 62), protocol=4),
        "a bytearray of 2**40 bytes": pickle(b"\x96" + struct.pack("<Q", 1 << 40), protocol=5),
        "a frame of 2**60 bytes": pickle(b"\x95" + struct.pack("<Q", 1 << 60) + b"N", protocol=4),
        "an integer of 2**31 bytes": pickle(b"\x8b" + struct.pack("<i", -(1 << 31))),
        "an integer of a million digits": b"(lI" + b"9" * 1_000_000 + b"\na.",
        "a protocol of the future": pickle(b"N", protocol=77),
        "bytes from outside": pickle(b"\x97", protocol=5),
        "a recalled nothing": pickle(b"h\x05"),
        "nothing to pop": pickle(b"0"),
        "a mark that is missing": pickle(b"e"),
        "no end": b"\x80\x02}" + text("params"),
        "a tuple doubled a hundred times as a key": pickle(b"}K\x01" + b"2\x86" * 100 + b"Ns"),
        "half a million lists in each other": pickle(b"]" * 500_000 + b"a" * 499_999),
        "half a million tuples in each other": pickle(b")" + b"\x85" * 500_000),
        "a list that holds itself": pickle(b"]q\x00h\x00a"),
        "a dict that holds itself": pickle(b"}q\x00" + text("params") + b"h\x00s"),
        "lists of lists, each ten times": pickle(
            b"]q\x00" + b"".join(b"](" + b"h%c" % n * 10 + b"eq%c" % (n + 1) for n in range(60))
        ),
        "five million nothings": pickle(b"N0" * 2_500_000),
        "keys that collide": pickle(b"}(" + b"".join(_long(n * ((1 << 61) - 1) << 8) + b"N" for n in range(1, 20_000)) + b"u"),
        "members of a set that collide": pickle(named("builtins", "set") + b"](" + b"".join(_colliding(100_000)) + b"e\x85R"),
        "keys of an OrderedDict that collide": pickle(
            named("collections", "OrderedDict") + b"](" + b"".join(key + b"N\x86" for key in _colliding(60_000)) + b"e\x85R"
        ),
        "places that collide": pickle(b"N" + b"".join(b"p%d\n" % (n * ((1 << 61) - 1)) for n in range(1, 60_000))),
        "a hundred thousand copies of a text": pickle(
            text("x" * 100_000) + b"q\x00" + (named("_codecs", "encode") + b"h\x00" + text("latin1") + b"\x86R") * 20_000
        ),
        "an array of objects": pickle(_array(b"K\x01", "O8", b"](Ne")),
        "an array of 2**60 numbers": pickle(_array(_long(1 << 60), "f4", b"C\x04abcd")),
        "an array of minus four numbers": pickle(_array(_long(-4), "f4", b"C\x04abcd")),
        "an array format that is no format": pickle(_array(b"K\x01", "f99999999999", b"C\x04abcd")),
        "an array without bytes": pickle(_array(b"K\x02", "f4", b"C\x04abcd")),
        "a torch container in itself": _nested(20),
        "modules doubled sixty times": pickle(b"}(" + text("G_ema") + _doubled(60) + text("model") + b"h\x3cu"),
        "a module that holds itself": pickle(b"}" + text("G_ema") + _module(b"", put=0, own=True) + b"s"),
        "a reference in a plain pickle": pickle(b"(" + text("storage") + named("torch", "FloatStorage") + text("0") + b"tQ"),
    }


def _long(value: int) -> bytes:
    raw = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + raw


def _colliding(count: int) -> list[bytes]:
    """Numbers that all have one hash."""
    return [_long(n * ((1 << 61) - 1)) for n in range(1, count)]


def _array(shape: bytes, code: str, data: bytes) -> bytes:
    made = call("numpy.core.multiarray", "_reconstruct", named("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    form = call("numpy", "dtype", text(code), b"\x89", b"\x88")
    return made + b"(K\x01" + shape + b"\x85" + form + b"\x89" + data + b"tb"


def _module(children: bytes, put: int, own: bool = False) -> bytes:
    """A pickled module of the class Generator, remembered as `put`; `children` are names and modules, `own` makes it its own."""
    made = named("training.networks", "Generator") + b")\x81q" + bytes([put])
    parts = text("_parameters") + b"}" + text("_buffers") + b"}" + text("_modules") + b"}("
    return made + b"}(" + parts + children + (text("me") + b"h" + bytes([put]) if own else b"") + b"uub"


def _doubled(levels: int) -> bytes:
    """Each module holds the one before twice; the last is remembered as `levels`."""
    made = _module(b"", 0)
    for level in range(1, levels + 1):
        made += b"0" + _module(text("a") + b"h%c" % (level - 1) + text("b") + b"h%c" % (level - 1), level)
    return made


def chain(*pickles: bytes) -> bytes:
    magic = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little") + b"."
    system = pickle(b"}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + b"\x88u")
    return b"".join((magic, pickle(b"M\xe9\x03"), system, *pickles))


def _nested(depth: int) -> bytes:
    raw = pickle(b"N")
    for _ in range(depth):
        inner = chain(raw, pickle(b"]"))
        raw = pickle(call("torch.storage", "_load_from_bytes", b"B" + struct.pack("<I", len(inner)) + inner), protocol=3)
    return raw


PAYLOADS = _payloads()


def is_a_pickle(raw: bytes) -> bool:
    """Whether the standard library's own reader follows it to its end (it runs nothing)."""
    try:
        for _ in pickletools.genops(raw):
            pass
    except ValueError:
        return False
    return True
