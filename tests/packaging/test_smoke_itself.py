"""The trial of a frozen program catches what it is there to catch."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import first_paint
import numpy as np
import pytest
import sizes
import smoke
import smoke_files
from PIL import Image

build = importlib.import_module("build")  # by name: a folder build/ of the checkout would make it ours for the linter


def trial(tmp_path: Path, script: str) -> smoke.Trial:
    """A trial of a program that is a few lines of shell."""
    folder = tmp_path / "dist"
    folder.mkdir()
    path = folder / "ganvas"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return smoke.Trial(folder, tmp_path / "room")


posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in program is a shell script")


@posix
@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "ganvas: error while loading shared libraries: libxcb-shape.so.0: cannot open shared object file",
        "[PYI-42:ERROR] Failed to execute script 'entry' due to unhandled exception!",
        "ModuleNotFoundError: No module named 'app.window'",
        'qt.qpa.plugin: Could not load the Qt platform plugin "xcb"',
        "QPainter::begin: Paint device returned engine == 0, type: 2",
        "QFontDatabase: Cannot find font directory",
        "torch/_jit_internal.py:1048: UserWarning: Unable to retrieve source for @torch.jit._overload function",
        "ganvas: something went wrong that should not (KeyError: 'x').",
    ],
)
def test_what_a_person_should_never_see_fails_the_trial(tmp_path: Path, line: str) -> None:
    here = trial(tmp_path, f"cat >&2 <<'END'\n{line}\nEND")
    here.run("--version")
    assert len(here.failures) == 1


@posix
@pytest.mark.parametrize("line", ["ganvas 0.1.0", "This plugin does not support propagateSizeHints()", "photos/Q.png: done"])
def test_ordinary_words_do_not(tmp_path: Path, line: str) -> None:
    here = trial(tmp_path, f"echo '{line}'")
    here.run("--version")
    assert here.failures == []


@posix
def test_an_unexpected_exit_code_fails_the_trial_and_an_expected_one_does_not(tmp_path: Path) -> None:
    here = trial(tmp_path, "exit 1")
    here.run("upscale", expected=(1,))
    assert here.failures == []
    here.run("upscale")
    assert "ended with 1" in here.failures[0]


@posix
def test_the_program_finds_no_python_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere")
    here = trial(tmp_path, "env; pwd")
    said = here.run("--version")
    assert "PYTHON" not in said
    assert "VIRTUAL_ENV" not in said
    assert f"GANVAS_HOME={here.home}" in said
    assert str(here.elsewhere) in said
    assert " " in str(here.home)


@posix
def test_a_program_that_writes_into_its_own_folder_fails_the_trial(tmp_path: Path) -> None:
    here = trial(tmp_path, 'touch "$(dirname "$0")/cache"')
    before = set(here.folder.rglob("*"))
    here.run("--version")
    smoke.without_rest(here, before)
    assert "cache" in here.failures[0]


def test_every_command_is_looked_for_in_the_program() -> None:
    from app.__main__ import COMMANDS

    assert set(smoke.COMMANDS) == set(COMMANDS)


def test_photos_and_their_sizes_are_real(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(smoke_files.photo(40, 30))
    with Image.open(path) as image:
        assert (image.size, image.mode) == ((40, 30), "RGB")
        assert np.asarray(image).std() > 10
    assert smoke_files.png_size(path) == (40, 30)
    assert smoke_files.is_picture(path)


def test_half_a_picture_and_a_flat_one_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    whole = smoke_files.photo(40, 30)
    path.write_bytes(whole[:-20])
    assert not smoke_files.is_picture(path)
    path.write_bytes(whole.replace(whole[60:64], b"\0\0\0\0", 1))
    assert not smoke_files.is_picture(path)
    Image.new("RGB", (64, 64), (9, 9, 9)).save(path)
    assert not smoke_files.is_picture(path)


def test_the_tiny_model_is_one_that_ganvas_opens(tmp_path: Path) -> None:
    import models

    path = tmp_path / "tiny.safetensors"
    path.write_bytes(smoke_files.tiny_upscaler())
    model = models.open(path, device="cpu")
    assert model.card.scale == 2
    assert model.upscale(np.zeros((6, 5, 3), np.uint8)).shape == (12, 10, 3)


def test_the_log_tells_when_the_window_was_painted(tmp_path: Path) -> None:
    log = tmp_path / "ganvas.log"
    log.write_text(f"2026-11-25 19:00:00,250 7 INFO app.window: {first_paint.SAYS}\n")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sleeper:
        told = first_paint.painted(log, sleeper)
        sleeper.kill()
    assert (told.second, told.microsecond) == (0, 250_000)


def test_the_window_says_what_the_measurement_waits_for() -> None:
    assert first_paint.SAYS in (smoke.ROOT / "app" / "window.py").read_text(encoding="utf-8")


def test_the_table_of_sizes_parts_a_program_as_people_think_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "ganvas"
    for place, size in {"torch/lib/libtorch_cpu.so": 3_000_000, "PySide6/Qt/lib/libQt6Core.so.6": 1_000_000}.items():
        path = folder / "_internal" / place
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0" * size)
    left_out = tmp_path / "site-packages" / "torch" / "test" / "x.py"
    left_out.parent.mkdir(parents=True)
    left_out.write_bytes(b"\0" * 2_000_000)
    table = sizes.table(folder, {"files": [["torch/test/x.py", str(left_out), "False"]]})
    assert "torch: its tests" in table
    assert "torch: the library itself" in table.splitlines()[1]
    assert table.splitlines()[-1].endswith("4.0 MB in 2 files")


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a compiler")
def test_symbol_tables_go_and_the_library_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    monkeypatch.setattr(build, "STRIP_FROM_BYTES", 1)
    source = tmp_path / "x.c"
    source.write_text("static int hidden(int a) { return a * 2; }\nint twice(int a) { return hidden(a); }\n")
    for name in ("libx.so", "kept.libs/liby.so"):
        path = tmp_path / "dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", path, source], check=True)
    untouched = (tmp_path / "dist" / "kept.libs" / "liby.so").read_bytes()
    assert build.strip_symbols(tmp_path / "dist") > 0
    assert ctypes.CDLL(str(tmp_path / "dist" / "libx.so")).twice(21) == 42
    assert (tmp_path / "dist" / "kept.libs" / "liby.so").read_bytes() == untouched


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("c++"), reason="needs Linux and a compiler")
def test_what_intel_wrote_keeps_its_names_and_only_those_of_cpp_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "STRIP_FROM_BYTES", 1)
    source, path = tmp_path / "x.cpp", tmp_path / "dist" / "libtorch_cpu.so"
    path.parent.mkdir()
    source.write_text(
        'extern "C" { __attribute__((used)) static int mkl_serv(int a) { return a; } }\n'
        "__attribute__((used)) static int of_torch(int a) { return a * 2; }\n"
        "__attribute__((used)) static int of_mkl_sparse(int a) { return a * 3; }\n"
        'const char* says = "Intel oneMKL";\n'
    )
    subprocess.run(["c++", "-shared", "-fPIC", "-o", path, source], check=True)
    loaded = build.elf.loaded(path)
    assert build.strip_symbols(path.parent) > 0
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    assert "mkl_serv" in names
    assert "of_mkl_sparse" in names
    assert "of_torch" not in names
    assert build.elf.loaded(path) == loaded


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a compiler")
def test_a_strip_that_changes_what_intel_wrote_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "STRIP_FROM_BYTES", 1)
    monkeypatch.setattr(build, "STRIP_BESIDE_MKL", ("--strip-unneeded", "--remove-section=.rodata"))
    path = tmp_path / "libtorch_cpu.so"
    (tmp_path / "x.c").write_text('const char *says(void) { return "Intel oneMKL"; }\n')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, tmp_path / "x.c"], check=True)
    with pytest.raises(SystemExit, match="Intel"):
        build.strip_symbols(tmp_path)


@posix
def test_programs_that_ganvas_starts_find_their_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    import entry

    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/ganvas/_internal")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/home/somebody/lib")
    entry.give_back_library_path()
    assert os.environ["LD_LIBRARY_PATH"] == "/home/somebody/lib"
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/ganvas/_internal")
    entry.give_back_library_path()
    assert "LD_LIBRARY_PATH" not in os.environ


def test_a_version_is_told_to_windows_in_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "WORK", tmp_path)
    text = build.write_version_file("1.2.3").read_text()
    assert "filevers=(1, 2, 3, 0)" in text
    assert "StringStruct('ProductVersion', '1.2.3')" in text
    compile(text, "version.txt", "eval")


def test_a_trial_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "LIMIT_SECONDS", 0.2)
    here = smoke.Trial(tmp_path, tmp_path / "room")
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], stdout=-1, stderr=-1, text=True) as sleeper:
        here.finish("sleeper", sleeper, (0,))
    assert time.monotonic() - started < 60
    assert "did not end" in here.failures[0]
