"""The licences of everything inside the frozen program, in one file beside it.

    python packaging/licences.py FOLDER        writes FOLDER/LICENCES.txt from build/packaging/manifest.json

Run in the build's environment: the texts are those that the installed packages carry. Every file of the folder is traced to
whose it is; one that cannot be, a package without a text, an unknown library or a trace of GPL code stops the build.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import binaries

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TEXTS = HERE / "licences"
MANIFEST = ROOT / "build" / "packaging" / "manifest.json"
NAME = "LICENCES.txt"

LICENCE_FILE = re.compile(r"(^|/)(licen[cs]es?|copying|copyright|notice|authors)([-._][^/]*)?$|(^|/)licenses?/", re.IGNORECASE)
# Packages whose wheels carry no text: the texts of the licences they name. LGPL 3 is an addition to GPL 3, so both are needed.
TEXTS_OF = {
    "pyside6-essentials": ("qt-parts.txt", "LGPL-3.0.txt", "GPL-3.0.txt"),
    "shiboken6": ("LGPL-3.0.txt", "GPL-3.0.txt"),
}
MKL = "Intel oneMKL"  # linked into torch's library on processors by Intel and AMD
MKL_MARK = b"Intel oneMKL"
# Libraries that travel without their own text, by the name that binaries.py gives them.
TEXTS_OF_LIBRARIES = {
    "libvips with its libraries": ("libvips-parts.txt", "LGPL-3.0.txt", "GPL-3.0.txt"),
    "libheif": ("LGPL-3.0.txt", "GPL-3.0.txt"),
    "libde265": ("LGPL-3.0.txt", "GPL-3.0.txt"),
    "libquadmath": ("LGPL-2.1.txt",),
    MKL: ("Intel-Simplified.txt",),
    "Intel OpenMP run-time library": ("Intel-Simplified.txt",),
}
QT_FOR_PYTHON = "https://download.qt.io/official_releases/QtForPython/"
LIBVIPS = "https://github.com/kleisauke/libvips-packaging"
SOURCES = {
    "Qt": "https://download.qt.io/official_releases/qt/",
    "Qt for Python": QT_FOR_PYTHON,
    "PySide6_Essentials": QT_FOR_PYTHON,
    "shiboken6": QT_FOR_PYTHON,
    "libvips with its libraries": LIBVIPS,
    "pyvips-binary": LIBVIPS,
    "libheif": "https://github.com/strukturag/libheif",
    "libde265": "https://github.com/strukturag/libde265",
    "libquadmath": "https://gcc.gnu.org/",
    "tqdm": "https://github.com/tqdm/tqdm",
    "keyutils": "https://git.kernel.org/pub/scm/linux/kernel/git/dhowells/keyutils.git",
}


HEAD = """\
Licences of everything inside Ganvas
====================================

Ganvas itself is under the MIT licence, which stands first. It is put together from the parts listed below, each under its own
licence; the texts follow.

Parts under the LGPL can be replaced: each of them is a file of its own in this folder, loaded when Ganvas starts. Put a version
of your own that has the same interface in the place of the file, under the same name, and start Ganvas as before; nothing
checks or seals the files. You may study and change these parts for that purpose. They are:

{replaceable}
Parts under the MPL are unchanged; where their source is:

{unchanged}
Parts that are under the GPL with an exception (the start program made by PyInstaller, the run-time libraries of GCC) are marked
so below; the exceptions let them be part of programs under any licence. No other part is under the GPL.

