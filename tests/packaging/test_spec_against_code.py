"""The frozen program holds what the code needs: every module, every lazy import, every data file, and no more of libraries."""

from __future__ import annotations

import dis
import os
import plistlib
import re
import runpy
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import binaries
import contents
import kept
import pytest

ROOT = contents.ROOT
SOURCES = contents.sources()
HIDDEN = frozenset(contents.hidden_imports())

# Imports by a name that is no constant: where the name comes from, so that somebody has seen that all of them are ours.
NAMES_FROM = {
    "models/checkpoints/recognise.py": "the table MODULES of the same file, all of models.checkpoints.families",
}


def lazy_names(code: types.CodeType, inside: bool = False) -> Iterator[str]:
    """What a compiled module imports inside functions, read from the byte code (contents.py reads the syntax tree)."""
    for instruction in dis.get_instructions(code):
        if inside and instruction.opname == "IMPORT_NAME":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            is_class = not constant.co_flags & 0x02  # CO_NEWLOCALS: a function's; a class body runs with its module
            yield from lazy_names(constant, inside or not is_class)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_module_of_ours_is_named_to_pyinstaller() -> None:
    named = HIDDEN
    on_disk = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ("app", "models", "resources")
        for path in (ROOT / room).rglob("*.py")
    }
    assert on_disk <= named


def test_every_lazily_imported_module_is_a_hidden_import() -> None:
    for path in SOURCES:
        lazy = set(lazy_names(compile(read(path), str(path), "exec")))
        missing = {name for name in lazy if not contents.is_extra(name)} - HIDDEN - {"__future__"}
        assert not missing


def test_an_import_by_name_is_a_constant_or_ours_by_its_prefix() -> None:
    modules = set(contents.first_party())
    for path in SOURCES:
        for found in contents.dynamic_imports(path):
            where = f"{path.relative_to(ROOT)}:{found.line}"
            if found.whole and found.prefix:
                assert found.prefix in HIDDEN, where
            elif found.prefix:
                assert any(name.startswith(found.prefix) for name in modules), where
            else:
                assert str(path.relative_to(ROOT)) in NAMES_FROM, f"{where}: say in NAMES_FROM where the name comes from"


def test_nothing_that_the_code_imports_is_excluded() -> None:
    for path in SOURCES:
        for found in filter(lambda found: not contents.is_extra(found.name), contents.imports(path)):
            parts = found.name.split(".")
            reached = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            assert not reached & set(contents.EXCLUDED), f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"


def test_optional_packages_stay_out_whatever_is_installed_where_the_build_runs() -> None:
    extras = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    wanted = [requirement for name, of_extra in extras.items() if name != "dev" for requirement in of_extra]
    modules = {re.split(r"[\s\[<>=!~;]", requirement)[0].replace("-", "_") for requirement in wanted}
    assert "imageio_ffmpeg" in modules
    assert modules <= contents.EXTRAS
    assert set(contents.EXCLUDED) >= contents.EXTRAS
    assert not contents.EXTRAS & {name.split(".")[0] for name in HIDDEN}


def test_every_module_of_qt_that_the_code_imports_stays_in() -> None:
    for path in SOURCES:
        for name in re.findall(r"PySide6\.Qt(\w+)", read(path)):
            assert name in kept.QT_MODULES, f"{path.relative_to(ROOT)} imports QtWidgets's sibling {name}"


def test_local_sockets_stay_in() -> None:
    assert "Network" in kept.QT_MODULES
    assert kept.keep("PySide6/QtNetwork.abi3.so")
    assert kept.keep("PySide6/Qt/lib/libQt6Network.so.6")


def test_our_own_kernels_stay_in_and_their_source_stays_out() -> None:
    assert kept.keep("models/networks/_winograd.abi3.so")
    assert not [path for path in contents.data_files() if path.suffix in {".c", ".h", ".so"}]


