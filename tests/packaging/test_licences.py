"""Everything inside the frozen program has its licence text, and nothing is GPL: judged by the files, not by their labels."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import binaries
import contents
import licences
import pytest

ELF = b"\x7fELF" + b"\0" * 60
BUILT = contents.ROOT / "dist" / "ganvas"


def runtime_distributions() -> Iterator[metadata.Distribution]:
    """What pyproject's dependencies bring along in this environment, each once."""
    project = tomllib.loads((contents.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, seen = list(project["dependencies"]), set()
    while waiting:
        requirement = waiting.pop()
        name = re.split(r"[\s\[<>=!~;(]", requirement)[0]
        extras = re.search(r"\[(\w+)\]", requirement)
        key = (licences.normal(name), extras and extras[1])
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system or another Python
        for needed in distribution.requires or ():
            marker = needed.partition(";")[2]
            wanted = re.search(r"""extra\s*==\s*["']([\w.-]+)["']""", marker)
            if wanted is None or (extras and wanted[1] == extras[1]):
                waiting.append(needed)
        yield distribution


def library(folder: Path, name: str, holds: bytes = b"") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ELF + holds)
    return path


def test_every_library_that_we_depend_on_has_a_licence_text_and_a_way_around_the_gpl() -> None:
    found = [licences.of_distribution(distribution) for distribution in runtime_distributions()]
    assert {"torch", "numpy", "pillow", "safetensors"} <= {licences.normal(part.name) for part in found}
    for part in found:
        assert part.licence, f"{part.name} says nothing of its licence"
        assert all(len(text) > 100 for text in part.texts), f"{part.name} has an empty licence text"


@pytest.mark.parametrize(
    "licence",
    ["GPL-2.0-only", "GPL-3.0-or-later", "GNU GPL v3", "AGPL-3.0-only", "MIT AND GPL-2.0-only", "GPL-2.0 OR GPL-3.0"],
)
def test_a_licence_that_leaves_only_the_gpl_is_refused(licence: str) -> None:
    assert binaries.is_gpl(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only",
        "LGPL-2.1-or-later",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
        "GPL-2.0-or-later WITH Bootloader-exception",
    ],
)
def test_a_licence_that_leaves_another_way_is_not(licence: str) -> None:
    assert not binaries.is_gpl(licence)


@pytest.mark.parametrize("mark", [mark for mark, _ in binaries.GPL_MARKS], ids=lambda mark: mark.decode())
def test_a_library_that_holds_gpl_code_stops_the_build_whatever_its_name(tmp_path: Path, mark: bytes) -> None:
    library(tmp_path, "_internal/pillow.libs/libjpeg-6dc8d115.so.62.4.0", b"abc\0" + mark + b"\0")
    with pytest.raises(licences.Unjudged, match="GPL"):
        licences.libraries_inside(tmp_path)


def test_an_ffmpeg_as_a_bsd_wheel_carries_it_stops_the_build(tmp_path: Path) -> None:
    library(tmp_path, "_internal/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64", b"configuration: --enable-gpl --enable-libx264")
    with pytest.raises(licences.Unjudged, match="ffmpeg"):
        licences.libraries_inside(tmp_path)


def test_a_library_that_nobody_has_judged_stops_the_build(tmp_path: Path) -> None:
    library(tmp_path, "_internal/surprise.libs/libsurprise-1234.so.1")
    with pytest.raises(licences.Unjudged, match=r"libsurprise.*nobody has judged"):
        licences.libraries_inside(tmp_path)


def test_judged_libraries_are_listed_with_the_texts_they_need(tmp_path: Path) -> None:
    library(tmp_path, "_internal/numpy.libs/libscipy_openblas64_-32a4b2a6.so")
    library(tmp_path, "_internal/pyvips_binary.libs/libvips-e42572c0.so.42")
    library(tmp_path, "_internal/numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so")
    found = licences.libraries_inside(tmp_path)
    assert set(found) == {"OpenBLAS and LAPACK", "libvips with its libraries"}
    assert any("GNU LESSER GENERAL PUBLIC LICENSE" in text for text in found["libvips with its libraries"].texts)


def test_the_part_of_torch_that_intel_wrote_is_found_inside_it(tmp_path: Path) -> None:
    library(tmp_path, "_internal/torch/lib/libtorch_cpu.so", b"Intel oneMKL ERROR")
    assert set(licences.libraries_inside(tmp_path)) == {"PyTorch", "Intel oneMKL"}


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        # as the wheels of pi-heif, torch and PySide6 bring them to Windows, and torch's to macOS
        ("libwinpthread-1-1be1ab2940d5d04137beed0ce27c7f8a.dll", "MIT AND BSD-3-Clause-Clear"),
        ("libiomp5md.dll", "Intel Simplified Software License"),
        ("vcomp140.dll", "LicenseRef-Microsoft-Redistributable"),
        ("vccorlib140.dll", "LicenseRef-Microsoft-Redistributable"),
        ("VCRUNTIME140_1.dll", "LicenseRef-Microsoft-Redistributable"),  # as PyInstaller spells it, after who asks for it
        ("libomp.dylib", "Apache-2.0 WITH LLVM-exception"),
    ],
)
def test_libraries_of_windows_and_macos_are_judged(tmp_path: Path, name: str, licence: str) -> None:
    library(tmp_path, f"_internal/{name}")
    (part,) = licences.libraries_inside(tmp_path).values()
    assert part.licence == licence
    assert part.texts or "Intel" not in licence