"""


@dataclass(frozen=True)
class Part:
    """Something of one origin that ends up in the folder: its version, licence (SPDX or as its package says) and texts."""

    name: str
    version: str = ""
    licence: str = ""
    texts: tuple[str, ...] = ()


class Unjudged(Exception):
    """A file whose owner, licence or licence text is not known, or that is GPL."""


def normal(name: str) -> str:
    """A distribution's name as comparisons want it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(distribution: metadata.Distribution) -> str:
    """What a package's metadata says of its licence: the expression, the field, or the classifiers."""
    about = distribution.metadata
    named = about.get("License-Expression") or (about.get("License") or "").strip().split("\n")[0]
    classified = [c.rsplit(" :: ", 1)[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    return named or ", ".join(classified)


def licence_texts(distribution: metadata.Distribution) -> list[str]:
    """The licence texts a package carries, or ours where its wheel has none; empty where nobody knows any."""
    found = []
    for file in distribution.files or ():
        if ".dist-info/" in str(file) and LICENCE_FILE.search(str(file)) and not str(file).endswith((".py", ".json")):
            text = Path(str(file.locate())).read_text(encoding="utf-8", errors="replace").strip()
            if text:
                found.append(text)
    own = TEXTS_OF.get(normal(distribution.metadata["Name"]), ())
    return found or [(TEXTS / name).read_text(encoding="utf-8").strip() for name in own]


@cache
def owners() -> dict[str, str]:
    """The name of the package that each installed file is of, by resolved path."""
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        for file in distribution.files or ():
            found[str(Path(str(file.locate())).resolve())] = name
    return found


@cache
def of_package(name: str) -> Part:
    """The part that the installed package of this name is; read once, however many files are of it."""
    return of_distribution(metadata.distribution(name))


def of_distribution(distribution: metadata.Distribution) -> Part:
    """The part that an installed package is. `Unjudged` without a licence text, or where its metadata says GPL."""
    name, licence, texts = distribution.metadata["Name"], licence_of(distribution), licence_texts(distribution)
    if normal(name) == "pyinstaller":
        licence = "GPL-2.0-or-later WITH Bootloader-exception"
    if not texts:
        raise Unjudged(f"{name} has no licence text: find it and name it in TEXTS_OF of packaging/licences.py.")
    if binaries.is_gpl(licence):
        raise Unjudged(f"{name} is under the GPL ({licence}): it cannot be part of Ganvas.")
    return Part(name, distribution.version, licence, tuple(texts))


@cache
def of_python() -> Part:
    """The interpreter and its standard library."""
    places = [Path(sys.base_prefix) / "LICENSE.txt", *sorted(Path(sys.base_prefix).glob("lib/python3*/LICENSE.txt"))]
    text = next((place for place in places if place.is_file()), None)
    if text is None:
        raise Unjudged(f"Python's licence is not in {sys.base_prefix}: install its documentation.")
    return Part("Python", sys.version.split()[0], "PSF-2.0", (text.read_text(encoding="utf-8").strip(),))


def of_system(path: Path) -> Part:
    """The Debian package that a library of the system belongs to, with the text that Debian gives for it."""
    row = binaries.known(path.name, binaries.FROM_SYSTEM)
    if row is None:
        raise Unjudged(f"{path} comes from the system and is not known: judge it in packaging/binaries.py.")
    asked = (text for text in {str(path), str(path.resolve()), str(path.resolve()).removeprefix("/usr")})
    for candidate in asked:
        found = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True)
        if found.returncode == 0:
            package = found.stdout.split(": ")[0].split(",")[0]
            copyright_file = Path("/usr/share/doc") / package.split(":")[0] / "copyright"
            version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True).stdout
            return Part(row.name, version, row.licence, (copyright_file.read_text(encoding="utf-8", errors="replace").strip(),))
    raise Unjudged(f"No Debian package owns {path}: build on Debian or Ubuntu, whose packages carry their licences.")


def part_of(source: Path) -> Part:
    """Whose a file that went into the program is."""
    resolved = source.resolve()
    owner = owners().get(str(resolved))
    if owner is not None:
        return of_package(owner)
    if resolved.is_relative_to(ROOT) and "site-packages" not in resolved.parts:
        return Part("Ganvas", licence="MIT", texts=((ROOT / "LICENSE").read_text(encoding="utf-8").strip(),))
    if resolved.is_relative_to(Path(sys.base_prefix)) and not resolved.is_relative_to("/usr/lib/x86_64-linux-gnu"):
        return of_python()
    return of_system(source)


def holds_mkl(path: Path) -> bool:
    """True for the library of torch that Intel's mathematics library was linked into."""
    return "torch_cpu" in path.name and MKL_MARK in path.read_bytes()


def own_texts(library: str) -> tuple[str, ...]:
    """The texts that we keep for a library which brings none."""
    return tuple((TEXTS / name).read_text(encoding="utf-8").strip() for name in TEXTS_OF_LIBRARIES.get(library, ()))


def libraries_inside(folder: Path, system_names: Iterable[str] = ()) -> dict[str, Part]:
    """The libraries packed into wheels, each judged. `Unjudged` for an unknown one, and for any file with a trace of GPL code."""
    found: dict[str, Part] = {}
    others = set(system_names)
    programs = {folder, folder / "Contents" / "MacOS"}
    for path in sorted(folder.rglob("*")):
        if not binaries.is_library(path):
            continue
        marks = binaries.gpl_marks(path)
        if marks:
            raise Unjudged(f"{path.relative_to(folder)} holds {', '.join(marks)}, which is GPL: it cannot be part of Ganvas.")
        if path.name in others or path.parent in programs or binaries.is_extension(path.name):
            continue
        row = binaries.known(path.name, binaries.IN_WHEELS) or binaries.known(path.name, binaries.FROM_SYSTEM)
        if row is None and "torch/bin" not in path.as_posix():
            raise Unjudged(f"{path.relative_to(folder)} is a library nobody has judged: look at it, then name it in binaries.py.")
        if row is not None:
            found[row.name] = Part(row.name, "", row.licence, own_texts(row.name))
        if holds_mkl(path):
            found[MKL] = Part(MKL, "", "Intel Simplified Software License", own_texts(MKL))
    return found


