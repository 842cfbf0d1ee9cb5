"""What takes how much room in the frozen program: a table, as PyInstaller would have it and as it stands.

    python packaging/sizes.py FOLDER

"before" is everything PyInstaller found, as it lies in the build's environment; "after" is the folder: what is not needed left
out, symbol tables taken out of large libraries. Megabytes of a million bytes.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

MANIFEST = Path(__file__).resolve().parent.parent / "build" / "packaging" / "manifest.json"
# The first pattern that a place inside the program begins with names its part.
PARTS = (
    ("torch/lib/libtorch_cpu", "torch: the library itself"),
    ("torch/lib/torch_cpu", "torch: the library itself"),
    ("torch/test/", "torch: its tests"),
    ("torch/include/", "torch: headers"),
    ("torch/bin/", "torch: programs"),
    ("torch", "torch: the rest"),
    ("nvidia", "CUDA"),
    ("triton", "CUDA"),
    ("PySide6", "Qt"),
    ("shiboken6", "Qt"),
    ("libQt6", "Qt"),
    ("numpy", "numpy"),
    ("PIL", "Pillow"),
    ("pillow", "Pillow"),
    ("pyvips", "libvips"),
    ("_libvips", "libvips"),
    ("pi_heif", "libheif"),
    ("_pi_heif", "libheif"),
    ("resources/weights", "models that travel along"),
    ("resources", "pictures, icons, fonts"),
    ("libpython", "Python"),
    ("lib-dynload", "Python"),
    ("python3", "Python"),
    ("base_library", "Python"),
    ("ganvas", "Python modules, ours and others"),
)


def part_of(place: str) -> str:
    """The part that a place inside the program belongs to."""
    return next((part for start, part in PARTS if place.startswith(start)), "other libraries")


def inside(path: Path, folder: Path) -> str:
    """A file's place inside the program, whatever the system calls the folder of contents."""
    parts = path.relative_to(folder).parts
    for top in ("_internal", "Frameworks", "Resources", "MacOS"):
        if top in parts[:2]:
            return "/".join(parts[parts.index(top) + 1 :])
    return "/".join(parts)


def after(folder: Path) -> dict[str, int]:
    """Bytes of each part as the folder stands."""
    sizes: dict[str, int] = defaultdict(int)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[part_of(inside(path, folder))] += path.stat().st_size
    return dict(sizes)


def before(manifest: dict[str, list[list[str]]], now: dict[str, int]) -> dict[str, int]:
    """Bytes of each part as PyInstaller found it; the archive of modules, made by the build, counts as it stands."""
    sizes: dict[str, int] = defaultdict(int)
    for place, source, _ in manifest["files"]:
        path = Path(source)
        if path.is_file() and "site-packages" in path.parts:
            sizes[part_of(place)] += path.stat().st_size
    return {part: max(sizes[part], size if sizes[part] == 0 else 0) for part, size in {**dict.fromkeys(sizes, 0), **now}.items()}


def table(folder: Path, manifest: dict[str, list[list[str]]]) -> str:
    """The two side by side, largest first."""
    now = after(folder)
    then = before(manifest, now)
    rows = sorted(then, key=lambda part: -max(then[part], now.get(part, 0)))
    lines = [f"{'part':36} {'before':>10} {'after':>10}"]
    lines += [f"{part:36} {then[part] / 1e6:7.1f} MB {now.get(part, 0) / 1e6:7.1f} MB" for part in rows]
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    lines.append(f"{'together':36} {sum(then.values()) / 1e6:7.1f} MB {sum(now.values()) / 1e6:7.1f} MB in {files} files")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]), json.loads(MANIFEST.read_text(encoding="utf-8"))))
