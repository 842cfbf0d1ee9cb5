"""Start a frozen program as a person would, and hold it to what it promises.

    python packaging/smoke.py dist/ganvas [--wheels FOLDER] [--keep FOLDER]

Everything happens in a folder of its own whose name has spaces and letters beyond ASCII, with an empty `GANVAS_HOME`, from
another working directory, without this Python on the path. A traceback, a library that is not found or a warning of Qt fails
it, as does a picture that is missing, empty or of the wrong size. `--wheels` holds the recommended models' files; without it
pip fetches them. `--keep` keeps the pictures: look at them. Standard library alone, so it runs wherever a Python is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import smoke_files

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "doctor",
    "generate",
    "label",
    "measure",
    "models",
    "morph",
    "paint",
    "project",
    "tour",
    "train",
    "transform",
    "upscale",
)
OK, SOME_FAILED = 0, 1
LIMIT_SECONDS = 1500
# What a person should never see, and what only shows that something is missing from the program.
BAD = re.compile(
    r"Traceback \(most recent call last\)|error while loading shared libraries|cannot open shared object|Failed to execute script"
    r"|ModuleNotFoundError|ImportError|No module named|FileNotFoundError|DLL load failed|Library not loaded"
    r"|something went wrong that should not|^qt\.|^Q[A-Z]\w+(::|:)|Could not (find|load) the Qt platform plugin|Warning:",
    re.MULTILINE,
)
# Qt's offscreen platform says this of every window; it has no window manager that could heed it.
HARMLESS = re.compile(r"^This plugin does not support .*$\n?", re.MULTILINE)


def program(folder: Path, window: bool = False) -> Path:
    """The program of a built folder (or .app); on Windows the one with output, or the one with a `window`."""
    if folder.suffix == ".app":
        return folder / "Contents" / "MacOS" / "ganvas"
    if os.name == "nt":
        return folder / ("ganvasw.exe" if window else "ganvas.exe")
    return folder / "ganvas"


def bare_environment(home: Path) -> dict[str, str]:
    """What a program finds on a machine that has no Python of ours: nothing but the system's own."""
    if os.name == "nt":
        kept = ("SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS")
        root = os.environ["SYSTEMROOT"]
        return {**{key: os.environ[key] for key in kept if key in os.environ}, "PATH": f"{root}\\System32;{root}"}
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass
class Trial:
    """One program under trial: where it works, and what it failed at."""

    folder: Path
    room: Path
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.room / "Zuhause von Ganvas"
        self.elsewhere = self.room / "irgendwo anders"
        for place in (self.home, self.elsewhere):
            place.mkdir(parents=True, exist_ok=True)
        self.environment = {**bare_environment(self.elsewhere), "GANVAS_HOME": str(self.home)}

    def start(self, *words: str | Path, window: bool = False, **environment: str) -> subprocess.Popen[str]:
        """Start the program; its output is kept for `finish`."""
        return subprocess.Popen(
            [str(program(self.folder, window)), *map(str, words)],
            cwd=self.elsewhere,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def finish(self, name: str, process: subprocess.Popen[str], expected: Sequence[int]) -> str:
        """Wait for the end, judge exit code and output; both streams together."""
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.fail(f"{name} did not end within {LIMIT_SECONDS} s")
        if process.returncode not in expected:
            self.fail(
                f"{name} ended with {process.returncode}, not {' or '.join(map(str, expected))}:\n{out[-1500:]}{err[-1500:]}"
            )
        self.judge(name, out + err)
        return out + err

    def judge(self, name: str, text: str) -> None:
        """Fail for anything in an output or a log that a person should never see."""
        found = BAD.search(HARMLESS.sub("", text))
        if found:
            start = max(0, found.start() - 300)
            self.fail(f"{name} said {found.group(0).strip()!r}: {text[start : found.end() + 1500]}")

    def run(self, *words: str | Path, expected: Sequence[int] = (OK,), **environment: str) -> str:
        """Run a command to its end; what it said."""
        started = time.monotonic()
        said = self.finish(" ".join(map(str, words[:2])), self.start(*words, **environment), expected)
        print(f"   {' '.join(str(word) for word in words)[:100]}  ({time.monotonic() - started:.1f} s)", flush=True)
        return said

    def hold(self, truth: bool, otherwise: str) -> None:
        """A promise: kept, or a failure in these words."""
        if not truth:
            self.fail(otherwise)

    def fail(self, text: str) -> None:
        print(f"!! {text}", flush=True)
        self.failures.append(text)


def version(trial: Trial) -> None:
    said = trial.run("--version").strip()
    trial.hold(bool(re.fullmatch(r"ganvas \d+\.\d+(\.\d+)?\S*", said)), f"--version said {said!r}")
    help_text = trial.run("--help")
    for name in COMMANDS:
        trial.hold(bool(re.search(rf"^\s+{name}\b", help_text, re.MULTILINE)), f"there is no command {name} in this program")


def doctor(trial: Trial) -> None:
    said = trial.run("doctor")
    trial.hold("not installed" not in said, f"doctor does not know a version: {said}")
    trial.hold(str(trial.home) in said, "doctor does not name the folder of GANVAS_HOME")


def models(trial: Trial, wheels: Path) -> None:
    for wheel in smoke_files.recommended(ROOT):
        path = wheels / wheel["file"]
        trial.hold(path.is_file(), f"{path} is missing")
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            trial.hold(digest == wheel["sha256"], f"{path.name} is not the file that Ganvas knows")
            trial.run("models", "add", path)
    listed = trial.run("models", "list")
    for wheel in smoke_files.recommended(ROOT):
        for model in wheel["models"]:
            trial.hold(model["name"] in listed, f"models list does not name {model['name']}")
    tried = trial.run("doctor")
    trial.hold("faces" in tried, "doctor does not try the model of faces")


def own_model(trial: Trial) -> None:
    """A model file of a person, under a path with spaces and letters beyond ASCII."""
    path = trial.elsewhere / "meine Modelle für Fotos" / "winzig ×2.safetensors"
    path.parent.mkdir()
    path.write_bytes(smoke_files.tiny_upscaler())
    trial.run("models", "inspect", path)
    trial.run("models", "add", path)
    photo = trial.elsewhere / "klein ä.png"
    photo.write_bytes(smoke_files.photo(40, 30))
    out = trial.elsewhere / "mit eigenem Modell"
    trial.run("upscale", photo, "--model", path, "--out", out, "--format", "png")
    sizes = [smoke_files.png_size(found) for found in out.rglob("*.png")]
    trial.hold(sizes == [(80, 60)], f"a person's own model made {sizes}, not one picture of 80 x 60")


def pictures(trial: Trial) -> None:
    """A face and a landscape from the command line."""
    out = trial.elsewhere / "Gesichter"
    trial.run("generate", "--model", "faces", "--seeds", "0-1", "--out", out)
    made = sorted(out.rglob("*.png"))
    trial.hold(len(made) == 2, f"generate made {len(made)} pictures of 2")
    for path in made:
        trial.hold(smoke_files.is_picture(path), f"{path.name} is no picture")
    morph = trial.elsewhere / "Übergang.webp"
    trial.run("morph", *made, "--seconds", "0.4", "--size", "256", "--out", morph)
    trial.hold(morph.is_file() and morph.read_bytes()[8:12] == b"WEBP", "morph made no animation")
    sample = next((found for found in trial.folder.rglob("samples/maps/*.png")), None)
    trial.hold(sample is not None, "no label map travels along")
    if sample is not None:
        landscape = trial.elsewhere / "Landschaft.png"
        trial.run("paint", sample, "--out", landscape)
        trial.hold(landscape.is_file() and smoke_files.is_picture(landscape), "paint made no picture")


def upscale(trial: Trial) -> None:
    """Three photos of which one is broken: two results, one named failure."""
    photos = trial.elsewhere / "Fotos — alte"
    photos.mkdir()
    whole = smoke_files.photo(48, 32)
    (photos / "eins.png").write_bytes(whole)
    (photos / "zwei drei ü.png").write_bytes(smoke_files.photo(32, 48))
    (photos / "kaputt.png").write_bytes(whole[: len(whole) // 2])
    out = trial.elsewhere / "größer"
    said = trial.run("upscale", photos, "--out", out, "--format", "png", expected=(SOME_FAILED,))
    sizes = sorted(smoke_files.png_size(found) for found in out.rglob("*.png"))
    trial.hold(len(sizes) == 2 and all(w % 32 == 0 and w > 48 for w, _ in sizes), f"upscale made pictures of {sizes}")
    trial.hold("kaputt.png" in said, "upscale does not name the broken photo")


def resume(trial: Trial) -> None:
    """Interrupted in the middle, then resumed: every photo once, no half file under a final name."""
    photos = trial.elsewhere / "eine Reihe"
    photos.mkdir()
    count = 24
    for number in range(count):
        (photos / f"bild {number:02}.png").write_bytes(smoke_files.photo(240 + number, 180))  # enough to be interrupted in
    out = trial.elsewhere / "eine Reihe, größer"
    words: tuple[str | Path, ...] = ("upscale", photos, "--model", "photo-x4", "--out", out, "--format", "png")
    process = trial.start(*words)
    end = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < end and not any(out.rglob("*.png")):
        time.sleep(0.05)
    interrupted = process.poll() is None
    if os.name == "nt":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
    out_text, err_text = process.communicate(timeout=LIMIT_SECONDS)
    trial.judge("upscale, interrupted", out_text + err_text)
    first = sorted(out.rglob("*.png"))
    trial.hold(interrupted and len(first) < count, "the series was done before it could be interrupted: the trial says nothing")
    kept = {path: path.stat().st_mtime_ns for path in first}
    for path in first:
        trial.hold(smoke_files.is_picture(path), f"{path.name} is half a file under a final name")
    trial.run(*words, "--resume")
    trial.hold(len(list(out.rglob("*.png"))) == count, f"{len(list(out.rglob('*.png')))} of {count} photos after resuming")
    again = [path.name for path, told in kept.items() if path.stat().st_mtime_ns != told]
    trial.hold(len(again) <= 1, f"resuming did finished photos again: {again}")  # one may have been in its last moment


def tour(trial: Trial) -> None:
    """The window, driven by real gestures: pictures and screenshots."""
    out = trial.room / "tour"
    trial.run("tour", "--out", out, **({"QT_QPA_PLATFORM": "offscreen"} if sys.platform == "linux" else {}))
    made = sorted(out.rglob("*.png"))
    trial.hold(len(made) >= 6, f"tour wrote {len(made)} pictures")
    for path in made:
        trial.hold(smoke_files.is_picture(path), f"{path.name} is no picture")


def times_on_the_screen(log: Path) -> int:
    """How often a window came on the screen, by the log."""
    return log.read_text(encoding="utf-8").count("the window is on the screen") if log.exists() else 0


def second_start(trial: Trial) -> None:
    """A second start hands its file over and ends; the window stays until it is told to go."""
    photo = trial.elsewhere / "fürs Fenster.png"
    photo.write_bytes(smoke_files.photo(64, 48))
    offscreen = {"QT_QPA_PLATFORM": "offscreen"} if sys.platform == "linux" else {}
    log = trial.home / "state" / "ganvas.log"
    before = times_on_the_screen(log)
    first = trial.start(window=True, **offscreen)
    end = time.monotonic() + 120
    while first.poll() is None and time.monotonic() < end and times_on_the_screen(log) == before:
        time.sleep(0.2)
    started = time.monotonic()
    trial.finish("a second start", trial.start(photo, window=True, **offscreen), (OK,))
    print(f"   a second start hands its file over  ({time.monotonic() - started:.1f} s)", flush=True)
    trial.hold(first.poll() is None, "the window is gone after a second start")
    time.sleep(3)
    first.terminate()
    out, err = first.communicate(timeout=60)
    trial.judge("the window", out + err)


def log(trial: Trial) -> None:
    path = trial.home / "state" / "ganvas.log"
    trial.hold(path.is_file(), "there is no log")
    if path.is_file():
        trial.judge("the log", path.read_text(encoding="utf-8"))


def without_rest(trial: Trial, before: set[Path]) -> None:
    """The program writes nothing into its own folder."""
    new = set(trial.folder.rglob("*")) - before
    trial.hold(not new, f"the program wrote into its own folder: {sorted(map(str, new))[:5]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the built folder or .app, or an installed one (/opt/ganvas)")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels of the recommended models")
    parser.add_argument("--keep", type=Path, help="folder to keep all that was made in")
    parser.add_argument("--only", nargs="*", default=[], metavar="STEP", help="run these steps alone")
    args = parser.parse_args()
    # A shell starts what it puts into the background with Ctrl-C ignored, and that is inherited: the trial must interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = args.folder.resolve()
    if not program(folder).is_file():
        raise SystemExit(f"There is no program in {folder}.")
    if args.keep and args.keep.exists() and any(args.keep.iterdir()):
        raise SystemExit(f"{args.keep} is not empty: the trial wants a folder of its own.")
    with tempfile.TemporaryDirectory(prefix="Ganvas à l’essai 試 ", ignore_cleanup_errors=True) as room:
        trial = Trial(folder, (args.keep.resolve() if args.keep else Path(room)))
        wheels = args.wheels.resolve() if args.wheels else smoke_files.fetched_wheels(ROOT)
        before = set(folder.rglob("*"))
        steps: dict[str, Callable[[], None]] = {
            "version": lambda: version(trial),
            "doctor": lambda: doctor(trial),
            "models": lambda: models(trial, wheels),
            "tour": lambda: tour(trial),  # before a person's own model is there, which it might take as the quickest
            "own_model": lambda: own_model(trial),
            "pictures": lambda: pictures(trial),
            "upscale": lambda: upscale(trial),
            "resume": lambda: resume(trial),
            "second_start": lambda: second_start(trial),
            "log": lambda: log(trial),
            "without_rest": lambda: without_rest(trial, before),
        }
        for name, step in steps.items():
            if not args.only or name in args.only:
                print(f"-- {name}", flush=True)
                step()
    if trial.failures:
        raise SystemExit(f"{len(trial.failures)} failures:\n" + "\n".join(f"- {text[:300]}" for text in trial.failures))
    print("-- all kept")


if __name__ == "__main__":
    main()