def parts(manifest: dict[str, list[list[str]]]) -> dict[str, Part]:
    """All parts of a build by name, from what the spec wrote down."""
    sources = [source for _, source in manifest["modules"]] + [source for _, source, kept in manifest["files"] if kept]
    found: dict[str, Part] = {}
    for source in sources:
        if source and source not in {"-", "None"} and Path(source).is_file():
            part = part_of(Path(source))
            found.setdefault(part.name, part)
    bootloader = of_package("pyinstaller")  # the start program
    return {**found, bootloader.name: bootloader}


def models_inside(weights: Path) -> list[str]:
    """One line for each model that travels along: its name, licence, and the remark on it."""
    lines = []
    for card in sorted(weights.glob("*/card.json")):
        about = json.loads(card.read_text(encoding="utf-8"))
        note = about.get("licence_note", "")
        lines.append(f"  {card.parent.name}: {about.get('licence', 'unknown')}{'. ' + note if note else ''}")
    return lines


def told_in_resources() -> list[Path]:
    """The files of resources/ that say under which licence fonts, photos and maps are."""
    names = re.compile(r"licen[cs]e|credit|source|copying", re.IGNORECASE)
    found = (path for path in (ROOT / "resources").rglob("*") if path.suffix in {".txt", ".md"})
    return sorted(path for path in found if names.search(path.stem))


def text_of(found: dict[str, Part], inside: dict[str, Part], models: list[str]) -> str:
    """The whole file."""
    packages = sorted(found.values(), key=lambda part: (part.name != "Ganvas", part.name.lower()))
    both = [*packages, *sorted(inside.values(), key=lambda part: part.name)]
    lgpl = [part for part in both if "LGPL" in part.licence]
    mpl = [part for part in both if "MPL" in part.licence]
    unsourced = sorted(part.name for part in (*lgpl, *mpl) if part.name not in SOURCES)
    if unsourced:
        raise Unjudged(f"Say in SOURCES of packaging/licences.py where the source is: {', '.join(unsourced)}")
    replaceable, unchanged = (
        "".join(f"  {part.name} ({part.licence}); source: {SOURCES[part.name]}\n" for part in some) for some in (lgpl, mpl)
    )
    lines = [HEAD.format(replaceable=replaceable, unchanged=unchanged), "Parts\n-----\n"]
    lines += [f"  {part.name} {part.version}: {part.licence}".replace(" :", ":") for part in both]
    if models:
        lines += ["\nModels that travel along\n------------------------\n", *models]
    lines.append("\nTexts\n-----")
    seen: dict[str, str] = {}
    for part in both:
        for text in part.texts:
            if text in seen:
                lines.append(f"\n{'=' * 100}\n{part.name}\n{'=' * 100}\n\nThe same text as for {seen[text]}.")
            else:
                seen[text] = part.name
                lines.append(f"\n{'=' * 100}\n{part.name}\n{'=' * 100}\n\n{text}")
    for path in told_in_resources():
        about = path.relative_to(ROOT / "resources")
        lines.append(f"\n{'=' * 100}\n{about}\n{'=' * 100}\n\n{path.read_text(encoding='utf-8').strip()}")
    return "\n".join(lines) + "\n"


def write(folder: Path, manifest: Path = MANIFEST) -> Path:
    """Judge a built folder and write its licences; the file. `Unjudged` says what stands in the way."""
    told = json.loads(manifest.read_text(encoding="utf-8"))
    found = parts(told)
    system = {Path(source).name for _, source, kept in told["files"] if kept and "site-packages" not in source}
    inside = libraries_inside(folder, system)
    place = folder / ("Contents/Resources" if folder.suffix == ".app" else "") / NAME
    place.write_text(text_of(found, inside, models_inside(ROOT / "resources" / "weights")), encoding="utf-8")
    return place


if __name__ == "__main__":
    try:
        place = write(Path(sys.argv[1]))
    except Unjudged as error:
        raise SystemExit(f"The licences are not in order. {error}") from error
    print(f"-- {place.name}: {place.stat().st_size / 1000:.0f} kB")
