"""Files that want something: each makes one under a folder and gives back the path that a person would open.

Those of torch stand in `hostile_torch`, and HOSTILE holds all. None of them is ever run here.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
from pathlib import Path

import torch

from tests.models.checkpoints.hostile_pickles import COMMAND, SYSTEM, pickle
from tests.models.checkpoints.hostile_torch import HOSTILE, hostile, one_tensor, storage, tensor, torch_zip

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
