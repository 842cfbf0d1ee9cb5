"""Hostile files of torch: plain pickles and its containers, old and new. Each maker writes one under a folder and gives back the
path that a person would open; all are registered in HOSTILE."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from tests.models.checkpoints.hostile_pickles import PAYLOADS, PYTHON, SYSTEM, call, chain, named, pickle, text

Maker = Callable[[Path], Path]
HOSTILE: dict[str, Maker] = {}


def hostile(make: Maker) -> Maker:
    """Register a maker under its name."""
    HOSTILE[make.__name__.replace("_", " ")] = make
    return make


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
        path.write_bytes(chain(*pickles) + tail)
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