def test_every_data_file_of_the_rooms_is_in_at_its_own_place() -> None:
    placed = {(ROOT / folder / Path(source).name).resolve() for source, folder in contents.datas()}
    for room in ("app", "models", "resources"):
        for path in (ROOT / room).rglob("*"):
            code = path.suffix in contents.CODE or "__pycache__" in path.parts
            if path.is_file() and not code and not path.name.startswith("."):
                assert path.resolve() in placed


def test_data_files_stand_in_resources_where_a_wheel_takes_them_too() -> None:
    packaged = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["setuptools"]["package-data"]
    for path in contents.data_files():
        room = path.relative_to(ROOT).parts[0]
        assert "**/*" in packaged.get(room, ()), f"{path.relative_to(ROOT)} would be missing from a wheel"


def test_data_is_reached_by_importlib_resources() -> None:
    for path in SOURCES:
        text = read(path)
        assert "__file__" not in text, "a frozen module has no file: use importlib.resources.files"
        for package in re.findall(r"""\bfiles\(["']([\w.]+)["']\)""", text):
            assert package.split(".")[0] in contents.ROOMS


def test_who_starts_python_knows_of_the_frozen_program() -> None:
    for path in SOURCES:
        text = read(path)
        if "sys.executable" in text:
            assert "frozen" in text, "in the frozen program sys.executable is Ganvas itself: it would start a second window"


def test_own_classes_are_not_compiled_by_torchscript() -> None:
    for path in SOURCES:
        assert "jit.script" not in read(path), f"{path.relative_to(ROOT)}: torch.jit.script needs source text, which is not there"


@pytest.mark.parametrize(
    "place",
    [
        "torch/bin/torch_shm_manager",
        "torch/lib/libtorch_cpu.so",
        "torch/_dynamo/config.pyc",
        "torch/lib/libshm.so",
        "torch/_C.cpython-311-x86_64-linux-gnu.so",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/plugins/imageformats/libqsvg.so",
        "PySide6/plugins/platforms/qwindows.dll",
        "PySide6/Qt/plugins/platforms/libqcocoa.dylib",
        "PySide6/Qt6Core.dll",
        "PySide6/Qt/lib/QtGui.framework/Versions/A/QtGui",
        "PySide6/Qt/lib/libicudata.so.73",
        "shiboken6/libshiboken6.abi3.so.6.12",
        "libcrypto.so.3",
        "resources/weights/photo-x4/weights.safetensors",
        "numpy.libs/libscipy_openblas64_-32a4b2a6.so",
    ],
)
def test_what_is_needed_stays(place: str) -> None:
    assert kept.keep(place)


@pytest.mark.parametrize(
    "place",
    [
        "torch/bin/test_api",
        "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2",
        "torch/bin/protoc",
        "torch/test/test_torch.py",
        "torch/include/ATen/ATen.h",
        "torch/lib/libjitbackend_test.so",
        "torch/lib/libiompstubs5md.dll",
        "torch/lib/libtorch_cuda.so",
        "nvidia/cudnn/lib/libcudnn.so.9",
        "triton/_C/libtriton.so",
        "PySide6/Qt/translations/qtbase_de.qm",
        "PySide6/Qt/qml/QtQuick/libqtquick2plugin.so",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "PySide6/Qt/lib/libQt6VirtualKeyboard.so.6",
        "PySide6/Qt/plugins/platforms/libqeglfs.so",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/plugins/tls/qopensslbackend.dll",
        "PySide6/opengl32sw.dll",
        "PySide6/Qt/lib/QtQml.framework/Versions/A/QtQml",
    ],
)
def test_what_is_not_needed_goes(place: str) -> None:
    assert not kept.keep(place)


def test_a_build_with_cuda_keeps_its_libraries() -> None:
    assert kept.keep("nvidia/cudnn/lib/libcudnn.so.9", cuda=True)
    assert kept.keep("torch/lib/libtorch_cuda.so", cuda=True)


def test_no_module_of_qt_that_is_under_the_gpl_goes_in() -> None:
    assert not kept.QT_MODULES & binaries.GPL_QT_MODULES


