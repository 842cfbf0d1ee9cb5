"""Build the frozen program for the system this runs on: a folder that is unpacked and started, with no Python needed.

    python packaging/build.py                  dist/ganvas, its licences, and a table of what takes how much room
    python packaging/build.py --archive        also an archive of it (.tar.xz; .zip on Windows and macOS)
    python packaging/build.py --deb            also a Debian package
    python packaging/build.py --torch-index URL
                                               where pip would otherwise take a torch with CUDA (Linux from the package index)

Makes an environment of its own under build/packaging that holds run-time dependencies alone: PyInstaller takes what it finds.
On Linux it needs binutils, and a Python with a shared libpython.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
from pathlib import Path
from typing import Any

import licences

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE / "linux"))
import elf  # noqa: E402

ROOT = HERE.parent
WORK = ROOT / "build" / "packaging"
DIST = ROOT / "dist"
ENVIRONMENT = WORK / "environment"
MANIFEST = WORK / "manifest.json"
PYINSTALLER = "pyinstaller>=6.16,<7"
# Symbol tables that only a debugger reads; libtorch_cpu.so alone carries 89 MB of them. Files smaller than this stay as they are.
STRIP_FROM_BYTES = 200_000
# Intel's licence forbids to modify its mathematics library, which PyTorch's makers linked into libtorch_cpu.so. There only names
# of C++ are taken out, which are PyTorch's own (BSD); whatever is named after MKL, and everything that isn't C++, stays.
STRIP_BESIDE_MKL = ("--wildcard", "--strip-symbol=_Z*", "--keep-symbol=*mkl*", "--keep-symbol=*MKL*")


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


def call(*command: str | Path, **environment: str) -> None:
    """Run a command in the checkout; leave with its exit code where it fails."""
    words = [str(word) for word in command]
    code = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}).returncode
    if code:
        say(f"this step failed with exit code {code}: {' '.join(words)}")
        raise SystemExit(code)


def table(name: str) -> dict[str, Any]:
    """A table of pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[name]
    return found


def check_tools() -> None:
    """Say what is missing before minutes are spent."""
    if sys.platform == "darwin" and platform.machine() != "arm64":
        raise SystemExit("There is no current torch for Macs with an Intel processor: build on one with an Apple processor.")
    if sys.platform != "linux":
        return
    missing = [tool for tool in ("objdump", "objcopy", "strip") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"PyInstaller needs {', '.join(missing)}: apt-get install binutils")
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        raise SystemExit("This Python has no shared libpython, which PyInstaller needs: take a system's or a pyenv one built so.")


def environment(torch_index: str) -> Path:
    """An environment with the run-time dependencies, PyInstaller and what compiles our kernels, made anew when they change; its
    Python."""
    wanted = [*table("project")["dependencies"], PYINSTALLER, *table("build-system")["requires"]]
    stamp = hashlib.sha256("\n".join([sys.version, torch_index, *sorted(wanted)]).encode()).hexdigest()
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    told = ENVIRONMENT / "ganvas-build.txt"
    if told.is_file() and told.read_text(encoding="utf-8") == stamp:
        return python
    say(f"making an environment in {ENVIRONMENT.relative_to(ROOT)}")
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if torch_index:
        call(*pip, *[name for name in wanted if name.startswith("torch")], "--index-url", torch_index)
    call(*pip, *wanted)
    told.write_text(stamp, encoding="utf-8")
    return python


def compile_kernels(python: Path) -> None:
    """Make models.networks._winograd in the checkout, where PyInstaller finds it; a build without it says so."""
    compiled = WORK / "compiled"
    shutil.rmtree(compiled, ignore_errors=True)
    setup = ("-c", "import setuptools; setuptools.setup()", "--quiet", "build_ext")
    call(python, *setup, "--build-lib", compiled, "--build-temp", compiled / "objects")
    made = [path for path in (compiled / "models").rglob("_winograd*") if path.suffix in {".so", ".pyd"}]
    for path in made:  # by renaming: a running Ganvas may have the old one open
        beside = ROOT / path.relative_to(compiled).with_suffix(".new")
        shutil.copy2(path, beside)
        beside.replace(beside.with_suffix(path.suffix))
    if not made:
        say("our own kernels were not compiled (they need x86-64, and GCC or Clang): torch computes, at about half their speed")


def check_torch(python: Path, cuda: bool) -> None:
    """A build for processors is not to carry gigabytes of CUDA by accident."""
    asked = subprocess.run([python, "-c", "import torch; print(torch.version.cuda or '')"], capture_output=True, text=True)
    if asked.returncode:
        raise SystemExit(f"torch cannot be imported in the build's environment: {asked.stderr.strip()}")
    if asked.stdout.strip() and not cuda:
        raise SystemExit("pip took a torch with CUDA. Give --torch-index for one without, or --cuda if it is meant.")


def write_metadata(version: str) -> None:
    """What `importlib.metadata` tells of Ganvas inside the program: name and version."""
    folder = WORK / "metadata" / f"ganvas-{version}.dist-info"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.4", "Name: ganvas", f"Version: {version}", f"Summary: {table('project')['description']}"]
    (folder / "METADATA").write_text("\n".join([*lines, "License-Expression: MIT", ""]), encoding="utf-8")


