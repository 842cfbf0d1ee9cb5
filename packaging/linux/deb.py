"""A Debian package of a built folder: Ganvas under /opt, a word on the path, an entry in the menu, and nothing else.

    python packaging/linux/deb.py dist/ganvas

The dependencies are read from the compiled files: what they ask for and the folder has not is the system's, and has to be
known here by the package that holds it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import elf

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "packaging"
ICONS = WORK / "icons"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# The package of Debian (and Ubuntu) that holds each library the program may ask for. Names changed by the transition to 64-bit
# times (libglib2.0-0t64) are provided under these as well.
PACKAGES = {
    **dict.fromkeys(("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"), "libc6"),
    **dict.fromkeys(("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libresolv.so.2"), "libc6"),
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libz.so.1": "zlib1g",
    "liblzma.so.5": "liblzma5",
    "libzstd.so.1": "libzstd1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libexpat.so.1": "libexpat1",
    **dict.fromkeys(("libglib-2.0.so.0", "libgthread-2.0.so.0", "libgobject-2.0.so.0", "libgio-2.0.so.0"), "libglib2.0-0"),
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libXau.so.6": "libxau6",
    "libXdmcp.so.6": "libxdmcp6",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
# Asked for by Qt's Wayland plugin alone, which is there only for those who have Wayland.
RECOMMENDED = {"libwayland-client0", "libwayland-cursor0", "libwayland-egl1"}
# Data that no compiled file names: the keyboards that libxkbcommon, which travels along, reads.
DATA = ("xkb-data",)
# Versions of libstdc++6 by the newest symbols asked for; what is older than the first is in every system with this libc.
GLIBCXX = {(3, 4, 29): "11", (3, 4, 30): "12", (3, 4, 31): "13", (3, 4, 32): "13.1", (3, 4, 33): "14", (3, 4, 34): "15"}

DESCRIPTION = """\
Description: studio for making pictures with generative networks
 Ganvas is a desktop studio for making pictures with generative adversarial
 networks: wander through faces by sliders, paint a map and watch a landscape
 appear, enlarge a folder of photos. It works offline, with models that come
 along, and opens models that others have published without running them.
"""
COPYRIGHT = """\
Ganvas is under the MIT licence.

{licence}

The package holds other programs and libraries under licences of their own.
All of them, with their texts, are in /opt/ganvas/LICENCES.txt.
"""


def depends(folder: Path) -> tuple[list[str], list[str]]:
    """Packages that must be there and packages that should be, by what compiled files ask for. Leaves for an unknown library."""
    asked = elf.asked_of_the_system(folder)
    unknown = sorted(set(asked) - set(PACKAGES))
    if unknown:
        named = "; ".join(f"{name} (asked for by {sorted(asked[name])[0].name})" for name in unknown)
        raise SystemExit(f"Name the Debian package in PACKAGES of packaging/linux/deb.py: {named}")
    files = [path for path in folder.rglob("*") if elf.is_elf(path)]
    libc, cxx = elf.newest(files, "GLIBC"), elf.newest(files, "GLIBCXX")
    least = {"libc6": ".".join(map(str, libc[:2])), "libstdc++6": GLIBCXX.get(cxx, "")}
    packages = sorted({PACKAGES[name] for name in asked} | set(DATA))
    with_versions = {name: f"{name} (>= {least[name]})" if least.get(name) else name for name in packages}
    return (
        [text for name, text in with_versions.items() if name not in RECOMMENDED],
        [text for name, text in with_versions.items() if name in RECOMMENDED],
    )


def lay_out(folder: Path, root: Path) -> None:
    """Put everything into `root` where the package has it. Files of the program are linked, not copied, where they can be."""
    shutil.rmtree(root, ignore_errors=True)
    program = root / "opt" / "ganvas"
    program.parent.mkdir(parents=True)
    shutil.copytree(folder, program, symlinks=True, copy_function=_link)
    share = root / "usr" / "share"
    placed = {
        HERE / "ganvas.desktop": share / "applications" / "ganvas.desktop",
        HERE / "org.ganvas.ganvas.metainfo.xml": share / "metainfo" / "org.ganvas.ganvas.metainfo.xml",
        HERE / "ganvas-mime.xml": share / "mime" / "packages" / "ganvas.xml",
        ROOT / "resources" / "icons" / "ganvas.svg": share / "icons" / "hicolor" / "scalable" / "apps" / "ganvas.svg",
    }
    for icon in ICONS.glob("ganvas-*.png"):
        size = icon.stem.removeprefix("ganvas-")
        placed[icon] = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "ganvas.png"
    for source, place in placed.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    told = share / "doc" / "ganvas" / "copyright"
    told.parent.mkdir(parents=True)
    told.write_text(COPYRIGHT.format(licence=(ROOT / "LICENSE").read_text(encoding="utf-8").strip()), encoding="utf-8")
    word = root / "usr" / "bin" / "ganvas"
    word.parent.mkdir(parents=True)
    word.symlink_to("../../opt/ganvas/ganvas")
    _set_modes(root)


def _link(source: str, place: str) -> str:
    try:
        os.link(source, place)
    except OSError:
        shutil.copy2(source, place)
    return place


def _set_modes(root: Path) -> None:
    """What everybody may read and root alone may write, whatever the umask of who builds. Links of the built folder count too."""
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        elif not path.is_symlink():
            path.chmod(0o755 if os.access(path, os.X_OK) or (path.name == "ganvas" and elf.is_elf(path)) else 0o644)


def control(root: Path, folder: Path, version: str) -> None:
    """Write what dpkg reads: who this is, what it needs, and the sums of all files."""
    about = root / "DEBIAN"
    about.mkdir(mode=0o755)
    needed, wanted = depends(folder)
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink() and about not in path.parents]
    lines = [
        "Package: ganvas",
        f"Version: {version}",
        f"Architecture: {ARCHITECTURES[platform.machine()]}",
        "Maintainer: The Ganvas authors <authors@ganvas.invalid>",
        "Section: graphics",
        "Priority: optional",
        f"Installed-Size: {sum(path.stat().st_size for path in files) // 1024}",
        f"Depends: {', '.join(needed)}",
        *([f"Recommends: {', '.join(wanted)}"] if wanted else []),
        DESCRIPTION,
    ]
    (about / "control").write_text("\n".join(lines), encoding="utf-8")
    sums = (f"{_md5(path)}  {path.relative_to(root)}" for path in files)
    (about / "md5sums").write_text("\n".join(sums) + "\n", encoding="utf-8")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    root = WORK / "deb"
    lay_out(folder, root)
    control(root, folder, version)
    package = folder.parent / f"ganvas_{version}_{ARCHITECTURES[platform.machine()]}.deb"
    command = ("dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--threads-max=2", "--build", root, package)
    code = subprocess.run(command).returncode
    if code:
        raise SystemExit(f"dpkg-deb ended with {code}")
    shutil.rmtree(root)
    print(f"-- {package.name}: {package.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