def test_the_spec_says_nothing_by_hand_that_the_code_says() -> None:
    assert set(re.findall(r"hiddenimports=(\S+?),\n", read(ROOT / "packaging" / "ganvas.spec"))) == {"contents.hidden_imports()"}


class Recorded:
    """Stands in for PyInstaller's classes: keeps what the spec gave them."""

    def __init__(self, kind: str, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> None:
        self.kind, self.calls = kind, calls

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.calls.append((self.kind, args, options))
        return types.SimpleNamespace(
            pure=[("app", "app/__init__.py", "PYMODULE")],
            scripts=[],
            binaries=[
                ("torch/lib/libtorch_cpu.so", "x/libtorch_cpu.so", "BINARY"),
                ("torch/bin/protoc", "x/protoc", "BINARY"),
            ],
            datas=[("resources/recommended.json", "resources/recommended.json", "DATA")],
        )


def run_spec(platform: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(contents, "hidden_imports", lambda: sorted(HIDDEN))  # the whole code was read for them once
    for name, value in {
        "ICONS": str(folder),
        "METADATA": str(folder),
        "VERSION": "1.2.3",
        "VERSION_FILE": "version.txt",
        "MANIFEST": str(folder / "manifest.json"),
    }.items():
        monkeypatch.setenv(f"GANVAS_BUILD_{name}", value)
    stand_ins = {kind: Recorded(kind, calls) for kind in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
    spec = ROOT / "packaging" / "ganvas.spec"
    runpy.run_path(str(spec), init_globals={**stand_ins, "SPECPATH": str(spec.parent)})
    return calls


def of_kind(calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]], kind: str) -> list[dict[str, Any]]:
    return [options for name, _, options in calls if name == kind]


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_the_spec_hands_over_what_the_code_says_on_every_system(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = run_spec(platform, tmp_path, monkeypatch)
    (analysis,) = of_kind(calls, "Analysis")
    assert set(analysis["hiddenimports"]) >= HIDDEN
    assert set(contents.datas()) <= set(analysis["datas"])
    assert set(analysis["excludes"]) == set(contents.EXCLUDED)
    assert all(options["upx"] is False for options in of_kind(calls, "EXE"))
    collected = next(args for name, args, _ in calls if name == "COLLECT")
    assert [place for place, *_ in collected[-2]] == ["torch/lib/libtorch_cpu.so"]


def test_windows_gets_a_program_with_output_and_one_with_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = of_kind(run_spec("win32", tmp_path, monkeypatch), "EXE")
    assert {(options["name"], options["console"]) for options in programs} == {("ganvas", True), ("ganvasw", False)}
    assert all(options["icon"].endswith("ganvas.ico") for options in programs)


def test_linux_gets_one_program_and_no_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = run_spec("linux", tmp_path, monkeypatch)
    assert [options["name"] for options in of_kind(calls, "EXE")] == ["ganvas"]
    assert not of_kind(calls, "BUNDLE")


def test_macos_gets_an_app_that_says_which_files_it_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (app,) = of_kind(run_spec("darwin", tmp_path, monkeypatch), "BUNDLE")
    assert app["name"] == "Ganvas.app"
    assert app["version"] == "1.2.3"
    types_opened = {item for kind in app["info_plist"]["CFBundleDocumentTypes"] for item in kind.get("LSItemContentTypes", ())}
    assert {"org.ganvas.document", "public.png", "public.jpeg"} <= types_opened


def test_the_plist_is_one_that_macos_reads() -> None:
    told = plistlib.loads((ROOT / "packaging" / "macos" / "Info.plist").read_bytes())
    exported = {kind["UTTypeIdentifier"] for kind in told["UTExportedTypeDeclarations"]}
    assert exported == {"org.ganvas.document"}


def test_the_entry_gives_a_windowed_program_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    import entry

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    entry.give_streams()
    for stream in (sys.stdout, sys.stderr):
        assert stream is not None
        assert stream.name == os.devnull
        assert stream.write("nobody reads this")
        stream.close()
