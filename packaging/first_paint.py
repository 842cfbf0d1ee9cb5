"""From the start of the process to the first paint of the window: the frozen program beside the checkout, in turn.

    python packaging/first_paint.py dist/ganvas [--repeat 7] [--python PYTHON]

Each start is a fresh process with a home of its own, on Qt's offscreen platform. The program's log says when the window was
painted, to the millisecond; the process is ended then. `--python` is the checkout's (default: the one that runs this).
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import smoke

ROOT = Path(__file__).resolve().parent.parent
SAYS = "the window is on the screen"
LIMIT_SECONDS = 120.0


def start(command: list[str], folder: Path, extra: dict[str, str]) -> float:
    """Milliseconds from the start of this command to the first paint of its window."""
    home = folder / "home"
    environment = {**smoke.bare_environment(folder), "GANVAS_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", **extra}
    log = home / "state" / "ganvas.log"
    started = datetime.now()
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            return (painted(log, process) - started).total_seconds() * 1000
        finally:
            process.kill()


def painted(log: Path, process: subprocess.Popen[str]) -> datetime:
    """When the log says the window was painted. Waits for the line to be written; its own time counts, not ours."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        line = next((line for line in log.read_text(encoding="utf-8").splitlines() if SAYS in line), "") if log.exists() else ""
        if line:
            told = re.match(r"([\d-]+ [\d:]+),(\d+)", line)
            assert told is not None
            return datetime.fromisoformat(f"{told[1]}.{told[2]}")
        time.sleep(0.25)
    raise SystemExit(f"The window was never painted. {process.stderr.read() if process.poll() is not None else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--python", default=sys.executable)
    args = parser.parse_args()
    ways = {
        "checkout": ([args.python, "-m", "app"], {"PYTHONPATH": str(ROOT)}),
        "frozen": ([str(smoke.program(args.folder.resolve()))], {}),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.repeat + 1):
        for name, (command, extra) in ways.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                times[name].append(start(command, Path(folder), {**extra, "PATH": os.environ["PATH"]}))
    print(f"{'ms to the first paint':24}{'median':>8}{'least':>8}{'most':>8}")
    for name, runs in times.items():
        later = runs[1:]  # the first one reads files that the others find in memory
        print(f"{name:24}{statistics.median(later):8.0f}{min(later):8.0f}{max(later):8.0f}   the first: {runs[0]:.0f}")
    print(f"frozen / checkout: {statistics.median(times['frozen'][1:]) / statistics.median(times['checkout'][1:]):.2f}")


if __name__ == "__main__":
    main()