def write_version_file(version: str) -> Path:
    """What Windows shows among a program's properties, in PyInstaller's spelling."""
    numbers = ", ".join([*version.split(".")[:3], "0"])
    shown = {
        "CompanyName": "The Ganvas authors",
        "FileDescription": "Ganvas",
        "ProductName": "Ganvas",
        "FileVersion": version,
        "ProductVersion": version,
        "LegalCopyright": "MIT licence",
    }
    strings = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in shown.items())
    path = WORK / "version.txt"
    path.write_text(
        f"VSVersionInfo(ffi=FixedFileInfo(filevers=({numbers}), prodvers=({numbers})), kids=["
        f"StringFileInfo([StringTable('040904B0', [{strings}])]), VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n",
        encoding="utf-8",
    )
    return path


def freeze(python: Path, version: str, cuda: bool) -> Path:
    """Run PyInstaller; the folder it made."""
    call(python, HERE / "icons.py", WORK / "icons", QT_QPA_PLATFORM="offscreen")
    write_metadata(version)
    call(
        *(python, "-m", "PyInstaller", HERE / "ganvas.spec", "--noconfirm", "--log-level", "WARN"),
        *("--distpath", DIST, "--workpath", WORK / "work"),
        GANVAS_BUILD_ICONS=str(WORK / "icons"),
        GANVAS_BUILD_METADATA=str(WORK / "metadata"),
        GANVAS_BUILD_VERSION=version,
        GANVAS_BUILD_VERSION_FILE=str(write_version_file(version)),
        GANVAS_BUILD_MANIFEST=str(MANIFEST),
        GANVAS_BUILD_CUDA="1" if cuda else "0",
    )
    told = json.loads(MANIFEST.read_text(encoding="utf-8"))
    missing = set(told["ours"]) - {name for name, _ in told["modules"]}
    if missing:  # PyInstaller says this among its warnings and goes on
        raise SystemExit(f"These modules did not get in: {', '.join(sorted(missing))}")
    return DIST / "Ganvas.app" if sys.platform == "darwin" else DIST / "ganvas"


def strip_symbols(folder: Path) -> int:
    """Take the symbol tables out of large libraries (Linux); bytes saved. What is loaded into memory stays the same.

    Folders named *.libs hold libraries whose headers were rewritten when their wheel was made: `strip` may break those.
    """
    saved = 0
    for path in sorted(folder.rglob("*.so*")):
        large = path.is_file() and not path.is_symlink() and path.stat().st_size >= STRIP_FROM_BYTES
        if large and not path.parent.name.endswith(".libs"):
            before = path.stat().st_size
            if licences.holds_mkl(path):
                strip_beside_mkl(path)
            else:
                call("strip", "--strip-unneeded", path)
            saved += before - path.stat().st_size
    return saved


def strip_beside_mkl(path: Path) -> None:
    """Take out PyTorch's own names alone. Leaves if a byte of what is loaded into memory changed."""
    loaded = elf.loaded(path)
    call("strip", *STRIP_BESIDE_MKL, path)
    if elf.loaded(path) != loaded:
        raise SystemExit(f"strip changed what {path.name} brings into memory, which Intel's licence forbids.")


def archive(folder: Path, version: str) -> Path:
    """The folder as one file, as small as the system's usual tools unpack it."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}[sys.platform]
    machine = {"AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    name = DIST / f"ganvas-{version}-{system}-{machine}"
    if sys.platform == "darwin":  # keeps links and permissions inside the .app
        call("ditto", "-c", "-k", "--keepParent", folder, f"{name}.zip")
        return Path(f"{name}.zip")
    if sys.platform == "win32":
        return Path(shutil.make_archive(str(name), "zip", folder.parent, folder.name))
    whole = Path(f"{name}.tar.xz")
    call(
        *("tar", "--create", "--file", whole, "--sort=name", "--owner=0", "--group=0", "--numeric-owner"),
        *("--use-compress-program", "xz -T0 -1", "--directory", folder.parent, folder.name),
    )
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-index", default="", metavar="URL", help="package index to take torch from")
    parser.add_argument("--cuda", action="store_true", help="take a torch with CUDA, and its libraries, along")
    parser.add_argument("--archive", action="store_true", help="also make an archive")
    parser.add_argument("--deb", action="store_true", help="also make a Debian package (Linux)")
    args = parser.parse_args()
    started = time.monotonic()
    version: str = table("project")["version"]
    check_tools()
    python = environment(args.torch_index)
    check_torch(python, args.cuda)
    compile_kernels(python)
    say("PyInstaller collects (some minutes)")
    folder = freeze(python, version, args.cuda)
    if sys.platform == "linux":
        say(f"symbol tables taken out: {strip_symbols(folder) / 1e6:.0f} MB")
    say("licences of everything inside")
    call(python, HERE / "licences.py", folder)
    if sys.platform == "darwin":  # PyInstaller sealed the app before its licences lay in it
        call("codesign", "--force", "--deep", "--sign", "-", folder)
    call(python, HERE / "sizes.py", folder)
    if args.archive:
        whole = archive(folder, version)
        say(f"{whole.relative_to(ROOT)}: {whole.stat().st_size / 1e6:.0f} MB")
    if args.deb:
        call(sys.executable, HERE / "linux" / "deb.py", folder)
    say(f"{folder.relative_to(ROOT)} stands after {time.monotonic() - started:.0f} s; try it: python packaging/smoke.py {folder}")


if __name__ == "__main__":
    main()
