"""What compiled files of Linux ask of the system: libraries by name, and the versions of them, as `readelf` tells."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """Libraries asked for, by name (libz.so.1), and versions of symbols (GLIBC_2.34, GLIBCXX_3.4.29)."""

    libraries: frozenset[str]
    versions: frozenset[str]


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def loaded(path: Path) -> str:
    """The sha256 of all sections that are loaded into memory, with their addresses and flags (64-bit files, System V gABI).

    Symbol tables for a debugger are not among them, so a file that was only stripped keeps its sum.
    """
    data = memoryview(path.read_bytes())
    if bytes(data[:6]) != b"\x7fELF\x02\x01":
        raise ValueError(f"{path} is no little-endian ELF file of 64 bits")
    (start,), (size, count) = struct.unpack_from("<Q", data, 0x28), struct.unpack_from("<HH", data, 0x3A)
    found = hashlib.sha256()
    for place in range(start, start + size * count, size):
        _, kind, flags, address, offset, length = struct.unpack_from("<IIQQQQ", data, place)
        if flags & 0x2 and kind != 8:  # SHF_ALLOC, but for SHT_NOBITS, which has no bytes
            found.update(struct.pack("<IQQQ", kind, flags, address, length))
            found.update(data[offset : offset + length])
    return found.hexdigest()


def needs(path: Path) -> Needs:
    """What one file asks for."""
    told = subprocess.run(["readelf", "--wide", "--dynamic", "--version-info", path], capture_output=True, text=True, check=True)
    libraries = re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", told.stdout)
    wanted = told.stdout.partition("Version needs section")[2]  # what is defined is told before, under the same spelling
    return Needs(frozenset(libraries), frozenset(re.findall(r"Name: (\w+_[\d.]+)\s", wanted)))


def asked_of_the_system(folder: Path) -> dict[str, set[Path]]:
    """Libraries that files of a folder ask for and that are not in it, each with the files that do."""
    files = [path for path in sorted(folder.rglob("*")) if is_elf(path)]
    there = {path.name for path in folder.rglob("*.so*")}
    found: dict[str, set[Path]] = {}
    for path in files:
        for library in needs(path).libraries - there:
            found.setdefault(library, set()).add(path)
    return found


def newest(paths: Iterable[Path], family: str) -> tuple[int, ...]:
    """The newest version of a family (GLIBC, GLIBCXX) that any of the files asks for; () where none does."""
    found = [tuple(map(int, re.findall(r"\d+", v))) for path in paths for v in needs(path).versions if v.startswith(f"{family}_")]
    return max(found, default=())