def test_the_program_of_a_macos_app_is_no_library_of_others(tmp_path: Path) -> None:
    library(tmp_path, "Contents/MacOS/ganvas")
    library(tmp_path, "Contents/Frameworks/libpng16.16.dylib")
    assert set(licences.libraries_inside(tmp_path)) == {"libpng"}


def test_a_system_library_that_nobody_has_judged_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(licences.Unjudged, match="not known"):
        licences.of_system(Path("/lib/x86_64-linux-gnu/libreadline.so.8"))


def test_a_package_without_a_text_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "licence_texts", lambda distribution: [])
    with pytest.raises(licences.Unjudged, match="no licence text"):
        licences.of_distribution(metadata.distribution("numpy"))


def test_the_file_holds_every_text_and_says_how_lgpl_parts_are_replaced() -> None:
    parts = {
        "Ganvas": licences.Part("Ganvas", "1", "MIT", ("the text of Ganvas",)),
        "shiboken6": licences.Part("shiboken6", "6", "LGPL-3.0-only", ("the text of the LGPL",)),
        "tqdm": licences.Part("tqdm", "4", "MPL-2.0 AND MIT", ("the text of the MPL",)),
        "other": licences.Part("other", "2", "LGPL-3.0-only OR MIT", ("the text of the LGPL",)),
    }
    licences.SOURCES["other"] = "https://example.org"
    try:
        text = licences.text_of(parts, {}, ["  landscapes: CC BY 4.0"])
    finally:
        del licences.SOURCES["other"]
    assert text.count("the text of the LGPL") == 1
    assert "the text of Ganvas" in text
    assert "landscapes: CC BY 4.0" in text
    assert "Put a version" in text
    assert f"shiboken6 (LGPL-3.0-only); source: {licences.QT_FOR_PYTHON}" in text
    assert "tqdm (MPL-2.0 AND MIT); source: https://github.com/tqdm/tqdm" in text


@pytest.mark.parametrize("licence", ["LGPL-2.1-only", "MPL-2.0"])
def test_a_part_under_the_lgpl_or_the_mpl_must_say_where_its_source_is(licence: str) -> None:
    part = licences.Part("nameless", "1", licence, ("text",))
    with pytest.raises(licences.Unjudged, match="nameless"):
        licences.text_of({"nameless": part}, {}, [])


def test_fonts_and_samples_say_their_licence() -> None:
    told = {path.name for path in licences.told_in_resources()}
    fonts = list((contents.ROOT / "resources" / "fonts").glob("*.ttf"))
    assert not fonts or any("LICEN" in name.upper() for name in told)


def test_each_model_that_travels_along_is_named_with_its_licence() -> None:
    lines = "\n".join(licences.models_inside(contents.ROOT / "resources" / "weights"))
    for card in (contents.ROOT / "resources" / "weights").glob("*/card.json"):
        assert f"{card.parent.name}: {json.loads(card.read_text(encoding='utf-8'))['licence']}" in lines


def test_a_model_under_a_licence_of_others_has_its_text_along() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in licences.told_in_resources())
    for card in (contents.ROOT / "resources" / "weights").glob("*/card.json"):
        if json.loads(card.read_text(encoding="utf-8"))["licence"] == "BSD-3-Clause":
            assert card.parent.name in texts, f"the text for {card.parent.name} is missing in resources/licences"
    assert "Neither the name of the copyright holder" in texts
    assert "Version 2.0, January 2004" in texts  # of Apache, under which the features and what is computed from faces are


def test_numbers_that_are_no_model_say_their_licence() -> None:
    resources = contents.ROOT / "resources"
    told = {path.parent for path in licences.told_in_resources()}
    loose = {path.parent for path in resources.rglob("*.safetensors") if not path.is_relative_to(resources / "weights")}
    assert loose <= told, "say in a SOURCE.md beside them whose they are"


@pytest.mark.skipif(not (BUILT / licences.NAME).is_file(), reason="there is no built program in dist/ganvas")
def test_the_built_program_names_each_distribution_inside_it_and_gives_its_text() -> None:
    text = (BUILT / licences.NAME).read_text(encoding="utf-8")
    told = json.loads(licences.MANIFEST.read_text(encoding="utf-8"))
    sources = [source for _, source in told["modules"]] + [source for _, source, kept in told["files"] if kept]
    places = {match[1] for source in sources if (match := re.search(r"/site-packages/([^/]+)", source or ""))}
    recorded = {Path(place).name for info in contents_of_environment() for place in info}
    assert places <= recorded, f"of no package: {sorted(places - recorded)}"
    for name in {info_name for info_name, tops in packages_of_environment().items() if tops & places}:
        assert re.search(rf"^=+\n{re.escape(name)}\n=+$", text, re.MULTILINE), f"{name} has no text in {licences.NAME}"


def site_packages() -> Path:
    return next((licences.ROOT / "build" / "packaging" / "environment").glob("lib/python3*/site-packages"))


def packages_of_environment() -> dict[str, set[str]]:
    """The packages of the build's environment, each with the names at the top of site-packages that are its own."""
    found = {}
    for distribution in metadata.distributions(path=[str(site_packages())]):
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
        found[distribution.metadata["Name"]] = tops
    return found


def contents_of_environment() -> list[set[str]]:
    return list(packages_of_environment().values())
